"""Tables of runs as Markdown."""

from collections.abc import Sequence

from vpuformer.evaluation.report.published import PAPER
from vpuformer.evaluation.report.runs import Run
from vpuformer.evaluation.report.tables import Cell, Table, all_tables


def markdown_tables(runs: Sequence[Run], *, level: int = 2) -> str:
    """Markdown of every table of the runs, each under a heading, and the commands of the runs.

    Args:
        runs: see `vpuformer.evaluation.report.runs.open_runs`.
        level: heading level, 1 for the highest.
    """
    heading = "#" * level
    parts = [f"{heading} {table.name}\n\n{_caption(table)}\n\n{to_markdown(table)}" for table in all_tables(runs)]
    commands = "\n".join(dict.fromkeys(run.header.command for run in runs if run.header.command))
    if commands:
        parts.append(f"{heading} Commands\n\n```bash\n{commands}\n```")
    return "\n\n".join(parts)


def to_markdown(table: Table) -> str:
    """Markdown of one table. The column `source` says whether a row is measured or quoted.

    Measured means are followed by their 95 % interval in brackets.
    """
    rows = [
        [*(word or "-" for word in row.words), group.source_text, *map(_shown, row.cells)]
        for group in table.groups
        for row in group.rows
    ]
    head = [*table.words, "source", *table.titles]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in (head, *rows)]
    rule = "|" + "|".join(["---"] * (len(table.words) + 1) + ["--:"] * len(table.titles)) + "|"  # numbers to the right
    return "\n".join([lines[0], rule, *lines[1:]])


def _caption(table: Table) -> str:
    quoted = any(group.source == "quoted" for group in table.groups)
    return table.caption + (f" Quoted numbers are those of {PAPER}." if quoted else "")


def _shown(cell: Cell) -> str:
    if not cell.text:
        return "-"
    return f"{cell.text} ({cell.interval})" if cell.interval else cell.text
