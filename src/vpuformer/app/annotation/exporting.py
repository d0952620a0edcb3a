"""From the store to files of the field's formats: in a folder, or as a zip that is streamed."""

import io
import shutil
import tempfile
import weakref
import zipfile
from collections.abc import Generator, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vpuformer.app.images.folder import natural_order
from vpuformer.app.store import rle
from vpuformer.app.store.rows import last_answered
from vpuformer.errors import ConflictError
from vpuformer.files import write_errors
from vpuformer.formats import AnnotatedImage, LabelledMask, find_format
from vpuformer.formats.messages import Affected

if TYPE_CHECKING:
    from vpuformer.app.store.rows import ImageRow
    from vpuformer.app.store.store import Store

NOTES = "NOTES.txt"
"""In a zip: what there is to say about its files."""

_BLOCK = 1 << 20
_COMPRESSED = (".png",)


def label_names(store: "Store") -> list[str]:
    """The names of all labels, the oldest first, so that a new one changes no number."""
    return [label.name for label in store.labels()]


def accepted_images(store: "Store") -> Iterator[AnnotatedImage]:
    """The images that are done or have an accepted object, in natural order, with their accepted objects.

    Masks are read from the store one by one, each as it stands at that moment: people may be at work meanwhile. Where
    the network is still at an object's last steps, or failed on them, the object is as it was before them.

    Raises:
        ConflictError: no step of an accepted object has been answered, or labels changed meanwhile.
    """
    names = {label.id: label.name for label in store.labels()}
    for row in _in_order(store):
        if row.size is not None and (row.done or row.objects):
            height, width = row.size
            yield AnnotatedImage(row.name, width, height, partial(_accepted, store, row, names), row.id)


def _in_order(store: "Store") -> list["ImageRow"]:
    return sorted(store.images(), key=lambda row: natural_order(row.name))


def _accepted(store: "Store", image: "ImageRow", names: dict[int, str]) -> Iterator[LabelledMask]:
    assert image.size is not None
    for listed in store.objects_of(image.id):
        # Read anew: what the list says may be seconds old, for the masks before this one have been written since.
        found, steps = store.history(listed.id)
        if not found.accepted or found.deleted or not found.at:
            continue
        place = last_answered(found, steps)
        answer = None if place is None else store.answer_of(steps[place].id)
        if answer is None:
            raise ConflictError(
                f"an object of {image.name} waits for the network's first answer; export again in a moment, and if it"
                " waits still, open this image once more"
            )
        if answer.area:
            if found.label is not None and found.label not in names:
                raise ConflictError("a label has been made while the export was under way; export again")
            label = None if found.label is None else names[found.label]
            yield LabelledMask(rle.decode(answer.mask, image.size), label, found.id)


def left_out_notes(store: "Store") -> list[str]:
    """What `annotated` leaves out or takes as it was before, and of which images, in whole sentences."""
    unaccepted, empty, waiting = Affected(), Affected(), Affected()
    for row in _in_order(store):
        unaccepted.add(row.name, row.unaccepted)
        for listed in store.objects_of(row.id) if row.objects else ():
            found, steps = store.history(listed.id)
            if found.accepted and not found.deleted:
                place = last_answered(found, steps)
                empty.add(row.name, not found.at or (place is not None and not steps[place].area))
                waiting.add(row.name, place is not None and place + 1 < found.at)
    sentences = []
    if unaccepted:
        sentences.append(f"{unaccepted.of('object')} not accepted, left out: {unaccepted.images}.")
    if empty:
        sentences.append(f"{empty.of('accepted object')} without a pixel, left out: {empty.images}.")
    if waiting:
        sentences.append(
            f"{waiting.of('accepted object')} without an answer to the last prompt, taken as before it:"
            f" {waiting.images}."
        )
    return sentences


def zip_export(
    format_name: str,
    images: Iterable[AnnotatedImage],
    labels: list[str],
    *,
    notes: Iterable[str] = (),
    polygons: bool | None = None,
) -> "ZipStream":
    """An export as a zip file. All of it has been written when this returns; what fails, fails here.

    >>> from zipfile import ZipFile
    >>> stream = zip_export("labels", [], ["cup"])
    >>> ZipFile(io.BytesIO(b"".join(stream))).namelist()
    ['labels.txt']

    Args:
        format_name: one of `vpuformer.formats.FORMATS`.
        images: what to export, such as `accepted_images(store)`.
        labels: all labels in their order.
        notes: sentences that go into `NOTES.txt` with those of the format; the file is left out if there are none.
        polygons: see `vpuformer.formats.export`.

    Raises:
        InputError: there is no such format, it cannot hold these objects, or the disk does not take them.
    """
    chosen = find_format(format_name, polygons=polygons)
    options = {} if polygons is None else {"polygons": polygons}
    with write_errors(tempfile.gettempdir()):
        folder = Path(tempfile.mkdtemp(prefix="vpuformer-export-"))
    try:
        written = chosen.write(images, folder, labels, **options)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    sentences = [*notes, *written.notes]
    return ZipStream(folder, written.files, "".join(f"{sentence}\n" for sentence in sentences))


class ZipStream:
    """The blocks of a zip file, made as they are asked for.

    Its folder goes when the last block is out or nobody asks any more, as when a connection breaks off.
    """

    def __init__(self, folder: Path, files: tuple[str, ...], notes: str) -> None:
        self._blocks = _zipped(folder, files, notes)
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def __iter__(self) -> "ZipStream":
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._blocks)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the files at once; no further block comes."""
        self._blocks.close()
        self._remove()


class _Sink(io.RawIOBase):
    """What is written to it waits to be taken; it cannot be rewound, as a connection cannot."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _zipped(folder: Path, files: Iterable[str], notes: str) -> Generator[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in files:
            entry = zipfile.ZipInfo.from_file(folder / name, name, strict_timestamps=False)
            # What is compressed already does not get smaller.
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(_COMPRESSED) else zipfile.ZIP_DEFLATED
            with (folder / name).open("rb") as source, archive.open(entry, "w") as target:
                while block := source.read(_BLOCK):
                    target.write(block)
                    yield sink.take()
        if notes:
            archive.writestr(NOTES, notes)
    yield sink.take()
