"""Images of prompts on their way to a mask: vectors, attention, P2CL.

    python benchmarks/idea_figures.py

The bundled weights look once at the whole photograph of a cup. Writes `docs/images/idea-*.png`, which docs/idea.md
explains.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from numpy import ndarray as Array
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from vpuformer.encoding.batch import PromptBatch
from vpuformer.encoding.pue import prompt_vectors
from vpuformer.geometry import CANONICAL, Crop, FrameMap
from vpuformer.images import overlay, read_image
from vpuformer.marks import marks_of
from vpuformer.model.checkpoint import load_model
from vpuformer.model.dma import MultiHeadAttention
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click, Prompt, Scribble

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs" / "images"
PHOTOGRAPH = ROOT / "examples" / "coffee.jpg"
PROMPTS: dict[str, tuple[Prompt, ...]] = {
    "click": (Click(300, 235),),
    "box": (Box(165, 15, 410, 325),),
    "scribble": (Scribble([(190, 100), (205, 160), (240, 215), (310, 240)]),),
}
TWO = (Box(165, 15, 410, 325), Click(370, 290, positive=False))
"""A box, and a negative click on the spoon."""

TILE, LINE, GAP = 152, 22, 6
"""Side of a tile, height of a line of text and distance of tiles, in pixels."""
INK, ALONG_X, ALONG_Y = "#222222", "#0072b2", "#d55e00"
FONT = ImageFont.load_default(14)
COLOURS = 112
"""Colours of a file."""


@dataclass
class Seen:
    """What one pass of the network computes on the way to the mask of one sample."""

    prompts: int
    probability: Array = field(default_factory=lambda: np.zeros(0))
    """Shape (h, w)."""
    similarity: Array = field(default_factory=lambda: np.zeros(0))
    """Cosine of each prompt's embedding and each pixel's at 1/4, shape (n, h4, w4)."""
    reads: list[Array] = field(default_factory=list)
    """Attention of each prompt to the image tokens, mean of the heads, shape (n, h16, w16), by layer."""
    is_read: list[Array] = field(default_factory=list)
    """Attention of the image tokens to each prompt, mean of the heads, shape (n, h16, w16), by layer."""


def main() -> None:
    model, photograph = load_model("default").eval(), read_image(PHOTOGRAPH)
    seen = {name: look(model, photograph, prompts) for name, prompts in PROMPTS.items()}
    figures = {
        "idea-vectors": stacked([beside([vector_panel(photograph, *prompts) for prompts in PROMPTS.values()])]),
        "idea-attention": attention_figure(photograph, seen),
        "idea-similarity": similarity_figure(photograph, [*PROMPTS.values(), TWO], model),
    }
    for name, figure in figures.items():
        path = IMAGES / f"{name}.png"
        figure.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
        print(path.relative_to(ROOT), f"{path.stat().st_size / 1000:.0f} kB")


@torch.no_grad()
def look(model: VPUFormer, photograph: Array, prompts: Sequence[Prompt]) -> Seen:
    """Let the network look at the whole photograph, and keep what it computes."""
    side = model.config.input_size
    pixels = torch.from_numpy(cv2.resize(photograph, (side, side), interpolation=cv2.INTER_AREA))
    seen = Seen(len(prompts))
    with watched(model, seen):
        output = model(pixels.permute(2, 0, 1)[None] / 255, torch.zeros(1, 1, side, side), batch(photograph, prompts))
    seen.probability = output.logits[0, 0].sigmoid().numpy()
    directions = F.normalize(output.prompt_embeddings[0], dim=-1), F.normalize(output.pixel_embeddings[0], dim=0)
    seen.similarity = torch.einsum("nd,dhw->nhw", *directions).numpy()
    return seen


def batch(photograph: Array, prompts: Sequence[Prompt]) -> PromptBatch:
    """One sample: the prompts on the whole photograph, in the canonical frame."""
    return PromptBatch.collate([prompts], [FrameMap.to_canonical(Crop.whole(photograph.shape[:2]))])


@contextmanager
def watched(model: VPUFormer, seen: Seen) -> Iterator[None]:
    """Add what each DMA layer computes to `seen`."""

    def prompts_read(module: Any, inputs: Any, options: Any, _output: Any) -> None:
        weights = attention(module, *inputs, **options)[: seen.prompts]
        seen.reads.append(weights.unflatten(-1, square(weights.shape[-1])).numpy())

    def image_reads(module: Any, inputs: Any, options: Any, _output: Any) -> None:
        weights = attention(module, *inputs, **options).T[: seen.prompts]
        seen.is_read.append(weights.unflatten(-1, square(weights.shape[-1])).numpy())

    hooks = []
    for layer in model.dma:
        hooks.append(layer.prompt_to_semantic.register_forward_hook(prompts_read, with_kwargs=True))
        hooks.append(layer.semantic_to_prompt.register_forward_hook(image_reads, with_kwargs=True))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def attention(
    module: MultiHeadAttention,
    query: Tensor,
    key: Tensor,
    _value: Tensor,
    valid: Tensor | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    """Weights for the first sample, mean of the heads, shape (queries, keys)."""
    q, k = (
        rearrange(projected, "b n (h e) -> b h n e", h=module.heads)
        for projected in (module.query(query), module.key(key))
    )
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    if bias is not None:
        scores = scores + bias
    if valid is not None:
        scores = scores.masked_fill(~valid[:, None, None, :], -torch.inf)
    return scores.softmax(dim=-1)[0].mean(dim=0)


def square(tokens: int) -> tuple[int, int]:
    """Size of the grid of these tokens: the network's input is a square."""
    return int(tokens**0.5), int(tokens**0.5)


