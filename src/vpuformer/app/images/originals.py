"""Checks of the image files behind an export: do the objects still fit them?"""

from pathlib import Path
from typing import TYPE_CHECKING

from vpuformer.errors import ImageError
from vpuformer.formats.affected import Affected
from vpuformer.images.addresses import Address
from vpuformer.images.heads import upright_size_of

if TYPE_CHECKING:
    from vpuformer.app.store.store import Store


def notes_on_files(store: "Store", root: Path) -> list[str]:
    """Return sentences about exported images whose files are gone, changed or rotated by EXIF."""
    gone, resized, newer, turned = Affected(), Affected(), Affected(), Affected()
    drawn = store.last_steps()
    for row in store.images():
        if row.size is None or not (row.done or row.objects):
            continue
        path = root / row.name
        try:
            size, orientation = upright_size_of(path)
            state = Address.of(path).file.stat()
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
    notes = (
        gone.note("image", "cannot be read any more (renamed?), and the export has the former name"),
        resized.note("image", "with another size than its objects were drawn on"),
        newer.note("image", "changed or moved after the last step on its objects; check that they still fit"),
        turned.note(
            "image",
            "with an EXIF orientation, exported upright; masks do not fit in programs that ignore the orientation",
        ),
    )
    return [note for note in notes if note is not None]
