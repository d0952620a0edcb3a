"""The block on what limits the weights, with a way out in each row; see figures.py."""

import json
from pathlib import Path

import numpy as np
from bundled import of_bundled_weights
from paired import scores
from validation_objects import VALIDATION

RESULTS = Path(__file__).parent / "results"
PAIRED = {
    "samples: 57,600 more, and the mean with the weights before": ("lite2-third", -1),
    "samples: 95,488 more after these, and the mean with the weights before": ("lite2-fourth", -1),
    "image encoder: EfficientNet-Lite2 in the place of MobileNetV2, with 52,800 samples": ("efficientnet-lite2", 1),
    "input: 224 px instead of 192": ("lite2-224", 1),
    "views: each one mirrored as well": ("flip", 1),
}
"""Files of `paired.py` for each limit, and 1 if the way out is the other weights, -1 if it is those bundled then."""


def blocks() -> dict[str, str]:
    """Every block by the name of its marker."""
    return {"limits": limits()}


def limits() -> str:
    """Change of the mean IoU on natural validation objects, and its standard error."""
    lines = ["| limit, and way out of it | " + " | ".join(VALIDATION) + " |", "|---|" + "--:|" * len(VALIDATION)]
    for title, (name, sign) in PAIRED.items():
        rows = json.loads((RESULTS / "experiments" / f"{name}.json").read_text())["rows"]
        both = [rows.get(measure) for measure in VALIDATION]
        cells = [shown(sign * each["difference"], each["standard error"]) if each else "-" for each in both]
        lines.append(f"| {title} (`{name}.json`) | " + " | ".join(cells) + " |")
    cells = [seen(mix, k) for mix, k in VALIDATION.values()]
    lines.append("| images: objects that were trained on, in the place of others | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def seen(mix: str, k: int) -> str:
    """Difference between objects that were trained on and the natural validation objects."""
    summaries = [RESULTS / "validation" / f"{name}-{mix}" / "summary.json" for name in ("default", "seen")]
    if not all(each.exists() and of_bundled_weights(json.loads(each.read_text())) for each in summaries):
        return "-"
    other, trained = (np.array([*scores(f"validation/{each.parent.name}", k).values()]) for each in summaries)
    error = np.hypot(*(each.std(ddof=1) / len(each) ** 0.5 for each in (other, trained)))
    return shown(float(trained.mean() - other.mean()), float(error))


def shown(difference: float, error: float) -> str:
    """A difference in three decimals, with its standard error in brackets.

    >>> shown(-0.0034, 0.0092)
    '-.003 (.009)'
    """
    return f"{round(difference, 3) + 0.0:.3f} ({error:.3f})".replace("0.", ".")
