"""Reader of images: a mask, or a label map with names in `labels.txt`."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from vpuformer.arrays import Size
from vpuformer.errors import MaskError
from vpuformer.formats.bundle import MOST_DIGITS, Bundle
from vpuformer.formats.found import AddNote, Annotations, Found, FoundImage, FoundObject, Ignored, TargetImage
from vpuformer.formats.label_maps import NAMES
from vpuformer.images import read_meaning
from vpuformer.images.meaning import Meaning

T = TypeVar("T")


def claims(bundle: Bundle) -> bool:
    """Whether it is a single file, not text (or PGM), or there are `labels.txt` or images."""
    if bundle.alone:
        text = bundle.text(bundle.names[0])
        return not text or text[:1] == "P"
    return bundle.named(NAMES) is not None or bool(_maps(bundle))


def read(bundle: Bundle) -> Annotations:
    """One object a label; a binary mask or probabilities are one.

    An image may have several files with one object each.
    """
    if bundle.alone:
        return Annotations(bundle.whole, [FoundImage(None, partial(_objects, bundle, bundle.names[0], {}))])
    names = label_names(bundle)
    images = [
        FoundImage(path.rpartition(".")[0], partial(_objects, bundle, path, names), stem=True, mask=True)
        for path in _maps(bundle)
    ]
    labels = [name for value, name in sorted(names.items(), key=lambda item: item[0] or 0) if value]
    return Annotations(bundle.whole, images, labels)


def _maps(bundle: Bundle) -> list[str]:
    return bundle.under("", (".png", ".tif", ".tiff", ".bmp"))


def _objects(
    bundle: Bundle, name: str, names: Mapping[int | None, str], target: TargetImage, add_note: AddNote
) -> Iterator[Found]:
    meaning = meaning_in(bundle, name, target.size)
    add_note(f"{bundle.called(name)} was read as {meaning.taken}")
    for label, mask in meaning.objects():
        yield FoundObject(names.get(meaning.label if label is None else label), mask)
    if meaning.ignored is not None:
        yield Ignored(meaning.ignored)


def meaning_in(bundle: Bundle, name: str, size: Size) -> Meaning:
    """What the values of an image among the files mean.

    Raises:
        MaskError: as in `vpuformer.images.read_meaning`.
    """
    return read_pixels(bundle.read(name), bundle.called(name), lambda path: read_meaning(path, size))


def read_pixels(content: bytes, called: str, read: Callable[[Path], T]) -> T:
    """The result of `read` for the content of an image file, which messages call `called`.

    Raises:
        MaskError: as the function does.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mask")
        path.write_bytes(content)
        try:
            return read(path)
        except MaskError as error:
            said = str(error).replace(f"the mask {path}", f"the mask in {called}")
            raise MaskError(said.replace(str(path), called)) from error


def label_names(bundle: Bundle) -> Mapping[int | None, str]:
    """The names of the values, from lines such as `1 cup`."""
    path = bundle.named(NAMES)
    lines = ((bundle.text(path) or "") if path else "").splitlines()
    pairs = (line.split(maxsplit=1) for line in lines)
    return {
        int(pair[0]): pair[1].strip()
        for pair in pairs
        if len(pair) == 2 and pair[0].isascii() and pair[0].isdigit() and len(pair[0]) <= MOST_DIGITS
    }
