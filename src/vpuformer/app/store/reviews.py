"""Reviews of images in a store, about their objects as the reviewer saw them."""

import hashlib
import json

import sqlalchemy as sa

from vpuformer.app.schemas import ImageReview
from vpuformer.app.store.database import Database
from vpuformer.app.store.tables import BACK_TO_FRONT, images, objects, steps
from vpuformer.errors import NotFoundError


class ReviewStore(Database):
    """A database with reviews of images.

    A change of an object removes the acceptance of its image, and undoing the change restores it.
    """

    def review(self, identity: int) -> ImageReview:
        """Return the review of an image.

        Raises:
            NotFoundError: the store has no such image.
        """
        columns = (images.c.review, images.c.reviewed, images.c.comment, images.c.person)
        with self._reading() as connection:
            row = connection.execute(sa.select(*columns).where(images.c.id == identity)).first()
        if row is None:
            raise NotFoundError(f"there is no image {identity}; open one from the list")
        outdated = row.review is None and row.reviewed is not None
        return ImageReview(verdict=row.review, comment=row.comment or "", person=row.person, outdated=outdated)

    @staticmethod
    def _objects_digest(connection: sa.Connection, image: int) -> str:
        """A digest of the objects of an image, for which undone and deleted ones do not count."""
        columns = (objects.c.id, objects.c.label, objects.c.accepted, objects.c.attributes, steps.c.id)
        last = (steps.c.object == objects.c.id) & (steps.c.position == objects.c.at - 1)
        standing = (objects.c.image == image) & sa.not_(objects.c.deleted) & (objects.c.accepted | (objects.c.at > 0))
        query = sa.select(*columns).outerjoin(steps, last).where(standing).order_by(*BACK_TO_FRONT)
        rows = [
            [identity, label, accepted, attributes or {}, step]
            for identity, label, accepted, attributes, step in connection.execute(query)
        ]
        return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()

    def _check_review(self, connection: sa.Connection, image: int) -> None:
        """Remove the acceptance of an image whose objects have changed since, or restore it if that was undone."""
        query = sa.select(images.c.review, images.c.reviewed).where(images.c.id == image)
        # For servers: whoever reviews the image meanwhile waits. Those who add objects to it do not.
        review, reviewed = connection.execute(query.with_for_update(key_share=True)).one()
        if reviewed is None and review != "accepted":
            return
        verdict = "accepted" if self._objects_digest(connection, image) == reviewed else None
        if verdict != review:
            values = {"review": verdict, "reviewed": reviewed or ""}
            connection.execute(images.update().where(images.c.id == image).values(**values))
