"""Imported objects in a store: added once, updated while nobody has touched them.

An import recognizes an object by its key, made from its name in the file, or by its content: label and mask, or label
and box. Keys of its steps hold the digest of what was imported, whatever people do with the object later.
"""

import hashlib
import json
import secrets
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import sqlalchemy as sa

from vpuformer.app.store.doubles import LabelledMask, doubles
from vpuformer.app.store.labels import LabelStore
from vpuformer.app.store.reviews import ReviewStore
from vpuformer.app.store.rows import StepAnswer, answer_columns, step_text
from vpuformer.app.store.tables import IMPORT_PREFIX, images, labels, objects, steps
from vpuformer.arrays import Size
from vpuformer.formats.attributes import Values

_DIGITS = 24
"""Hexadecimal digits of a digest."""

Outcome = Literal["new", "same", "changed", "edited", "deleted", "double"]
"""What an import does with an object: add it; leave it; update it; leave it because a person has changed or deleted
it, or because the image has another object with its label and nearly its mask."""


@dataclass(frozen=True, slots=True)
class ImportedObject:
    """An object to import: a mask, or a box that the network answers.

    Attributes:
        label: name of a label, which is created if it is missing.
        mask: encoded by `vpuformer.app.store.rle`, or the edges x0, y0, x1, y1 of a box.
        area: of the mask, in pixels.
        key: identifies the object in all imports of its file; None to recognize it by its content alone.
        attributes: those with a value.
    """

    label: str | None
    mask: bytes | tuple[float, float, float, float]
    area: int = 0
    key: str | None = None
    attributes: Values = field(default_factory=dict)

    @property
    def shape_digest(self) -> str:
        """Digest of label and mask, or of label and box."""
        return content_digest(self.label, self.mask)

    @property
    def digest(self) -> str:
        """Digest of label, mask or box, and attributes."""
        shape = self.shape_digest
        return short_digest(shape, json.dumps(sorted(self.attributes.items()))) if self.attributes else shape


class Imported(NamedTuple):
    """What became of an imported object.

    Attributes:
        id: of the object in the store; None if it is not stored.
        waits: the object waits for the network's answer to its box.
    """

    outcome: Outcome
    id: int | None
    waits: bool = False


class _Step(NamedTuple):
    key: str
    position: int | None
    answered: bool

    @property
    def imported(self) -> str | None:
        """Digest of the content that the step has imported; None for a step of a person."""
        prefix, _, rest = self.key.partition("-")
        return rest.split("-")[1] if prefix == IMPORT_PREFIX and rest.count("-") == 2 else None


class _Object(NamedTuple):
    id: int
    key: str
    deleted: bool
    revision: int
    at: int
    steps: list[_Step]

    @property
    def last(self) -> str | None:
        """Digest of the content that was imported last."""
        return next((step.imported for step in reversed(self.steps) if step.imported), None)

    @property
    def untouched(self) -> bool:
        """Whether only imports have changed it: each adds a step and 1 to the revision."""
        return self.revision == len(self.steps) and all(step.imported for step in self.steps)

    @property
    def waits(self) -> bool:
        """Whether its box has no answer yet."""
        return self.untouched and not any(step.answered for step in self.steps if step.position == 0)


def short_digest(*parts: str | bytes) -> str:
    """A digest of texts in a fixed order."""
    texts = [part.encode() if isinstance(part, str) else part for part in parts]
    lengths = ",".join(str(len(text)) for text in texts)
    return hashlib.sha256(b"".join([lengths.encode(), *texts])).hexdigest()[:_DIGITS]


def content_digest(label: str | None, mask: bytes | tuple[float, float, float, float]) -> str:
    """Digest of a label and a mask, or a label and a box."""
    named = "unlabelled" if label is None else f"label {label}"
    return short_digest(named, mask if isinstance(mask, bytes) else ",".join(f"{edge:.3f}" for edge in mask))


