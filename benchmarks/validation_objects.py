"""Groups of the validation objects, and the prompts that they are scored with."""

import json
from pathlib import Path
from typing import Any

from vpuformer.evaluation.records import read_records
from vpuformer.evaluation.report.summary import summarise

MEDICAL = ("polyps", "skin")
"""Medical data sets of the validation split, reported separately."""
NEW = ("salient", "horses", "people", "matting", "faces", "plants", "street", "cracks", "coco_more")
"""Data sets that joined the validation split later, reported separately to keep older numbers comparable."""
FIRST_OBJECTS = 623
"""Number of validation objects before these data sets joined."""
NATURAL = ()
"""All other data sets."""
VALIDATION = {
    "1 click": ("click", 1),
    "3 clicks": ("click", 3),
    "5 clicks": ("click", 5),
    "1 box": ("box", 1),
    "1 scribble": ("scribble", 1),
    "3 mixed": ("click+box+scribble", 3),
}
"""What the mean IoU is reported after: prompt kinds of a run, and number of prompts."""
GROUPS = {"natural images": NATURAL, "medical ones": MEDICAL, "sets added later": NEW}


def validation_group(name: str) -> tuple[str, ...]:
    """Group of data sets that a validation object is reported with."""
    return next((group for group in (MEDICAL, NEW) if name.startswith(tuple(f"{each}/" for each in group))), NATURAL)


def first_objects(path: Path) -> dict[str, Any]:
    """Summary of a run, without the data sets that joined the validation split later."""
    summary = json.loads(path.read_text())
    if summary["objects"] <= FIRST_OBJECTS:
        return summary
    header, objects = read_records(path.parent / "records.jsonl.gz")
    return summarise(header, [each for each in objects if validation_group(each.name) != NEW])
