"""The field's two styles of augmentation: crops of the resized image, and linear colours."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vpuformer.data.augment import augment, choose_view, recolour, warp
from vpuformer.data.augmentation import COCOLVIS_STYLE, SBD_STYLE, Augmentation

PLAIN = replace(SBD_STYLE, shift=0.0, quarter_turns=0.0, upset=0.0, flip=0.0, rotate=0.0, linear=0.0, tint=0.0)


def scene(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """An image whose pixels encode their position, and the mask (1, H, W) of a box in it."""
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([columns % 256, rows % 256, np.full_like(rows, 7)], axis=-1).astype(np.uint8)
    mask = np.zeros((1, height, width), np.uint8)
    mask[0, height // 4 : height // 2, width // 4 : width // 2] = 1
    return image, mask


def test_a_crop_at_scale_one_is_a_piece_of_the_image() -> None:
    image, mask = scene(120, 200)
    view = augment(image, mask, 64, np.random.default_rng(0), replace(PLAIN, resize=(1.0, 1.0)))
    left, top = (int(view.image[k, 0, 0]) for k in (0, 1))
    # The crop lies between pixels; both are moved by the same part of one.
    piece = image[top : top + 64, left : left + 64].astype(int)
    difference = view.image.permute(1, 2, 0).numpy().astype(int) - piece
    assert difference.min() >= 0
    assert difference.max() <= 1


@pytest.mark.parametrize("style", [SBD_STYLE, COCOLVIS_STYLE])
def test_the_scale_of_pixels_is_in_its_range_and_the_aspect_is_kept(style: Augmentation) -> None:
    _, mask = scene(300, 400)
    scales = []
    for seed in range(60):
        view, shown = choose_view(mask[0], 96, np.random.default_rng(seed), style)
        across, down = np.linalg.norm(view[:, 0]), np.linalg.norm(view[:, 1])
        assert across == pytest.approx(down)
        scales.append(across)
        assert shown.any()
    low, high = style.resize or (0, 0)
    assert low <= min(scales) < low + 0.1 < high - 0.1 < max(scales) <= high


def test_a_small_image_lies_in_black() -> None:
    image, mask = scene(40, 40)
    view = augment(np.maximum(image, 1), mask, 96, np.random.default_rng(1), PLAIN)
    shown = (view.image > 0).any(0)
    assert 0 < shown.float().mean() < 0.5
    assert not shown[0].any()
    assert not view.masks[0][~shown.numpy()].any()


def test_a_small_object_of_a_large_image_is_found() -> None:
    mask = np.zeros((1, 900, 1200), np.uint8)
    mask[0, 20:60, 1100:1160] = 1
    settings = replace(COCOLVIS_STYLE, attempts=1)
    for seed in range(20):
        _, shown = choose_view(mask[0], 96, np.random.default_rng(seed), settings)
        assert shown.any()


def test_quarter_turns_and_mirrors_move_pixels_alone() -> None:
    image, mask = scene(64, 64)
    whole = replace(PLAIN, resize=(1.0, 1.0))
    seen = set()
    for seed in range(40):
        view, _ = choose_view(mask[0], 64, np.random.default_rng(seed), replace(whole, quarter_turns=1.0, upset=0.5))
        turned = warp(image, view, 64)
        assert sorted(turned.reshape(-1, 3).tolist()) == sorted(image.reshape(-1, 3).tolist())
        seen.add(turned.tobytes())
    assert len(seen) == 8  # the symmetries of a square


def test_linear_colours_are_gain_and_offset() -> None:
    grey = torch.full((3, 4, 4), 100, dtype=torch.uint8)
    none = replace(PLAIN, gain=(1.2, 1.2), offset=(0.1, 0.1))
    rng = np.random.default_rng(0)
    assert torch.equal(recolour(grey, rng, none), grey)
    assert recolour(grey, rng, replace(none, linear=1.0)).unique().tolist() == [round(120 + 25.5)]
    tinted = recolour(grey, rng, replace(none, tint=1.0)).float()
    assert (tinted.amax((1, 2)) == tinted.amin((1, 2))).all()
    assert (tinted - 100).abs().max() <= 10
    assert len(tinted[:, 0, 0].unique()) > 1
    assert recolour(grey * 2, rng, replace(none, linear=1.0, offset=(0.25, 0.25))).unique().tolist() == [255]
