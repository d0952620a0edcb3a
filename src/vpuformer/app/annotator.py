"""Between what people do and what is kept: every step is stored, answered, and the answer stored."""

import logging
import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from vpuformer.app import history
from vpuformer.app.brush import painted
from vpuformer.app.cache import Cache
from vpuformer.app.folder import Folder
from vpuformer.app.logits import pack_logits, unpack_logits
from vpuformer.app.pictures import Picture, PictureCache
from vpuformer.app.protocol import PROMPTS, MaskStep, NewStep, ObjectState, PictureOpened, RemoveStep, Step, StepKept
from vpuformer.app.pyramid import TILE
from vpuformer.app.rows import ObjectRow, StepAnswer, StepRow, standing
from vpuformer.app.runs import check_size, from_message, pack, to_message, unpack
from vpuformer.app.segmenter import FloatMap, Looked, Segmenter
from vpuformer.app.store import Store
from vpuformer.app.worker import Maps, Worker
from vpuformer.errors import BusyError, ImageError, InputError
from vpuformer.geometry import Crop, Size
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.prompts import fit_to_picture, prompt_from_dict

PICTURE_BUDGET = 800_000_000
"""Bytes of pictures that are kept open, with their pyramids; the newest stays even if it needs more."""

LOOKED_BUDGET = 400_000_000
"""Bytes of pictures whose features are kept, likewise: the same pixels once more, and the features."""

_LOCKS = 64
"""Objects share this many locks by their number: few enough to keep, many enough that people rarely meet."""

Key = tuple[str, str]
"""Name and version of a picture's file."""

_log = logging.getLogger(__name__)


