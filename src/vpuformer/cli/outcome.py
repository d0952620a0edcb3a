"""The mask to correct, and the summary, of `vpuformer segment`."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpuformer.errors import MaskError
from vpuformer.images import read_meaning
from vpuformer.images.meaning import coverage
from vpuformer.metrics import MASK_THRESHOLD


def read_previous(
    path: Path, size: tuple[int, int], label: int | None
) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
    """The mask to correct, (H, W) in 0..1, and notes on how it was read.

    Raises:
        MaskError: see `vpuformer.images.read_mask`; with several labels, the message names --mask-label.
    """
    meaning = read_meaning(path, size)
    if meaning.kind == "labels" and label is None:
        raise MaskError(
            f"{path} holds {meaning.taken}; choose one with --mask-label, such as --mask-label"
            f" {shlex.quote(meaning.named(meaning.labels[0]))}"
        )
    mask = meaning.probability(f"the mask {path}", label)
    chosen = "" if label is None else f", of which {meaning.named(label)} is the object"
    remark = coverage(mask > MASK_THRESHOLD)
    return mask, (f"{path} is read as {meaning.taken}{chosen}{f': {remark}' if remark else ''}",)


def summary_text(summary: Mapping[str, Any]) -> str:
    """The summary of `--json` as text, one fact a line."""
    box = summary["bounding_box"]
    where = "" if box is None else ", from ({:g}, {:g}) to ({:g}, {:g})".format(*box)
    lines = [f"{what}: {summary[what]}" for what in ("mask", "overlay") if summary[what] is not None]
    lines += [f"object: {summary['area']} pixels{where}", f"time: {summary['seconds']:.2f} s"]
    return "\n".join([*lines, *(f"note: {note}" for note in summary["notes"])])
