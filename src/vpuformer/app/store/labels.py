"""Labels in a store, and the settings of labels."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from vpuformer.app.store.database import Database
from vpuformer.app.store.rows import LabelRow, LabelSettings
from vpuformer.app.store.tables import VISIBLE, labels, metadata, objects
from vpuformer.errors import ConflictError, NotFoundError, counted
from vpuformer.formats.attributes import Attribute
from vpuformer.formats.label_set import LabelSet
from vpuformer.images.palette import free_colour

_SETTINGS = "labels"
"""Name of the settings among the named values."""

_ROWS = sa.select(labels.c.id, labels.c.name, labels.c.colour, labels.c.group, labels.c.attributes)


class LabelStore(Database):
    """A database with the labels that people give to objects.

    A method that needs a label by its id raises `NotFoundError` if there is none.
    """

    def labels(self) -> list[LabelRow]:
        """Return all labels, the oldest first."""
        with self._reading() as connection:
            return [_row(row) for row in connection.execute(_ROWS.order_by(labels.c.id))]

    def ordered_labels(self) -> list[LabelRow]:
        """Return all labels as people put them in order; new ones are last."""
        with self._reading() as connection:
            placed = (labels.c.position.is_(None), labels.c.position, labels.c.id)
            return [_row(row) for row in connection.execute(_ROWS.order_by(*placed))]

    def add_label(self, name: str, colour: str | None = None) -> LabelRow:
        """Add a label, with a free colour by default.

        Raises:
            ConflictError: a label of that name exists.
        """
        with self._writing() as connection:
            return self._insert_label(connection, name, colour)

    def add_label_set(self, given: LabelSet) -> None:
        """Add the labels, attributes and tags that are missing. What people have changed stays."""
        with self._writing() as connection:
            for each in given.labels:
                row = connection.execute(_ROWS.where(labels.c.name == each.name)).first()
                known = self._insert_label(connection, each.name, each.colour) if row is None else _row(row)
                values = {
                    "group": known.group or each.group,
                    "attributes": _stored(_merged(known.attributes, each.attributes)),
                }
                connection.execute(labels.update().where(labels.c.id == known.id).values(**values))
            before = self._settings(connection)
            self._write_settings(
                connection,
                LabelSettings(
                    _merged(before.attributes, given.attributes),
                    tuple(dict.fromkeys((*before.tags, *given.tags))),
                    before.label_required or given.label_required,
                ),
            )

    def change_label(self, identity: int, **changes: Any) -> LabelRow:
        """Set `name`, `colour`, `group` or `attributes`, a sequence of `Attribute`, of a label.

        Raises:
            ConflictError: another label has that name.
        """
        if "attributes" in changes:
            changes["attributes"] = _stored(changes["attributes"])
        with self._writing() as connection:
            self._label(connection, identity)
            if changes:
                try:
                    connection.execute(labels.update().where(labels.c.id == identity).values(**changes))
                except IntegrityError:
                    raise _name_taken(changes.get("name")) from None
            return self._label(connection, identity)

    def order_labels(self, identities: Iterable[int]) -> None:
        """Put labels in this order. Others, which somebody added meanwhile, are last."""
        with self._writing() as connection:
            connection.execute(labels.update().values(position=None))
            for position, identity in enumerate(dict.fromkeys(identities)):
                connection.execute(labels.update().where(labels.c.id == identity).values(position=position))

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

    def label_settings(self) -> LabelSettings:
        """Return what holds for all labels and images."""
        with self._reading() as connection:
            return self._settings(connection)

    def set_label_settings(self, settings: LabelSettings) -> None:
        """Replace the settings. Objects and images keep the attributes and tags that they have."""
        with self._writing() as connection:
            self._write_settings(connection, settings)

    @staticmethod
    def _settings(connection: sa.Connection) -> LabelSettings:
        text = connection.scalar(sa.select(metadata.c.value).where(metadata.c.name == _SETTINGS))
        values = json.loads(text or "{}")
        return LabelSettings(
            _attributes(values.get("attributes")), tuple(values.get("tags", ())), values.get("label_required", False)
        )

    @staticmethod
    def _write_settings(connection: sa.Connection, settings: LabelSettings) -> None:
        text = json.dumps(asdict(settings))
        row = metadata.update().where(metadata.c.name == _SETTINGS)
        if not connection.execute(row.values(value=text)).rowcount:
            connection.execute(metadata.insert().values(name=_SETTINGS, value=text))

    @staticmethod
    def _label(connection: sa.Connection, identity: int) -> LabelRow:
        row = connection.execute(_ROWS.where(labels.c.id == identity)).first()
        if row is None:
            raise NotFoundError(f"there is no label {identity}; choose a label from the list")
        return _row(row)

    @staticmethod
    def _insert_label(connection: sa.Connection, name: str, colour: str | None = None) -> LabelRow:
        taken = connection.scalars(sa.select(labels.c.colour)).all()
        chosen = colour or free_colour(taken)
        try:
            identity = connection.execute(labels.insert().values(name=name, colour=chosen)).inserted_primary_key
        except IntegrityError:
            raise _name_taken(name) from None
        assert identity is not None
        return LabelRow(identity[0], name, chosen)

    @classmethod
    def _label_named(cls, connection: sa.Connection, name: str) -> LabelRow:
        """Return the label of this name, and create it if it is missing."""
        row = connection.execute(_ROWS.where(labels.c.name == name)).first()
        return cls._insert_label(connection, name) if row is None else _row(row)


def _row(row: Sequence[Any]) -> LabelRow:
    identity, name, colour, group, attributes = row
    return LabelRow(identity, name, colour, group or "", _attributes(attributes))


def _attributes(stored: Sequence[Mapping[str, Any]] | None) -> tuple[Attribute, ...]:
    return tuple(Attribute(each["name"], each["kind"], tuple(each["choices"])) for each in stored or ())


def _stored(attributes: Iterable[Attribute]) -> list[dict[str, Any]]:
    return [asdict(each) for each in attributes]


def _merged(known: Sequence[Attribute], given: Sequence[Attribute]) -> tuple[Attribute, ...]:
    names = {each.name for each in known}
    return (*known, *(each for each in given if each.name not in names))


def _name_taken(name: str | None) -> ConflictError:
    return ConflictError(f"there is already a label {name!r}; choose another name")
