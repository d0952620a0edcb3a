"""One table of summaries for the screen."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from vpuformer.evaluation.report.summary import Summary, count_title, interval_shown, number_shown, prompts_shown
from vpuformer.evaluation.report.trust import TITLES

STEPS = (1, 2, 3, 5, 10, 20)
"""Numbers of prompts after which tables show the IoU. The screen also shows it after the last prompt."""


def summary_table(summaries: Sequence[Summary]) -> Table:
    """Table for the screen: one row per number, one column per run.

    A single run shows its intervals.
    """
    table = Table()
    table.add_column("")
    for summary in summaries:
        title = f"{summary['model']}\n{summary['dataset']}\n{prompts_shown(summary)}"
        table.add_column(escape(title), justify="right")
    if len(summaries) == 1:
        table.add_column("95 %", justify="right")
    shown = (name for summary in summaries for name in summary if _on_screen(name, summary))
    for name in dict.fromkeys(name.replace("NoI", "NoC") for name in shown):  # one row for both
        row = [number_shown(summary, name) or "-" for summary in summaries]
        if len(summaries) == 1:
            row.append(interval_shown(summaries[0], name, " .. "))
        table.add_row(TITLES.get(name) or count_title(name, summaries), *row)
    table.add_row("objects", *[str(summary["objects"]) for summary in summaries])
    table.add_row("s / prompt", *[f"{summary['seconds_per_interaction']['median']:.3g}" for summary in summaries])
    return table


def _on_screen(name: str, summary: Summary) -> bool:
    what, _, at = name.partition("@")
    if not at:
        return name in TITLES
    return what not in ("IoU", "BIoU") or int(at) in (*STEPS, summary["max_interactions"])
