"""Tables in the paper's form, with measured and quoted rows.

A quoted number appears only in the column of a data set that was measured here as a whole. NoC, NoI and NoF count up to
20 prompts, as in the paper; a run with another limit has none of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vpuformer.evaluation.report.published import (
    ABLATED,
    MEDICAL,
    TABLE_I,
    TABLE_II,
    TABLE_III,
    TABLE_IV,
    TABLE_V,
    TABLE_VI,
    TABLE_VII,
    Published,
)
from vpuformer.evaluation.report.runs import Column, Method, Run, column_names, method_names, run_names
from vpuformer.evaluation.report.screen import STEPS
from vpuformer.evaluation.report.summary import count_title, formatted, interval_shown, number_shown
from vpuformer.evaluation.report.trust import FALL, TITLES
from vpuformer.metrics import MAX_CLICKS
from vpuformer.prompts import KINDS, Kind

Source = Literal["measured", "quoted"]

COMBINATIONS: tuple[tuple[Kind, ...], ...] = (
    ("click",),
    ("click", "box"),
    ("click", "scribble"),
    ("click", "box", "scribble"),
)
"""Combinations of prompt kinds in Table VII and Fig. 1."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Formatted number; "" if it is missing."""

    text: str = ""
    interval: str = ""
    """95 % interval, formatted."""


@dataclass(frozen=True, slots=True)
class Row:
    """Labels, then numbers, all from one source."""

    words: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Rows from one source."""

    title: str
    """The word "Measured", or the name of the paper's table."""
    source: Source
    rows: tuple[Row, ...]

    @property
    def source_text(self) -> str:
        """Source of the rows, in words.

        >>> Group("Table VII", "quoted", ()).source_text, Group("Measured", "measured", ()).source_text
        ('quoted, Table VII', 'measured')
        """
        return self.source if self.source == "measured" else f"{self.source}, {self.title}"


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its caption."""

    name: str
    caption: str
    words: tuple[str, ...]
    """Titles of the label columns."""
    columns: tuple[tuple[str, tuple[str, ...]], ...]
    """Titles of the number columns: a title above several, and the title of each."""
    groups: tuple[Group, ...]
    detail: bool = False
    """Whether the page folds the table, because a figure shows the same numbers."""

    @property
    def titles(self) -> list[str]:
        """Titles of the number columns, one line each."""
        return [f"{above} {name}".strip() for above, names in self.columns for name in names]


def all_tables(runs: Sequence[Run]) -> list[Table]:
    """Every table that has at least one measured number."""
    makers = (
        natural,
        medical,
        prompt_encodings,
        components,
        p2cl_weights,
        combined,
        effort,
        quality,
        boundary,
        corrections,
        curves,
        times,
    )
    return [table for table in (make(runs) for make in makers) if table is not None]


def natural(runs: Sequence[Run]) -> Table | None:
    """Clicks on natural images, as in the paper's Tables I and II."""
    chosen = [run for run in runs if _clicks_alone(run) and run.header.dataset not in MEDICAL]
    caption = "Mean number of clicks until the IoU is at least 85 % and 90 %, at most 20."
    return _clicks(chosen, "Clicks (as Tables I and II)", caption, [*TABLE_II, *TABLE_I])


def medical(runs: Sequence[Run]) -> Table | None:
    """Clicks on medical images, as in the paper's Table III."""
    chosen = [run for run in runs if _clicks_alone(run) and run.header.dataset in MEDICAL]
    caption = "Mean number of clicks until the IoU is at least 85 % and 90 %, at most 20, on medical images."
    return _clicks(chosen, "Clicks on medical images (as Table III)", caption, TABLE_III)


def prompt_encodings(runs: Sequence[Run]) -> Table | None:
    """Clicks by prompt encoding, as in the paper's Table IV."""
    caption = "Mean number of clicks until the IoU is at least 85 % and 90 %, at most 20, by the prompt encoding."
    return _clicks(_ablated(runs), "Prompt encoding (as Table IV)", caption, TABLE_IV)


def components(runs: Sequence[Run]) -> Table | None:
    """Clicks with and without DMA and P2CL, as in the paper's Table V."""
    caption = "Mean number of clicks until the IoU is at least 90 %, at most 20, and number of objects that never do."
    return _clicks(_ablated(runs), "DMA and P2CL (as Table V)", caption, TABLE_V, ("NoC@90", "NoF@90"))


def p2cl_weights(runs: Sequence[Run]) -> Table | None:
    """Clicks by the weight of P2CL, as in the paper's Table VI."""
    caption = (
        "Mean number of clicks until the IoU is at least 85 % and 90 %, at most 20, by lambda, the weight of P2CL."
    )
    return _clicks(_ablated(runs), "Weight of P2CL (as Table VI)", caption, TABLE_VI)


def _ablated(runs: Sequence[Run]) -> list[Run]:
    """Runs with clicks on whole data sets of the paper's ablations."""
    return [run for run in runs if _clicks_alone(run) and run.header.dataset in ABLATED and run.complete]


