"""Fine-tuning from the page, one at a time for all people, and the use of its result."""

import logging
import shlex
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import invalidate_caches
from math import ceil
from pathlib import Path
from typing import Any

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.background_segmenter import BackgroundSegmenter
from vpuformer.app.annotation.finetune_process import FinetuneProcess
from vpuformer.app.finetuning_schemas import (
    FinetuningData,
    FinetuningResult,
    FinetuningRow,
    FinetuningRun,
    FinetuningState,
    ModelChoice,
)
from vpuformer.app.store.person import current_person
from vpuformer.app.store.store import FILE
from vpuformer.errors import BusyError, ConflictError, InputError
from vpuformer.extras import missing
from vpuformer.files import read_json

MODELS = ".vpuformer-models"
"""Folder of the models in that of the images. The search for images passes hidden folders."""

INSTALL = "pip install 'vpuformer[train,export]'"
"""Installs what fine-tuning needs, and the graphs with which its result runs without PyTorch."""

_SETTINGS, _REPORT = "finetune.json", "report.json"  # as `vpuformer.finetuning` has them
_TRAINING = "training"

_COUNTED = ("images", "objects", "prompts", "notes", "left_out")  # in the last line of `vpuformer finetune --check`

_NOTHING = FinetuningData(
    ready=False, done=0, total=0, images=0, objects=0, prompts=0, notes=[], left_out=[], problem=None
)  # before the first image is checked

_NO_RUN = FinetuningRun(
    state="stopped", stage="", done=0.0, seconds_left=None, minutes=0.0, person=None, problem=None, resumable=False
)  # of which each run is a copy with changes

_log = logging.getLogger(__name__)


