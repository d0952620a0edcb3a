"""Steps that reach beyond their object: merge, split and order. Copies of objects.

The content of such a step says what it has done, so that undo and redo are one transaction, also after a restart:

* `objects` and `masks`: ids of other objects, and of the steps whose answers are their masks. A merge deletes these
  objects, and a split adds them. A person who goes on with one of them keeps it, whatever is undone or redone.
* `gone`: those of `objects` that a redone merge or an undone split has deleted, to restore them and no other one.
* `above` and `before`: the object right below this one after an arrangement and before it; None for the back.
"""

import time
import zlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from vpuformer.app.store.imports import ImportStore, short_digest
from vpuformer.app.store.rows import ObjectRow, StepAnswer, StepRow, answer_columns, step_text
from vpuformer.app.store.tables import BACK_TO_FRONT, VISIBLE, images, objects, steps
from vpuformer.errors import ConflictError, PromptError


class CurrentMask(NamedTuple):
    """The mask of an object, encoded by `store.rle`, and the id of the step that it answers."""

    step: int
    mask: bytes


class Copy(NamedTuple):
    """An object to add with the label and attributes of another one.

    Attributes:
        of: the other object.
        content: of its first step.
        answer: of this step, if it is known.
    """

    of: ObjectRow
    content: Mapping[str, Any]
    answer: StepAnswer | None = None


