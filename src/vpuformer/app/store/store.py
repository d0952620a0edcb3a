"""Annotations in an SQLite file, or in any database that SQLAlchemy supports.

A change is on disk when the method that makes it returns. A step is written before the network runs, and its answer
afterwards: if the program is killed in between, only the answer is lost, and it can be computed again. A step stays
until a person undoes it or it turns out to be unanswerable.
"""

import time
import zlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from vpuformer.app.store.image_store import ImageStore
from vpuformer.app.store.person import current_person
from vpuformer.app.store.rows import ObjectRow, StepAnswer, StepRow, answer_columns, step_text
from vpuformer.app.store.shaping import ShapingStore
from vpuformer.app.store.tables import BACK_TO_FRONT, VERSION, VISIBLE, layout, metadata, objects, steps
from vpuformer.errors import ConflictError, InputError, NotFoundError, StoreError
from vpuformer.files import read_json

FILE = "vpuformer.sqlite"
"""Default name of the store in a folder of images."""


class Store(ShapingStore, ImageStore):
    """A database of images, labels, objects and steps. See `Database` for its address.

    A method that needs an image, label or object by its id raises `NotFoundError` if there is none.

    Raises:
        StoreError: the database cannot be opened or has another layout.
    """

    def __init__(self, address: str | Path) -> None:
        super().__init__(address, layout)
        with self._writing() as connection:
            version = connection.scalar(sa.select(metadata.c.value).where(metadata.c.name == "version"))
            if version is None:
                connection.execute(metadata.insert().values(name="version", value=str(VERSION)))
            elif version != str(VERSION):
                raise StoreError(
                    f"{self.address} is a store of version {version}, this program reads version {VERSION};"
                    " open it with the program that wrote it"
                )

    def check_writable(self) -> None:
        """Check that changes can be stored. SQLite opens read-only files without an error.

        Raises:
            StoreError: the store cannot be written.
        """
        with self._writing() as connection:
            connection.execute(metadata.update().where(metadata.c.name == "version").values(value=str(VERSION)))

    def add_object(self, image: int, key: str, label: int | None = None) -> ObjectRow:
        """Create an object without steps, or return the object that already has this key.

        Raises:
            ConflictError: the key belongs to an object on another image.
        """
        self.image(image)
        with self._writing() as connection:
            identity = connection.scalar(sa.select(objects.c.id).where(objects.c.key == key))
            if identity is None:
                if label is not None:
                    self._label(connection, label)
                identity = self._insert(connection, objects, image=image, key=key, label=label, created=time.time())
            row = self._object(connection, identity)
            if row.image != image:
                raise ConflictError("this key belongs to an object on another image; use a new key")
            return row

    def last_steps(self) -> dict[int, float]:
        """Time of the last step on an accepted object by image id, in seconds since 1970."""
        query = (
            sa.select(objects.c.image, sa.func.max(steps.c.created))
            .join(steps, steps.c.object == objects.c.id)
            .where(objects.c.accepted, sa.not_(objects.c.deleted))
            .group_by(objects.c.image)
        )
        with self._reading() as connection:
            return {image: float(created) for image, created in connection.execute(query)}

    def objects_of(self, image: int) -> list[ObjectRow]:
        """Return the objects of an image that are not deleted and have a step, from back to front."""
        with self._reading() as connection:
            return _visible(connection, image)

    def change_object(self, identity: int, **values: Any) -> ObjectRow:
        """Set `label`, `accepted`, `deleted` or `attributes`, a dict of all their values.

        Raises:
            InputError: the object would be accepted without a label, and one is required.
            ConflictError: the object would come back on an image that has had another size since.
        """
        with self._writing() as connection:
            row = self._object(connection, identity)
            if row.deleted and values.get("deleted") is False and _is_emptied(connection, identity):
                raise ConflictError(
                    "the object was drawn on a former file of this image, which had another size; draw it again"
                )
            if values.get("label") is not None:
                self._label(connection, values["label"])
            changed = replace(row, **values)
            unlabelled = changed.accepted and changed.label is None
            if unlabelled and not (row.accepted and row.label is None) and self._settings(connection).label_required:
                raise InputError("an accepted object needs a label here; choose one for this object, then accept it")
            return self._update(connection, row, **values)

    def history(self, identity: int) -> tuple[ObjectRow, list[StepRow]]:
        """Return an object and its steps, read in one transaction."""
        with self._reading() as connection:
            return self._object(connection, identity), self._steps(connection, identity)

    def histories(self, image: int) -> list[tuple[ObjectRow, list[StepRow]]]:
        """Return the objects of `objects_of` with their steps, read in one transaction."""
        steps_here = _STEPS.add_columns(steps.c.object).join(objects, steps.c.object == objects.c.id)
        with self._reading() as connection:
            rows = _visible(connection, image)
            histories: dict[int, list[StepRow]] = {row.id: [] for row in rows}
            for *step, identity in connection.execute(steps_here.where(objects.c.image == image)):
                if identity in histories:
                    histories[identity].append(_step(*step))
        return [(row, histories[row.id]) for row in rows]

    def history_before(self, identity: int, key: str) -> tuple[ObjectRow, list[StepRow], bool]:
        """Return `history`, and whether a step with this key was added before and not withdrawn."""
        with self._reading() as connection:
            query = sa.select(steps.c.id).where(steps.c.object == identity, steps.c.key == key, sa.not_(_WITHDRAWN))
            sent = connection.execute(query).first() is not None
            return self._object(connection, identity), self._steps(connection, identity), sent

    @staticmethod
    def _steps(connection: sa.Connection, identity: int) -> list[StepRow]:
        return [_step(*row) for row in connection.execute(_STEPS.where(steps.c.object == identity))]

    def add_step(
        self,
        identity: int,
        revision: int,
        key: str,
        content: dict[str, Any],
        answer: StepAnswer | None = None,
        parts: Sequence[StepAnswer] = (),
    ) -> int | None:
        """Add a step, optionally with its answer, and discard the undone steps.

        A key that was used before adds nothing, unless its step was withdrawn: then the step is added again. A split
        adds objects whose masks are `parts`.

        Returns:
            The step's id, or None if no step was added.

        Raises:
            ConflictError: the object has another revision, or the key belongs to a step of another object.
        """
        with self._writing() as connection:
            row = self._object(connection, identity)
            query = sa.select(steps.c.id, steps.c.object, _WITHDRAWN).where(steps.c.key == key)
            sent = connection.execute(query).first()
            if sent is not None:
                if sent.object != identity:
                    raise ConflictError("this key belongs to a step of another object; use a new key")
                if not sent[2]:
                    return None
            self._check(row, revision)
            content = self._apply(connection, row, key, content, parts)
            undone = (steps.c.object == identity) & (steps.c.position >= row.at)
            connection.execute(steps.update().where(undone).values(position=None))
            values = {
                "object": identity,
                "key": key,
                "position": row.at,
                "content": step_text(content),
                "created": time.time(),
                **({} if answer is None else answer_columns(answer)),
            }
            if sent is None:
                step = self._insert(connection, steps, **values)
            else:
                step = sent.id
                connection.execute(steps.update().where(steps.c.id == step).values(**values))
            self._update(connection, row, at=row.at + 1)
            return step

    def answer(self, step: int, answer: StepAnswer, content: dict[str, Any] | None = None) -> None:
        """Store the answer of a step, and its new content if that changed."""
        values = answer_columns(answer) | ({} if content is None else {"content": step_text(content)})
        with self._writing() as connection:
            connection.execute(steps.update().where(steps.c.id == step).values(**values))

    def withdraw(self, identity: int, key: str) -> None:
        """Withdraw the step with this key if it is the object's last, in force and unanswered."""
        with self._writing() as connection:
            row = self._object(connection, identity)
            history = self._steps(connection, identity)
            if row.at != len(history) or not history or history[-1].answered:
                return
            last = (steps.c.id == history[-1].id) & (steps.c.key == key)
            if connection.execute(steps.update().where(last).values(position=None)).rowcount:
                self._update(connection, row, at=row.at - 1)

    def answer_of(self, step: int) -> StepAnswer | None:
        """Return the answer of a step, or None if it is unanswered."""
        query = sa.select(
            steps.c.mask, steps.c.area, steps.c.crop, steps.c.logits, steps.c.seconds, steps.c.model
        ).where(steps.c.id == step)
        with self._reading() as connection:
            row = connection.execute(query).first()
        if row is None or row[0] is None:
            return None
        crop = None if row[2] is None else tuple(int(part) for part in row[2].split(","))
        return StepAnswer(zlib.decompress(row[0]), row[1], crop, *row[3:])  # pyright: ignore[reportArgumentType]

    def masks_of(self, answered: Collection[int]) -> dict[int, bytes]:
        """Return the masks that answer these steps, by the ids of the steps."""
        with self._reading() as connection:
            return self._masks(connection, answered)

    def undo_redo(self, identity: int, revision: int, direction: Literal[-1, 1]) -> ObjectRow:
        """Undo (-1) or redo (1) one step.

        Raises:
            ConflictError: the object has another revision, or there is nothing to undo or redo.
        """
        with self._writing() as connection:
            row = self._object(connection, identity)
            self._check(row, revision)
            history = (steps.c.object == identity) & steps.c.position.is_not(None)
            total = connection.scalar(sa.select(sa.func.count()).where(history)) or 0
            at = row.at + direction
            if not 0 <= at <= total:
                raise ConflictError(f"nothing to {'undo' if direction < 0 else 'redo'} on this object")
            self._cross(connection, row, self._steps(connection, identity)[min(row.at, at)], direction)
            return self._update(connection, row, at=at)

    @staticmethod
    def _check(row: ObjectRow, revision: int) -> None:
        if row.revision != revision:
            raise ConflictError(
                f"the object has changed: its revision is {row.revision}, not {revision}; look at it and try again"
            )

    @staticmethod
    def _object(connection: sa.Connection, identity: int) -> ObjectRow:
        query = _OBJECTS.where(objects.c.id == identity)
        if connection.get_execution_options().get("writes", False):
            query = query.with_for_update()  # for servers: SQLite has locked the file and ignores it
        row = connection.execute(query).first()
        if row is None:
            raise NotFoundError(f"there is no object {identity}; open its image again")
        return _object(row)

    def _update(self, connection: sa.Connection, row: ObjectRow, **values: Any) -> ObjectRow:
        """Change an object and increase its revision, after all other changes of objects."""
        values["revision"] = row.revision + 1
        by = {"changed": time.time(), "person": current_person.get()}
        connection.execute(objects.update().where(objects.c.id == row.id).values(**by, **values))
        self._check_review(connection, row.image)
        return replace(row, **values)


