"""Measuring segmenters on data sets with a simulated user: runs, records and reports.

In reading order: `simulated_user`, `run` (the measuring), `records` (what is kept of it, in a file), `report` (numbers,
tables, figures and a page from it), `baselines` (other segmenters to compare with), `human` (scribbles that people
drew, in place of the simulated user's).
"""

RECORDS, SUMMARY, HUMAN = "records.jsonl.gz", "summary.json", "human.json"
"""The files in the folder of a run."""

BATCH = 8
"""Objects in a block. More are hardly faster on a CPU, and wait longer for the slowest of them."""
