"""The service behind the page: stores every step, answers it, and stores the answer."""

import logging
import threading
from functools import partial
from typing import Any, Literal

from vpuformer.app.annotation import history
from vpuformer.app.annotation.answering import Answering, as_answer
from vpuformer.app.annotation.change_feed import ChangeFeed
from vpuformer.app.annotation.loaded_object import LoadedObject
from vpuformer.app.annotation.no_network import NoNetwork
from vpuformer.app.annotation.polygons import polygon_mask, polygon_of
from vpuformer.app.annotation.presence import Presence
from vpuformer.app.annotation.shaping import SHAPING, shaped
from vpuformer.app.annotation.waiting_boxes import BoxBacklog
from vpuformer.app.images.folder import Folder
from vpuformer.app.images.gallery import Gallery
from vpuformer.app.images.open_images import OpenImage
from vpuformer.app.images.pyramid import TILE
from vpuformer.app.schemas import (
    ClientState,
    ImageOpened,
    NewPreview,
    NewStep,
    ObjectState,
    Polygon,
    Preview,
)
from vpuformer.app.step_schemas import PROMPTS, ClickStep, MaskStep, PolygonStep, Step
from vpuformer.app.store import rle
from vpuformer.app.store.rows import ObjectRow, StepAnswer
from vpuformer.app.store.store import Store
from vpuformer.arrays import FloatMap
from vpuformer.errors import BusyError, ConflictError, ImageError, InputError
from vpuformer.inference.protocol import Segmenter
from vpuformer.prompts import fit_to_image, prompt_from_dict

_LOCKS = 64
"""Number of locks that objects share by their id. With 64, people rarely wait for each other."""

_log = logging.getLogger(__name__)


