"""Labels in a store."""

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from vpuformer.app.store.database import Database
from vpuformer.app.store.rows import LabelRow
from vpuformer.app.store.tables import VISIBLE, labels, objects
from vpuformer.errors import ConflictError, NotFoundError, counted
from vpuformer.images.palette import free_colour


class LabelStore(Database):
    """A database with the labels that people give to objects.

    A method that needs a label by its id raises `NotFoundError` if there is none.
    """

    def labels(self) -> list[LabelRow]:
        """Return all labels, the oldest first."""
        with self._reading() as connection:
            return [LabelRow(*row) for row in connection.execute(sa.select(labels).order_by(labels.c.id))]

    def add_label(self, name: str, colour: str | None = None) -> LabelRow:
        """Add a label, with a free colour by default.

        Raises:
            ConflictError: a label of that name exists.
        """
        with self._writing() as connection:
            return self._insert_label(connection, name, colour)

    def change_label(self, identity: int, *, name: str | None = None, colour: str | None = None) -> LabelRow:
        """Change the name or the colour of a label.

        Raises:
            ConflictError: another label has that name.
        """
        values = {key: value for key, value in (("name", name), ("colour", colour)) if value is not None}
        with self._writing() as connection:
            self._label(connection, identity)
            if values:
                try:
                    connection.execute(labels.update().where(labels.c.id == identity).values(**values))
                except IntegrityError:
                    raise _name_taken(name) from None
            return self._label(connection, identity)

    def label(self, identity: int) -> LabelRow:
        """Return one label."""
        with self._reading() as connection:
            return self._label(connection, identity)

    def delete_label(self, identity: int) -> None:
        """Delete a label.

        Raises:
            ConflictError: objects have this label.
        """
        with self._writing() as connection:
            label = self._label(connection, identity)
            used = connection.scalar(sa.select(sa.func.count()).where(objects.c.label == identity, VISIBLE))
            if used:
                raise ConflictError(f"the label {label.name!r} is on {counted(used, 'object')}; change that first")
            connection.execute(objects.update().where(objects.c.label == identity).values(label=None))
            connection.execute(labels.delete().where(labels.c.id == identity))

    @staticmethod
    def _label(connection: sa.Connection, identity: int) -> LabelRow:
        row = connection.execute(sa.select(labels).where(labels.c.id == identity)).first()
        if row is None:
            raise NotFoundError(f"there is no label {identity}; choose a label from the list")
        return LabelRow(*row)

    @staticmethod
    def _insert_label(connection: sa.Connection, name: str, colour: str | None = None) -> LabelRow:
        taken = connection.scalars(sa.select(labels.c.colour)).all()
        values = {"name": name, "colour": colour or free_colour(taken)}
        try:
            identity = connection.execute(labels.insert().values(**values)).inserted_primary_key
        except IntegrityError:
            raise _name_taken(name) from None
        assert identity is not None
        return LabelRow(identity[0], **values)

    @classmethod
    def _label_named(cls, connection: sa.Connection, name: str) -> LabelRow:
        """Return the label of this name, and create it if it is missing."""
        row = connection.execute(sa.select(labels).where(labels.c.name == name)).first()
        return cls._insert_label(connection, name) if row is None else LabelRow(*row)


def _name_taken(name: str | None) -> ConflictError:
    return ConflictError(f"there is already a label {name!r}; choose another name")
