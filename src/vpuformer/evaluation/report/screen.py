"""One table of summaries, for the screen or for a Markdown page."""

from collections.abc import Sequence

from rich.table import Table

from vpuformer.evaluation.report.summary import Summary, count_title, interval_shown, number_shown, prompts_shown

COLUMNS = ("NoC@85", "NoC@90", "NoF@90", "IoU@1", "IoU@3", "IoU@5")
"""Numbers in the Markdown table."""

STEPS = (1, 2, 3, 5, 10, 20)
"""Numbers of prompts after which tables show the IoU. The screen also shows it after the last prompt."""

_NONE = "-"


def summary_table(summaries: Sequence[Summary]) -> Table:
    """Table for the screen: one row per number, one column per run.

    A single run shows its intervals.
    """
    table = Table()
    table.add_column("")
    for summary in summaries:
        table.add_column(f"{summary['model']}\n{summary['dataset']}\n{prompts_shown(summary)}", justify="right")
    if len(summaries) == 1:
        table.add_column("95 %", justify="right")
    shown = (name for summary in summaries for name in summary if _on_screen(name, summary))
    for name in dict.fromkeys(name.replace("NoI", "NoC") for name in shown):  # one row for both
        row = [number_shown(summary, name) or _NONE for summary in summaries]
        if len(summaries) == 1:
            row.append(interval_shown(summaries[0], name, " .. "))
        table.add_row(count_title(name, summaries), *row)
    table.add_row("objects", *[str(summary["objects"]) for summary in summaries])
    table.add_row("s / prompt", *[seconds_shown(summary) or _NONE for summary in summaries])
    return table


def render_table(summaries: Sequence[Summary]) -> str:
    """Markdown table, one row per run. Seconds are the median of one prompt.

    >>> run = {"dataset": "toy", "model": "grabcut", "kinds": ["click"], "objects": 4, "NoC@90": 3.25, "IoU@1": 0.5}
    >>> print(render_table([run]))
    | data set | method | prompts | objects | NoC@85 | NoC@90 | NoF@90 | IoU@1 | IoU@3 | IoU@5 | s / prompt |
    |---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|
    | toy | grabcut | click | 4 | - | 3.25 | - | 0.500 | - | - | - |
    """
    titles = (count_title(name, summaries) for name in COLUMNS)
    rows = [
        [
            summary["dataset"],
            summary["model"],
            prompts_shown(summary),
            str(summary["objects"]),
            *(number_shown(summary, name) or _NONE for name in COLUMNS),
            seconds_shown(summary) or _NONE,
        ]
        for summary in summaries
    ]
    return markdown_table(["data set", "method", "prompts", "objects", *titles, "s / prompt"], rows, words=3)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int) -> str:
    """Markdown table. Columns after the first `words` hold numbers, aligned right."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (head, *rows)]
    rule = "|" + "|".join(["---"] * words + ["--:"] * (len(head) - words)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def seconds_shown(summary: Summary) -> str:
    """Median seconds of one prompt, or "" if they are unknown."""
    seconds = summary.get("seconds_per_interaction")
    return "" if seconds is None else f"{seconds['median']:.3g}"


def _on_screen(name: str, summary: Summary) -> bool:
    what, _, at = name.partition("@")
    return bool(at) and (what not in ("IoU", "BIoU") or int(at) in (*STEPS, summary["max_interactions"]))
