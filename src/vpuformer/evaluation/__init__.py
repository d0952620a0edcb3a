"""Measuring a method: data set x simulated user x anything that segments, and what is kept and shown of it.

In reading order: `protocol` (what can be measured), `run` (the measuring), `records` (what is kept of it, in a file),
`report` (numbers and tables from it), `peers` (classical methods to compare with).
"""
