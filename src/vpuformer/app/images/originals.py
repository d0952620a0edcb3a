"""The image files behind an export: whether they are still those that the objects were drawn on, and how they lie."""

from pathlib import Path
from typing import TYPE_CHECKING

from vpuformer.errors import ImageError
from vpuformer.formats.affected import Affected
from vpuformer.images.files import upright_size_of

if TYPE_CHECKING:
    from vpuformer.app.store.store import Store


def notes_on_files(store: "Store", root: Path) -> list[str]:
    """What whoever reads an export should know of its images, in whole sentences that name them.

    Only the heads of the files are read.

    Args:
        store: what is exported: images that are done or have an accepted object.
        root: the folder of the images.
    """
    gone, resized, newer, turned = Affected(), Affected(), Affected(), Affected()
    drawn = store.last_steps()
    for row in store.images():
        if row.size is None or not (row.done or row.objects):
            continue
        path = root / row.name
        try:
            size, orientation = upright_size_of(path)
            state = path.stat()
        except (ImageError, OSError, ValueError):
            gone.add(row.name)
            continue
        height, width = row.size
        if size != row.size:
            resized.add(f"{row.name} ({width}x{height} became {size[1]}x{size[0]})")
        elif row.id in drawn and max(state.st_mtime, state.st_ctime) > drawn[row.id]:
            newer.add(row.name)
        if orientation != 1:
            stored = f"{height}x{width}" if orientation >= 5 else f"{width}x{height}"
            turned.add(f"{row.name} (stored as {stored})")
    sentences = []
    if gone:
        sentences.append(
            f"{gone.of('image')} cannot be read any more, as when a file was renamed, and the export has the former"
            f" name: {gone.images}."
        )
    if resized:
        sentences.append(f"{resized.of('image')} of another size than its objects were drawn on: {resized.images}.")
    if newer:
        sentences.append(
            f"{newer.of('image')} changed, moved or put there after the last step on its objects; see that they still"
            f" fit: {newer.images}."
        )
    if turned:
        sentences.append(
            f"{turned.of('image')} with an EXIF orientation, exported upright, which does not fit for programs that do"
            f" not turn images: {turned.images}."
        )
    return sentences
