"""The simulated user: compares answer and ground truth, and shows the deepest error.

Only here do the ground truth and the method's answers meet.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from vpuformer.arrays import FloatMap, Size, Truth
from vpuformer.errors import ConfigError, MaskError
from vpuformer.evaluation.records import Interaction, Key
from vpuformer.fields import check_fields, check_least
from vpuformer.geometry import Crop
from vpuformer.inference.prediction import Prediction
from vpuformer.metrics import MASK_THRESHOLD, MAX_CLICKS, Reference
from vpuformer.prompts import Kind, Prompt
from vpuformer.simulation import next_kind, next_prompt
from vpuformer.simulation.kinds import check_kinds


@dataclass(frozen=True, slots=True)
class SimulatedUser:
    """Behaviour of a simulated user.

    Raises:
        ConfigError: a setting is of another type or out of range.
    """

    kinds: tuple[Kind, ...] = ("click",)
    """One kind of prompt, or several to mix as the paper does (see `vpuformer.simulation.next_kind`). A stroke for
    which there is no room, and a box or a stroke that would repeat an earlier one, becomes a click, and is recorded as
    one."""
    first_kind: Kind | None = None
    """Kind of the first prompt, which need not be among the others: a box to begin with, then clicks."""
    max_interactions: int = MAX_CLICKS
    """Largest number of prompts per object, by default 20."""
    stop_at_iou: float | None = None
    """An object ends when this IoU is reached. Only numbers up to this target then mean anything."""
    seed: int = 0
    """Seed of all random choices. Each object has its own random stream, whatever was run before it."""

    def __post_init__(self) -> None:
        check_kinds(self.kinds)
        if self.first_kind is not None:
            check_kinds([self.first_kind])
        check_fields(self)
        check_least(self, "", 1, "max_interactions")
        if self.stop_at_iou is not None and not 0 < self.stop_at_iou <= 1:
            raise ConfigError(f"stop_at_iou={self.stop_at_iou:g} must be an IoU above 0 and up to 1, such as 0.9")


class ObjectRun:
    """One object being segmented: its prompts, the answers to them, and how good these are.

    >>> truth = np.zeros((5, 5), np.int8)
    >>> truth[1:4, 1:4] = 1
    >>> run = ObjectRun(SimulatedUser(), ("toy/square", 1), truth)
    >>> run.next_prompts()
    (Click(x=2.0, y=2.0, positive=True),)
    >>> run.take(Prediction(truth == 1), seconds=0.1, by="an oracle")
    >>> run.next_prompts() is None, run.interactions[0].iou
    (True, 1.0)
    """

    def __init__(self, user: SimulatedUser, key: Key, truth: Truth) -> None:
        self._user = user
        self._truth = truth
        self._reference = Reference(truth)
        self._size: Size = (truth.shape[0], truth.shape[1])
        self._rng = object_rng(user.seed, key)
        self._prompts: tuple[Prompt, ...] = ()
        self._mask = np.zeros(self._size, dtype=np.bool_)
        self._done: list[Interaction] = []
        self.previous: FloatMap | None = None
        """Probabilities of the last answer, a copy that nobody else holds; None before the first."""
        self.crop: Crop | None = None
        """Crop of the last answer."""

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """The prompts that have been answered."""
        return tuple(self._done)

    def next_prompts(self) -> tuple[Prompt, ...] | None:
        """All prompts so far and one more; None when the user has finished with the object.

        Each call is answered with `take` before the next one.
        """
        if len(self._done) >= self._user.max_interactions or self._satisfied():
            return None
        prompt = next_prompt(self._kind(), self._truth, self._mask, earlier=self._prompts)
        if prompt is None:
            return None
        self._prompts = (*self._prompts, prompt)
        return self._prompts

    def take(self, answer: Prediction, seconds: float, by: str) -> None:
        """Look at the answer to the last prompts.

        Args:
            answer: what the segmenter answered.
            seconds: how long it took.
            by: name of the segmenter, for errors.

        Raises:
            MaskError: the answer is not a `Prediction` of the image's size.
        """
        self.previous, self.crop = _checked(answer, self._size, by), answer.crop
        before, self._mask = self._mask, self.previous > MASK_THRESHOLD
        broken, mended = self._reference.changed_pixels(before, self._mask)
        self._done.append(
            Interaction(
                self._prompts[-1],
                iou=self._reference.iou(self._mask),
                seconds=seconds,
                boundary_iou=self._reference.boundary_iou(self._mask),
                corrected=answer.corrected,
                broken=broken,
                mended=mended,
            )
        )

    def _satisfied(self) -> bool:
        stop = self._user.stop_at_iou
        return stop is not None and bool(self._done) and self._done[-1].iou >= stop

    def _kind(self) -> Kind:
        if self._user.first_kind is not None and not self._done:
            return self._user.first_kind
        return next_kind([each.iou for each in self._done], self._user.kinds, self._rng)


def object_rng(seed: int, key: Key) -> np.random.Generator:
    """The random stream of one object: the same on every machine, in every order.

    >>> int(object_rng(0, ("toy/square", 1)).integers(1000))
    787
    """
    name, object_id = key
    digest = hashlib.sha256(f"{seed}\0{name}\0{object_id}".encode(errors="surrogatepass")).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def _checked(answer: Prediction, size: Size, name: str) -> FloatMap:
    """A copy of the probabilities, so that the segmenter may change what it is handed."""
    if not isinstance(answer, Prediction):
        raise MaskError(f"{name} answered with {type(answer).__name__}; wanted a Prediction for each query")
    if answer.size != size:
        raise MaskError(f"{name} answered with the shape {answer.size} to an image of {size}; both are (H, W)")
    return answer.probability.copy()
