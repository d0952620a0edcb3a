"""Images in a store: names, sizes, done marks, reviews, and counts of their objects."""

import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from vpuformer.app.schemas import Verdict
from vpuformer.app.store.person import current_person
from vpuformer.app.store.reviews import ReviewStore
from vpuformer.app.store.rows import CountedObject, ImageRow, TakenStep, Work
from vpuformer.app.store.tables import HAS_STEP, IMPORT_PREFIX, VISIBLE, images, metadata, objects, steps
from vpuformer.arrays import Size
from vpuformer.errors import NotFoundError
from vpuformer.images.addresses import Window, parse_window

_WINDOW = "window"
_PROJECT = "project"


class ImageStore(ReviewStore):
    """A database with the images of a folder.

    A method that needs an image by its id raises `NotFoundError` if there is none.
    """

    def sync(self, names: Iterable[str]) -> None:
        """Register these images. Images no longer in the folder are kept: the file may return."""
        with self._writing() as connection:
            known = set(connection.scalars(sa.select(images.c.name)))
            new = [{"name": name, "done": False} for name in names if name not in known]
            if new:
                connection.execute(images.insert(), new)

    def registered(self) -> list[tuple[int, str, Size | None]]:
        """Return id, name, and height and width of all images that were ever registered."""
        query = sa.select(images.c.id, images.c.name, images.c.height, images.c.width)
        with self._reading() as connection:
            return [
                (identity, name, _size(height, width)) for identity, name, height, width in connection.execute(query)
            ]

    def images(self, since: float | None = None) -> list[ImageRow]:
        """Return all images that were ever registered, in no particular order.

        Args:
            since: leave out images without a change since then, in seconds since 1970.
        """
        rows, counts = _IMAGES, _GROUPS
        if since is not None:
            changed = sa.select(objects.c.image).where(since <= _CHANGED)
            recent = (images.c.changed >= since) | images.c.id.in_(changed)
            rows = rows.where(recent)
            counts = counts.where(objects.c.image.in_(sa.select(images.c.id).where(recent)))
        with self._reading() as connection:
            groups = defaultdict[int, list[Any]](list)
            for group in connection.execute(counts):
                groups[group.image].append(group)
            return [_image(row, groups.get(row.id)) for row in connection.execute(rows)]

    def image(self, identity: int) -> ImageRow:
        """Return one image."""
        with self._reading() as connection:
            row = connection.execute(_IMAGES.where(images.c.id == identity)).first()
            groups = connection.execute(_GROUPS.where(objects.c.image == identity)).all()
        if row is None:
            raise NotFoundError(f"there is no image {identity}; open one from the list")
        return _image(row, groups)

    def change_image(
        self, identity: int, *, done: bool | None = None, size: Size | None = None, tags: Sequence[str] | None = None
    ) -> ImageRow:
        """Mark an image as done or not done, or store its height and width, or its tags.

        A mark removes the verdict of a review, which was about the image as it was; its comment stays. With another
        size, deleted objects lose their steps, which no longer fit; the table `step` keeps them without a position.
        """
        values: dict[str, Any] = {}
        if done is not None:
            values = {"done": done, "review": None, "reviewed": None, **_now()}
        if size is not None:
            values |= {"height": size[0], "width": size[1]}
        if tags is not None:
            values |= {"tags": list(dict.fromkeys(tags)), "changed": time.time()}
        if values:
            with self._writing() as connection:
                if size is not None:
                    _empty_deleted(connection, identity, size)
                connection.execute(images.update().where(images.c.id == identity).values(**values))
        return self.image(identity)

    def review_image(self, identity: int, verdict: Verdict | None, comment: str = "") -> ImageRow:
        """Store what a reviewer decided, or remove the review.

        An accepted image becomes done, a rejected one not done. An acceptance ends with the next change of an object.
        """
        values = {"review": verdict, "reviewed": None, "comment": comment or None, **_now()}
        if verdict is not None:
            values["done"] = verdict == "accepted"
        this = images.c.id == identity
        with self._writing() as connection:
            connection.execute(images.update().where(this).values(**values))
            if verdict == "accepted":
                digest = self._objects_digest(connection, identity)
                connection.execute(images.update().where(this).values(reviewed=digest))
        return self.image(identity)

    def work(self) -> Work:
        """Return all objects that count, and when people took each step on any object.

        Objects that are deleted or undone to nothing do not count. Steps of imports are left out.
        """
        standing = VISIBLE & (objects.c.accepted | (objects.c.at > 0))
        columns = (objects.c.label, objects.c.accepted, objects.c.created, objects.c.person)
        counted = sa.select(objects.c.id, objects.c.image, *columns)
        taken = sa.select(steps.c.object, steps.c.created, steps.c.person).where(
            steps.c.key.not_like(f"{IMPORT_PREFIX}-%")
        )
        with self._reading() as connection:
            return Work(
                [CountedObject(*row) for row in connection.execute(counted.where(standing).order_by(objects.c.id))],
                [TakenStep(*row) for row in connection.execute(taken.order_by(steps.c.created))],
            )

    @property
    def window(self) -> Window | None:
        """The window in which images of more than 8 bits are shown to people and to the network."""
        with self._reading() as connection:
            text = connection.scalar(sa.select(metadata.c.value).where(metadata.c.name == _WINDOW))
        return None if text is None else parse_window(text)

    def set_window(self, window: Window) -> None:
        """Store the window, which all images have from the next start on."""
        with self._writing() as connection:
            connection.execute(metadata.delete().where(metadata.c.name == _WINDOW))
            connection.execute(metadata.insert().values(name=_WINDOW, value=str(window)))

    @property
    def project(self) -> str | None:
        """A random id, by which browsers keep projects apart; None before `name_project`."""
        with self._reading() as connection:
            return connection.scalar(sa.select(metadata.c.value).where(metadata.c.name == _PROJECT))

    def name_project(self) -> None:
        """Store an id of the project, if there is none."""
        with self._writing() as connection:
            if connection.scalar(sa.select(metadata.c.value).where(metadata.c.name == _PROJECT)) is None:
                connection.execute(metadata.insert().values(name=_PROJECT, value=uuid.uuid4().hex))

    @property
    def last_image(self) -> int | None:
        """Id of the image that was open last."""
        with self._reading() as connection:
            value = connection.scalar(sa.select(metadata.c.value).where(metadata.c.name == "place"))
        return None if value is None else int(value)

    def set_last_image(self, identity: int) -> None:
        """Store which image is open."""
        self.image(identity)
        with self._writing() as connection:
            row = metadata.update().where(metadata.c.name == "place")
            if not connection.execute(row.values(value=str(identity))).rowcount:
                connection.execute(metadata.insert().values(name="place", value=str(identity)))