def combined(runs: Sequence[Run]) -> Table | None:
    """Clicks, boxes and scribbles together, as in the paper's Table VII."""
    full_length = [run for run in runs if _full_length(run) and combination(run) is not None]
    mixed = {run.column for run in full_length if combination(run) != ("click",)}
    chosen = [run for run in full_length if run.column in mixed]
    if not chosen:
        return None
    columns, names = column_names(chosen), method_names(chosen)

    def order(run: Run) -> tuple[str, int]:
        return names[run.method], COMBINATIONS.index(combination(run) or ())

    rows = _measured_rows(
        sorted(chosen, key=order), columns, lambda method, run: (names[method], *_ticks(combination(run) or ()))
    )
    quoted = [
        Row((f"{row.method}, {row.backbone}", *_ticks(row.kinds)), _quoted_cells(row, columns, chosen))
        for row in TABLE_VII
    ]
    return Table(
        "Kinds of prompts together (as Table VII)",
        "Mean number of interactions until the IoU is at least 85 % and 90 %, at most 20. With several kinds the first"
        " prompt is a click; the paper's rule samples the kinds of the others.",
        ("method", *KINDS),
        tuple((name, ("NoI@85", "NoI@90")) for name in columns.values()),
        _groups(rows, [("Table VII", quoted)]),
    )


def effort(runs: Sequence[Run]) -> Table | None:
    """Number of prompts and of failed objects, for every run."""
    names = ("NoC@80", "NoC@85", "NoC@90", "NoC@95", "NoF@85", "NoF@90", ">=20@85", ">=20@90")
    chosen = [run for run in runs if _full_length(run)]
    titles = tuple(count_title(name, [run.summary for run in chosen]) for name in names)
    caption = (
        "NoC: number of clicks until that IoU in per cent, at most 20 (NoI: number of interactions, if prompts other"
        " than clicks are allowed). NoF: objects that never reach it. >=20: objects with a NoC of 20, which RITM counts"
        " as failures; they include those that reach it with the last prompt."
    )
    return _every_run(chosen, "Prompts needed", caption, names, titles)


def quality(runs: Sequence[Run]) -> Table | None:
    """Mean IoU after some prompts, and the area under the curve, for every run."""
    names = (*(f"IoU@{k}" for k in STEPS), f"AuC@{MAX_CLICKS}")
    caption = (
        "Mean IoU after that number of prompts, 0 to 1. AuC: area under the curve, the mean of the IoUs after 1 to 20"
        " prompts."
    )
    return _every_run(runs, "Quality reached", caption, names, names)


def times(runs: Sequence[Run]) -> Table:
    """Seconds of the method, for every run."""
    rows = []
    for name, run in zip(run_names(runs, omit=["max_interactions"]), runs, strict=True):
        spreads = (run.summary["seconds_per_interaction"], run.summary["seconds_per_image"])
        together = f", {run.header.batch} at a time" if run.header.batch > 1 else ""
        cells = tuple(cell for spread in spreads for cell in _seconds(spread))
        rows.append(Row((name, run.header.device + together), cells))
    caption = (
        "Seconds spent in the method itself, excluding file I/O and the simulated user. Objects that were segmented in"
        " a batch share its time equally; to measure how long a person waits, segment one at a time. Times compare only"
        " on the same device."
    )
    heads = tuple((above, ("median", "mean")) for above in ("one prompt", "one image, once"))
    return Table("Time", caption, ("run", "device"), heads, _groups(rows, []))


def boundary(runs: Sequence[Run]) -> Table | None:
    """Mean boundary IoU after some prompts, for every run that measured it."""
    names = tuple(f"BIoU@{k}" for k in STEPS)
    chosen = [run for run in runs if any(name in run.summary for name in names)]
    caption = (
        "Mean boundary IoU (Cheng et al., CVPR 2021) after that number of prompts, 0 to 1: the IoU of bands along the"
        " outlines, 2 % of the image's diagonal wide."
    )
    return _every_run(chosen, "Quality of the outline", caption, names, names)


def corrections(runs: Sequence[Run]) -> Table | None:
    """What further prompts change, for every run that has any."""
    caption = (
        "Prompts corrected: share of prompts after which a prompt of the object was on the wrong side of the outline,"
        " and was put right. The other numbers are about the second and later prompts of an object: the share that"
        " breaks more pixels than it mends, the mean number of pixels that one breaks (right before, wrong after), and"
        f" the share after which the IoU is lower by more than {FALL}."
    )
    return _every_run(runs, "What corrections break", caption, list(TITLES), tuple(TITLES.values()))


