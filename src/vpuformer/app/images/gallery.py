"""The pictures that can be annotated: what the folder holds, joined with what the store knows of each."""

import logging
from collections.abc import Iterable

from vpuformer.app.images.folder import Folder
from vpuformer.app.images.open_images import Picture, PictureCache
from vpuformer.app.store.rows import PictureRow
from vpuformer.app.store.store import Store
from vpuformer.errors import ImageError, StoreError
from vpuformer.geometry import Size

PICTURE_BUDGET = 800_000_000
"""Bytes of pictures that are kept open, with their pyramids; the newest stays even if it needs more."""

Key = tuple[str, str]
"""Name and version of a picture's file."""

_log = logging.getLogger(__name__)


class Gallery:
    """Pictures by their ids. May be used by many threads.

    Args:
        folder: their files.
        store: what is known of them.
    """

    def __init__(self, folder: Folder, store: Store) -> None:
        self._folder, self._store = folder, store
        store.sync(folder.names)
        rows = store.pictures()
        self._order = _ordered(folder, rows)
        # Asked for with every step, and of the database only once: a name never changes, a size hardly ever.
        self._names = {row.id: row.name for row in rows}
        self._sizes = {row.id: row.size for row in rows if row.size is not None}
        self.opened = PictureCache(folder, PICTURE_BUDGET)

    def close(self) -> None:
        """Open nothing in advance any more."""
        self.opened.close()

    def listed(self) -> list[PictureRow]:
        """The pictures of the folder in its order, with those that were put there since the last time.

        Raises:
            StoreError: the store cannot be read.
        """
        self._folder.refresh()
        rows = self._store.pictures()
        if not set(self._folder.names) <= {row.name for row in rows}:
            try:
                self._store.sync(self._folder.names)
                rows = self._store.pictures()
            except StoreError as error:  # as on a full disk: the others can still be looked at
                _log.warning("new pictures cannot be listed: %s", error)
        self._order = _ordered(self._folder, rows)
        known = {row.id: row for row in rows}
        return [known[identity] for identity in self._order]

    def name(self, identity: int) -> str:
        """
        Raises:
            NotFoundError: there is no such picture.
        """
        if identity not in self._names:
            self._names[identity] = self._store.picture(identity).name
        return self._names[identity]

    def key(self, identity: int) -> Key:
        """
        Raises:
            NotFoundError: there is no such picture.
            ImageError: its file is gone.
        """
        name = self.name(identity)
        return name, self._folder.version(name)

    def picture(self, identity: int) -> Picture:
        """The picture of this id, opened, of the size on which its objects were drawn.

        Raises:
            NotFoundError: there is no such picture.
            ImageError: its file is gone or broken, or has become one of another size.
        """
        picture = self.opened.get(self.name(identity))
        self._note_size(identity, picture)
        return picture

    def size(self, identity: int) -> Size:
        """Height and width, of a picture that was opened before without a look at its file; errors as in `picture`."""
        if identity not in self._sizes:
            self.picture(identity)
        return self._sizes[identity]

    def following(self, identity: int) -> int | None:
        """The next picture in the folder's order; None after the last one."""
        order = self._order
        place = order.index(identity) + 1
        return order[place] if place < len(order) else None

    def _note_size(self, identity: int, picture: Picture) -> None:
        """Store a picture's size, which an export of its objects needs without opening it."""
        size, former = (picture.height, picture.width), self._sizes.get(identity)
        if size == former:
            return
        if former is not None and self._store.objects_of(identity):
            raise ImageError(
                f"{self.name(identity)} is {size[1]}x{size[0]} pixels now, and its objects were drawn on"
                f" {former[1]}x{former[0]}; put the former file back, or this one beside it with another name"
            )
        self._store.change_picture(identity, size=size)
        self._sizes[identity] = size


def _ordered(folder: Folder, rows: Iterable[PictureRow]) -> list[int]:
    """The ids of the pictures in the folder's order."""
    ids = {row.name: row.id for row in rows}
    return [ids[name] for name in folder.names if name in ids]