class Finetuning:
    """Fine-tunes the model in use. Safe to use from many threads.

    Everybody who works on the folder sees the same state. Models are written into new folders of `models`, and stay
    there when the server ends; a fine-tuning that the end of the server interrupts can be continued.

    Args:
        annotator: whose accepted objects are trained on, and whose segmenter is replaced.
        segmenter: the model that the server was started with.
        models: folder of the models.
    """

    def __init__(self, annotator: Annotator, segmenter: BackgroundSegmenter, models: Path) -> None:
        self._annotator, self._first, self._models = annotator, segmenter, models.resolve()
        self._lock, self._switching = threading.RLock(), threading.Lock()
        self._used = segmenter
        self._checking: FinetuneProcess | None = None
        self._running: FinetuneProcess | None = None
        self._data: FinetuningData | None = None
        self._run: FinetuningRun | None = None
        self._ends = 0.0
        self._result: Path | None = None
        self._folder: Path | None = None
        self._began_training = False
        self._recall()

    @property
    def state(self) -> FinetuningState:
        """What all pages show."""
        invalidate_caches()  # somebody may have installed it meanwhile
        with self._lock:
            return FinetuningState(
                model=model_title(self._used.name),
                model_sha256=self._used.sha256,
                first=model_title(self._first.name),
                missing=INSTALL if missing("train") else None,
                data=self._data,
                run=self._run and self._timed(self._run),
                result=None if self._result is None else self._described(self._result),
            )

    def check(self) -> None:
        """Begin to look at what can be trained on, unless a check or a fine-tuning is going on."""
        with self._lock:
            if self._checking is not None or self._running is not None:
                return
            self._data = _NOTHING
            words = [str(self._annotator.folder.root), "--check"]
            self._checking = self._process(words, self._note_data, self._end_check)

    def start(self, minutes: float) -> None:
        """Begin a fine-tuning of the model in use.

        Raises:
            ConflictError: one is going on, or what it needs is not installed.
        """
        with self._lock:
            folder, device = self._new_folder(), self._used.device
            words = [str(self._annotator.folder.root), "--from", self._used.name, "--minutes", str(minutes)]
            words += [] if device is None else ["--device", device]
            self._begin([*words, "-o", str(folder)], folder, minutes)

    def resume(self) -> None:
        """Continue the last fine-tuning, which was interrupted or failed.

        Raises:
            ConflictError: there is none, one is going on, or what it needs is not installed.
        """
        with self._lock:
            if self._run is None or not self._run.resumable or self._folder is None:
                raise ConflictError("there is no fine-tuning to continue; start one")
            self._begin(["--resume", "-o", str(self._folder)], self._folder, self._run.minutes)

    def stop(self) -> None:
        """End the fine-tuning early. The best weights so far become its result, if there are any."""
        with self._lock:
            if self._running is not None and self._run is not None:
                self._run = self._run.model_copy(update={"state": "stopping"})
                self._running.stop()

    def use(self, choice: ModelChoice) -> None:
        """Answer with another model from now on; masks stay as they are.

        Raises:
            ConflictError: there is no result.
            CheckpointError: the model cannot be loaded; the present one stays.
            ConfigError: the runtime that the server was started with has no such model.
            MissingDependencyError: the runtime of the model is not installed.
        """
        with self._switching:
            if choice.use == "first":
                segmenter = self._first
            elif self._result is None:
                raise ConflictError("there is no fine-tuned model yet; start a fine-tuning")
            else:
                segmenter = self._first.with_model(str(self._result))
            segmenter.load()
            self._annotator.use(segmenter)
            self._used = segmenter
        self._announce()

    def close(self) -> None:
        """End what is going on. A fine-tuning saves its state, and can be continued."""
        for process in (self._checking, self._running):
            if process is not None:
                process.close()

    def _begin(self, words: Sequence[str], folder: Path, minutes: float) -> None:
        if missing("train"):
            raise ConflictError(f"fine-tuning needs PyTorch; install it with: {INSTALL}")
        if self._running is not None:
            raise ConflictError("a fine-tuning is going on; wait for its end, or stop it")
        self._began_training = folder.exists()  # a resumed one has something to lose
        self._running = self._process(words, self._note_run, self._end_run)
        self._folder, self._ends = folder, time.monotonic() + 60 * minutes
        self._run = _NO_RUN.model_copy(update={"state": "running", "minutes": minutes, "person": current_person.get()})
        self._announce()

    def _process(
        self,
        words: Sequence[str],
        on_line: Callable[[Mapping[str, Any]], object],
        on_end: Callable[[str | None], object],
    ) -> FinetuneProcess:
        try:
            return FinetuneProcess(words, self._annotator.store.full_address, on_line, on_end)
        except OSError as error:
            raise BusyError(
                f"no process can be started ({error.strerror or error}); close other programs, and try again"
            ) from error

    def _note_data(self, line: Mapping[str, Any]) -> None:
        with self._lock:
            if "stage" in line:
                seen = {"done": int(line["done"]), "total": int(line["total"])}
            else:
                seen = {name: line[name] for name in _COUNTED} | {"ready": True}
            self._data = (self._data or _NOTHING).model_copy(update=seen)

    def _end_check(self, problem: str | None) -> None:
        with self._lock:
            self._checking = None
            self._data = (self._data or _NOTHING).model_copy(update={"ready": True, "problem": problem})

    def _note_run(self, line: Mapping[str, Any]) -> None:
        with self._lock:
            if self._run is not None and "stage" in line:
                self._began_training |= line["stage"] == _TRAINING
                share = min(1.0, line["done"] / max(line["total"], 1e-9))
                self._run = self._run.model_copy(update={"stage": line["stage"], "done": share})

    def _end_run(self, problem: str | None) -> None:
        with self._lock:
            assert self._run is not None
            assert self._folder is not None
            self._running, ended = None, self._run
            if (self._folder / _REPORT).is_file():
                self._result, self._run = self._folder, None
            elif ended.state == "stopping" and not self._began_training:
                shutil.rmtree(self._folder, ignore_errors=True)  # nothing in it is worth to be continued
                self._run = ended.model_copy(update={"state": "stopped"})
            else:
                resumable = (self._folder / _SETTINGS).is_file()
                change = {"state": "failed", "problem": problem, "resumable": resumable}
                self._run = ended.model_copy(update=change)
        self._announce()

    def _timed(self, run: FinetuningRun) -> FinetuningRun:
        """The run with the time that is left, while that is known."""
        left = ceil(self._ends - time.monotonic())
        known = run.state == "running" and left > 0
        return run.model_copy(update={"seconds_left": left if known else None})

    def _new_folder(self) -> Path:
        """A folder that does not exist yet, named after that of the images."""
        name = f"{self._annotator.folder.root.name or 'images'}-model"
        folder, number = self._models / name, 1
        while folder.exists():
            number += 1
            folder = self._models / f"{name}-{number}"
        return folder

    def _recall(self) -> None:
        """Find the last fine-tuning of an earlier server."""
        settings = sorted(self._models.glob(f"*/{_SETTINGS}"), key=lambda path: path.stat().st_mtime)
        for path in reversed(settings):
            folder = path.parent
            if (folder / _REPORT).is_file():
                self._result = folder
                return
            if self._run is None:
                try:
                    minutes = float(read_json(path, error=InputError)["settings"]["minutes"])
                except (InputError, KeyError, TypeError, ValueError) as error:
                    _log.warning("%s is passed over: %s", folder, error)
                    continue
                self._folder = folder
                change = {"state": "interrupted", "minutes": minutes, "resumable": True}
                self._run = _NO_RUN.model_copy(update=change)

    def _described(self, folder: Path) -> FinetuningResult | None:
        try:
            report = read_json(folder / _REPORT, error=InputError)
            rows = [
                FinetuningRow(name=row["name"], before=row["before"], after=row["after"], change=row["change_interval"])
                for row in report["rows"]
            ]
            return FinetuningResult(
                model=folder.name,
                start=report["start"],
                rows=rows,
                images=report["held_out_images"],
                objects=report["measured_objects"],
                steps=report["steps"],
                minutes=report["minutes"],
                share=report["share"],
                in_use=Path(self._used.name).resolve() == folder,
                command=self._command(folder),
            )
        except (InputError, KeyError, TypeError, ValueError) as error:
            _log.warning("%s is passed over: %s", folder, error)
            return None

    def _command(self, folder: Path) -> str:
        """The line that opens the folder of the images with a model."""
        root, store = self._annotator.folder.root, self._annotator.store.address
        line = f"vpuformer annotate {shlex.quote(str(root))} --model {shlex.quote(str(folder))}"
        return line if store == str(root / FILE) else f"{line} --store {shlex.quote(store)}"

    def _announce(self) -> None:
        """Let all pages ask for the state."""
        self._annotator.changes.add(None)


def model_title(name: str) -> str:
    """The name of a model for people: that of its folder, or as it was given.

    >>> model_title("default"), model_title("/models/cells-model")
    ('default', 'cells-model')
    """
    return Path(name).name if Path(name).is_absolute() else name
