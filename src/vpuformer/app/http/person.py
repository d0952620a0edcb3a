"""The person behind a request, from the cookie that the page sets.

The cookie says who works, not who may: access is the token's business. It holds a random id of the browser and the
percent-encoded name, as in `0123456789abcdef.Ann%20Lee`.
"""

import re
from urllib.parse import unquote

from fastapi import Request

from vpuformer.app.annotation.presence import Person
from vpuformer.app.store.person import MAX_NAME, current_person
from vpuformer.formats.labels import one_line

COOKIE = "vpuformer-person"


async def person_of(request: Request) -> Person:
    """Return the person, whose name is recorded with all changes of the request."""
    # async: a context variable that is set in a thread is lost after it
    person = read_person(request.cookies.get(COOKIE, ""))
    current_person.set(person.name)
    return person


def read_person(cookie: str) -> Person:
    """Return the person whom a cookie names. A name without a visible letter is none.

    >>> read_person("0123456789abcdef.Ann%20Lee")
    Person(browser='0123456789abcdef', name='Ann Lee')
    >>> read_person("anything else")
    Person(browser='', name=None)
    """
    browser, _, name = cookie.partition(".")
    if not re.fullmatch(r"[0-9a-f]{16,64}", browser):
        return Person()
    return Person(browser, one_line(unquote(name), MAX_NAME))
