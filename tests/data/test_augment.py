"""Training views: whatever is done to an image is done to its masks."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from vpuformer.data.augment import Augmentation, augment, choose_view, paste, recolour, warp, warp_mask

RED, GREEN, BLUE = (200, 20, 20), (20, 180, 40), (30, 30, 220)
PLAIN = Augmentation(recolour=0, grey=0, blur=0, jpeg=0, paste=0)
UNCHANGED = replace(PLAIN, whole=1, partial=0, flip=0, rotate=0)
SIDE = 96


def scene(height: int = 120, width: int = 160) -> tuple[np.ndarray, np.ndarray]:
    """A red ellipse and a blue box on green, and their masks."""
    masks = np.zeros((2, height, width), np.uint8)
    cv2.ellipse(masks[0], (width // 3, height // 2), (width // 6, height // 4), 20, 0, 360, 1, -1)
    masks[1, height // 8 : height // 3, -width // 3 : -width // 8] = 1
    image = np.empty((height, width, 3), np.uint8)
    image[:] = GREEN
    image[masks[0] == 1] = RED
    image[masks[1] == 1] = BLUE
    return image, masks


def coloured(image: torch.Tensor, colour: tuple[int, int, int]) -> np.ndarray:
    """Where an image (3, S, S) has a colour, but for mixtures at edges."""
    distance = (image.permute(1, 2, 0).float() - torch.tensor(colour)).abs().amax(-1)
    return (distance < 12).numpy()


def interior(mask: np.ndarray) -> np.ndarray:
    return cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


@pytest.mark.parametrize("seed", range(30))
def test_masks_stay_with_the_image(seed: int) -> None:
    image, masks = scene()
    view = augment(image, masks, SIDE, np.random.default_rng(seed), PLAIN)
    assert view.image.dtype == torch.uint8
    assert view.image.shape == (3, SIDE, SIDE)
    assert view.masks.dtype == bool
    assert view.masks.shape == (2, SIDE, SIDE)
    for mask, colour in zip(view.masks, (RED, BLUE), strict=True):
        seen = coloured(view.image, colour)
        assert seen[interior(mask)].all()
        assert not seen[interior(~mask)].any()
    assert view.masks[0].mean() >= PLAIN.smallest


def test_the_whole_image_is_what_resizing_gives() -> None:
    image, masks = scene(192, 192)
    view = augment(image, masks, SIDE, np.random.default_rng(0), UNCHANGED)
    expected = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    assert np.abs(view.image.permute(1, 2, 0).numpy().astype(int) - expected).max() <= 1
    np.testing.assert_array_equal(view.masks[0], cv2.resize(masks[0] * 255, (SIDE, SIDE)) > 127)


def test_a_mirrored_view_is_the_mirror_of_the_view() -> None:
    image, masks = scene()
    plain = augment(image, masks, SIDE, np.random.default_rng(0), UNCHANGED)
    mirrored = augment(image, masks, SIDE, np.random.default_rng(0), replace(UNCHANGED, flip=1))
    difference = mirrored.image.flip(2).int() - plain.image.int()
    assert difference.abs().max() <= 4  # OpenCV's fixed-point weights are not symmetric to the last bit
    assert (mirrored.masks[:, :, ::-1] != plain.masks).mean() < 0.002


def test_rotation_fills_with_black_background() -> None:
    image, masks = scene()
    settings = replace(UNCHANGED, rotate=1)
    view = augment(np.maximum(image, 1), np.ones_like(masks), SIDE, np.random.default_rng(3), settings)
    outside = (view.image == 0).all(0).numpy()
    assert outside.any()
    assert not view.masks[0][outside].any()


def test_a_crop_that_cuts_keeps_the_agreed_share_of_the_object() -> None:
    _, masks = scene()
    settings = replace(PLAIN, whole=0, partial=1, rotate=0)
    cut = 0
    for seed in range(40):
        view, shown = choose_view(masks[0], SIDE, np.random.default_rng(seed), settings)
        scale = abs(np.linalg.det(view[:, :2]))
        share = shown.sum() / (masks[0].sum() * scale)
        assert share >= 0.29
        cut += share < 0.95
    assert cut > 10


def test_crops_around_the_object_contain_it_and_are_not_stretched_without_measure() -> None:
    mask = np.zeros((400, 400), np.uint8)
    mask[180:190, 100:300] = 1
    settings = replace(PLAIN, whole=0, partial=0, rotate=0)
    for seed in range(40):
        view, shown = choose_view(mask, SIDE, np.random.default_rng(seed), settings)
        scale = np.abs(np.diag(view[:, :2]))
        assert 0.45 <= scale[0] / scale[1] <= 2.2
        assert shown.sum() >= 0.85 * mask.sum() * scale.prod()


def test_a_small_object_of_a_large_image_is_not_lost() -> None:
    mask = np.zeros((1500, 2000), np.uint8)
    mask[700:712, 1990:] = 1
    _, shown = choose_view(mask, SIDE, np.random.default_rng(0), replace(PLAIN, whole=1, partial=0))
    assert shown.mean() >= PLAIN.smallest


def test_a_large_image_is_averaged_not_sampled() -> None:
    board = np.zeros((1600, 1600, 3), np.uint8)
    board[::2, ::2] = board[1::2, 1::2] = 200
    view, _ = choose_view(np.ones((1600, 1600), np.uint8), SIDE, np.random.default_rng(0), UNCHANGED)
    small = warp(board, view, SIDE)
    assert np.abs(small.astype(int) - 100).max() <= 3


def test_a_pasted_object_lies_on_the_image_and_its_masks() -> None:
    image, masks = scene()
    other = np.empty((80, 90, 3), np.uint8)
    other[:] = (240, 240, 0)
    shape = np.zeros((80, 90), np.uint8)
    cv2.circle(shape, (45, 40), 20, 1, -1)
    for seed in range(10):
        view = augment(image, masks, SIDE, np.random.default_rng(seed), PLAIN, foreign=(other, shape))
        assert view.masks.shape == (3, SIDE, SIDE)
        pasted = view.masks[2]
        assert 0.25 * SIDE * 0.7 < np.sqrt(pasted.sum()) < SIDE
        assert coloured(view.image, (240, 240, 0))[interior(pasted)].all()
        assert not (view.masks[:2] & pasted).any()


def test_pasting_feathers_the_edge() -> None:
    shape = np.zeros((50, 50), np.uint8)
    shape[10:40, 10:40] = 1
    white = np.full((50, 50, 3), 255, np.uint8)
    canvas, cut = paste(np.zeros((SIDE, SIDE, 3), np.uint8), white, shape, np.random.default_rng(1), PLAIN)
    assert ((canvas > 20) & (canvas < 235)).any()
    assert (canvas[interior(cut)] == 255).mean() > 0.95
    assert not canvas[interior(~cut)].max() > 20


def test_equal_generators_give_equal_views() -> None:
    image, masks = scene()
    everything = Augmentation(recolour=1, grey=0.5, blur=1, jpeg=1, rotate=1)
    first, second = (augment(image, masks, SIDE, np.random.default_rng(5), everything) for _ in range(2))
    assert torch.equal(first.image, second.image)
    np.testing.assert_array_equal(first.masks, second.masks)
    other = augment(image, masks, SIDE, np.random.default_rng(6), everything)
    assert not torch.equal(first.image, other.image)


def test_colours_change_and_masks_and_input_do_not() -> None:
    image, masks = scene()
    before = image.copy(), masks.copy()
    plain = augment(image, masks, SIDE, np.random.default_rng(0), UNCHANGED)
    changed = augment(image, masks, SIDE, np.random.default_rng(0), replace(UNCHANGED, recolour=1))
    assert not torch.equal(plain.image, changed.image)
    np.testing.assert_array_equal(plain.masks, changed.masks)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(masks, before[1])


def test_grey_images_have_three_equal_channels() -> None:
    grey = recolour(torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8), np.random.default_rng(0), Augmentation(grey=1))
    assert torch.equal(grey[0], grey[1])
    assert torch.equal(grey[0], grey[2])


def test_a_mask_moves_by_edges_not_by_centres() -> None:
    mask = np.zeros((4, 4), np.uint8)
    mask[:2, :2] = 1
    doubled = warp_mask(mask, np.array([[2.0, 0, 0], [0, 2.0, 0]]), 8)
    assert doubled[:4, :4].sum() >= 15
    assert doubled.sum() == doubled[:4, :4].sum()
