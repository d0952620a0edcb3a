"""Prompts for the objects of many images, as files of prompts and boxes list them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from vpuformer.errors import InputError
from vpuformer.formats.labels import label_name
from vpuformer.prompts import Prompt


@dataclass(frozen=True, slots=True)
class PromptedObject:
    """The prompts of one object, at least one."""

    prompts: Sequence[Prompt]
    label: str | None = None
    id: int | None = None
    """Unique in the set; None to number the objects."""


@dataclass(frozen=True, slots=True)
class PromptedImage:
    """An image and the prompted objects on it, from the lowest to the topmost."""

    image: str
    """Path within the folder of the images, with forward slashes."""
    objects: Sequence[PromptedObject] = ()
    id: int | None = None
    """Unique in the set; None to number the images."""


class Listed(NamedTuple):
    """An entry of a file: an object on an image, or, without `found`, the image alone."""

    image: str
    """Path of the image within the folder of the images."""
    found: PromptedObject | None
    given: str
    """What the file calls the image."""
    image_id: int | None = None
    key: str | None = None
    """Entries of an image with the same key are one object; without a key, each is an object."""
    reason: str | None = None
    """Why the image is left out: the folder lacks it, or its objects cannot be read. It keeps its place in the list."""

    @classmethod
    def of(
        cls,
        image: str,
        given: str,
        prompts: Callable[[], Iterable[Prompt]],
        label: Any = None,
        *,
        object_id: int | None = None,
        image_id: int | None = None,
        key: str | None = None,
    ) -> "Listed | Unanswered":
        """The entry of an object whose prompts and label may be unusable; it is then left out."""
        try:
            made, name = tuple(prompts()), _label(label)
            if not made:
                raise InputError("an object without a prompt; give it a click, box or scribble")
        except InputError as error:
            return Unanswered(given, str(error), "object", object_id)
        return cls(image, PromptedObject(made, name, object_id), given, image_id, key)


class Unanswered(NamedTuple):
    """An object, or a whole image, that gets no mask."""

    image: str
    reason: str
    thing: Literal["image", "object"] = "image"
    id: int | None = None
    """The object's, if it has one."""


NO_OBJECT_LEFT = "each of its objects is left out"
"""Reason for leaving out an image on which objects were prompted, and none can be segmented."""


class PromptList(NamedTuple):
    """The content of a file or folder of prompts."""

    kind: str
    """Name of the format."""
    labels: tuple[str, ...]
    """Labels in the order that the files give them; empty if they give none."""
    entries: Iterator[Listed | Unanswered]
    """Read on demand."""


def _label(label: Any) -> str | None:
    if label is None or label == "":
        return None
    if not isinstance(label, str):
        raise InputError(f"a label is a text, got {label!r:.60}")
    return label_name(label)