def curves(runs: Sequence[Run]) -> Table | None:
    """Curves as numbers: mean IoU after each prompt, one row per number of prompts."""
    chosen = [run for run in runs if len(run.summary["curve"]) > 1]
    if not chosen:
        return None
    longest = max(len(run.summary["curve"]) for run in chosen)
    rows = [Row((str(k),), tuple(_measured_cell(run, f"IoU@{k}") for run in chosen)) for k in range(1, longest + 1)]
    return Table(
        "IoU after every prompt",
        "The curves as numbers: mean IoU after that number of prompts, 0 to 1.",
        ("prompts",),
        (("", tuple(run_names(chosen))),),
        _groups(rows, []),
        detail=True,
    )


def combination(run: Run) -> tuple[Kind, ...] | None:
    """Member of `COMBINATIONS` that the run measured, or None."""
    if run.header.first_kind not in (None, "click"):
        return None
    kinds = tuple(kind for kind in ("click", "box", "scribble") if kind in run.header.kinds)
    return next((each for each in COMBINATIONS if each == kinds), None)


def _clicks(
    chosen: Sequence[Run],
    name: str,
    caption: str,
    published: Iterable[Published],
    numbers: tuple[str, str] = ("NoC@85", "NoC@90"),
) -> Table | None:
    if not chosen:
        return None
    columns, names = column_names(chosen), method_names(chosen)
    rows = _measured_rows(chosen, columns, lambda method, _: (names[method], ""), numbers)
    quoted: dict[str, list[Row]] = {}
    for each in published:
        cells = _quoted_cells(each, columns, chosen, numbers)
        if any(cell.text for cell in cells):
            quoted.setdefault(f"Table {each.table}, trained on {each.trained_on}", []).append(
                Row((each.method, each.backbone), cells)
            )
    return Table(
        name,
        caption,
        ("method", "backbone"),
        tuple((title, numbers) for title in columns.values()),
        _groups(rows, quoted.items()),
    )


def _every_run(
    runs: Sequence[Run], name: str, caption: str, numbers: Sequence[str], titles: tuple[str, ...]
) -> Table | None:
    """Table with one row per run, without the columns in which no run has a number."""
    shown = [i for i, number in enumerate(numbers) if any(number_shown(run.summary, number) for run in runs)]
    if not shown:
        return None
    rows = [
        Row((run_name, str(run.header.max_interactions)), tuple(_measured_cell(run, numbers[i]) for i in shown))
        for run_name, run in zip(run_names(runs, omit=["max_interactions"]), runs, strict=True)
    ]
    return Table(name, caption, ("run", "at most"), (("", tuple(titles[i] for i in shown)),), _groups(rows, []))


def _measured_rows(
    runs: Sequence[Run],
    columns: Mapping[Column, str],
    words: Callable[[Method, Run], tuple[str, ...]],
    numbers: tuple[str, str] = ("NoC@85", "NoC@90"),
) -> list[Row]:
    """One row per method, with two numbers per column."""
    together: dict[Method, dict[Column, Run]] = {}
    for run in runs:
        together.setdefault(run.method, {})[run.column] = run
    rows = []
    for method, by_column in together.items():
        cells = [
            _measured_cell(by_column[column], name) if column in by_column else Cell()
            for column in columns
            for name in numbers
        ]
        rows.append(Row(words(method, next(iter(by_column.values()))), tuple(cells)))
    return rows


def _measured_cell(run: Run, name: str) -> Cell:
    return Cell(number_shown(run.summary, name), interval_shown(run.summary, name))


def _quoted_cells(
    row: Published,
    columns: Mapping[Column, str],
    runs: Sequence[Run],
    numbers: tuple[str, str] = ("NoC@85", "NoC@90"),
) -> tuple[Cell, ...]:
    whole = {run.column for run in runs if run.complete}
    pairs = [row.values.get(column.dataset, (None, None)) if column in whole else (None, None) for column in columns]
    named = [(name, value) for pair in pairs for name, value in zip(numbers, pair, strict=True)]
    return tuple(Cell("" if value is None else formatted(name, value)) for name, value in named)


def _groups(measured: Sequence[Row], quoted: Iterable[tuple[str, Sequence[Row]]]) -> tuple[Group, ...]:
    groups = [Group("Measured", "measured", tuple(measured))]
    for title, rows in quoted:
        filled = tuple(row for row in rows if any(cell.text for cell in row.cells))
        if filled:
            groups.append(Group(title, "quoted", filled))
    return tuple(groups)


def _seconds(spread: Mapping[str, Any]) -> tuple[Cell, Cell]:
    """Cells of the median and the mean."""
    low, high = map(_second, spread["interval"])
    return Cell(_second(spread["median"])), Cell(_second(spread["mean"]), f"{low} to {high}" if low != high else "")


def _second(seconds: float) -> str:
    return f"{seconds:.3f}" if seconds >= 0.0005 else "< 0.001"


def _full_length(run: Run) -> bool:
    return run.header.max_interactions == MAX_CLICKS


def _clicks_alone(run: Run) -> bool:
    return _full_length(run) and combination(run) == ("click",)


def _ticks(kinds: Sequence[Kind]) -> tuple[str, ...]:
    return tuple("✓" if kind in kinds else "-" for kind in KINDS)
