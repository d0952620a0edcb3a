"""The block on costs, from the results of other programs; see figures.py."""

import json
from pathlib import Path
from typing import Any

from bundled import of_bundled_weights

RESULTS = Path(__file__).parent / "results"
SAMPLES_PER_STEP = 16
"""Pairs of image and object in a step of the recipe `default`."""
STEPS = (500, 2000, 20000)
FLOPS = 50e12
"""Operations a second that a GPU is assumed to sustain."""


def blocks() -> dict[str, str]:
    """Every block by the name of its marker."""
    return {"costs": costs()}


def costs() -> str:
    """A row a task, with the time it takes and where that comes from."""
    answers = result("latency")["answers"][result("latency")["runtime by default"]]
    predicted, evaluated = result("predict")["rows"], result("harness")["prompts"]["click"]["objects_per_minute"]
    day, stages = result("day"), result("validation/stages")
    samples = max(stage["samples"] for stage in stages["stages"].values())
    recipes = result("recipes")["recipes"]
    rows = [
        ("a first prompt on a new image of 500 x 350", milliseconds(answers["new image, first prompt"]), "latency"),
        ("a correction", milliseconds(answers["correction"]), "latency"),
        *(
            (
                f"masks for 1,000 images with {counted(row['objects'] // row['images'], 'box', 'boxes')} each",
                minutes(1000 * row["objects"] / row["images"] / row["objects_per_second"] / 60),
                "predict",
            )
            for row in predicted
        ),
        (
            "waiting for the network while a person outlines 1,000 objects by hand",
            minutes(1000 * day["begun by hand"]["seconds of waiting for an object"] / 60),
            "day",
        ),
        ("evaluating 345 objects with 20 clicks each", minutes(345 / evaluated["blocks"]), "harness"),
        *(
            (
                f"training for {steps:,} steps, on average over all runs",
                minutes(60 * stages["hours"] * steps * SAMPLES_PER_STEP / samples),
                "validation/stages",
            )
            for steps in STEPS
        ),
    ]
    lines = ["| task, on two CPU cores | time | measured by |", "|---|--:|---|"]
    lines += [f"| {task} | {time} | {measured_by(source)} |" for task, time, source in rows]
    lines += ["", "| one of the paper's rows, on one GPU | time, estimated |", "|---|--:|"]
    for name in ("sbd_mit_b0", "sbd_vit_b", "cocolvis_vit_b"):
        hours = recipes[name]["training_eflop"] * 1e18 / FLOPS / 3600
        lines.append(f"| `{name}` | {minutes(60 * hours)} |")
    return "\n".join(lines)


def measured_by(name: str) -> str:
    """The program that wrote a result, marked if a time is that of earlier weights."""
    timed = name != "validation/stages"  # a mean over all trainings
    earlier = ", earlier weights" if timed and not of_bundled_weights(result(name)) else ""
    return f"`benchmarks/{Path(name).name}.py`{earlier}"


def result(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def milliseconds(measured: Any) -> str:
    return f"{1000 * measured['median']:.0f} ms"


def minutes(count: float) -> str:
    """A time in words.

    >>> minutes(0.5), minutes(12.3), minutes(200)
    ('30 s', '12 min', '3.3 h')
    """
    if count < 2:
        return f"{60 * count:.0f} s"
    return f"{count:.0f} min" if count < 90 else f"{count / 60:.1f} h"


def counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
