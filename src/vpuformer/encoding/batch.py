"""The prompts of a batch of images as padded arrays in the canonical 448x448 frame."""

import inspect
import traceback
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float, Int
from numpy import ndarray as Array

from vpuformer.arrays import Points
from vpuformer.geometry import CANONICAL, FrameMap
from vpuformer.prompts import KINDS, Box, Click, Extent, Kind, Prompt, Scribble

MAX_PROMPTS = 96

MAX_STROKE_PIXELS = 4096
"""Most points of an encoded stroke: nine times across the frame. People's scribbles have a few hundred."""


@dataclass(frozen=True)
class PromptBatch:
    """Prompts of `b` samples, padded to `n` slots, in the order in which they were given.

    All coordinates lie in the canonical frame. An empty slot has `valid` False and zeros elsewhere.
    """

    kind: Int[Array, "b n"]
    """Index into `KINDS`: 0 click, 1 box, 2 scribble."""
    positive: Bool[Array, "b n"]
    valid: Bool[Array, "b n"]
    bounds: Float[Array, "b n 4"]
    """x0, y0, x1, y1; for a click its point, twice."""
    points: Float[Array, "b n m 2"]
    """The pixels (x, y) of a click (one) or of a scribble (dense: no gap of more than a pixel); none for a box."""
    point_valid: Bool[Array, "b n m"]

    def __len__(self) -> int:
        return self.kind.shape[0]

    def is_kind(self, kind: Kind) -> Bool[Array, "b n"]:
        """True for slots that hold a prompt of this kind."""
        return self.valid & (self.kind == KINDS.index(kind))

    @classmethod
    def collate(
        cls,
        prompts: Sequence[Sequence[Prompt]],
        frames: Sequence[FrameMap],
    ) -> "PromptBatch":
        """Map the prompts of each sample into the canonical frame, and pad them.

        Above `MAX_PROMPTS` a sample loses the oldest prompts of its most frequent kinds, but not its newest positive
        one, with a warning. There is always at least one slot.

        Args:
            prompts: of each sample, in image pixels, within the part of the image that its frame maps
                (`vpuformer.inference.zoom.prompts_in_crop`).
            frames: the map of each sample into the canonical frame.
        """
        kept = [_limit(sample) for sample in prompts]
        encoded = [[_encode(prompt, frame) for prompt in sample] for sample, frame in zip(kept, frames, strict=True)]
        b, n = len(kept), max(1, *(len(sample) for sample in kept)) if kept else 1
        m = max([1, *(len(pixels) for sample in encoded for _, pixels in sample)])
        kind = np.zeros((b, n), np.int64)
        positive, valid = np.zeros((b, n), bool), np.zeros((b, n), bool)
        bounds = np.zeros((b, n, 4), np.float32)
        points, point_valid = np.zeros((b, n, m, 2), np.float32), np.zeros((b, n, m), bool)
        for i, sample in enumerate(kept):
            if not sample:
                continue
            there = slice(len(sample))
            kind[i, there] = [KINDS.index(prompt.kind) for prompt in sample]
            positive[i, there] = [prompt.positive for prompt in sample]
            valid[i, there] = True
            bounds[i, there] = [corners for corners, _ in encoded[i]]
            for j, (_, pixels) in enumerate(encoded[i]):
                points[i, j, : len(pixels)], point_valid[i, j, : len(pixels)] = pixels, True
        return cls(kind, positive, valid, bounds, points, point_valid)


def _limit(prompts: Sequence[Prompt]) -> Sequence[Prompt]:
    if len(prompts) > MAX_PROMPTS:
        _warn_the_caller(
            f"{len(prompts)} prompts on one object, the network takes {MAX_PROMPTS}: the oldest of the most frequent"
            " kinds are left out, but not the newest positive prompt; give fewer"
        )
    return [prompts[i] for i in kept_prompts(prompts)]


def kept_prompts(prompts: Sequence[Prompt]) -> list[int]:
    """Indices of the prompts of a sample that have a slot; see `PromptBatch.collate`."""
    excess = max(0, len(prompts) - MAX_PROMPTS)
    counts = Counter(prompt.kind for prompt in prompts)
    surplus = dict.fromkeys(KINDS, 0)
    for _ in range(excess):
        surplus[max(KINDS, key=lambda kind: counts[kind] - surplus[kind])] += 1
    newest = max((i for i, prompt in enumerate(prompts) if prompt.positive), default=None)
    kept: list[int] = []
    for i, prompt in enumerate(prompts):
        if surplus[prompt.kind] and i != newest:
            surplus[prompt.kind] -= 1
        else:
            kept.append(i)
    return kept


def _warn_the_caller(message: str) -> None:
    """Warn at the line that called into this package, however many functions lie between."""
    package = __name__.partition(".")[0]
    frames = [frame for frame, _ in traceback.walk_stack(inspect.currentframe())]
    # The outermost frame of this package: decorators of torch and others may stand between its functions.
    own = [i for i, frame in enumerate(frames) if frame.f_globals.get("__name__", "").partition(".")[0] == package]
    caller = frames[min(own[-1] + 1, len(frames) - 1)]
    registry = caller.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, UserWarning, caller.f_code.co_filename, caller.f_lineno, registry=registry)


def _encode(prompt: Prompt, frame: FrameMap) -> tuple[Extent, Points]:
    """Bounds and pixels of a prompt in the canonical frame."""
    canonical = prompt.mapped(frame.to_target)
    match canonical:
        case Click():
            return canonical.bounds, canonical.points
        case Box():
            return canonical.bounds, np.zeros((0, 2))
        case Scribble():
            return canonical.bounds, dense_pixels(canonical.points, canonical.gaps)


def dense_pixels(path: Points, gaps: Sequence[int] = ()) -> Points:
    """Resample the stroke `path` (n, 2) to one point for every pixel that it visits.

    The points are in order and at most a pixel apart. `path` lies in the canonical frame; `gaps` are those of a
    `Scribble`. A stroke that visits more pixels than `MAX_STROKE_PIXELS` keeps that many, evenly along it: such a
    stroke fills the image, and the rest adds nothing.

    >>> dense_pixels(np.array([[0.0, 0.0], [2.0, 0.0]])).tolist()
    [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]
    """
    # Steps along the longer axis: a straight piece leaves one point in every column or row that it crosses.
    pieces = np.split(path, gaps)
    walked = [np.append(0.0, np.abs(np.diff(piece, axis=0)).max(axis=1).cumsum()) for piece in pieces]
    spacing = max(1.0, sum(along[-1] for along in walked) / CANONICAL**2)
    dense = np.concatenate([_resampled(piece, along, spacing) for piece, along in zip(pieces, walked, strict=True)])
    dense = dense.clip(-0.5, CANONICAL - 0.5)  # rounding may have left an edge
    column, row = np.rint(dense).astype(np.int64).T
    first = np.sort(np.unique(column * (CANONICAL + 1) + row, return_index=True)[1])
    if len(first) > MAX_STROKE_PIXELS:
        first = first[np.linspace(0, len(first) - 1, MAX_STROKE_PIXELS).round().astype(np.int64)]
    return dense[first]


def _resampled(piece: Points, along: npt.NDArray[np.float64], spacing: float) -> Points:
    """Points at most `spacing` apart on a line whose points have distances `along` it."""
    at = np.linspace(0.0, along[-1], int(np.ceil(along[-1] / spacing)) + 1)
    return np.stack([np.interp(at, along, piece[:, axis]) for axis in (0, 1)], axis=1)
