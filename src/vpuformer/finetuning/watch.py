"""Validation during training: the best weights are kept, and the run ends in time."""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from vpuformer.data.sample import Sample
from vpuformer.errors import TrainingError
from vpuformer.files import read_json, write_file
from vpuformer.finetuning.measure import FEW_CLICKS, measure, segmenter_of
from vpuformer.model.checkpoint import save_checkpoint
from vpuformer.model.vpuformer import VPUFormer

BEST = "best-{step}"
"""Subfolder of the run with the best weights so far."""

HISTORY = "validations.json"

VALIDATIONS = 10
"""Largest number of validations of a run."""

VALIDATING = 0.2
"""Largest share of the time of a training that its validations take."""

PATIENCE = 4
"""Validations without a better score after which the run ends."""

SMALLEST_GAIN = 5e-4
"""Gain in score that counts as better."""


class Progress(Protocol):
    """A person who waits."""

    def say(self, sentence: str) -> object:
        """Report a fact."""
        ...

    def show(self, stage: str, done: float, total: float, note: str = "") -> object:
        """Show how much of a stage is done."""
        ...


@dataclass(frozen=True, slots=True)
class Validation:
    """The score after so many steps, and the seconds of training up to it."""

    step: int
    score: float
    seconds: float


class Watch:
    """Validates a run, and decides when it ends; see `vpuformer.training.loop.AfterStep`.

    Args:
        samples: held-out objects of a validation.
        folder: of the run.
        start_score: score of the weights that the run started from, on these objects.
        steps: of the run.
        seconds: for the training, with its validations.
        validating: seconds of one validation.
        progress: who waits.

    Attributes:
        history: the validations so far, the first before the first step.
        done: steps so far.
        ended: why the run ended, as the end of a sentence; "" while it goes on.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        folder: Path,
        start_score: float,
        steps: int,
        seconds: float,
        validating: float,
        progress: Progress,
    ) -> None:
        self._samples, self._folder, self._steps, self._seconds = samples, folder, steps, seconds
        self._progress = progress
        self.history = read_history(folder) or [Validation(0, start_score, 0.0)]
        self.done = self.history[-1].step
        self.ended = ""
        self._spent = self.history[-1].seconds
        self._begun = time.monotonic()
        self._every = seconds / validations_in(seconds, validating)
        self._next = self._spent + self._every

    @property
    def best(self) -> Validation:
        """The validation whose weights are kept."""
        best = self.history[0]
        for each in self.history:
            if each.score > best.score + SMALLEST_GAIN:
                best = each
        return best

    @property
    def best_folder(self) -> Path:
        """The folder with the weights of the best validation, if that had a step before it."""
        folder, former = self._folder / BEST.format(step=self.best.step), self._folder / "best"
        return former if former.exists() and not folder.exists() else folder  # version 0.2 began with that name

    @property
    def seconds(self) -> float:
        """Seconds of training so far, also before it was resumed."""
        return self._spent + time.monotonic() - self._begun

    def share_of_time(self) -> float:
        """Share of the seconds that have passed, at most 1."""
        return min(1.0, self.seconds / self._seconds)

    def __call__(self, done: int, network: Callable[[], VPUFormer]) -> bool:
        self.done = done
        late, last = self.seconds >= self._seconds, done >= self._steps
        # A run that is resumed after its last step may have been validated.
        if (late or last or self.seconds >= self._next) and done > self.history[-1].step:
            self._validate(done, network())
            self._next = self.seconds + self._every
        since_best = sum(each.step > self.best.step for each in self.history)
        if last:
            self.ended = "all steps are done"
        elif late:
            self.ended = "the time is over"
        elif since_best >= PATIENCE:
            self.ended = f"{PATIENCE} validations brought nothing better"
        self._progress.show("training", max(self.share_of_time(), done / self._steps), 1.0, self._note())
        return bool(self.ended)

    def _validate(self, done: int, network: VPUFormer) -> None:
        score = measure(segmenter_of(network), self._samples, clicks=FEW_CLICKS).score
        self.history.append(Validation(done, score, self.seconds))
        if self.best is self.history[-1]:
            # Weights first: the history that names them is then true. The former ones stay until it is written.
            save_checkpoint(network, self.best_folder, metadata={"steps": str(done)})
        content = json.dumps([asdict(each) for each in self.history], indent=1) + "\n"
        write_file(self._folder / HISTORY, content, error=TrainingError)
        for folder in best_folders(self._folder) - {self.best_folder}:
            shutil.rmtree(folder, ignore_errors=True)
        left = max(0.0, min(self._seconds - self.seconds, self.seconds / done * (self._steps - done)))
        self._progress.say(f"step {done} of {self._steps}: {self._note()}, {left / 60:.0f} min left")

    def _note(self) -> str:
        before, best = self.history[0].score, self.best
        return f"score {self.history[-1].score:.3f}, best {best.score:.3f} (step {best.step}), before {before:.3f}"


def validations_in(seconds: float, validating: float) -> int:
    """Number of validations, each of so many seconds, of a training of so many seconds.

    >>> validations_in(1000, 10), validations_in(100, 10), validations_in(10, 10)
    (10, 2, 1)
    """
    return max(1, min(VALIDATIONS, int(VALIDATING * seconds / max(validating, 1e-9))))


def best_folders(folder: Path) -> set[Path]:
    """The folders of best weights that a run has left."""
    return {*folder.glob(BEST.format(step="*")), *folder.glob("best")}


def read_history(folder: Path) -> list[Validation]:
    """The validations of a run that was interrupted; [] if it had none."""
    path = folder / HISTORY
    return [Validation(**each) for each in read_json(path, error=TrainingError)] if path.is_file() else []
