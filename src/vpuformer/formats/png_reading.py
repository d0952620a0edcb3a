"""Reader of one PNG an object, listed in `objects.json`."""

from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from vpuformer.errors import MaskError
from vpuformer.formats.attributes import readable_values
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.found import AddNote, Annotations, Found, FoundImage, FoundObject, TargetImage
from vpuformer.formats.label_map_reading import meaning_in
from vpuformer.formats.matching import plain_name


def claims(bundle: Bundle) -> bool:
    """Whether there is a list of files, each with the image it belongs to."""
    return bool(bundle.jsons(list, "file", "picture"))


def read(bundle: Bundle) -> Annotations:
    """One object a file, in the order of the lists.

    Raises:
        MaskError: a list is broken, or its files are missing.
    """
    if bundle.alone:
        raise MaskError(f"{bundle.called(bundle.names[0])} lists files that are not here; give the archive with them")
    images: list[FoundImage] = []
    for name in bundle.jsons(list, "file", "picture"):
        of_image: dict[str, list[dict[str, Any]]] = {}
        for entry in bundle.json(name):
            if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("file", "picture")):
                raise MaskError(f"{name} lists {entry!r:.60}; wanted a file and its image")
            of_image.setdefault(entry["picture"], []).append(entry)
        images += [FoundImage(image, partial(_objects, bundle, name, own)) for image, own in of_image.items()]
    return Annotations(bundle.whole, images)


def _objects(
    bundle: Bundle, name: str, entries: list[dict[str, Any]], target: TargetImage, _: AddNote
) -> Iterator[Found]:
    for entry in entries:
        path = plain_name(f"{PurePosixPath(name).parent}/{entry['file']}")
        if path not in bundle:
            raise MaskError(f"{name} lists {entry['file']}, which {bundle.whole} does not hold; pack it again")
        meaning = meaning_in(bundle, path, target.size)
        if meaning.kind == "labels":
            raise MaskError(f"{path} holds {meaning.taken}, and {name} says that it is one object")
        label = entry.get("label")
        identity = entry.get("id")
        name_in_file = None if identity is None else str(identity)
        given = entry.get("attributes")
        attributes = readable_values(given) if isinstance(given, dict) else {}
        label = label if isinstance(label, str) else None
        yield FoundObject(label, meaning.foreground, name_in_file, attributes=attributes)
