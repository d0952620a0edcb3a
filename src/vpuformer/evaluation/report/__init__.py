"""Numbers, tables, figures and pages from the records of evaluations.

In reading order: `summary` (the numbers of one run), `screen` (a table of them), `runs` (several runs, and which of
them compare), `published` (the paper's numbers), `tables` (in the paper's form), `figures` (bars and curves, drawn by
`svg`), `panels` (images with prompts), `page` (HTML, written with `markup`), `markdown`. Needs no torch.
"""

from vpuformer.evaluation.report.markdown import markdown_tables
from vpuformer.evaluation.report.page import render_page, write_page
from vpuformer.evaluation.report.runs import Run, open_runs
from vpuformer.evaluation.report.screen import summary_table
from vpuformer.evaluation.report.summary import Summary, prompts_shown, summarise, write_summary

__all__ = [
    "Run",
    "Summary",
    "markdown_tables",
    "open_runs",
    "prompts_shown",
    "render_page",
    "summarise",
    "summary_table",
    "write_page",
    "write_summary",
]
