"""The log of a run: a progress line, `log.csv`, TensorBoard."""

import csv
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vpuformer.errors import TrainingError
from vpuformer.files import replacing

VALIDATION = "val_"
"""Beginning of the names of the values of a validation."""


class RunLog:
    """Rows in `log.csv` and TensorBoard, with a progress bar on a terminal or lines elsewhere.

    Only the process with `shown` writes. Rows after `start`, the step at which the run resumes, are dropped, so that
    the file holds one curve. With `quiet` only the files are written.
    """

    def __init__(self, folder: Path, steps: int, start: int, *, shown: bool = True, quiet: bool = False) -> None:
        # The import takes a second, and only training needs it.
        from torch.utils.tensorboard.writer import SummaryWriter

        self._path = folder / "log.csv"
        self._steps, self._shown, self._quiet = steps, shown, quiet
        self._board = (
            None if not shown else SummaryWriter(str(folder / "tensorboard"), purge_step=start + 1 if start else None)
        )
        self._rows = [row for row in _read_rows(self._path) if int(row["step"]) <= start]
        self._interactive = shown and not quiet and sys.stdout.isatty()
        self._bar = Progress(
            TextColumn("step {task.completed}/{task.total}"),
            BarColumn(),
            TextColumn("{task.fields[state]}"),
            TimeRemainingColumn(),
            disable=not self._interactive,
        )
        self._task = self._bar.add_task("training", total=steps, completed=start, state="")
        self._begun, self._start = time.monotonic(), start

    def __enter__(self) -> "RunLog":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        if self._board is not None:
            self._board.close()

    def row(self, step: int, values: Mapping[str, float]) -> None:
        """Log a row of values after `step` steps."""
        if not self._shown:
            return
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)
        self._rows.append({"step": str(step)} | {name: f"{value:.6g}" for name, value in values.items()})
        self._write()
        state = "  ".join(f"{name} {value:.3g}" for name, value in values.items() if name != "seconds")
        self._bar.update(self._task, completed=step, state=state)
        if not self._interactive and not self._quiet:
            elapsed = time.monotonic() - self._begun
            left = elapsed / max(1, step - self._start) * (self._steps - step) / 60
            print(f"step {step}/{self._steps}  {state}  {left:.0f} min left", flush=True)  # noqa: T201

    def has_validation(self, step: int) -> bool:
        """Whether there is a row of a validation after `step` steps."""
        return any(row["step"] == str(step) and any(name.startswith(VALIDATION) for name in row) for row in self._rows)

    def images(self, step: int, panels: list[np.ndarray]) -> None:
        """Log panels of the validation images to TensorBoard."""
        if self._board is not None:
            for i, panel in enumerate(panels):
                self._board.add_image(f"validation/{i}", panel, step, dataformats="HWC")

    def _write(self) -> None:
        names = list(dict.fromkeys(name for row in self._rows for name in row))
        with replacing(self._path, error=TrainingError) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self._rows)


def _read_rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return [{name: value for name, value in row.items() if value} for row in csv.DictReader(file)]
