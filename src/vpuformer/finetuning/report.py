"""The result of a fine-tuning: a table, `report.json`, and the model card `README.md`."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from vpuformer.errors import counted
from vpuformer.files import write_file
from vpuformer.finetuning.measure import Row

REPORT, CARD, PANEL = "report.json", "README.md", "panel.png"
"""Files in the folder of the result."""

FEW_STEPS = 20
"""Steps below which a run has learned next to nothing: those in which the learning rate of a usual run rises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that a person wants to know about a fine-tuning."""

    start: str
    """Name of the model that it started from."""
    start_sha256: str
    data: Mapping[str, Any]
    """What was found; see `vpuformer.finetuning.run`."""
    held_out_images: int
    held_out_objects: int
    measured_objects: int
    """Held-out objects in the table; fewer than all of them if time was short."""
    steps: int
    """Steps of the run."""
    best_step: int
    """Step of the best weights; 0 if no validation was better than before."""
    share: float
    """Share of the best weights in the result; the rest are those of the start."""
    ended: str
    """Reason why the run ended, as the end of a sentence."""
    validations: Sequence[Mapping[str, float]]
    """Step, score and seconds of each validation."""
    minutes: float
    """Time that the run took, with the measuring."""
    rows: Sequence[Row]
    """The numbers before and after."""

    @property
    def outcome(self) -> str:
        """The result in a sentence.

        It speaks of the score that chose the weights, not of the table.
        """
        if not self.share:
            return f"no validation was better than before, so the weights are those of {self.start}"
        return (
            f"the weights are {self.share:.0%} those of step {self.best_step}, and {1 - self.share:.0%} those of"
            f" {self.start}, which forgets less"
        )

    @property
    def cost(self) -> str:
        """Steps, time and end of the run in a sentence, with a warning if the steps were few."""
        few = "; so few steps teach little: give it more time" if self.steps < FEW_STEPS else ""
        return f"{counted(self.steps, 'step')} in {counted(round(self.minutes), 'minute')}; {self.ended}{few}"

    def write(self, folder: Path) -> None:
        """Write `report.json` and `README.md`.

        Raises:
            InputError: the folder cannot be written.
        """
        write_file(folder / CARD, self.card(folder))
        write_file(folder / REPORT, json.dumps(asdict(self), indent=2) + "\n")

    def card(self, folder: Path) -> str:
        """The model card in Markdown, without paths and names of files: it may be published."""
        title = folder.resolve().name
        held_out = f"{counted(self.held_out_objects, 'object')} on {counted(self.held_out_images, 'image')}"
        partly = "" if self.measured_objects == self.held_out_objects else f"; {self.measured_objects:,} were measured"
        lines = [
            f"# Model card: `{title}`",
            "",
            f"VPUFormer, fine-tuned from `{self.start}` (SHA-256 `{self.start_sha256}`).",
            "",
            "```bash",
            f"vpuformer annotate IMAGES --model {shlex.quote(title)}",
            "```",
            "",
            "## Figures",
            "",
            f"Held-out images: {held_out}{partly}. They were not trained on, but they chose among the weights, so the"
            " figures are a little too good. A simulated user prompts as in `vpuformer evaluate`; intervals are 95 %,"
            " by a bootstrap over images.",
            "",
            "| | before | after | change |",
            "|---|--:|--:|--:|",
            *(f"| {' | '.join(_cells(row))} |" for row in self.rows),
            "",
            "NoC: mean number of clicks until that IoU, at most 20; fewer are better.",
            "",
            f"![Held-out images: ground truth, before, after]({PANEL})",
            "",
            "## Training",
            "",
            f"- {self.data['summary']}",
            *(f"- {note}" for note in self.data.get("notes", ())),
            f"- {self.cost}",
            f"- {self.outcome}",
            "- On other kinds of images the model may have become a little worse.",
            f"- The terms of `{self.start}` and of the images apply to these weights.",
            "",
        ]
        return "\n".join(lines)


def table_of(rows: Sequence[Row]) -> Table:
    """The table for the screen."""
    table = Table("held-out images", title_justify="left")
    for title in ("before", "after", "change"):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> list[str]:
    digits = 2 if row.name.startswith("NoC") else 3
    return [
        row.name,
        _shown(row.before, row.before_interval, digits),
        _shown(row.after, row.after_interval, digits),
        _shown(row.after - row.before, row.change_interval, digits, sign="+"),
    ]


def _shown(value: float, interval: tuple[float, float] | None, digits: int, sign: str = "") -> str:
    text = f"{value:{sign}.{digits}f}"
    return text if interval is None else f"{text} ({interval[0]:{sign}.{digits}f} to {interval[1]:{sign}.{digits}f})"
