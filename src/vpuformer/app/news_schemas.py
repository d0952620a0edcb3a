"""JSON messages about other people: who is here, and what they have changed."""

from vpuformer.app.step_schemas import Message


class PersonHere(Message):
    """Somebody else who has the page open."""

    name: str | None
    """None if no name was given."""
    image: int | None
    """Id of the image that is open."""


class NewsChange(Message):
    """A change by another window."""

    image: int | None
    """Id of the image; 0 for several images, None for the labels or the fine-tuning."""
    object: int | None
    """Id of the object; None for the image itself, or more than one object."""


class News(Message):
    number: int
    """Number of the last change, the `since` of the next request."""
    people: list[PersonHere]
    changes: list[NewsChange] | None
    """Changes after `since`; None if they are no longer known, so that all should be read again."""