def vector_panel(photograph: Array, prompt: Prompt) -> Image.Image:
    """The photograph in the canonical frame, with q_h above it and q_v at its left."""
    side, room = 250, 64
    shown = Image.fromarray(marked(photograph, [prompt])).resize((side, side), Image.Resampling.LANCZOS)
    horizontal, vertical, sign = np.split(prompt_vectors(batch(photograph, [prompt]))[0, 0], [CANONICAL, 2 * CANONICAL])
    panel = Image.new("RGB", (room + side, LINE + room + side), "white")
    panel.paste(shown, (room, LINE + room))
    draw = ImageDraw.Draw(panel)
    draw.text((0, 2), f"{prompt.kind}, q_b = ({sign[0]:.0f}, {sign[1]:.0f})", INK, FONT)
    along = np.arange(CANONICAL) * side / CANONICAL
    height = room - 14
    draw.line([(room + x, LINE + room - 3 - height * y) for x, y in zip(along, horizontal, strict=True)], ALONG_X, 2)
    draw.line([(room - 3 - height * x, LINE + room + y) for x, y in zip(vertical, along, strict=True)], ALONG_Y, 2)
    draw.text((room + side - 24, LINE), "q_h", ALONG_X, FONT)
    draw.text((2, LINE + room + side - 20), "q_v", ALONG_Y, FONT)
    return panel


def attention_figure(photograph: Array, seen: dict[str, Seen]) -> Image.Image:
    """A row a prompt: the photograph, and both attentions in three layers."""
    rows = []
    for name, each in seen.items():
        tiles = [tile(marked(photograph, PROMPTS[name]), f"a {name}")]
        tiles += [
            tile(heat(layer[0] / layer[0].max(), photograph), f"prompt to image, {i}")
            for i, layer in enumerate(each.reads, start=1)
        ]
        tiles += [
            tile(heat(layer[0], photograph), f"image to prompt, {i}") for i, layer in enumerate(each.is_read, start=1)
        ]
        rows.append(beside(tiles))
    return stacked(rows)


