"""Reader of one PNG an object, listed in `objects.json`."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from vpuformer.errors import MaskError
from vpuformer.formats.bundle import AddNote, Bundle, LabelAndMask, TargetImage
from vpuformer.formats.label_map_reading import meaning_in
from vpuformer.formats.matching import match_image, plain_name


def claims(bundle: Bundle) -> bool:
    """Whether there is a list of files, each with the image it belongs to."""
    return any(_entries(content) for _, content in bundle.jsons())


def read(bundle: Bundle, target: TargetImage, add_note: AddNote) -> Iterator[LabelAndMask]:
    """One object a file, in the order of the list.

    Raises:
        MaskError: the files are not there, or none belongs to this image.
    """
    if bundle.alone:
        raise MaskError(f"{bundle.called(bundle.names[0])} lists files that are not here; give the archive with them")
    name, entries = next((name, _entries(content)) for name, content in bundle.jsons() if _entries(content))
    images = list(dict.fromkeys(entry["picture"] for entry in entries))
    index, note = match_image(target.image, images, name, target.others)
    if note is not None:
        add_note(note)
    above = PurePosixPath(name).parent
    for entry in entries:
        if entry["picture"] != images[index]:
            continue
        path = plain_name(f"{above}/{entry['file']}")
        if path not in bundle.names:
            raise MaskError(f"{name} lists {entry['file']}, which the archive does not hold; pack it again")
        meaning = meaning_in(bundle, path, target.size)
        if meaning.kind == "labels":
            raise MaskError(f"{path} holds {meaning.taken}, and {name} says that it is one object")
        label = entry.get("label")
        for _, mask in meaning.objects():
            yield (label if isinstance(label, str) else None), mask


def _entries(content: Any) -> list[dict[str, Any]]:
    if not isinstance(content, list):
        return []
    entries = [entry for entry in content if isinstance(entry, dict)]
    named = all(isinstance(entry.get(key), str) for entry in entries for key in ("file", "picture"))
    return entries if named and len(entries) == len(content) else []