class ImportStore(LabelStore, ReviewStore):
    """A database into which objects are imported."""

    def import_objects(
        self,
        image: int | None,
        new: Sequence[ImportedObject],
        *,
        size: Size | None = None,
        tags: Iterable[str] = (),
        accept: bool = False,
        dry_run: bool = False,
    ) -> list[Imported]:
        """Import the objects of an image in one transaction: all of them or, at a failure, none.

        Args:
            image: its id; None for an image that the store does not know, with `dry_run` alone.
            size: height and width of the image, to store if the store does not know them.
            tags: of the image, to add to those that it has.
            accept: accept new objects with a mask, and with a label if one is required.
            dry_run: change nothing.

        Returns:
            What became of each object, in their order.
        """
        with self._reading() if dry_run else self._writing() as connection:
            known = [] if image is None else self._objects_of(connection, image)
            matches = _matches(new, known, lambda left: self._digests(connection, left))
            outcomes = [_outcome(each, match) for each, match in zip(new, matches, strict=True)]
            if image is not None:
                outcomes = self._without_doubles(
                    connection, new, outcomes, known, size or self._size(connection, image)
                )
            if dry_run or image is None:
                return outcomes
            required = accept and self._settings(connection).label_required
            imported = [
                self._write(
                    connection, image, each, match, outcome, accept=accept and not (required and not each.label)
                )
                for each, match, outcome in zip(new, matches, outcomes, strict=True)
            ]
            # For servers: all lock objects before their image, so that they do not wait for each other.
            if size is not None:
                unknown = (images.c.id == image) & images.c.height.is_(None)
                connection.execute(images.update().where(unknown).values(height=size[0], width=size[1]))
            if new_tags := dict.fromkeys(tags):
                known_tags = connection.scalar(sa.select(images.c.tags).where(images.c.id == image)) or []
                all_tags = list(dict.fromkeys([*known_tags, *new_tags]))
                if all_tags != known_tags:
                    values = {"tags": all_tags, "changed": time.time()}
                    connection.execute(images.update().where(images.c.id == image).values(**values))
            self._check_review(connection, image)
            return imported

    def _without_doubles(
        self,
        connection: sa.Connection,
        new: Sequence[ImportedObject],
        outcomes: Sequence[Imported],
        known: Sequence[_Object],
        size: Size | None,
    ) -> list[Imported]:
        """The outcomes, in which no new mask doubles an object that stays as it is."""
        updated = {each.id for each in outcomes if each.outcome == "changed"}
        present = [each for each in known if not each.deleted and each.id not in updated]
        masks = {
            index: LabelledMask(each.label, each.mask)
            for index, (each, outcome) in enumerate(zip(new, outcomes, strict=True))
            if outcome.outcome == "new" and isinstance(each.mask, bytes)
        }
        result = list(outcomes)
        if size is None or not masks or not present:
            return result
        current = self._labelled_masks(connection, present)
        identities = list(current)
        of_each = doubles(list(masks.values()), list(current.values()), size)
        for index, double in zip(masks, of_each, strict=True):
            if double is not None:
                result[index] = Imported("double", identities[double])
        return result

    @staticmethod
    def _size(connection: sa.Connection, image: int) -> Size | None:
        """Height and width of an image, if the store knows them."""
        row = connection.execute(sa.select(images.c.height, images.c.width).where(images.c.id == image)).one()
        return None if row.height is None else (row.height, row.width)

    def _write(
        self,
        connection: sa.Connection,
        image: int,
        new: ImportedObject,
        known: _Object | None,
        outcome: Imported,
        *,
        accept: bool,
    ) -> Imported:
        if outcome.outcome not in ("new", "changed"):
            return outcome
        label = None if new.label is None else self._label_named(connection, new.label).id
        key, now, count = f"{IMPORT_PREFIX}-{new.key}" if new.key else secrets.token_hex(16), time.time(), 0
        if known is None:
            accepted = accept and isinstance(new.mask, bytes)
            values = {"key": key, "label": label, "accepted": accepted, "created": now, "revision": 1, "at": 1}
            values |= {"attributes": dict(new.attributes) or None, "person": None}
            identity = self._insert(connection, objects, image=image, **values)
        else:
            identity, count = known.id, len(known.steps)
            connection.execute(steps.update().where(steps.c.object == identity).values(position=None))
            values = {
                "label": label,
                "revision": known.revision + 1,
                "at": 1,
                "attributes": dict(new.attributes) or None,
                "changed": now,
            }
            values |= {} if isinstance(new.mask, bytes) else {"accepted": False}
            connection.execute(objects.update().where(objects.c.id == identity).values(**values))
        content = {"type": "mask"} if isinstance(new.mask, bytes) else {"type": "box", "box": new.mask}
        answer = answer_columns(StepAnswer(new.mask, new.area)) if isinstance(new.mask, bytes) else {}
        step = f"{IMPORT_PREFIX}-{short_digest(str(identity))}-{new.digest}-{count}"
        values = {"key": step, "position": 0, "content": step_text(content), "created": now, "person": None}
        self._insert(connection, steps, object=identity, **values, **answer)
        return outcome._replace(id=identity)

    @staticmethod
    def _objects_of(connection: sa.Connection, image: int) -> list[_Object]:
        of_image = objects.c.image == image
        history: defaultdict[int, list[_Step]] = defaultdict(list)
        query = sa.select(steps.c.object, steps.c.key, steps.c.position, steps.c.mask.is_not(None))
        for identity, key, position, answered in connection.execute(
            query.join(objects).where(of_image).order_by(steps.c.id)
        ):
            history[identity].append(_Step(key, position, bool(answered)))
        query = sa.select(objects.c.id, objects.c.key, objects.c.deleted, objects.c.revision, objects.c.at)
        rows = connection.execute(query.where(of_image).order_by(objects.c.id))
        return [_Object(row.id, row.key, row.deleted, row.revision, row.at, history[row.id]) for row in rows]

    @classmethod
    def _digests(cls, connection: sa.Connection, known: Sequence[_Object]) -> dict[int, str]:
        """Digest of the present label and mask of objects."""
        return {identity: content_digest(*each) for identity, each in cls._labelled_masks(connection, known).items()}

    @staticmethod
    def _labelled_masks(connection: sa.Connection, known: Sequence[_Object]) -> dict[int, LabelledMask]:
        """The present label and mask of objects that have a mask."""
        names = {row.id: row.name for row in connection.execute(sa.select(labels.c.id, labels.c.name))}
        masks: dict[int, LabelledMask] = {}
        for each in known:
            query = (
                sa.select(objects.c.label, steps.c.mask)
                .join(steps)
                .where(objects.c.id == each.id, steps.c.position < each.at, steps.c.mask.is_not(None))
                .order_by(steps.c.position.desc())
                .limit(1)
            )
            row = connection.execute(query).first()
            if row is not None:
                masks[each.id] = LabelledMask(names.get(row.label), zlib.decompress(row.mask))
        return masks