class Annotator:
    """Images, the steps of people, and the network's answers. Safe to use from many threads.

    The segmenter is used by one thread only. A method that needs an image, label or object by its id raises
    `NotFoundError` if there is none. Without a segmenter, `open` and `state` answer no steps, and prompts are refused.
    """

    def __init__(self, folder: Folder, store: Store, segmenter: Segmenter | None) -> None:
        self.folder, self.store, self.read_only = folder, store, segmenter is None
        self.segmenter = NoNetwork() if segmenter is None else segmenter
        self.gallery = Gallery(folder, store)
        self.answering = Answering(self.gallery, self.segmenter, store.masks_of)
        self.boxes = BoxBacklog(folder, store, self.answering)
        self.presence = Presence()
        self.changes = ChangeFeed()
        if not self.read_only:
            store.name_project()
        self.project = store.project
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    def use(self, segmenter: Segmenter) -> None:
        """Answer with another segmenter, which should be loaded. Masks stay as they are.

        Raises:
            BusyError: too many requests are waiting.
        """
        self.answering.use(segmenter)
        self.segmenter = segmenter

    def close(self) -> None:
        """Wait for the running network call, and close the store."""
        self.boxes.stop()
        self.answering.close()
        self.boxes.join()
        self.gallery.opened.close()
        self.store.close()

    def image(self, identity: int) -> OpenImage:
        """Return an open image.

        Raises:
            ImageError: its file is gone or broken.
        """
        return self.gallery.opened.get(self.gallery.name(identity))

    def open(self, identity: int, following: int | None = None) -> ImageOpened:
        """Return an image with its objects, and prepare this and the next image.

        `following` is the image that the person probably opens next, by default the next one of the folder. Boxes
        that wait for the network are answered in the background: there may be hundreds.

        Raises:
            ImageError: its file is gone or broken, or has another size than its objects.
        """
        row = self.store.image(identity)
        image = self.gallery.image(identity)
        following = following or self.gallery.following(identity)
        if following is not None:
            self.gallery.opened.prefetch(self.gallery.name(following))
        if not self.read_only:
            self.answering.prepare(identity)
            if following is not None:
                self.answering.prepare(following)
        states = [
            self.state(each.row.id, boxes_wait=True)
            if each.unanswered and not (self.read_only or each.waits)
            else each.state(partial(self.gallery.size, identity))
            for each in LoadedObject.all_of(self.store, identity)
        ]
        if not self.read_only and any(state.answered < state.at for state in states):
            self.boxes.look()
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
            review=self.store.review(identity),
            objects=states,
        )

    def state(self, identity: int, *, boxes_wait: bool = False) -> ObjectState:
        """Return the state of an object, after answering its unanswered steps.

        With `boxes_wait`, a box without an answer, such as an imported one, is left to the background.

        If the network fails on a step, the step stays, and the object keeps its former mask until the step is answered
        or undone.

        Raises:
            BusyError: too many requests are waiting.
        """
        with self._lock(identity):
            loaded = self._load(identity)
            stays = self.read_only or (boxes_wait and loaded.waits)
            return self._state(loaded) if stays else self._answered_state(loaded)

    def step(self, identity: int, new: NewStep) -> ObjectState:
        """Store a step, answer it, and store the answer.

        A step that was sent before, as its key shows, is not added again.

        Raises:
            ConflictError: the object has another revision.
            InputError: the step does not fit the image or the history; nothing is stored.
            BusyError: too many requests are waiting; the step is stored, and answered when it is sent again.
            Exception: another failure of the network, such as lack of memory; the step is stored as well.
        """
        with self._lock(identity):
            row, steps, sent = self.store.history_before(identity, new.key)
            loaded, since = LoadedObject(self.store, row, steps), 0
            if not sent:  # a repeated step may no longer fit
                if isinstance(new.step, SHAPING):
                    loaded, since = self._shape(loaded, new)
                else:
                    loaded, since = self._add(loaded, new)
            try:
                self._answer_steps(loaded)
            except InputError:
                self.store.withdraw(identity, new.key)  # else every later request would fail with this error
                raise
            state = self._state(loaded, since=since)
        return self._with_others(state, loaded, loaded.row.at - 1)

    def preview(self, image: int, new: NewPreview) -> Preview:
        """Return the mask that a click would give, without storing anything.

        Raises:
            InputError: the click does not fit the image.
            ConflictError: the object is on another image.
        """
        loaded = LoadedObject(self.store, ObjectRow(0, image, None, False, False, 0, 0), [])
        if new.object is not None:
            loaded = self._load(new.object)
        if loaded.row.image != image:
            raise ConflictError("the object is on another image; open the image again")
        content, _ = self._checked(loaded, ClickStep(type="click", point=new.point, only_here=new.only_here))
        if loaded.unanswered:
            return Preview(mask=None)
        if new.keep_off:
            content["keep_off"] = self.store.current_answers(image, set(new.keep_off) - {loaded.row.id})
        try:
            answer = self.answering.answer(loaded.with_step(0, content, None), loaded.row.at, if_idle=True)
        except BusyError:
            return Preview(mask=None)
        return Preview(mask=rle.to_message(answer.mask, self.gallery.size(image)) if answer.area else None)

    def _add(self, loaded: LoadedObject, new: NewStep) -> tuple[LoadedObject, int]:
        """Store a step. Return the object with it, and the number of steps that the page has."""
        row = loaded.row
        content, answer = self._checked(loaded, new.step)
        if new.keep_off:
            others = self.store.current_answers(row.image, set(new.keep_off) - {row.id})
            content |= {"keep_off": others} if others else {}
            answer = answer and self.answering.without(answer, others, row.image)
        added = self.store.add_step(row.id, new.revision, new.key, content, answer)
        if added is not None and row.revision == new.revision:
            return loaded.with_step(added, content, answer), row.at
        return self._load(row.id), 0  # another program changed the object in the same store

    def _shape(self, loaded: LoadedObject, new: NewStep) -> tuple[LoadedObject, int]:
        """Store a step that needs no network, with its answer, once all steps before have theirs; else as `_add`."""
        row = loaded.row
        self._answer_steps(loaded)
        index = loaded.answered_index
        former = None if index is None else loaded.answer(index)
        content, answer, parts = shaped(self.store, new.step, row.id, row.image, self.gallery.size(row.image), former)
        self.store.add_step(row.id, new.revision, new.key, content, answer, parts)
        loaded = self._load(row.id)
        return loaded, row.at if loaded.row.revision == row.revision + 1 == new.revision + 1 else 0

    def undo_redo(self, identity: int, revision: int, direction: Literal[-1, 1]) -> ObjectState:
        """Undo (-1) or redo (1) one step; errors as in `Store.undo_redo`."""
        with self._lock(identity):
            row = self.store.undo_redo(identity, revision, direction)
            loaded = self._load(identity)
            since = len(loaded.steps) if loaded.row.revision == row.revision else 0
            state = self._answered_state(loaded, since=since)
        return self._with_others(state, loaded, row.at - (direction > 0))

    def _with_others(self, state: ObjectState, loaded: LoadedObject, index: int) -> ObjectState:
        """The state with what the step at this index, its undo or redo has done beyond the object."""
        content = loaded.steps[index].content if 0 <= index < len(loaded.steps) else None
        if content is None or content["type"] not in ("merge", "split", "arrange"):
            return state
        others = [self._state(self._load(each)) for each in content.get("objects", ())]
        return state.model_copy(update={"others": others, "order": self.store.order(loaded.row.image)})

    def change(self, identity: int, known: ClientState | None = None, **values: Any) -> ObjectState:
        """Set `label`, `accepted`, `deleted` or `attributes`; errors as in `Store.change_object`.

        The answer omits the `known` state if it is still current.
        """
        with self._lock(identity):
            row = self.store.change_object(identity, **values)
            loaded = self._load(identity)
            if known is not None and known.revision + 1 == row.revision == loaded.row.revision:
                return self._answered_state(loaded, since=len(loaded.steps), mask_of=known.answered)
            return self._answered_state(loaded)

    def begin(
        self,
        image: int,
        key: str,
        label: int | None = None,
        size: tuple[int, int] | None = None,
        version: str | None = None,
    ) -> ObjectState:
        """Create an object without steps, or return the object that already has this key.

        `size` is the width and height of the image that the person sees, and `version` its version, if known.

        Raises:
            ImageError: the image file is gone, broken or not the one that the person sees, or its size differs from
                its objects'.
            ConflictError: the key belongs to an object on another image.
        """
        opened = self.gallery.image(image)
        if size is not None and size != (opened.width, opened.height):
            raise ImageError(
                f"the file of {self.gallery.name(image)} was replaced: it is {opened.width}x{opened.height} pixels"
                f" now and was {size[0]}x{size[1]}; open it again"
            )
        if version is not None and version != opened.version:
            raise ImageError(f"the file of {self.gallery.name(image)} was replaced; open it again")
        return self.state(self.store.add_object(image, key, label).id)

    def probability(self, identity: int) -> FloatMap | None:
        """Return the probability map, shape (H, W), or None if the object has no answer."""
        with self._lock(identity):
            loaded = self._load(identity)
            index = loaded.answered_index
            return None if index is None else self.answering.probability(loaded, index)

    def polygon(self, identity: int, tolerance: float | None = None) -> Polygon:
        """Return the mask of an object as outlines; see `polygon_of`."""
        with self._lock(identity):
            loaded = self._load(identity)
            return polygon_of(loaded, self.gallery.size(loaded.row.image), tolerance)

    def _lock(self, identity: int) -> threading.Lock:
        return self._locks[identity % _LOCKS]

    def _load(self, identity: int) -> LoadedObject:
        return LoadedObject(self.store, *self.store.history(identity))

    def _state(self, loaded: LoadedObject, *, since: int = 0, mask_of: int | None = None) -> ObjectState:
        image = loaded.row.image
        state = loaded.state(partial(self.gallery.size, image), since=since, mask_of=mask_of)
        return state.model_copy(update={"review": self.store.review(image)})

    def _answered_state(self, loaded: LoadedObject, *, since: int = 0, mask_of: int | None = None) -> ObjectState:
        """The state after answering the steps that can be answered."""
        try:
            self._answer_steps(loaded)
        except BusyError:
            raise
        except Exception as error:  # a failure of the network must neither lose a step nor keep the image from opening
            _log.warning("steps of object %d wait for an answer: %s", loaded.row.id, error, exc_info=error)
        return self._state(loaded, since=since, mask_of=mask_of)

    def _answer_steps(self, loaded: LoadedObject) -> None:
        """Answer the last step in force and the unanswered steps that it builds on.

        Other steps are skipped, so that a person can remove a prompt on which the network fails, or start again.
        """
        waiting: list[int] = []
        index = loaded.row.at - 1 if loaded.row.at else None
        while index is not None and not loaded.steps[index].answered:
            waiting.append(index)
            index = history.base_step(loaded.contents(index))
        for index in reversed(waiting):
            loaded.store_answer(index, self.answering.answer(loaded, index))

    def _checked(self, loaded: LoadedObject, step: Step) -> tuple[dict[str, Any], StepAnswer | None]:
        """Check a step. Return its stored form, and its answer if that needs no computation."""
        size = self.gallery.size(loaded.row.image)
        if isinstance(step, MaskStep):
            return {"type": "mask"}, as_answer(rle.from_message(step.mask, size))
        if isinstance(step, PolygonStep):
            return step.model_dump(mode="json"), as_answer(polygon_mask(step.outlines, size))
        content, before = step.model_dump(mode="json", exclude_none=True), loaded.contents(loaded.row.at - 1)
        if step.type in (*PROMPTS, "lasso", "choose", "move"):
            self.gallery.image(loaded.row.image)  # fail before the step is stored if the network could not run
        history.check_step(before, content)
        if step.type in PROMPTS:
            fit_to_image([prompt_from_dict(content)], size)
        elif step.type == "move":
            fit_to_image([prompt_from_dict(history.moved(before[step.step], content))], size)
        elif step.type == "lasso":
            history.lasso_mask(step.path, size)
        return content, None
