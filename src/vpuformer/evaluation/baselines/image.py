"""What every peer says when it is asked before it has an image. Imports no torch."""

from typing import TypeVar

from vpuformer.errors import SessionError

Held = TypeVar("Held")


def required(held: Held | None, name: str) -> Held:
    """What the peer called `name` keeps of its image.

    Raises:
        SessionError: there is no image yet.
    """
    if held is None:
        raise SessionError(f"{name} has no image yet; call set_image first")
    return held
