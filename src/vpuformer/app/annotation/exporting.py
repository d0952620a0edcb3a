"""Export from the store to annotation formats, into a folder or as a streamed zip file."""

import io
import shutil
import tempfile
import weakref
import zipfile
from collections.abc import Generator, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vpuformer.app.store import rle
from vpuformer.app.store.rows import last_answered
from vpuformer.errors import ConflictError, MaskError
from vpuformer.files import natural_order, write_errors
from vpuformer.formats import AnnotatedImage, LabelledMask, find_format
from vpuformer.formats.affected import Affected
from vpuformer.formats.registry import write_files

if TYPE_CHECKING:
    from vpuformer.app.store.rows import ImageRow
    from vpuformer.app.store.store import Store

NOTES = "NOTES.txt"
"""Name of the file with remarks in a zip."""

_BLOCK = 1 << 20
_COMPRESSED = (".png", ".gz")


def label_names(store: "Store") -> list[str]:
    """Return the names of all labels, the oldest first, so that a new label changes no number."""
    return [label.name for label in store.labels()]


def accepted_images(store: "Store") -> Iterator[AnnotatedImage]:
    """Yield the images that are done or have an accepted object, with their accepted objects.

    The images are in natural order.
    Masks are read from the store one by one while people may go on working. An object whose last steps are unanswered
    has the mask from before these steps.

    Raises:
        ConflictError: an accepted object has no answer yet, or labels changed during the export.
    """
    names = {label.id: label.name for label in store.labels()}
    for row in _in_order(store):
        if row.size is not None and (row.done or row.objects):
            height, width = row.size
            yield AnnotatedImage(row.name, width, height, partial(_accepted, store, row, names), row.id, row.tags)


def _in_order(store: "Store") -> list["ImageRow"]:
    return sorted(store.images(), key=lambda row: natural_order(row.name))


def _accepted(store: "Store", image: "ImageRow", names: dict[int, str]) -> Iterator[LabelledMask]:
    assert image.size is not None
    for listed in store.objects_of(image.id):
        # Read again: the list may be seconds old, because the masks before this one were written since.
        row, steps = store.history(listed.id)
        if not row.accepted or row.deleted or not row.at:
            continue
        index = last_answered(row, steps)
        answer = None if index is None else store.answer_of(steps[index].id)
        if answer is None:
            raise ConflictError(
                f"an object of {image.name} waits for the network's first answer; export again in a moment, and if it"
                " still waits, open this image"
            )
        if answer.area:
            if row.label is not None and row.label not in names:
                raise ConflictError("a label was added during the export; export again")
            label = None if row.label is None else names[row.label]
            try:
                mask = rle.decode(answer.mask, image.size)
            except MaskError as error:
                raise MaskError(
                    f"object {row.id} of {image.name} cannot be exported ({error}); delete it and draw it again"
                ) from error
            yield LabelledMask(mask, label, row.id, row.attributes)


def left_out_notes(store: "Store") -> list[str]:
    """Return sentences on what `accepted_images` omits or exports in a former state."""
    unaccepted, empty, waiting = Affected(), Affected(), Affected()
    for row in _in_order(store):
        unaccepted.add(row.name, row.unaccepted)
        for current, steps in store.histories(row.id) if row.objects else ():
            if current.accepted:
                index = last_answered(current, steps)
                empty.add(row.name, not current.at or (index is not None and not steps[index].area))
                waiting.add(row.name, index is not None and index + 1 < current.at)
    notes = (
        unaccepted.note("object", "not accepted, left out"),
        empty.note("accepted object", "without a pixel, left out"),
        waiting.note("accepted object", "without an answer to the last prompt, exported as before it"),
    )
    return [note for note in notes if note is not None]


def zip_export(
    format_name: str,
    images: Iterable[AnnotatedImage],
    labels: list[str],
    *,
    root: Path | None = None,
    notes: Iterable[str] = (),
) -> "ZipStream":
    """Export to a zip file. All files are written, and all errors raised, before this returns.

    >>> from zipfile import ZipFile
    >>> stream = zip_export("labels", [], ["cup"])
    >>> ZipFile(io.BytesIO(b"".join(stream))).namelist()
    ['labels.txt']

    `root` is the folder of the images. `notes` and those of the format go into `NOTES.txt`; without any, the file is
    left out.

    Raises:
        InputError: there is no such format, it cannot hold these objects, or the files cannot be written.
    """
    chosen = find_format(format_name)
    with write_errors(tempfile.gettempdir()):
        folder = Path(tempfile.mkdtemp(prefix="vpuformer-export-"))
    try:
        written = write_files(chosen, images, folder, labels, root=root)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    sentences = [*notes, *written.notes]
    return ZipStream(folder, written.files, "".join(f"{sentence}\n" for sentence in sentences))


class ZipStream:
    """The blocks of a zip file, computed on demand.

    The temporary folder is removed after the last block, or when the stream is dropped, as after a lost connection.
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
        """Remove the files now. No block follows."""
        self._blocks.close()
        self._remove()


class _Sink(io.RawIOBase):
    """A write-only, non-seekable buffer; `take` returns and removes its content."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        content = b"".join(self._parts)
        self._parts.clear()
        return content


def _zipped(folder: Path, files: Iterable[str], notes: str) -> Generator[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in files:
            entry = zipfile.ZipInfo.from_file(folder / name, name, strict_timestamps=False)
            # PNG is compressed already.
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(_COMPRESSED) else zipfile.ZIP_DEFLATED
            with (folder / name).open("rb") as source, archive.open(entry, "w") as target:
                while block := source.read(_BLOCK):
                    target.write(block)
                    yield sink.take()
        if notes:
            archive.writestr(NOTES, notes)
    yield sink.take()
