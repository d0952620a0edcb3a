"""The images that can be annotated: what the folder holds, joined with what the store knows of each."""

import logging
from collections.abc import Iterable

from vpuformer.app.images.folder import Folder
from vpuformer.app.images.open_images import ImageCache, OpenImage
from vpuformer.app.store.rows import ImageRow
from vpuformer.app.store.store import Store
from vpuformer.arrays import Size
from vpuformer.errors import ImageError, StoreError

IMAGE_BUDGET = 800_000_000
"""Bytes of images that are kept open, with their pyramids; the newest stays even if it needs more."""

Key = tuple[str, str]
"""Name and version of an image's file."""

_log = logging.getLogger(__name__)


class Gallery:
    """Images by their ids. May be used by many threads.

    Args:
        folder: their files.
        store: what is known of them.
    """

    def __init__(self, folder: Folder, store: Store) -> None:
        self._folder, self._store = folder, store
        store.sync(folder.names)
        rows = store.images()
        self._order = _ordered(folder, rows)
        # Asked for with every step, and of the database only once: a name never changes, a size hardly ever.
        self._names = {row.id: row.name for row in rows}
        self._sizes = {row.id: row.size for row in rows if row.size is not None}
        self.opened = ImageCache(folder, IMAGE_BUDGET)

    def close(self) -> None:
        """Open nothing in advance any more."""
        self.opened.close()

    def listed(self) -> list[ImageRow]:
        """The images of the folder in its order, with those that were put there since the last time.

        Raises:
            StoreError: the store cannot be read.
        """
        self._folder.refresh()
        rows = self._store.images()
        if not set(self._folder.names) <= {row.name for row in rows}:
            try:
                self._store.sync(self._folder.names)
                rows = self._store.images()
            except StoreError as error:  # as on a full disk: the others can still be looked at
                _log.warning("new images cannot be listed: %s", error)
        self._order = _ordered(self._folder, rows)
        known = {row.id: row for row in rows}
        return [known[identity] for identity in self._order]

    def name(self, identity: int) -> str:
        """
        Raises:
            NotFoundError: there is no such image.
        """
        if identity not in self._names:
            self._names[identity] = self._store.image(identity).name
        return self._names[identity]

    def key(self, identity: int) -> Key:
        """
        Raises:
            NotFoundError: there is no such image.
            ImageError: its file is gone.
        """
        name = self.name(identity)
        return name, self._folder.version(name)

    def image(self, identity: int) -> OpenImage:
        """The image of this id, opened, of the size on which its objects were drawn.

        Raises:
            NotFoundError: there is no such image.
            ImageError: its file is gone or broken, or has become one of another size.
        """
        image = self.opened.get(self.name(identity))
        self._note_size(identity, image)
        return image

    def size(self, identity: int) -> Size:
        """Height and width, of an image that was opened before without a look at its file; errors as in `image`."""
        if identity not in self._sizes:
            self.image(identity)
        return self._sizes[identity]

    def following(self, identity: int) -> int | None:
        """The next image in the folder's order; None after the last one."""
        order = self._order
        place = order.index(identity) + 1
        return order[place] if place < len(order) else None

    def _note_size(self, identity: int, image: OpenImage) -> None:
        """Store an image's size, which an export of its objects needs without opening it."""
        size, former = (image.height, image.width), self._sizes.get(identity)
        if size == former:
            return
        if former is not None and self._store.objects_of(identity):
            raise ImageError(
                f"{self.name(identity)} is {size[1]}x{size[0]} pixels now, and its objects were drawn on"
                f" {former[1]}x{former[0]}; put the former file back, or this one beside it with another name"
            )
        self._store.change_image(identity, size=size)
        self._sizes[identity] = size


def _ordered(folder: Folder, rows: Iterable[ImageRow]) -> list[int]:
    """The ids of the images in the folder's order."""
    ids = {row.name: row.id for row in rows}
    return [ids[name] for name in folder.names if name in ids]
