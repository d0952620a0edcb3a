"""One object being segmented: its prompts, the answer to them, and the way back and forth between answers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import FloatMap
from vpuformer.errors import PromptError, SessionError
from vpuformer.geometry import Crop
from vpuformer.images.masks import warn_of_coverage
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.views import Prediction, given_mask
from vpuformer.prompts import Prompt

MAX_STEPS = 100
"""So many steps can be undone. A step keeps the network's logits, 0.8 MB at 448, whatever the size of the image."""


@dataclass(frozen=True, eq=False, slots=True)
class _Step:
    """What is kept of an answer: enough to make it again, to the bit, without the network."""

    prompts: tuple[Prompt, ...]
    """All prompts of the object up to here."""
    crop: Crop | None
    """What the network looked at; None before the first answer."""
    kept: FloatMap | Prediction | None
    """The network's logits; the whole answer, if it came without them; None before the first answer."""


class Session:
    """An object on the image that the predictor has now.

    >>> from vpuformer.model.config import VPUFormerConfig
    >>> from vpuformer.model.vpuformer import VPUFormer
    >>> from vpuformer.prompts import Click
    >>> predictor = Predictor(VPUFormer(VPUFormerConfig(input_size=64, dim=32, decoder_dim=16)))
    >>> predictor.set_image(np.zeros((30, 40, 3), np.uint8))
    >>> session = Session(predictor)
    >>> prediction = session.add(Click(20, 15))
    >>> session.undo()
    >>> session.prompts, session.can_redo, session.mask.any()
    ((), True, np.False_)

    The history is a tuple of steps that is replaced, never edited: when a prompt is refused, nothing has changed.

    Args:
        predictor: holds the image. Several sessions may share it, one after another or in turns.
        mask: start from this mask, shape (H, W), instead of from nothing; see `vpuformer.images.check_mask`. One
            without a pixel is taken with a warning.
        zoom: let the network look closer once it knows the object; see `Predictor.predict`.

    Raises:
        SessionError: the predictor has no image yet.
        MaskError: the mask is not of the image's size, or no mask.
    """

    def __init__(self, predictor: Predictor, mask: npt.ArrayLike | None = None, *, zoom: bool = True) -> None:
        self._predictor = predictor
        self._image = predictor.image
        self._zoom = zoom
        self._start = None if mask is None else given_mask(mask, predictor.size)
        if self._start is not None:
            self._start.setflags(write=False)
            if not self._start.any():
                warn_of_coverage(self._start > 0, "0 everywhere")
        self._history = (_Step((), None, None),)
        self._at = 0
        self._prediction = self._restored()

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
    def mask(self) -> npt.NDArray[np.bool_]:
        """The object, shape (H, W) of the image; empty before the first answer."""
        prediction = self.prediction
        return np.zeros(self._image.shape[:2], np.bool_) if prediction is None else prediction.mask

    @property
    def can_undo(self) -> bool:
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        return self._at < len(self._history) - 1

    def add(self, *prompts: Prompt) -> Prediction:
        """Give further prompts, all at once and as one step, and segment. What had been undone is given up.

        Raises:
            PromptError: no prompt was given, or one lies outside the image.
            SessionError: the predictor has turned to another image.
        """
        if not prompts:
            raise PromptError("nothing to add: give at least one click, box or scribble")
        if self._predictor.image is not self._image:
            raise SessionError("the predictor has turned to another image; begin a new session on it")
        former, prediction = self._history[self._at], self.prediction
        given = (*former.prompts, *prompts)
        answer = self._predictor.predict(
            given, mask=None if prediction is None else prediction.probability, crop=former.crop, zoom=self._zoom
        )
        step = _Step(given, answer.crop, answer if answer.logits is None else answer.logits)
        self._history = (*self._history[: self._at + 1], step)[-MAX_STEPS - 1 :]
        self._at = len(self._history) - 1
        self._prediction = answer
        return answer

    def undo(self) -> None:
        """Go back to before the last `add`; the former answer is restored to the bit, without the network.

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
        self._prediction = None  # made again when somebody asks: several steps back then cost no more than one

    def _restored(self) -> Prediction | None:
        step = self._history[self._at]
        if isinstance(step.kept, Prediction):
            return step.kept
        size = (self._image.shape[0], self._image.shape[1])
        if step.crop is not None and step.kept is not None:
            return Prediction.from_logits(step.kept, step.crop, size)
        return None if self._start is None else Prediction(self._start, Crop.whole(size))
