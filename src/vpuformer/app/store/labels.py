"""The labels of a store."""

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from vpuformer.app.store.database import Database
from vpuformer.app.store.rows import LabelRow
from vpuformer.app.store.tables import VISIBLE, labels, objects
from vpuformer.errors import ConflictError, NotFoundError
from vpuformer.images.palette import free_colour


class LabelStore(Database):
    """A database with labels: what people call the things that they outline."""

    def labels(self) -> list[LabelRow]:
        with self._reading() as connection:
            return [LabelRow(*row) for row in connection.execute(sa.select(labels).order_by(labels.c.id))]

    def add_label(self, name: str, colour: str | None = None) -> LabelRow:
        """
        Raises:
            ConflictError: there is one of that name.
        """
        with self._writing() as connection:
            return self._insert_label(connection, name, colour)

    def change_label(self, identity: int, *, name: str | None = None, colour: str | None = None) -> LabelRow:
        """
        Raises:
            NotFoundError: there is no such label.
            ConflictError: another one has that name.
        """
        values = {key: value for key, value in (("name", name), ("colour", colour)) if value is not None}
        with self._writing() as connection:
            self._label(connection, identity)
            if values:
                try:
                    connection.execute(labels.update().where(labels.c.id == identity).values(**values))
                except IntegrityError:
                    raise ConflictError(f"there is a label {name!r} already; choose another name") from None
            return self._label(connection, identity)

    def label(self, identity: int) -> LabelRow:
        """
        Raises:
            NotFoundError: there is none.
        """
        with self._reading() as connection:
            return self._label(connection, identity)

    def delete_label(self, identity: int) -> None:
        """
        Raises:
            NotFoundError: there is no such label.
            ConflictError: objects have it.
        """
        with self._writing() as connection:
            label = self._label(connection, identity)
            used = connection.scalar(sa.select(sa.func.count()).where(objects.c.label == identity, VISIBLE))
            if used:
                have, them = ("one object has", "it") if used == 1 else (f"{used} objects have", "them")
                raise ConflictError(f"{have} the label {label.name!r}; give {them} another one first")
            connection.execute(objects.update().where(objects.c.label == identity).values(label=None))
            connection.execute(labels.delete().where(labels.c.id == identity))

    @staticmethod
    def _label(connection: sa.Connection, identity: int) -> LabelRow:
        row = connection.execute(sa.select(labels).where(labels.c.id == identity)).first()
        if row is None:
            raise NotFoundError(f"there is no label {identity}; choose one of the list")
        return LabelRow(*row)

    @staticmethod
    def _insert_label(connection: sa.Connection, name: str, colour: str | None = None) -> LabelRow:
        taken = connection.scalars(sa.select(labels.c.colour)).all()
        values = {"name": name, "colour": colour or free_colour(taken)}
        try:
            identity = connection.execute(labels.insert().values(**values)).inserted_primary_key
        except IntegrityError:
            raise ConflictError(f"there is a label {name!r} already; choose another name") from None
        assert identity is not None
        return LabelRow(identity[0], **values)

    @classmethod
    def _label_named(cls, connection: sa.Connection, name: str) -> LabelRow:
        """The label of this name, made if there is none."""
        row = connection.execute(sa.select(labels).where(labels.c.name == name)).first()
        return cls._insert_label(connection, name) if row is None else LabelRow(*row)