class ShapingStore(ImportStore):
    """A database with objects that are merged, split, copied, and ordered from back to front."""

    def order(self, image: int) -> list[int]:
        """Return the ids of the objects of an image, from back to front."""
        with self._reading() as connection:
            return self._order(connection, image)

    def current_answers(self, image: int, identities: Collection[int]) -> list[int]:
        """Return the ids of the steps whose answers are the masks of these objects.

        They are in ascending order. Objects of another image, deleted ones and those without a mask are left out.
        """
        with self._reading() as connection:
            return sorted(self._current(connection, identities, image).values())

    def current_masks(self, identities: Collection[int], image: int | None = None) -> dict[int, CurrentMask]:
        """Return the masks of objects by their ids.

        Args:
            image: leaves out deleted objects and those of another image.
        """
        with self._reading() as connection:
            current = self._current(connection, identities, image)
            masks = self._masks(connection, [*current.values()])
            return {identity: CurrentMask(step, masks[step]) for identity, step in current.items()}

    @staticmethod
    def _masks(connection: sa.Connection, answered: Collection[int]) -> dict[int, bytes]:
        query = sa.select(steps.c.id, steps.c.mask).where(steps.c.id.in_(answered), steps.c.mask.is_not(None))
        return {step: zlib.decompress(mask) for step, mask in connection.execute(query)}

    def add_copies(self, image: int, key: str, copies: Sequence[Copy]) -> list[int]:
        """Add objects in one transaction, and return their ids. A repeated key adds nothing."""
        with self._writing() as connection:
            keys = [short_digest(key, str(index)) for index in range(len(copies))]
            query = sa.select(objects.c.id).where(objects.c.key.in_(keys)).order_by(objects.c.id)
            known = list(connection.scalars(query))
            if known:
                return known
            added = [
                self._add(connection, image, name, each, accepted=False)[0]
                for name, each in zip(keys, copies, strict=True)
            ]
            self._check_review(connection, image)
            return added

    def waiting_boxes(self) -> dict[str, list[int]]:
        """Return the ids of objects that are a box without an answer, by the names of images.

        A box that keeps off other objects was drawn on the page, and is answered there.
        """
        query = (
            sa.select(images.c.name, objects.c.id)
            .join(objects, objects.c.image == images.c.id)
            .join(steps, steps.c.object == objects.c.id)
            .where(sa.not_(objects.c.deleted), objects.c.at == 1, steps.c.position == 0, steps.c.mask.is_(None))
            .where(steps.c.content.like('{"type":"box"%'), sa.not_(steps.c.content.contains('"keep_off":[')))
            .order_by(images.c.name, objects.c.id)
        )
        waiting: defaultdict[str, list[int]] = defaultdict(list)
        with self._reading() as connection:
            for name, identity in connection.execute(query):
                waiting[name].append(identity)
        return dict(waiting)

    def _apply(
        self, connection: sa.Connection, row: ObjectRow, key: str, content: dict[str, Any], parts: Sequence[StepAnswer]
    ) -> dict[str, Any]:
        """Do what a new step does beyond its object, and return its content with what undo needs.

        Raises:
            ConflictError: an object to merge was changed meanwhile.
            PromptError: the object is already where it should be moved to.
        """
        match content["type"]:
            case "merge":
                if len(self._delete(connection, row, content)) != len(content["objects"]):
                    raise ConflictError("an object to merge was changed meanwhile; look at it and merge again")
            case "split":
                added = [
                    self._add(
                        connection,
                        row.image,
                        short_digest(key, str(index)),
                        Copy(row, {"type": "mask"}, part),
                        accepted=row.accepted,
                    )
                    for index, part in enumerate(parts)
                ]
                for identity, _ in reversed(added):
                    self._place(connection, row.image, identity, row.id)
                return {**content, "objects": [each[0] for each in added], "masks": [each[1] for each in added]}
            case "arrange":
                order = self._order(connection, row.image)
                if row.id not in order or content["above"] not in (None, *order) or content["above"] == row.id:
                    raise PromptError("this object or the other one is not on this image; open the image again")
                index = order.index(row.id)
                before = order[index - 1] if index else None
                if before == content["above"]:
                    raise PromptError("the object is already at this place")
                self._place(connection, row.image, row.id, content["above"])
                return {**content, "before": before}
        return content

    def _cross(self, connection: sa.Connection, row: ObjectRow, step: StepRow, direction: Literal[-1, 1]) -> None:
        """Undo (-1) or redo (1) what a step does beyond its object."""
        content = step.content
        if content["type"] == "arrange":
            self._place(connection, row.image, row.id, content["before" if direction < 0 else "above"])
        elif (content["type"], direction) in (("merge", 1), ("split", -1)):
            text = step_text({**content, "gone": self._delete(connection, row, content)})
            connection.execute(steps.update().where(steps.c.id == step.id).values(content=text))
        elif content["type"] in ("merge", "split"):
            restored = objects.c.id.in_(content.get("gone", content["objects"])) & objects.c.deleted
            values = {"deleted": False, "revision": objects.c.revision + 1, "changed": time.time()}
            connection.execute(objects.update().where(restored).values(values))

    def _delete(self, connection: sa.Connection, row: ObjectRow, content: Mapping[str, Any]) -> list[int]:
        """Delete the objects of a step whose masks are still those that it names. Return their ids."""
        # For servers: lock them in one order, so that two people who merge do not wait for each other.
        locked = sa.select(objects.c.id).where(objects.c.id.in_(content["objects"])).order_by(objects.c.id)
        connection.execute(locked.with_for_update()).all()
        current = self._current(connection, content["objects"], row.image)
        same = [each for each, mask in current.items() if mask in content["masks"]]
        values = {"deleted": True, "revision": objects.c.revision + 1, "changed": time.time()}
        connection.execute(objects.update().where(objects.c.id.in_(same)).values(values))
        return same

    def _add(self, connection: sa.Connection, image: int, key: str, new: Copy, *, accepted: bool) -> tuple[int, int]:
        """Add an object with its first step, and return both ids."""
        now = time.time()
        values = {"key": key, "accepted": accepted, "created": now, "revision": 1, "at": 1}
        values |= {"label": new.of.label, "attributes": new.of.attributes or None}
        identity = self._insert(connection, objects, image=image, **values)
        values = {"key": f"first-{key}", "position": 0, "content": step_text(dict(new.content)), "created": now}
        answer = {} if new.answer is None else answer_columns(new.answer)
        return identity, self._insert(connection, steps, object=identity, **values, **answer)

    def _place(self, connection: sa.Connection, image: int, identity: int, below: int | None) -> None:
        """Move an object right above another one, or to the back. It stays if the other one is gone."""
        former = self._order(connection, image)
        order = [each for each in former if each != identity]
        if below is not None and below not in order:
            return
        order.insert(0 if below is None else order.index(below) + 1, identity)
        change = objects.update().where(objects.c.id == sa.bindparam("moved")).values(layer=sa.bindparam("place"))
        connection.execute(change, [{"moved": each, "place": place} for place, each in enumerate(order)])

    @staticmethod
    def _order(connection: sa.Connection, image: int) -> list[int]:
        query = sa.select(objects.c.id).where(objects.c.image == image, VISIBLE)
        return list(connection.scalars(query.order_by(*BACK_TO_FRONT)))

    @staticmethod
    def _current(connection: sa.Connection, identities: Collection[int], image: int | None = None) -> dict[int, int]:
        """Ids of the steps whose answers are the masks of objects, by the ids of the objects; see `current_masks`."""
        usable = objects.c.id.in_(identities)
        if image is not None:
            usable &= (objects.c.image == image) & sa.not_(objects.c.deleted)
        last = (
            sa.select(steps.c.object, sa.func.max(steps.c.position).label("position"))
            .join(objects, steps.c.object == objects.c.id)
            .where(usable, steps.c.position < objects.c.at, steps.c.area.is_not(None))
            .group_by(steps.c.object)
            .subquery()
        )
        query = (
            sa.select(steps.c.object, steps.c.id)
            .join(last, (steps.c.object == last.c.object) & (steps.c.position == last.c.position))
            .where(steps.c.area > 0)
        )
        return {row.object: row.id for row in connection.execute(query)}
