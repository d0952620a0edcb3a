"""Answers to steps. One thread runs the segmenter; the thread that asks does the rest."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from math import sqrt
from typing import TypeVar

import numpy as np

from vpuformer.app.annotation import history
from vpuformer.app.annotation.background_segmenter import BackgroundSegmenter
from vpuformer.app.annotation.brush import painted
from vpuformer.app.annotation.loaded_object import LoadedObject
from vpuformer.app.annotation.network_queue import NetworkQueue
from vpuformer.app.images.cache import Cache
from vpuformer.app.images.gallery import Gallery, Key
from vpuformer.app.store import rle
from vpuformer.app.store.logits import decode_logits, encode_logits
from vpuformer.app.store.rows import StepAnswer
from vpuformer.arrays import BoolMask, FloatMap, Size
from vpuformer.errors import InputError
from vpuformer.geometry import Crop
from vpuformer.inference.pixels import distance_from, pixels_under
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query, Segmenter
from vpuformer.prompts import Prompt

T = TypeVar("T")

ENCODED_BUDGET = 400_000_000
"""Bytes of encoded images that are kept, the newest in any case: their pixels and features."""

MAX_PAINTING = 4
"""Masks that are drawn on at the same time: each is a few times the pixels of its image."""

TAKEN_BUDGET = 50_000_000
"""Bytes of joined masks that are kept, of objects that other objects keep off."""

REACH = 0.05
"""How far around a prompt the mask stays untidied, in the square root of its area."""

LEAST_REACH = 2.0
"""The same in pixels, for a small mask."""


class Answering:
    """Answers steps. May be used by many threads; the segmenter is used by one alone.

    Args:
        gallery: the images.
        segmenter: the network.
        masks_of: returns the masks that answer the steps with these ids, encoded, by the ids.
    """

    def __init__(
        self, gallery: Gallery, segmenter: Segmenter, masks_of: Callable[[Collection[int]], dict[int, bytes]]
    ) -> None:
        self._gallery, self._segmenter, self._masks_of = gallery, segmenter, masks_of
        self._taken: Cache[tuple[Size, tuple[int, ...]], bytes] = Cache(self._join, len, TAKEN_BUDGET)
        self._encoded: Cache[Key, Encoded] = Cache(self._encode, lambda encoded: encoded.nbytes, ENCODED_BUDGET)
        self._network = NetworkQueue()
        self._painting = threading.BoundedSemaphore(MAX_PAINTING)
        if isinstance(segmenter, BackgroundSegmenter):
            segmenter.start()

    def close(self) -> None:
        """Wait for what the network is at."""
        self._network.close()
        self._encoded.close()
        self._taken.close()

    @property
    def segmenter(self) -> Segmenter:
        """The network in use."""
        return self._segmenter

    def use(self, segmenter: Segmenter) -> None:
        """Answer the next questions with another network. Features are computed anew.

        Raises:
            BusyError: too many questions are waiting.
        """

        def change() -> None:
            self._segmenter = segmenter
            self._encoded.clear()

        self._network.ask(change)

    @property
    def waiting(self) -> int:
        """Questions that wait for the network, or are being answered."""
        return self._network.waiting

    def ask_patiently(self, question: Callable[[], T]) -> T:
        """Run `question` in the network's thread once nobody waits; errors as in `NetworkQueue`."""
        return self._network.ask_patiently(question)

    def prepare(self, image: int) -> None:
        """Encode an image once nobody waits, if it is open by then; never raises."""
        name = self._gallery.name(image)
        self._network.prepare(lambda: self._gallery.opened.holds(name) and self._encoded.get(self._gallery.key(image)))

    def answer(self, record: LoadedObject, place: int, *, if_idle: bool = False) -> StepAnswer:
        """The answer to a step; the step that it builds on has its answer.

        Pixels that the brush set since the last fresh start are set so in every answer, except in objects that the
        step keeps off.

        Args:
            if_idle: raise `BusyError` if the network is at work, rather than wait.

        Raises:
            ImageError: the image is needed, and gone or broken.
            InputError: the step chooses a candidate, and the segmenter offers none.
            BusyError: too many questions are waiting.
            Exception: whatever the network raises.
        """
        return self.without(self._own_answer(record, place, if_idle=if_idle), record.kept_off(place), record.row.image)

    def without(self, answer: StepAnswer, others: Sequence[int], image: int) -> StepAnswer:
        """The answer without the pixels of the masks that answer these steps of other objects."""
        if not others or not answer.area:
            return answer
        size = self._gallery.size(image)
        mask = rle.subtract(answer.mask, self._taken.get((size, tuple(others))), size)
        return replace(answer, mask=mask, area=rle.area(mask, size))

    def _own_answer(self, record: LoadedObject, place: int, *, if_idle: bool) -> StepAnswer:
        """The answer to a step, whatever objects it keeps off."""
        contents, size = record.contents(place), self._gallery.size(record.row.image)
        content, base, strokes = contents[-1], history.base_step(contents), history.brush_strokes(contents)
        before = None if base is None else record.answer(base)
        match content["type"]:
            case "clear":
                return as_answer(np.zeros(size, bool))
            case "lasso":
                return self._refined(record.row.image, history.lasso_mask(content["path"], size))
            case "brush":
                return self._painted(before, [content], size)
            case "tidy":
                return self._tidied(before, contents, size)
        active = history.active_prompts(contents)
        added = active if base is None else active[len(history.active_prompts(contents[: base + 1])) :]
        if not added:  # no prompt came after the one that was removed
            return self._painted(before, strokes, size)
        mask = None
        if base is not None and before is not None and before.area:
            mask = self._restored(record, base, strokes)
        question = partial(
            Query,
            prompts=history.prompts(contents),
            mask=mask,
            new=len(added),
            keep_mask=history.is_given(contents),
            only_here=history.is_made(contents) or all(contents[index].get("only_here", False) for index in added),
            candidates=content["type"] == "choose",
        )
        return self._segmented(record.row.image, question, strokes, content.get("index"), if_idle=if_idle)

    def probability(self, record: LoadedObject, place: int) -> FloatMap | None:
        """The probability of every pixel after a step, shape (H, W); None if it has no answer."""
        strokes = history.brush_strokes(record.contents(place))
        return None if record.answer(place) is None else self._restored(record, place, strokes).probability

    def _restored(self, record: LoadedObject, place: int, strokes: Sequence[history.Content]) -> Prediction:
        """The answer after a step, with the probability 0 in objects that the step keeps off."""
        size, others = self._gallery.size(record.row.image), record.kept_off(place)
        answer = restored(record.answer(place), size, strokes)
        if not others:
            return answer
        taken = rle.decode(self._taken.get((size, others)), size)
        return Prediction(np.where(taken, np.float32(0), answer.probability), answer.crop)

    def _join(self, key: tuple[Size, tuple[int, ...]]) -> bytes:
        size, others = key
        return rle.union([*self._masks_of(others).values()], size)

    def _segmented(
        self,
        image: int,
        question: Callable[[Encoded], Query],
        strokes: Sequence[history.Content] = (),
        choice: int | None = None,
        *,
        if_idle: bool = False,
    ) -> StepAnswer:
        """The network's answer, or the candidate with the index `choice`, with strokes painted on it."""
        self._gallery.image(image)  # the file is read before it is the network's turn
        key = self._gallery.key(image)

        def ask() -> tuple[Prediction, float, Segmenter]:
            encoded, begun = self._encoded.get(key), time.perf_counter()
            (prediction,) = self._segmenter.segment([question(encoded)])
            return prediction, time.perf_counter() - begun, self._segmenter

        prediction, seconds, segmenter = (self._network.ask_if_idle if if_idle else self._network.ask)(ask)
        mask, scores = prediction.kept_mask, ()
        if choice is not None:
            if not prediction.candidates:
                raise InputError(f"{segmenter.name} offers no candidates; correct the mask with a prompt instead")
            mask = prediction.candidates[choice % len(prediction.candidates)].mask
            scores = tuple(candidate.score for candidate in prediction.candidates)
        with self._painting:
            answer = as_network_answer(prediction, painted(mask, strokes), seconds, segmenter.sha256)
            return replace(answer, scores=scores)

    def _refined(self, image: int, enclosed: BoolMask) -> StepAnswer:
        """A mask refined without prompts; the mask itself if the segmenter sees nothing there."""
        answer = self._segmented(image, partial(Query, mask=enclosed.astype(np.float32)))
        return answer if answer.area else replace(as_answer(enclosed), seconds=answer.seconds, model=answer.model)

    def _encode(self, key: Key) -> Encoded:
        return self._segmenter.encode(self._gallery.opened.get(key[0]).rgb)

    def _painted(self, answer: StepAnswer | None, strokes: Sequence[history.Content], size: Size) -> StepAnswer:
        """An answer, None being an empty one, with strokes of the brush painted on it."""
        with self._painting:
            mask = np.zeros(size, bool) if answer is None else rle.decode(answer.mask, size)
            return as_answer(painted(mask, strokes), answer)

    def _tidied(self, answer: StepAnswer | None, contents: Sequence[history.Content], size: Size) -> StepAnswer:
        """An answer as the last step wants it; what prompts and strokes of the brush show stays."""
        wanted = {name: contents[-1][name] for name in ("holes", "specks", "smooth", "threshold")}
        strokes = history.brush_strokes(contents)
        with self._painting:
            untidied = Prediction(restored(answer, size, strokes).probability)
            mask = keep_shown(untidied.cleaned(**wanted).mask, untidied.mask, history.prompts(contents))
            return as_answer(painted(mask, strokes), answer)


