"""Augmentation: a random view of an image, a pasted object now and then, other colours.

Crop, scale, aspect, rotation and mirror are one affine map, so that pixels are resampled once (and shrunk before, where
the image is much larger than the view). All random numbers come from the generator that is handed in.
"""

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from vpuformer.arrays import RGB
from vpuformer.data.augmentation import Augmentation

Affine = npt.NDArray[np.float64]
"""(2, 3): target = A @ (x, y, 1) in edge coordinates, in which an image of width w reaches from 0 to w."""
Masks = npt.NDArray[np.uint8]
Shown = npt.NDArray[np.bool_]


class Augmented(NamedTuple):
    """A square view of an image.

    `image` is uint8 (3, S, S), `masks` are bool (k, S, S) in their order, and `view` is the map onto it.
    """

    image: Tensor
    masks: Shown
    view: Affine


def augment(
    image: RGB,
    masks: Masks,
    side: int,
    rng: np.random.Generator,
    settings: Augmentation,
    *,
    foreign: tuple[RGB, Masks] | None = None,
) -> Augmented:
    """A random view of `image`, stretched to `side` x `side`.

    Args:
        image: RGB, uint8, shape (H, W, 3).
        masks: uint8 0 or 1, shape (k, H, W). The first is the object around which the view is chosen: at least
            `settings.kept` of its area and `settings.smallest` of the view, where that can be had in
            `settings.attempts` draws. Else the view is a wide crop around it.
        side: pixels of the view, S.
        rng: the only source of randomness.
        settings: probabilities and ranges.
        foreign: another image (H', W', 3) and the mask (H', W') of an object in it, which is pasted onto the view.
            Its mask is returned last and removed from the others.

    Returns:
        k masks, or k + 1 with `foreign`.
    """
    view, focus = choose_view(masks[0], side, rng, settings)
    shown = warp(image, view, side)
    shown_masks = [focus] + [warp_mask(mask, view, side) for mask in masks[1:]]
    if foreign is not None:
        shown, pasted = paste(shown, *foreign, rng, settings)
        shown_masks = [mask & ~pasted for mask in shown_masks] + [pasted]
    shown = degrade(shown, rng, settings)
    coloured = recolour(torch.from_numpy(shown).permute(2, 0, 1).contiguous(), rng, settings)
    return Augmented(coloured, np.stack(shown_masks), view)


def choose_view(mask: Masks, side: int, rng: np.random.Generator, settings: Augmentation) -> tuple[Affine, Shown]:
    """A random map onto a view of `side` x `side` pixels with the object of `mask` (H, W).

    Returns:
        The map, and the mask under it.
    """
    height, width = mask.shape
    area = cv2.countNonZero(mask)
    if settings.resize is not None:
        return _choose_crop(mask, side, rng, settings)
    for _ in range(settings.attempts):
        kind = rng.random()
        if kind < settings.whole:
            centre, size = (width / 2, height / 2), (float(width), float(height))
        elif kind < settings.whole + settings.partial:
            centre, size = _partial_crop(mask, side, rng, settings)
        else:
            centre, size = _crop_around(mask, side, rng, settings)
        angle = rng.uniform(-settings.angle, settings.angle) if rng.random() < settings.rotate else 0.0
        view = _view(centre, size, side, angle, bool(rng.random() < settings.flip))
        shown = warp_mask(mask, view, side)
        scale = side * side / (size[0] * size[1])
        if shown.sum() >= max(settings.smallest * side * side, settings.kept * area * scale):
            return view, shown
    # Around the object, and not the whole image: a small object of a large image would be lost again.
    left, top, w, h = cv2.boundingRect(mask)
    crop = _bounded(2.0 * w, 2.0 * h, side, (height, width))
    view = _view(_inside((left + w / 2, top + h / 2), crop, (height, width)), crop, side, 0.0, False)
    return view, warp_mask(mask, view, side)


def _choose_crop(mask: Masks, side: int, rng: np.random.Generator, settings: Augmentation) -> tuple[Affine, Shown]:
    """RITM's view: the image resized, turned and mirrored, and a crop of it; the pixels keep their aspect.

    Where chance shows too little of the object, the last crop is moved to it.
    """
    area = cv2.countNonZero(mask)
    for _ in range(settings.attempts):
        view, scale = _resized_crop(mask, side, rng, settings)
        shown = warp_mask(mask, view, side)
        if shown.sum() >= max(settings.smallest * side * side, settings.kept * area * scale**2):
            return view, shown
    left, top, w, h = cv2.boundingRect(mask)
    view, _ = _resized_crop(mask, side, rng, settings, centre=(left + w / 2, top + h / 2))
    return view, warp_mask(mask, view, side)