def similarity_figure(photograph: Array, samples: Sequence[Sequence[Prompt]], model: VPUFormer) -> Image.Image:
    """A column a sample: prompts, similarity of the last one to each pixel, mask."""
    columns = []
    for prompts in samples:
        seen = look(model, photograph, prompts)
        mask = cv2.resize(seen.probability, photograph.shape[1::-1]) > 0.49
        sign = "positive" if prompts[-1].positive else "negative"
        columns.append(
            stacked(
                [
                    tile(marked(photograph, prompts), " and ".join(prompt.kind for prompt in prompts)),
                    tile(diverging(seen.similarity[-1]), f"to the {sign} {prompts[-1].kind}"),
                    tile(overlay(photograph, mask, []), "mask"),
                ]
            )
        )
    return beside([*columns, scale()])


def marked(photograph: Array, prompts: Sequence[Prompt]) -> Array:
    return overlay(photograph, np.zeros(photograph.shape[:2], bool), marks_of(prompts))


def heat(weights: Array, photograph: Array) -> Array:
    """Weights from 0 to 1 as colours, over the photograph in grey."""
    grey = cv2.resize(cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY), (TILE, TILE), interpolation=cv2.INTER_AREA)
    large = cv2.resize(np.uint8(255 * weights.clip(0, 1)), (TILE, TILE), interpolation=cv2.INTER_NEAREST)
    colours = cv2.applyColorMap(large, cv2.COLORMAP_VIRIDIS)[..., ::-1]
    return np.uint8(0.75 * colours + 0.25 * grey[..., None])


def diverging(values: Array) -> Array:
    """Values from -1 (blue) through 0 (white) to 1 (red)."""
    large = cv2.resize(values.astype(np.float32), (TILE, TILE), interpolation=cv2.INTER_NEAREST).clip(-1, 1)[..., None]
    red, blue = np.array([178, 24, 43]), np.array([33, 102, 172])
    return np.uint8(255 + np.abs(large) * (np.where(large > 0, red, blue) - 255))


def scale() -> Image.Image:
    """The colours of `diverging` with their values."""
    colours = Image.fromarray(diverging(np.linspace(1, -1, TILE)[:, None])).resize((14, TILE))
    panel = Image.new("RGB", (44, 2 * (LINE + TILE) + GAP), "white")
    top = 2 * LINE + TILE + GAP
    panel.paste(colours, (0, top))
    draw = ImageDraw.Draw(panel)
    for value in (1, 0, -1):
        draw.text((18, top + (1 - value) / 2 * (TILE - 16)), f"{value}", INK, FONT)
    return panel


def tile(pixels: Array, title: str, *, frame: bool = False) -> Image.Image:
    """An image as high as a tile, with a title above it."""
    shown = Image.fromarray(pixels)
    if pixels.shape[0] != TILE:
        shown = shown.resize((TILE, TILE), Image.Resampling.LANCZOS)
    panel = Image.new("RGB", (shown.width, LINE + TILE), "white")
    panel.paste(shown, (0, LINE))
    draw = ImageDraw.Draw(panel)
    draw.text((0, 2), title, INK, FONT)
    if frame:
        draw.rectangle((0, LINE, shown.width - 1, LINE + TILE - 1), outline=INK)
    return panel


def beside(images: Sequence[Image.Image]) -> Image.Image:
    """Images next to each other."""
    whole = Image.new(
        "RGB", (sum(each.width + GAP for each in images) - GAP, max(each.height for each in images)), "white"
    )
    x = 0
    for each in images:
        whole.paste(each, (x, 0))
        x += each.width + GAP
    return whole


def stacked(images: Sequence[Image.Image]) -> Image.Image:
    """Images below each other."""
    whole = Image.new(
        "RGB", (max(each.width for each in images), sum(each.height + GAP for each in images) - GAP), "white"
    )
    y = 0
    for each in images:
        whole.paste(each, (0, y))
        y += each.height + GAP
    return whole


if __name__ == "__main__":
    main()