def keep_shown(tidied: BoolMask, untidied: BoolMask, prompts: Sequence[Prompt]) -> BoolMask:
    """The tidied mask, without changes around prompts that tidying contradicts.

    >>> from vpuformer.prompts import Click
    >>> speck = np.array([[1, 1, 0, 1, 0, 0, 1, 1, 1]], bool)
    >>> keep_shown(speck & False, speck, [Click(3, 0)]).astype(int)
    array([[0, 1, 0, 1, 0, 0, 0, 0, 0]])
    """
    lost = np.zeros(tidied.shape, np.bool_)
    for prompt in prompts:
        pixels = pixels_under(prompt, tidied.shape)
        lost[pixels] |= (untidied[pixels] == prompt.positive) & (tidied[pixels] != prompt.positive)
    rows, columns = np.nonzero(lost)
    if not rows.size:
        return tidied
    reach = max(LEAST_REACH, REACH * sqrt(np.count_nonzero(untidied)))
    return np.where(distance_from((rows, columns), tidied.shape) <= reach, untidied, tidied)


def restored(answer: StepAnswer | None, size: Size, strokes: Sequence[history.Content]) -> Prediction:
    """An answer as it was given, with the probability 1 or 0 under these strokes.

    Without an answer it is 0 elsewhere. It follows from what is stored, so that the next answer is the same after a
    restart. The mask is exact, whatever the logits say.
    """
    if answer is None:
        return Prediction(np.zeros(size, np.float32))
    mask, crop = rle.decode(answer.mask, size), answer.crop and Crop(*answer.crop)
    if answer.logits is None or crop is None:
        return Prediction(painted(mask.astype(np.float32), strokes), crop)
    prediction = Prediction.from_logits(decode_logits(answer.logits), crop, size, mask)
    return Prediction(painted(prediction.probability, strokes), crop) if strokes else prediction


def as_network_answer(prediction: Prediction, mask: BoolMask, seconds: float, model: str) -> StepAnswer:
    """A mask made from a prediction, as it is stored; `model` is the hash of its weights."""
    at, logits = prediction.crop, prediction.logits
    return replace(
        as_answer(mask),
        crop=(at.left, at.top, at.width, at.height),
        logits=None if logits is None else encode_logits(logits),
        seconds=seconds,
        model=model,
    )


def as_answer(mask: BoolMask, base: StepAnswer | None = None) -> StepAnswer:
    """A mask, shape (H, W), that was made without the network, as it is stored.

    If it was made from an answer, the logits of that answer are handed on: where the mask is still the network's, the
    next prompt starts from them.
    """
    crop, logits = (None, None) if base is None else (base.crop, base.logits)
    encoded = rle.encode(mask)
    return StepAnswer(encoded, rle.area(encoded, (mask.shape[0], mask.shape[1])), crop, logits)