def _matches(
    new: Sequence[ImportedObject], known: Sequence[_Object], present: Callable[[Sequence[_Object]], dict[int, str]]
) -> list[_Object | None]:
    """The object that each imported one is already, by its key, else by its content; None if it is new."""
    by_key = {each.key: each for each in known}
    matches = [by_key.get(f"{IMPORT_PREFIX}-{each.key}") if each.key else None for each in new]
    taken = {match.id for match in matches if match is not None}
    left = [each for each in known if each.id not in taken and not each.deleted]
    if not left or None not in matches:
        return matches
    digests, by_digest = present(left), defaultdict[str, list[_Object]](list)
    for each in reversed(left):  # the oldest is taken first
        for digest in {each.last, digests.get(each.id)} - {None}:
            by_digest[str(digest)].append(each)
    for digests_of in ([each.digest for each in new], [each.shape_digest for each in new]):
        for index, digest in enumerate(digests_of):
            while by_digest[digest] and matches[index] is None:
                match = by_digest[digest].pop()
                if match.id not in taken:
                    matches[index] = match
                    taken.add(match.id)
    return matches


def _outcome(new: ImportedObject, match: _Object | None) -> Imported:
    is_box = not isinstance(new.mask, bytes)
    if match is None:
        return Imported("new", None, is_box)
    if match.deleted:
        return Imported("deleted", match.id)
    if match.last == new.digest or match.key != f"{IMPORT_PREFIX}-{new.key}":
        return Imported("same", match.id, match.waits)
    return Imported("changed", match.id, is_box) if match.untouched else Imported("edited", match.id)
