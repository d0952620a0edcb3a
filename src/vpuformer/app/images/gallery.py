"""The images of the folder joined with their rows in the store."""

import logging

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
        # Every step needs these, but the database is read once: names never change and sizes rarely.
        self._names: dict[int, str] = {}
        self._sizes: dict[int, Size] = {}
        self._order: list[int] = []
        self._index: dict[int, int] = {}
        self._synced: tuple[str, ...] = ()
        folder.window = store.window
        self._register()
        self.opened = ImageCache(folder, IMAGE_BUDGET)

    def _register(self) -> None:
        """Register the images of the folder in the store, and read their ids."""
        names = self._folder.names
        self._store.sync(names)
        rows = self._store.registered()
        self._names = {identity: name for identity, name, _ in rows}
        self._sizes = {identity: size for identity, _, size in rows if size is not None}
        ids = {name: identity for identity, name, _ in rows}
        self._order = [ids[name] for name in names]
        self._index = {identity: index for index, identity in enumerate(self._order)}
        self._synced = names

    def listed(self, since: float | None = None) -> list[ImageRow]:
        """Return the images of the folder in its order, including new ones.

        Args:
            since: leave out images without a change since then, in seconds since 1970.

        Raises:
            StoreError: the store cannot be read.
        """
        self._folder.refresh()
        if self._folder.names is not self._synced:
            try:
                self._register()
            except StoreError as error:  # such as a full disk: the other images are still usable
                _log.warning("new images cannot be listed: %s", error)
        index = self._index
        return sorted((row for row in self._store.images(since) if row.id in index), key=lambda row: index[row.id])

    def __len__(self) -> int:
        """Number of images that can be listed."""
        return len(self._order)

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
        index = self._index[identity] + 1
        return self._order[index] if index < len(self._order) else None

    def _note_size(self, identity: int, image: OpenImage) -> None:
        """Store an image's size. Exports need it without opening the image."""
        size = (image.height, image.width)
        if size == self._sizes.get(identity):
            return
        former = self._store.image(identity).size  # an import or another server may have stored it since
        if former != size:
            if self._store.objects_of(identity):
                check_size(self.name(identity), size, former)
            self._store.change_image(identity, size=size)
        self._sizes[identity] = size


def check_size(name: str, size: Size, former: Size | None) -> None:
    """Check that an image has the size that its objects were drawn on, if that is known.

    Raises:
        ImageError: it has another size.
    """
    if former not in (None, size):
        raise ImageError(
            f"{name} is now {size[1]}x{size[0]} pixels, but its objects were drawn on {former[1]}x{former[0]}; restore"
            " the former file, or add the new one under another name"
        )
