"""One object being segmented: its prompts, their answers, undo and redo."""

import zlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, FloatMap, Size
from vpuformer.errors import PromptError, SessionError
from vpuformer.geometry import Crop
from vpuformer.images.masks import warn_of_coverage
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.protocol import Query, checked_mask
from vpuformer.prompts import Prompt

MAX_STEPS = 100
"""So many steps can be undone. A step keeps the network's logits, 0.8 MB at 448, and the mask, packed."""


class _Packed(NamedTuple):
    """An answer without what can be computed again."""

    logits: FloatMap
    mask: bytes
    corrected: int

    @classmethod
    def of(cls, answer: Prediction) -> "_Packed | Prediction":
        """The answer, packed if it has logits."""
        if answer.logits is None:
            return answer
        return cls(answer.logits, zlib.compress(np.packbits(answer.mask).tobytes(), 1), answer.corrected)

    def answer(self, crop: Crop, size: Size) -> Prediction:
        """The answer, to the bit."""
        bits = np.frombuffer(zlib.decompress(self.mask), np.uint8)
        mask = np.unpackbits(bits, count=size[0] * size[1]).reshape(size).view(np.bool_)
        return Prediction.from_logits(self.logits, crop, size, mask, corrected=self.corrected)


@dataclass(frozen=True, eq=False, slots=True)
class _Step:
    """An answer in a form that is small, and restored to the bit without the segmenter."""

    prompts: tuple[Prompt, ...]
    """All prompts of the object up to here."""
    crop: Crop | None
    """The crop of the answer; None before the first answer."""
    kept: "_Packed | Prediction | None"
    """The answer, packed; as it is, if it has no logits; None before the first answer."""


class Session:
    """An object on the predictor's present image. It stays there if the predictor moves on.

    >>> predictor = Predictor.from_pretrained(device="cpu")
    >>> predictor.set_image(np.zeros((30, 40, 3), np.uint8))
    >>> session = Session(predictor)
    >>> from vpuformer.prompts import Click
    >>> prediction = session.add(Click(20, 15))
    >>> session.undo()
    >>> session.prompts, session.can_redo, session.mask.any()
    ((), True, np.False_)

    The history is a tuple of steps that is replaced, never edited: when a prompt is refused, nothing has changed.

    Args:
        predictor: holds the image and the segmenter.
        mask: start from this mask instead of from nothing; see `vpuformer.inference.protocol.Query`. One of 0 and 1
            alone is somebody's own: every prompt changes it near the prompt alone. An empty one causes a warning.
        zoom: let the segmenter look closer once it knows the object; see `vpuformer.inference.protocol.Query`.

    Raises:
        SessionError: the predictor has no image yet.
        MaskError: the mask is not of the image's size, or not a mask.
    """

    def __init__(
        self, predictor: Predictor, mask: npt.ArrayLike | Prediction | None = None, *, zoom: bool = True
    ) -> None:
        self._segmenter, self._encoded, self._zoom = predictor.segmenter, predictor.encoded, zoom
        start = checked_mask(mask, self._encoded.size)
        if isinstance(start, np.ndarray) and not start.any():
            warn_of_coverage(start > 0, "0 everywhere")
        self._start = Prediction(start) if isinstance(start, np.ndarray) else start
        self._made = isinstance(start, np.ndarray) and not ((start > 0) & (start < 1)).any()
        self._history = (_Step((), None, None),)
        self._at = 0
        self._prediction = self._start

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """All prompts in force, oldest first."""
        return self._history[self._at].prompts

    @property
    def prediction(self) -> Prediction | None:
        """The present answer; before the first one the mask to start from, or None."""
        if self._prediction is None:
            self._prediction = self._restored()
        return self._prediction

    @property
    def mask(self) -> BoolMask:
        """The object, shape (H, W) of the image; empty before the first answer."""
        prediction = self.prediction
        return np.zeros(self._encoded.size, np.bool_) if prediction is None else prediction.mask

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier step."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether a step has been undone since the last prompt."""
        return self._at < len(self._history) - 1

    def add(self, *prompts: Prompt, only_here: bool = False) -> Prediction:
        """Give further prompts as one step, and segment. Undone steps are given up.

        Args:
            prompts: at least one.
            only_here: change the mask near these prompts alone.

        Raises:
            PromptError: no prompt was given, or one lies outside the image.
        """
        if not prompts:
            raise PromptError("nothing to add: give at least one click, box or scribble")
        previous, prediction = self._history[self._at], self.prediction
        all_prompts = (*previous.prompts, *prompts)
        query = Query(
            self._encoded,
            all_prompts,
            prediction,
            zoom=self._zoom,
            new=len(prompts),
            only_here=only_here or self._made,
            keep_mask=self._start is not None,
        )
        (answer,) = self._segmenter.segment([query])
        step = _Step(all_prompts, answer.crop, _Packed.of(answer))
        self._history = (*self._history[: self._at + 1], step)[-MAX_STEPS - 1 :]
        self._at = len(self._history) - 1
        self._prediction = answer
        return answer

    def undo(self) -> None:
        """Go back to before the last `add`.

        The former answer is restored to the bit, without the segmenter.

        Raises:
            SessionError: there is no earlier step.
        """
        if not self.can_undo:
            raise SessionError(
                f"nothing to undo: only the last {MAX_STEPS} steps are kept"
                if self.prompts
                else "nothing to undo: this session has no prompts yet"
            )
        self._go_to(self._at - 1)

    def redo(self) -> None:
        """Take back an `undo`.

        Raises:
            SessionError: nothing has been undone, or a prompt was added since.
        """
        if not self.can_redo:
            raise SessionError("nothing to redo: no step has been undone since the last prompt")
        self._go_to(self._at + 1)

    def reset(self) -> None:
        """Begin again, with the mask to start from, if there was one. This cannot be undone."""
        self._history = (_Step((), None, None),)
        self._go_to(0)

    def _go_to(self, index: int) -> None:
        self._at = index
        self._prediction = None  # restored when somebody asks: several steps back then cost no more than one

    def _restored(self) -> Prediction | None:
        step = self._history[self._at]
        if isinstance(step.kept, Prediction):
            return step.kept
        if step.kept is None or step.crop is None:
            return self._start
        return step.kept.answer(step.crop, self._encoded.size)