_IMAGES = sa.select(
    images.c.id,
    images.c.name,
    images.c.done,
    images.c.height,
    images.c.width,
    images.c.review,
    images.c.changed,
    images.c.tags,
)


_CHANGED = sa.func.coalesce(objects.c.changed, objects.c.created)
"""Time of the last change of an object."""


def _number(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((sa.not_(objects.c.deleted) & condition, 1), else_=0))


_GROUPS = (
    sa.select(
        objects.c.image,
        objects.c.label,
        _number(objects.c.accepted).label("accepted"),
        _number(sa.not_(objects.c.accepted) & (objects.c.at > 0)).label("unaccepted"),
        sa.func.max(_CHANGED).label("changed"),
    )
    .where(HAS_STEP)
    .group_by(objects.c.image, objects.c.label)
)
"""Objects of each image and label: how many, and when one was changed last."""


def _empty_deleted(connection: sa.Connection, image: int, size: Size) -> None:
    """Remove the steps of deleted objects that were drawn on another size."""
    row = connection.execute(sa.select(images.c.height, images.c.width).where(images.c.id == image)).first()
    former = None if row is None else _size(*row)
    if former is None or former == size:
        return
    deleted = (objects.c.image == image) & objects.c.deleted
    theirs = steps.c.object.in_(sa.select(objects.c.id).where(deleted))
    connection.execute(steps.update().where(theirs).values(position=None))
    connection.execute(objects.update().where(deleted).values(at=0, revision=objects.c.revision + 1))


def _now() -> dict[str, Any]:
    """Columns of an image for when and by whom it was changed."""
    return {"changed": time.time(), "person": current_person.get()}


def _size(height: int | None, width: int | None) -> Size | None:
    return None if height is None or width is None else (height, width)


def _image(row: Any, groups: Sequence[Any] | None) -> ImageRow:
    identity, name, done, height, width, review, changed, tags = row
    size = _size(height, width)
    image = ImageRow(identity, name, done, 0, 0, size, (), changed, review, tuple(tags or ()))
    if not groups:
        return image
    labels = (group.label for group in groups if group.accepted or group.unaccepted)
    return image._replace(
        objects=sum(group.accepted for group in groups),
        unaccepted=sum(group.unaccepted for group in groups),
        labels=tuple(sorted(labels, key=lambda label: label or 0)),
        changed=max(changed or 0, *(group.changed for group in groups)),
    )
