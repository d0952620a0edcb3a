"""Mark results of earlier weights on the pages; see figures.py."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vpuformer.model.manifest import read_manifest

RESULTS = Path(__file__).parent / "results"
EARLIER = "Measured with earlier weights."
MIXES = ("click", "click+box+scribble")
SHOWN: Mapping[str, tuple[str, ...]] = {
    "latency": ("latency",),
    "latency-in-short": ("latency",),
    "targets": ("latency",),
    "starts": ("latency",),
    "floor": ("floor",),
    "parts": ("parts",),
    "harness": ("harness",),
    "page": ("page",),
    "web": ("web",),
    "large": ("large_folder",),
    "precompute": ("precompute",),
    "predict": ("predict",),
    "sessions": ("sessions",),
    "day": ("day",),
    "finetuning": ("finetune",),
    "contributions-in-short": ("contributions",),
    "contributions-at-most": ("contributions",),
    "trust": ("trust",),
    "candidates": ("candidates",),
    "off-centre": ("off_centre",),
    "enclosing-box": ("enclosing_box",),
    "given-masks": ("given_masks",),
    "validation": tuple(f"validation/default-{mix}/summary" for mix in (*MIXES, "box", "scribble")),
    "falls": tuple(f"{name}/default-{mix}/summary" for name in ("grabcut", "davis", "sstem") for mix in MIXES),
    "trust-on-tests": tuple(f"{name}/default-{mix}/summary" for name in ("grabcut", "davis") for mix in MIXES),
}
"""Results that a block shows as those of the bundled weights; other blocks say themselves whose they are."""


def of_bundled_weights(result: Mapping[str, Any]) -> bool:
    """Whether a result was measured with the weights as they are now."""
    return result.get("weights_sha256") == read_manifest("default").sha256


def marked(marker: str, block: str) -> str:
    """A block, with a sentence at its end if its results are those of earlier weights."""
    results = (json.loads((RESULTS / f"{name}.json").read_text("utf-8")) for name in SHOWN.get(marker, ()))
    return block if all(map(of_bundled_weights, results)) else f"{block}\n\n{EARLIER}"