_WITHDRAWN = steps.c.position.is_(None) & steps.c.mask.is_(None)
"""Condition on a step: it is no longer part of the history and was never answered."""


_OBJECTS = sa.select(
    objects.c.id,
    objects.c.image,
    objects.c.label,
    objects.c.accepted,
    objects.c.deleted,
    objects.c.revision,
    objects.c.at,
    objects.c.attributes,
)


_STEPS = (
    sa.select(steps.c.id, steps.c.content, steps.c.mask.is_not(None), steps.c.area, steps.c.seconds, steps.c.person)
    .where(steps.c.position.is_not(None))
    .order_by(steps.c.object, steps.c.position)
)


def _step(
    identity: int, content: str, answered: object, area: int | None, seconds: float | None, person: str | None
) -> StepRow:
    return StepRow(identity, _content(content), bool(answered), area or 0, seconds, person)


def _is_emptied(connection: sa.Connection, identity: int) -> bool:
    """Whether an object has lost all its steps to another size of its image."""
    of_object = sa.select(steps.c.position, steps.c.mask.is_not(None)).where(steps.c.object == identity)
    rows = connection.execute(of_object).all()
    return any(answered for _, answered in rows) and all(position is None for position, _ in rows)


def _visible(connection: sa.Connection, image: int) -> list[ObjectRow]:
    query = _OBJECTS.where(objects.c.image == image, VISIBLE).order_by(*BACK_TO_FRONT)
    return [_object(row) for row in connection.execute(query)]


def _object(row: Sequence[Any]) -> ObjectRow:
    return ObjectRow(*row[:7], attributes=row[7] or {})


def _content(text: str) -> Any:
    return read_json(text.encode(), error=StoreError, name="a step in the store")
