"""Between what people do and what is kept: every step is stored, answered, and the answer stored."""

import logging
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

from vpuformer.app.annotation import history
from vpuformer.app.annotation.answering import Answering, as_answer
from vpuformer.app.annotation.record import Record
from vpuformer.app.images.folder import Folder
from vpuformer.app.images.gallery import Gallery
from vpuformer.app.images.open_images import OpenImage
from vpuformer.app.images.pyramid import TILE
from vpuformer.app.protocol import (
    PROMPTS,
    ImageOpened,
    Known,
    MaskStep,
    NewStep,
    ObjectState,
    RemoveStep,
    Step,
)
from vpuformer.app.store.rle import from_message
from vpuformer.app.store.rows import NewMask, StepAnswer
from vpuformer.app.store.store import Store
from vpuformer.arrays import FloatMap
from vpuformer.errors import BusyError, ImageError, InputError
from vpuformer.inference.protocol import Segmenter
from vpuformer.prompts import fit_to_image, prompt_from_dict

_LOCKS = 64
"""Objects share this many locks by their number: few enough to keep, many enough that people rarely meet."""

_log = logging.getLogger(__name__)


class Annotator:
    """Images, people's steps on them, and the network's answers. May be used by many threads.

    Args:
        folder: the images.
        store: where all is kept.
        segmenter: who answers; used by one thread alone.
    """

    def __init__(self, folder: Folder, store: Store, segmenter: Segmenter) -> None:
        self.folder, self.store, self.segmenter = folder, store, segmenter
        self.gallery = Gallery(folder, store)
        self.answering = Answering(self.gallery, segmenter)
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    def close(self) -> None:
        """Wait for what the network is at, and close the store."""
        self.answering.close()
        self.gallery.close()
        self.store.close()

    def image(self, identity: int) -> OpenImage:
        """The image of this id, opened.

        Raises:
            NotFoundError: there is none.
            ImageError: its file is gone or broken.
        """
        return self.gallery.opened.get(self.gallery.name(identity))

    def open(self, identity: int) -> ImageOpened:
        """All that a page needs of an image; its features are computed meanwhile, and those of the next one.

        Raises:
            NotFoundError: there is no such image.
            ImageError: its file is gone or broken, or has become one of another size than its objects.
        """
        row = self.store.image(identity)
        image = self.gallery.image(identity)
        self.answering.prepare(identity)
        following = self.gallery.following(identity)
        if following is not None:
            self.gallery.opened.prefetch(self.gallery.name(following))
            self.answering.prepare(following)
        return ImageOpened(
            id=identity,
            name=row.name,
            width=image.width,
            height=image.height,
            tile=TILE,
            levels=len(image.levels),
            version=image.version,
            range=image.range,
            notes=list(image.notes),
            done=row.done,
            objects=[self.state(found.id) for found in self.store.objects_of(identity)],
        )

    def state(self, identity: int) -> ObjectState:
        """How an object stands. A step that was never answered, for the program was stopped, is answered now.

        One on which the network fails stays: the object is as it was before, until the step is answered or undone.

        Raises:
            NotFoundError: there is no such object.
            BusyError: too many questions are waiting.
        """
        with self._lock(identity):
            return self._caught_up(self._record(identity))

    def step(self, identity: int, new: NewStep) -> ObjectState:
        """Store a step, answer it, store the answer. A step with a known key is answered as it was.

        Raises:
            NotFoundError: there is no such object.
            ConflictError: the object has another revision.
            InputError: the step does not fit the image or the history; nothing is stored.
            BusyError: too many questions are waiting; the step is stored, and answered when it is sent again.
            Exception: whatever else the network fails with, as for want of memory; the step is stored likewise.
        """
        with self._lock(identity):
            row, steps, sent = self.store.history_before(identity, new.key)
            record, since = Record(self.store, row, steps), 0
            if not sent:  # one that was sent before need not fit any more
                content, answer = self._checked(record, new.step)
                added = self.store.add_step(identity, new.revision, new.key, content, answer)
                if added is not None and row.revision == new.revision:
                    record, since = record.with_step(added, content, answer), row.at
                else:  # the object was changed by another program that uses the same store
                    record = self._record(identity)
            try:
                self._catch_up(record)
            except InputError:
                self.store.take_back(identity, new.key)  # the person is told, and would else be told again and again
                raise
            return self._shown(record, since=since)

    def undo(self, identity: int, revision: int) -> ObjectState:
        """One step back.

        Raises:
            NotFoundError: there is no such object.
            ConflictError: the object has another revision, or no step in force.
        """
        return self._turn(identity, revision, back=True)

    def redo(self, identity: int, revision: int) -> ObjectState:
        """One step forth; errors as in `undo`."""
        return self._turn(identity, revision, back=False)

    def change(self, identity: int, known: Known | None = None, **values: int | bool | None) -> ObjectState:
        """Set `label`, `accepted` or `deleted`; what is `known` is left out of the answer, if it still holds.

        Raises:
            NotFoundError: there is no such object or label.
        """
        with self._lock(identity):
            row = self.store.change_object(identity, **values)
            record = self._record(identity)
            if known is not None and known.revision + 1 == row.revision == record.row.revision:
                return self._caught_up(record, since=len(record.steps), mask_of=known.answered)
            return self._caught_up(record)

    def begin(self, image: int, key: str, label: int | None = None, size: tuple[int, int] | None = None) -> ObjectState:
        """A new object without steps; the one that has this key already, if there is one.

        Args:
            image: its id.
            key: of the request.
            label: its id, if there is one.
            size: width and height of the image that the person sees, None if they are not known.

        Raises:
            NotFoundError: there is no such image or label.
            ImageError: the image's file is gone or broken, or has another size than its objects or `size`; there is
                no object.
            ConflictError: the key is of an object on another image.
        """
        opened = self.gallery.image(image)
        if size is not None and size != (opened.width, opened.height):
            raise ImageError(
                f"the file of {self.gallery.name(image)} was exchanged: it is {opened.width}x{opened.height} pixels"
                f" now and was {size[0]}x{size[1]}; open it again"
            )
        return self.state(self.store.add_object(image, key, label).id)

    def take_in(self, image: int, found: Sequence[NewMask]) -> list[ObjectState]:
        """New objects that start from masks: all of them or, if something fails, none.

        Raises:
            NotFoundError: there is no such image or label.
            StoreError: the store cannot be written.
        """
        return [self.state(identity) for identity in self.store.add_masks(image, found)]

    def probability(self, identity: int) -> FloatMap | None:
        """The probability of every pixel, shape (H, W); None for an object without an answer.

        Raises:
            NotFoundError: there is no such object.
        """
        with self._lock(identity):
            record = self._record(identity)
            place = record.place
            return None if place is None else self.answering.probability(record, place)

    def _turn(self, identity: int, revision: int, *, back: bool) -> ObjectState:
        with self._lock(identity):
            row = self.store.turn(identity, revision, -1 if back else 1)
            record = self._record(identity)
            return self._caught_up(record, since=len(record.steps) if record.row.revision == row.revision else 0)

    def _lock(self, identity: int) -> threading.Lock:
        return self._locks[identity % _LOCKS]

    def _record(self, identity: int) -> Record:
        return Record(self.store, *self.store.history(identity))

    def _shown(self, record: Record, *, since: int = 0, mask_of: int | None = None) -> ObjectState:
        return record.state(partial(self.gallery.size, record.row.image), since=since, mask_of=mask_of)

    def _caught_up(self, record: Record, *, since: int = 0, mask_of: int | None = None) -> ObjectState:
        """The state with all answers that can be had."""
        try:
            self._catch_up(record)
        except BusyError:
            raise
        except Exception as error:
            # What a person did is not lost because the network cannot answer it now, nor is the image kept shut.
            _log.warning("steps of object %d wait for an answer: %s", record.row.id, error, exc_info=error)
        return self._shown(record, since=since, mask_of=mask_of)

    def _catch_up(self, record: Record) -> None:
        """Answer the last step in force, and those without an answer that it is made from.

        Others are left alone: a prompt on which the network fails can be taken away, or all be begun again.
        """
        waiting: list[int] = []
        place = record.row.at - 1 if record.row.at else None
        while place is not None and not record.steps[place].answered:
            waiting.append(place)
            place = history.foundation(record.contents(place))
        for place in reversed(waiting):
            record.keep(place, self.answering.answer(record, place))

    def _checked(self, record: Record, step: Step) -> tuple[dict[str, Any], StepAnswer | None]:
        """A step as it is stored, with its answer where that is no question; fails if it does not fit."""
        size = self.gallery.size(record.row.image)
        if isinstance(step, MaskStep):
            return {"type": "mask"}, as_answer(from_message(step.mask, size))
        content = step.model_dump(mode="json")
        if step.type in (*PROMPTS, "lasso"):
            self.gallery.image(record.row.image)  # the network needs it, and may be asked only once it is stored
        if step.type in PROMPTS:
            fit_to_image([prompt_from_dict(content)], size)
        elif isinstance(step, RemoveStep):
            history.check_removable([kept.content for kept in record.steps[: record.row.at]], step.step)
        elif step.type == "lasso":
            history.enclosed(step.path, size)
        return content, None
