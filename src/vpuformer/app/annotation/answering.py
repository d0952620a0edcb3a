"""Answers to steps. One thread runs the segmenter; the thread that asks does the rest."""

import threading
import time
from collections.abc import Sequence

import numpy as np

from vpuformer.app.annotation import history
from vpuformer.app.annotation.background_segmenter import BackgroundSegmenter
from vpuformer.app.annotation.brush import painted
from vpuformer.app.annotation.loaded_object import LoadedObject
from vpuformer.app.annotation.network_queue import NetworkQueue
from vpuformer.app.annotation.probability_maps import ProbabilityMaps
from vpuformer.app.images.cache import Cache
from vpuformer.app.images.gallery import Gallery, Key
from vpuformer.app.store import rle
from vpuformer.app.store.logits import decode_logits, encode_logits
from vpuformer.app.store.rows import StepAnswer
from vpuformer.arrays import BoolMask, FloatMap, Size
from vpuformer.geometry import Crop
from vpuformer.inference.protocol import Encoded, Prediction, Query, Segmenter
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.prompts import Prompt

ENCODED_BUDGET = 400_000_000
"""Bytes of encoded images that are kept, the newest in any case: their pixels and features."""

MAX_PAINTING = 4
"""Masks that are drawn on at the same time: each is a few times the pixels of its image."""


class Answering:
    """Answers steps. May be used by many threads; the segmenter is used by one alone."""

    def __init__(self, gallery: Gallery, segmenter: Segmenter) -> None:
        self._gallery, self._segmenter = gallery, segmenter
        self._encoded: Cache[Key, Encoded] = Cache(self._encode, lambda encoded: encoded.nbytes, ENCODED_BUDGET)
        self._network = NetworkQueue()
        self._maps = ProbabilityMaps()
        self._painting = threading.BoundedSemaphore(MAX_PAINTING)
        if isinstance(segmenter, BackgroundSegmenter):
            segmenter.start()

    def close(self) -> None:
        """Wait for what the network is at."""
        self._network.close()
        self._encoded.close()

    @property
    def waiting(self) -> int:
        """Questions that wait for the network, or are being answered."""
        return self._network.waiting

    def prepare(self, image: int) -> None:
        """Encode an image once nobody waits, if it is open by then; never raises."""
        name = self._gallery.name(image)
        self._network.prepare(lambda: self._gallery.opened.holds(name) and self._encoded.get(self._gallery.key(image)))

    def answer(self, record: LoadedObject, place: int) -> StepAnswer:
        """The answer to a step; the step before it has its answer.

        Raises:
            ImageError: the image is needed, and gone or broken.
            BusyError: too many questions are waiting.
            Exception: whatever the network raises.
        """
        contents, size = record.contents(place), self._gallery.size(record.row.image)
        content, former = contents[-1], history.base_step(contents)
        before = None if former is None else record.answer(former)
        match content["type"]:
            case "clear":
                return as_answer(np.zeros(size, bool))
            case "brush":
                return self._painted(before, [content], size)
            case "lasso":
                return self._refined(record, place, history.lasso_mask(content["path"], size))
            case "remove":
                strokes = history.brush_strokes(
                    contents
                )  # what was put right to the pixel outlives the prompt that goes
                if not history.active_prompts(contents):
                    return self._painted(before, strokes, size)
                mask = None if before is None else rle.decode(before.mask, size).astype(np.float32)
                return self._predicted(record, place, mask, None, strokes)
            case _:
                mask = self.probability(record, place - 1) if before is not None and before.area else None
                crop = None if mask is None or before is None or before.crop is None else Crop(*before.crop)
                return self._predicted(record, place, mask, crop)

    def probability(self, record: LoadedObject, place: int) -> FloatMap | None:
        """The probability of every pixel after a step, shape (H, W); None if it has no answer."""
        kept = self._maps.get(record.steps[place].id)
        if kept is not None:
            return kept
        answer = record.answer(place)
        if answer is None:
            return None
        size = self._gallery.size(record.row.image)
        mask = rle.decode(answer.mask, size)
        if answer.logits is None or answer.crop is None:
            return mask.astype(np.float32)
        probability = Prediction.from_logits(decode_logits(answer.logits), Crop(*answer.crop), size).probability
        # The mask is kept to the pixel and goes before: logits are rounded, and a brush knows nothing of them.
        return np.where((probability > MASK_THRESHOLD) == mask, probability, mask.astype(np.float32))

    def _predicted(
        self,
        record: LoadedObject,
        place: int,
        mask: FloatMap | None,
        crop: Crop | None,
        strokes: Sequence[history.Content] = (),
    ) -> StepAnswer:
        prompts = history.prompts(record.contents(place))
        prediction, seconds = self._segmented(record.row.image, prompts, mask, crop)
        if not strokes:  # of which the map knows nothing
            self._maps.put(record.steps[place].id, prediction.probability)
        at = prediction.crop
        logits = None if prediction.logits is None else encode_logits(prediction.logits)
        mask_now = painted(prediction.mask, strokes)
        return as_answer(mask_now, (at.left, at.top, at.width, at.height), logits, seconds, self._segmenter.sha256)

    def _refined(self, record: LoadedObject, place: int, enclosed: BoolMask) -> StepAnswer:
        """A mask refined without prompts; the mask itself if the segmenter sees nothing there."""
        answer = self._predicted(record, place, enclosed.astype(np.float32), None)
        if answer.area:
            return answer
        self._maps.put(record.steps[place].id, enclosed.astype(np.float32))
        return as_answer(enclosed, seconds=answer.seconds, model=answer.model)

    def _segmented(
        self, image: int, prompts: Sequence[Prompt], mask: FloatMap | None, crop: Crop | None
    ) -> tuple[Prediction, float]:
        """An answer about an image, and the seconds that it took; the file is read before it is the network's turn."""
        self._gallery.image(image)
        key = self._gallery.key(image)

        def ask() -> tuple[Prediction, float]:
            encoded, begun = self._encoded.get(key), time.perf_counter()
            (prediction,) = self._segmenter.segment([Query(encoded, prompts, mask, crop)])
            return prediction, time.perf_counter() - begun

        return self._network.ask(ask)

    def _encode(self, key: Key) -> Encoded:
        return self._segmenter.encode(self._gallery.opened.get(key[0]).rgb)

    def _painted(self, answer: StepAnswer | None, strokes: Sequence[history.Content], size: Size) -> StepAnswer:
        """An answer, None being an empty one, with strokes of the brush drawn on it."""
        if answer is not None and not strokes:
            return answer
        with self._painting:
            before = np.zeros(size, bool) if answer is None else rle.decode(answer.mask, size)
            mask = painted(before, strokes)
            # The network's answer is handed on, for the next prompt to set out from where the mask is still its.
            return as_answer(mask) if answer is None else as_answer(mask, answer.crop, answer.logits)


def as_answer(
    mask: BoolMask,
    crop: tuple[int, int, int, int] | None = None,
    logits: bytes | None = None,
    seconds: float | None = None,
    model: str | None = None,
) -> StepAnswer:
    """A mask of shape (H, W), and what else came of a step, as it is stored."""
    return StepAnswer(rle.encode(mask), int(np.count_nonzero(mask)), crop, logits, seconds, model)