def _resized_crop(
    mask: Masks,
    side: int,
    rng: np.random.Generator,
    settings: Augmentation,
    centre: tuple[float, float] | None = None,
) -> tuple[Affine, float]:
    """A crop of the resized image, around `centre` or anywhere, and how much larger its pixels are."""
    assert settings.resize is not None
    height, width = mask.shape
    scale = rng.uniform(*settings.resize)
    quarters = int(rng.integers(4)) if rng.random() < settings.quarter_turns else 0
    angle = rng.uniform(-settings.angle, settings.angle) if rng.random() < settings.rotate else 0.0
    flip, upset = bool(rng.random() < settings.flip), bool(rng.random() < settings.upset)
    # An image smaller than what the crop covers lies in the middle of black.
    cover = side / scale
    play = np.array([max(width - cover, 0.0), max(height - cover, 0.0)]) / 2
    moved = settings.shift * np.array([width, height]) * rng.uniform(-1, 1, size=2)
    x, y = centre or np.array([width, height]) / 2 + rng.uniform(-play, play) + moved
    return _view((x, y), (cover, cover), side, 90.0 * quarters + angle, flip, upset), scale


def _crop_around(
    mask: Masks, side: int, rng: np.random.Generator, settings: Augmentation
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Centre and size (x, y) of a crop around the object, moved by chance, inside the image."""
    height, width = mask.shape
    left, top, w, h = cv2.boundingRect(mask)
    expansion = rng.uniform(*settings.expansion)
    # Between the shape of the object (stretched to a square) and a square (its own shape kept).
    long, towards_square = max(w, h), rng.random()
    crop_w = w ** (1 - towards_square) * long**towards_square * expansion
    crop_h = h ** (1 - towards_square) * long**towards_square * expansion
    change = np.sqrt(rng.uniform(*settings.aspect))
    size = _bounded(crop_w * change, crop_h / change, side, (height, width))
    # As far as the object still fits, and a tenth of it further.
    play_x, play_y = max(size[0] - w, 0) / 2 + 0.1 * w, max(size[1] - h, 0) / 2 + 0.1 * h
    centre = left + w / 2 + rng.uniform(-play_x, play_x), top + h / 2 + rng.uniform(-play_y, play_y)
    return _inside(centre, size, (height, width)), size


def _partial_crop(
    mask: Masks, side: int, rng: np.random.Generator, settings: Augmentation
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Centre and size (x, y) of a crop around a random pixel of the object, smaller than its bounding box or not."""
    height, width = mask.shape
    _, _, w, h = cv2.boundingRect(mask)
    long = max(w, h) * rng.uniform(0.5, 1.2)
    change = np.sqrt(rng.uniform(*settings.aspect))
    size = _bounded(long * change, long / change, side, (height, width))
    pixels = np.flatnonzero(mask)
    y, x = divmod(int(pixels[rng.integers(len(pixels))]), width) if len(pixels) else (height // 2, width // 2)
    return _inside((x + 0.5, y + 0.5), size, (height, width)), size


def _bounded(w: float, h: float, side: int, image: tuple[int, int]) -> tuple[float, float]:
    """A crop no larger than the image, not enlarged more than threefold, no side over twice the other."""
    w, h = max(w, h / 2, side / 3), max(h, w / 2, side / 3)
    return min(w, image[1]), min(h, image[0])


def _inside(centre: tuple[float, float], size: tuple[float, float], image: tuple[int, int]) -> tuple[float, float]:
    """The centre nearest to `centre` at which a crop of `size` (x, y) lies inside the image (height, width)."""
    x = min(max(centre[0], size[0] / 2), image[1] - size[0] / 2)
    y = min(max(centre[1], size[1] / 2), image[0] - size[1] / 2)
    return x, y


def _view(
    centre: tuple[float, float],
    size: tuple[float, float],
    side: int,
    degrees: float,
    flip: bool,
    upset: bool = False,
) -> Affine:
    """The map that centres, turns, mirrors (`flip`: left to right, `upset`: top to bottom) and scales a crop."""
    turn = np.deg2rad(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = np.diag([(-side if flip else side) / size[0], (-side if upset else side) / size[1]]) @ rotation
    return np.column_stack([linear, side / 2 - linear @ np.array(centre)])


def warp(image: RGB, view: Affine, side: int) -> RGB:
    """The view of an image: uint8, shape (side, side, 3), black outside the image."""
    # Bilinear sampling skips pixels below half size, so a large image is shrunk by area first.
    scale = np.sqrt(abs(np.linalg.det(view[:, :2])))
    if scale < 0.45:
        height, width = image.shape[:2]
        small = max(round(width * scale * 1.5), 1), max(round(height * scale * 1.5), 1)
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        view = view @ np.diag([width / small[0], height / small[1], 1.0])
    return cv2.warpAffine(image, between_centres(view), (side, side), flags=cv2.INTER_LINEAR).astype(
        np.uint8, copy=False
    )


def warp_mask(mask: Masks, view: Affine, side: int) -> Shown:
    """The view of a mask of 0 and 1: bool, shape (side, side)."""
    return warp(mask * np.uint8(255), view, side) > 127


def between_centres(view: Affine) -> Affine:
    """The map in OpenCV's coordinates, which are 0 at the centre of the first pixel."""
    half = np.array([0.5, 0.5])
    return np.column_stack([view[:, :2], view @ np.array([0.5, 0.5, 1.0]) - half])


def paste(canvas: RGB, image: RGB, mask: Masks, rng: np.random.Generator, settings: Augmentation) -> tuple[RGB, Shown]:
    """Paste the object of `mask` (H, W) in `image` (H, W, 3) onto `canvas` (S, S, 3).

    Size, position, rotation and mirroring are random, the shape is kept, the edge is feathered over two pixels.

    Returns:
        The new canvas, and where the object lies on it: bool, shape (S, S).
    """
    side = canvas.shape[0]
    left, top, w, h = cv2.boundingRect(mask)
    scale = side * rng.uniform(*settings.paste_side) / max(w, h, 1)
    angle = rng.uniform(-settings.angle, settings.angle)
    view = _view((left + w / 2, top + h / 2), (side / scale, side / scale), side, angle, bool(rng.random() < 0.5))
    # A quarter of the object may lie outside.
    play = np.maximum(0.5 - scale / side * np.array([w, h]) / 4, 0)
    view[:, 2] += side * rng.uniform(-play, play)
    cut = warp_mask(mask, view, side)
    soft = cv2.GaussianBlur(cut.astype(np.float32), (0, 0), 0.8)[:, :, None]
    mixed = canvas + soft * (warp(image, view, side).astype(np.float32) - canvas)
    return np.rint(mixed).astype(np.uint8), cut


def degrade(image: RGB, rng: np.random.Generator, settings: Augmentation) -> RGB:
    """Random blur and JPEG compression. uint8 (S, S, 3) to the same."""
    if rng.random() < settings.blur:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.5)).astype(np.uint8, copy=False)
    if rng.random() < settings.jpeg:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 96))]
        # Colours are BGR in the file; in another order JPEG would blur the wrong ones.
        _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
        decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
        assert decoded is not None
        image = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
    return image


def recolour(image: Tensor, rng: np.random.Generator, settings: Augmentation) -> Tensor:
    """Random brightness, contrast and saturation, or gain and offset; uint8 (3, S, S)."""
    if rng.random() < settings.recolour:
        image = F.adjust_brightness(image, rng.uniform(*settings.brightness))
        image = F.adjust_contrast(image, rng.uniform(*settings.contrast))
        image = F.adjust_saturation(image, rng.uniform(*settings.saturation))
    # No random number without need: other settings then get the same ones.
    if settings.linear and rng.random() < settings.linear:
        gain, offset = rng.uniform(*settings.gain), 255 * rng.uniform(*settings.offset)
        image = _clipped(image.float() * gain + offset)
    if settings.tint and rng.random() < settings.tint:
        offsets = rng.uniform(-settings.tint_range, settings.tint_range, size=3)
        image = _clipped(image.float() + torch.tensor(255 * offsets, dtype=torch.float32)[:, None, None])
    if rng.random() < settings.grey:
        image = F.rgb_to_grayscale(image, num_output_channels=3)
    return image


def _clipped(image: Tensor) -> Tensor:
    return image.round().clamp(0, 255).to(torch.uint8)
