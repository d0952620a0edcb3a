"""Bar charts (as the paper's Fig. 1) and curves (as Fig. 6) of runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vpuformer.evaluation.report.markup import Markup
from vpuformer.evaluation.report.runs import Method, Run, column_names, describe, method_names, same_objects
from vpuformer.evaluation.report.summary import prompts_shown
from vpuformer.evaluation.report.svg import Series, bar_chart, legend, line_chart
from vpuformer.evaluation.report.tables import COMBINATIONS, combination
from vpuformer.prompts import KINDS

BARS_AFTER = 3
"""Number of interactions after which Fig. 1 shows the IoU."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing and its caption."""

    caption: str
    drawing: Markup
    key: Markup
    """Legend of the colours."""


def all_figures(runs: Sequence[Run]) -> list[Figure]:
    """Every figure that the runs have numbers for."""
    return [*combination_bars(runs), *first_prompt_bars(runs), *curve_charts(runs)]


def combination_bars(runs: Sequence[Run]) -> list[Figure]:
    """One figure per method: mean IoU after three interactions, by combination of kinds."""
    combined = {kinds: [run for run in runs if combination(run) == kinds] for kinds in COMBINATIONS}
    seeds = {kinds: {run.method.seed for run in those} for kinds, those in combined.items()}

    def series(run: Run) -> str | None:
        kinds = combination(run)
        if kinds is None:
            return None
        # Two seeds are two protocols; a limit beyond the third prompt does not change the first three.
        seed = f", seed {run.method.seed}" if len(seeds[kinds]) > 1 else ""
        return " + ".join(kinds) + seed

    names = list(dict.fromkeys(series(run) or "" for those in combined.values() for run in those))
    return _bars(
        _first_of_each_series(runs, series),
        BARS_AFTER,
        names,
        series,
        lambda method: f"Mean IoU of {method} after {BARS_AFTER} interactions (as Fig. 1), with 95 % intervals.",
    )


def first_prompt_bars(runs: Sequence[Run]) -> list[Figure]:
    """One figure per method: mean IoU after one click, one box, one scribble."""

    def series(run: Run) -> str | None:
        # Mixed protocols begin with a click unless they name another first kind. Without clicks, it is sampled.
        kinds = run.header.kinds
        return run.header.first_kind or ("click" if "click" in kinds else kinds[0] if len(kinds) == 1 else None)

    return _bars(
        _first_of_each_series(runs, series),
        1,
        list(KINDS),
        series,
        lambda method: f"Mean IoU of {method} after its first prompt, by the kind of it, with 95 % intervals.",
    )


def curve_charts(runs: Sequence[Run]) -> list[Figure]:
    """Mean IoU against the number of interactions, one line per run.

    One figure per data set compares methods by their clicks. One more per method that was also measured with other
    prompts compares these.
    """
    figures = []
    for together in same_objects(run for run in runs if len(run.summary["curve"]) > 1):
        title = column_names(runs)[together[0].column]
        clicks = [run for run in together if combination(run) == ("click",)]
        if clicks:
            figures.append(_curves(clicks, title))
        for method, group in _by_method(together).items():
            if any(run not in clicks for run in group):
                figures.append(_curves(group, f"{title}, {method}"))
    return figures


def _curves(runs: Sequence[Run], title: str) -> Figure:
    methods = method_names(runs)
    lines = []
    for run in runs:
        ends = [run.summary["intervals"][f"IoU@{k}"] for k in range(1, len(run.summary["curve"]) + 1)]
        name = f"{methods[run.method]} ({prompts_shown(run.summary)})"
        lines.append(Series(name, run.summary["curve"], [(low, high) for low, high in ends]))
    label = f"{title}: " + "; ".join(
        f"{line.name}: mean IoU {line.values[0]:.2f} after 1 interaction, {line.values[-1]:.2f} after"
        f" {len(line.values)}"
        for line in lines
    )
    drawing = line_chart(lines, "number of interactions", "mean IoU", label)
    caption = f"{title}: mean IoU against the number of interactions (as Fig. 6). Bands: 95 % intervals."
    return Figure(caption, drawing, legend([line.name for line in lines]))


def _bars(
    runs: Sequence[Run],
    after: int,
    names: Sequence[str],
    series_of: Callable[[Run], str | None],
    caption: Callable[[str], str],
) -> list[Figure]:
    number = f"IoU@{after}"
    measured = [run for run in runs if number in run.summary and series_of(run) is not None]
    figures = []
    for method, group in _by_method(measured).items():
        shown = [name for name in names if name in {series_of(run) for run in group}]
        if len(shown) < 2:
            continue
        columns = column_names(group)
        bars = []
        for name in shown:
            summaries = {run.column: run.summary for run in group if series_of(run) == name}
            cells = [summaries.get(column) for column in columns]
            bars.append(
                Series(
                    name,
                    [None if cell is None else cell[number] for cell in cells],
                    [None if cell is None else tuple(cell["intervals"][number]) for cell in cells],
                )
            )
        values = "; ".join(
            f"{place}: " + ", ".join(f"{bar.name} {bar.values[p]:.2f}" for bar in bars if bar.values[p] is not None)
            for p, place in enumerate(columns.values())
        )
        text = caption(method)
        figures.append(Figure(text, bar_chart(list(columns.values()), bars, number, f"{text} {values}"), legend(shown)))
    return figures


def _by_method(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """Runs by the name of their method, whatever the prompts and their limit."""
    groups: dict[Method, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.method.alone, []).append(run)
    names = describe(list(groups))
    return {names[method]: group for method, group in groups.items()}


def _first_of_each_series(runs: Sequence[Run], series_of: Callable[[Run], str | None]) -> list[Run]:
    """One run for each method, data set and series: the others have the same first prompts."""
    first: dict[tuple[object, ...], Run] = {}
    for run in runs:
        first.setdefault((run.method.alone, run.column, series_of(run)), run)
    return list(first.values())
