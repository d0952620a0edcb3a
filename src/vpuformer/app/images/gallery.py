"""The images of the folder joined with their rows in the store."""

import logging
from collections.abc import Iterable

from vpuformer.app.images.folder import Folder
from vpuformer.app.images.open_images import ImageCache, OpenImage
from vpuformer.app.store.rows import ImageRow
from vpuformer.app.store.store import Store
from vpuformer.arrays import Size
from vpuformer.errors import ImageError, StoreError

IMAGE_BUDGET = 800_000_000
"""Maximum size of open images and their pyramids in bytes. The newest image stays even if it is larger."""

Key = tuple[str, str]
"""Name and version of an image file."""

_log = logging.getLogger(__name__)


class Gallery:
    """Images by their ids. Safe to use from many threads.

    `name`, `key`, `image` and `size` raise `NotFoundError` if there is no image with the id.
    """

    def __init__(self, folder: Folder, store: Store) -> None:
        self._folder, self._store = folder, store
        store.sync(folder.names)
        rows = store.images()
        self._order = _ordered(folder, rows)
        # Every step needs these, but the database is read once: names never change and sizes rarely.
        self._names = {row.id: row.name for row in rows}
        self._sizes = {row.id: row.size for row in rows if row.size is not None}
        self.opened = ImageCache(folder, IMAGE_BUDGET)

    def listed(self) -> list[ImageRow]:
        """Return the images of the folder in its order, including new ones.

        Raises:
            StoreError: the store cannot be read.
        """
        self._folder.refresh()
        rows = self._store.images()
        if not set(self._folder.names) <= {row.name for row in rows}:
            try:
                self._store.sync(self._folder.names)
                rows = self._store.images()
            except StoreError as error:  # such as a full disk: the other images are still usable
                _log.warning("new images cannot be listed: %s", error)
        self._order = _ordered(self._folder, rows)
        by_id = {row.id: row for row in rows}
        return [by_id[identity] for identity in self._order]

    def name(self, identity: int) -> str:
        """Return the name of an image."""
        if identity not in self._names:
            self._names[identity] = self._store.image(identity).name
        return self._names[identity]

    def key(self, identity: int) -> Key:
        """Return the name and version of an image's current file.

        Raises:
            ImageError: its file is gone.
        """
        name = self.name(identity)
        return name, self._folder.version(name)

    def image(self, identity: int) -> OpenImage:
        """Return the open image, checked to have the size that its objects were drawn on.

        Raises:
            ImageError: its file is gone or broken, or has another size by now.
        """
        image = self.opened.get(self.name(identity))
        self._note_size(identity, image)
        return image

    def size(self, identity: int) -> Size:
        """Return height and width; errors as in `image`.

        The file is read only if the image was never opened.
        """
        if identity not in self._sizes:
            self.image(identity)
        return self._sizes[identity]

    def following(self, identity: int) -> int | None:
        """Return the next image in the folder's order, or None after the last one."""
        order = self._order
        index = order.index(identity) + 1
        return order[index] if index < len(order) else None

    def _note_size(self, identity: int, image: OpenImage) -> None:
        """Store an image's size. Exports need it without opening the image."""
        size, former = (image.height, image.width), self._sizes.get(identity)
        if size == former:
            return
        if former is not None and self._store.objects_of(identity):
            raise ImageError(
                f"{self.name(identity)} is now {size[1]}x{size[0]} pixels, but its objects were drawn on"
                f" {former[1]}x{former[0]}; restore the former file, or add the new one under another name"
            )
        self._store.change_image(identity, size=size)
        self._sizes[identity] = size


def _ordered(folder: Folder, rows: Iterable[ImageRow]) -> list[int]:
    """Ids of the images in the folder's order."""
    ids = {row.name: row.id for row in rows}
    return [ids[name] for name in folder.names if name in ids]
