"""The person who makes a change, as the tables record it."""

from contextvars import ContextVar

MAX_NAME = 100
"""Maximum length of a person's name in characters."""

current_person: ContextVar[str | None] = ContextVar("person", default=None)
"""Name of the person whose request is being answered; None if nobody has given one. A context variable, because every
change in a store needs it and nothing in between does."""