class Annotator:
    """Pictures, people's steps on them, and the network's answers. May be used by many threads.

    Args:
        folder: the pictures.
        store: where all is kept.
        segmenter: who answers; used by one thread alone.
    """

    def __init__(self, folder: Folder, store: Store, segmenter: Segmenter) -> None:
        self.folder, self.store, self.segmenter = folder, store, segmenter
        store.sync(folder.names)
        known = {row.name: row for row in store.pictures()}
        self._order = [known[name].id for name in folder.names]
        # Asked for with every step, and of the database only once: a name never changes, a size hardly ever.
        self._names = {row.id: row.name for row in known.values()}
        self._sizes = {row.id: row.size for row in known.values() if row.size is not None}
        self.pictures = PictureCache(folder, PICTURE_BUDGET)
        self._looked: Cache[Key, Looked] = Cache(self._look, lambda looked: looked.nbytes, LOOKED_BUDGET)
        self._network = Worker()
        self._locks = [threading.Lock() for _ in range(_LOCKS)]
        self._maps = Maps()
        self._network.later(segmenter.load)

    def close(self) -> None:
        """Wait for what the network is at, and close the store."""
        self._network.close()
        self.pictures.close()
        self._looked.close()
        self.store.close()

    @property
    def waiting(self) -> int:
        """Questions that wait for the network, or are being answered."""
        return self._network.waiting

    def picture(self, identity: int) -> Picture:
        """The picture of this id, opened.

        Raises:
            NotFoundError: there is none.
            ImageError: its file is gone or broken.
        """
        return self.pictures.get(self._name(identity))

    def open(self, identity: int) -> PictureOpened:
        """All that a page needs of a picture; its features are computed meanwhile, and those of the next one.

        Raises:
            NotFoundError: there is no such picture.
            ImageError: its file is gone or broken.
        """
        row = self.store.picture(identity)
        picture = self.pictures.get(row.name)
        self._note_size(identity, picture)
        self._network.later(lambda: self._looked.get((row.name, picture.version)))
        self._prepare_next(identity)
        return PictureOpened(
            id=identity,
            name=row.name,
            width=picture.width,
            height=picture.height,
            tile=TILE,
            levels=len(picture.levels),
            version=picture.version,
            range=picture.range,
            notes=list(picture.notes),
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
            return self._state(identity)

    def step(self, identity: int, new: NewStep) -> ObjectState:
        """Store a step, answer it, store the answer. A step with a known key is answered as it was.

        Raises:
            NotFoundError: there is no such object.
            ConflictError: the object has another revision.
            InputError: the step does not fit the picture or the history; nothing is stored.
            BusyError: too many questions are waiting; the step is stored, and answered when it is sent again.
            Exception: whatever else the network fails with, as for want of memory; the step is stored likewise.
        """
        with self._lock(identity):
            row = self.store.object(identity)
            if not self.store.has_step(identity, new.key):  # one that was sent before need not fit any more
                content, answer = self._checked(row, new.step)
                self.store.add_step(identity, new.revision, new.key, content, answer)
            try:
                self._catch_up(identity)
            except InputError:
                self.store.take_back(identity, new.key)  # the person is told, and would else be told again and again
                raise
            return self._shown(identity)

    def undo(self, identity: int, revision: int) -> ObjectState:
        """One step back.

        Raises:
            NotFoundError: there is no such object.
            ConflictError: the object has another revision, or no step in force.
        """
        with self._lock(identity):
            self.store.turn(identity, revision, -1)
            return self._state(identity)

    def redo(self, identity: int, revision: int) -> ObjectState:
        """One step forth; errors as in `undo`."""
        with self._lock(identity):
            self.store.turn(identity, revision, 1)
            return self._state(identity)

    def change(self, identity: int, **values: int | bool | None) -> ObjectState:
        """Set `label`, `accepted` or `deleted`.

        Raises:
            NotFoundError: there is no such object or label.
        """
        with self._lock(identity):
            self.store.change_object(identity, **values)
            return self._state(identity)

    def begin(self, picture: int, mask: history.Mask, key: str, label: int | None = None) -> ObjectState:
        """A new object that starts from a mask.

        Raises:
            NotFoundError: there is no such picture or label.
            MaskError: the mask is not of the picture's size.
        """
        check_size((mask.shape[0], mask.shape[1]), self._size(picture))  # before there is an object
        made = self.store.add_object(picture, key, label)
        self.store.add_step(made.id, 0, key, {"type": "mask"}, _answer(mask))
        return self.state(made.id)

    def probability(self, identity: int) -> FloatMap | None:
        """The probability of every pixel, shape (H, W); None for an object without an answer.

        Raises:
            NotFoundError: there is no such object.
        """
        with self._lock(identity):
            row, steps = self.store.history(identity)
            place = standing(row, steps)
            return None if place is None else self._network.ask(lambda: self._probability(row, steps[: place + 1]))

    def _prepare_next(self, identity: int) -> None:
        """Decode the next picture in a thread of its own, and look at it once that is done, if nobody is waiting."""
        place = self._order.index(identity) + 1
        if place < len(self._order):
            following = self._order[place]
            name = self._names[following]
            self.pictures.prefetch(name)
            self._network.later(lambda: self.pictures.holds(name) and self._looked.get(self._key(following)))

    def _lock(self, identity: int) -> threading.Lock:
        return self._locks[identity % _LOCKS]

    def _key(self, picture: int) -> Key:
        name = self._name(picture)
        return name, self.folder.version(name)

    def _name(self, picture: int) -> str:
        if picture not in self._names:
            self._names[picture] = self.store.picture(picture).name
        return self._names[picture]

    def _look(self, key: Key) -> Looked:
        return self.segmenter.look(self.pictures.get(key[0]).rgb)

    def _size(self, picture: int) -> Size:
        if picture not in self._sizes:
            self._note_size(picture, self.picture(picture))
        return self._sizes[picture]

    def _note_size(self, identity: int, picture: Picture) -> None:
        """Store a picture's size, and see that it is still the one on which objects were drawn.

        It is stored since an export of the objects wants to know it, and opens no picture.

        Raises:
            ImageError: it is not.
        """
        size, former = (picture.height, picture.width), self._sizes.get(identity)
        if size == former:
            return
        if former is not None and self.store.objects_of(identity):
            raise ImageError(
                f"{self._name(identity)} is {size[1]}x{size[0]} pixels now, and its objects were drawn on"
                f" {former[1]}x{former[0]}; put the former file back, or this one beside it with another name"
            )
        self.store.change_picture(identity, size=size)
        self._sizes[identity] = size

    def _state(self, identity: int) -> ObjectState:
        try:
            self._catch_up(identity)
        except BusyError:
            raise
        except Exception as error:
            # What a person did is not lost because the network cannot answer it now, nor is the picture kept shut.
            _log.warning("steps of object %d wait for an answer: %s", identity, error, exc_info=error)
        return self._shown(identity)

    def _catch_up(self, identity: int) -> None:
        """Answer the last step in force, and those without an answer that it is made from.

        Others are left alone: a prompt on which the network fails can be taken away, or all be begun again.
        """
        row, steps = self.store.history(identity)
        contents = [step.content for step in steps]
        waiting: list[int] = []
        place = row.at - 1 if row.at else None
        while place is not None and not steps[place].answered:
            waiting.append(place)
            place = history.foundation(contents[: place + 1])
        for place in reversed(waiting):
            so_far = steps[: place + 1]
            answer = self._network.ask(partial(self._answered, row, so_far))
            self.store.answer(so_far[-1].id, answer)

    def _shown(self, identity: int) -> ObjectState:
        row, steps = self.store.history(identity)
        place = standing(row, steps)
        answer = None if place is None else self.store.answer_of(steps[place].id)
        counted = set(history.live([step.content for step in steps[: row.at]]))
        mask = to_message(answer.mask, self._size(row.picture)) if answer is not None and answer.area else None
        return ObjectState(
            id=row.id,
            picture=row.picture,
            label=row.label,
            accepted=row.accepted,
            deleted=row.deleted,
            revision=row.revision,
            at=row.at,
            steps=[StepKept(**step.content, live=place in counted) for place, step in enumerate(steps)],
            mask=mask,
            area=answer.area if answer is not None else 0,
            seconds=answer.seconds if answer is not None else None,
        )

    def _checked(self, row: ObjectRow, step: Step) -> tuple[dict[str, Any], StepAnswer | None]:
        """A step as it is stored, with its answer where that is no question; fails if it does not fit."""
        size = self._size(row.picture)
        if isinstance(step, MaskStep):
            mask = from_message(step.mask, size)
            return {"type": "mask"}, _answer(mask)
        content = step.model_dump(mode="json")
        if step.type in PROMPTS:
            fit_to_picture([prompt_from_dict(content)], size)
        elif isinstance(step, RemoveStep):
            steps = self.store.steps_of(row.id)
            history.check_removable([kept.content for kept in steps[: row.at]], step.step)
        elif step.type == "lasso":
            history.enclosed(step.path, size)
        return content, None

    def _answered(self, row: ObjectRow, steps: Sequence[StepRow]) -> StepAnswer:
        """What the last step comes to; the one that it is made from has its answer."""
        contents, content = [step.content for step in steps], steps[-1].content
        size = self._size(row.picture)
        place = history.foundation(contents)
        before = None if place is None else self.store.answer_of(steps[place].id)
        match content["type"]:
            case "clear":
                return _answer(np.zeros(size, bool))
            case "brush":
                return _painted(before, [content], size)
            case "lasso":
                return self._predicted(row, steps, history.enclosed(content["path"], size).astype(np.float32), None)
            case "remove":
                strokes = history.strokes(contents)  # what was put right to the pixel outlives the prompt that goes
                if not history.live(contents):
                    return _painted(before, strokes, size)
                mask = None if before is None else unpack(before.mask, size).astype(np.float32)
                return self._predicted(row, steps, mask, None, strokes)
            case _:
                mask = self._probability(row, steps[:-1]) if before is not None and before.area else None
                crop = None if mask is None or before is None or before.crop is None else Crop(*before.crop)
                return self._predicted(row, steps, mask, crop)

    def _predicted(
        self,
        row: ObjectRow,
        steps: Sequence[StepRow],
        mask: FloatMap | None,
        crop: Crop | None,
        strokes: Sequence[history.Content] = (),
    ) -> StepAnswer:
        self._note_size(row.picture, self.picture(row.picture))
        looked = self._looked.get(self._key(row.picture))
        begun = time.perf_counter()
        prediction = looked.predict(history.prompts([step.content for step in steps]), mask, crop)
        seconds = time.perf_counter() - begun
        if not strokes:  # of which the map knows nothing
            self._maps.put(steps[-1].id, prediction.probability)
        at = prediction.crop
        logits = None if prediction.logits is None else pack_logits(prediction.logits)
        mask_now = painted(prediction.mask, strokes)
        return _answer(mask_now, (at.left, at.top, at.width, at.height), logits, seconds, self.segmenter.sha256)

    def _probability(self, row: ObjectRow, steps: Sequence[StepRow]) -> FloatMap | None:
        """The probability map after the last of these steps."""
        kept = self._maps.get(steps[-1].id)
        if kept is not None:
            return kept
        answer, size = self.store.answer_of(steps[-1].id), self._size(row.picture)
        if answer is None:
            return None
        mask = unpack(answer.mask, size)
        if answer.logits is None or answer.crop is None:
            return mask.astype(np.float32)
        looked = self._looked.get(self._key(row.picture))
        probability = looked.restore(unpack_logits(answer.logits), Crop(*answer.crop)).probability
        # The mask is kept to the pixel and goes before: logits are rounded, and a brush knows nothing of them.
        return np.where((probability > MASK_THRESHOLD) == mask, probability, mask.astype(np.float32))


def _painted(answer: StepAnswer | None, strokes: Sequence[history.Content], size: Size) -> StepAnswer:
    """An answer, None being an empty one, with strokes of the brush drawn on it."""
    if answer is not None and not strokes:
        return answer
    mask = painted(np.zeros(size, bool) if answer is None else unpack(answer.mask, size), strokes)
    # The network's answer is handed on, for the next prompt to set out from where the mask is still its.
    return _answer(mask) if answer is None else _answer(mask, answer.crop, answer.logits)


def _answer(
    mask: history.Mask,
    crop: tuple[int, int, int, int] | None = None,
    logits: bytes | None = None,
    seconds: float | None = None,
    model: str | None = None,
) -> StepAnswer:
    return StepAnswer(pack(mask), int(np.count_nonzero(mask)), crop, logits, seconds, model)
