"""The losses: limit cases, values worked by hand, what is ignored, gradients at the edge."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from vpuformer.metrics import IGNORE
from vpuformer.training.losses import (
    Mean,
    anchor_loss,
    dice_loss,
    normalized_focal_loss,
    prompt_regions,
    prompt_to_pixel_contrastive_loss,
)


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(2, 1, 8, 8)


@pytest.fixture
def truth() -> torch.Tensor:
    return (torch.rand(2, 1, 8, 8) > 0.6).to(torch.int8)


def test_nfl_without_focus_is_half_the_cross_entropy(logits: torch.Tensor, truth: torch.Tensor) -> None:
    expected = 0.5 * F.binary_cross_entropy_with_logits(logits, truth.float())
    torch.testing.assert_close(normalized_focal_loss(logits, truth, gamma=0.0), expected)


def test_nfl_by_hand() -> None:
    """Two pixels of the object, p = 0.5 and 0.8: weights .25 and .04, rescaled to sum to 2."""
    logits = torch.tensor([0.0, math.log(4)]).view(1, 1, 1, 2)
    loss = normalized_focal_loss(logits, torch.ones(1, 1, 1, 2, dtype=torch.int8))
    scale = 2 / 0.29
    expected = 0.5 * scale * (0.25 * math.log(2) + 0.04 * math.log(1.25)) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_dice_by_hand() -> None:
    logits = torch.tensor([math.log(3), -50.0, 50.0]).view(1, 1, 1, 3)  # p = .75, 0, 1
    truth = torch.tensor([1, 1, 0], dtype=torch.int8).view(1, 1, 1, 3)
    assert dice_loss(logits, truth, smooth=0).item() == pytest.approx(1 - 1.5 / 3.75, rel=1e-4)
    squared = dice_loss(logits, truth, denominators="squared", smooth=0).item()
    assert squared == pytest.approx(1 - 1.5 / (0.5625 + 1 + 2), rel=1e-4)


def test_the_anchor_counts_what_was_right_and_is_wrong(logits: torch.Tensor, truth: torch.Tensor) -> None:
    right = truth.float()
    over_all = anchor_loss(logits, truth, right)
    torch.testing.assert_close(over_all, dice_loss(logits, truth, smooth=0.0))
    assert anchor_loss(logits, truth, 1 - right).item() == 0
    assert anchor_loss(logits, truth, torch.zeros_like(right)).item() == 0  # no previous mask
    half = right.clone()
    half[..., :4] = 1 - half[..., :4]
    broken = (logits.sigmoid() - right).abs()[..., 4:].sum(dim=(1, 2, 3))
    expected = (broken / (logits.sigmoid() + right).sum(dim=(1, 2, 3))).mean()
    torch.testing.assert_close(anchor_loss(logits, truth, half), expected)
    ignored = truth.masked_fill(half == right, IGNORE)
    assert anchor_loss(logits, ignored, half).item() == 0


def test_what_is_ignored_takes_no_part(logits: torch.Tensor, truth: torch.Tensor) -> None:
    ignored = truth.clone()
    ignored[:, :, :4] = IGNORE
    other = logits.clone()
    other[:, :, :4] += 10
    for loss in (normalized_focal_loss, dice_loss):
        torch.testing.assert_close(loss(logits, ignored), loss(other, ignored))
    prompts, pixels = torch.randn(2, 3, 4), torch.randn(2, 4, 2, 2)
    changed = pixels.clone()
    changed[:, :, 0] += 10
    positive, valid = torch.tensor([[True, False, True]] * 2), torch.tensor([[True, True, False]] * 2)
    for ours in (ignored,):
        torch.testing.assert_close(
            prompt_to_pixel_contrastive_loss(prompts, pixels, ours, positive, valid),
            prompt_to_pixel_contrastive_loss(prompts, changed, ours, positive, valid),
        )


def test_all_ignored_is_zero_not_nan(logits: torch.Tensor) -> None:
    nothing = torch.full((2, 1, 8, 8), IGNORE, dtype=torch.int8)
    assert normalized_focal_loss(logits, nothing).item() == 0
    assert dice_loss(logits, nothing).item() == pytest.approx(0)
    loss = prompt_to_pixel_contrastive_loss(
        torch.randn(2, 1, 4), torch.randn(2, 4, 2, 2), nothing, *[torch.ones(2, 1, dtype=torch.bool)] * 2
    )
    assert loss.item() == 0


def test_p2cl_by_hand() -> None:
    """One prompt along x, pixels along x (the object), -x and y: rho is 1, 0 and .5."""
    prompts = torch.tensor([[[2.0, 0.0]]])
    pixels = torch.tensor([[3.0, -1.0, 0.0], [0.0, 0.0, 5.0]]).view(1, 2, 1, 3)
    truth = torch.tensor([1, 0, 0], dtype=torch.int8).view(1, 1, 1, 3)
    yes = torch.ones(1, 1, dtype=torch.bool)
    loss = prompt_to_pixel_contrastive_loss(prompts, pixels, truth, yes, yes)
    assert loss.item() == pytest.approx(math.log(2) / 3, abs=1e-4)
    # A negative prompt is drawn to the background: wrong at the first two pixels, as wrong as the clamp allows.
    loss = prompt_to_pixel_contrastive_loss(prompts, pixels, truth, ~yes, yes)
    assert loss.item() == pytest.approx((2 * math.log(2e6) + math.log(2)) / 3, rel=1e-2)


def test_p2cl_with_a_region_of_each_prompt() -> None:
    """Two positive prompts for all and half of the object; the last cell is ignored."""
    prompts, pixels = torch.randn(1, 2, 4), torch.randn(1, 4, 1, 4)
    truth = torch.tensor([1, 1, 0, IGNORE], dtype=torch.int8).view(1, 1, 1, 4)
    yes = torch.ones(1, 2, dtype=torch.bool)
    whole, half = np.array([[True, True, False, False]]), np.array([[True, False, False, False]])
    regions = prompt_regions([[whole, half]], truth, 2, (1, 4))
    assert regions[0, :, 0].tolist() == [[1, 1, 0, 0], [1, 0, 0, 0]]
    alone = [
        prompt_to_pixel_contrastive_loss(prompts[:, i : i + 1], pixels, own, yes[:, :1], yes[:, :1])
        for i, own in enumerate((truth, torch.tensor([1, 0, 0, IGNORE], dtype=torch.int8).view(1, 1, 1, 4)))
    ]
    # The sign says nothing any more: a negative prompt has a region too.
    for positive in (yes, ~yes):
        loss = prompt_to_pixel_contrastive_loss(prompts, pixels, truth, positive, yes, regions=regions)
        torch.testing.assert_close(loss, sum(alone) / 2)


def test_a_region_is_its_share_of_what_is_known_of_a_cell_and_slots_without_a_prompt_are_empty() -> None:
    truth = torch.tensor([[1, IGNORE, 1, 0], [1, IGNORE, 0, 0]], dtype=torch.int8).view(1, 1, 2, 4)
    side = np.array([[True, False, True, False], [True, False, False, False]])
    regions = prompt_regions([[side]], truth, 3, (1, 2))
    assert regions.tolist() == [[[[1.0, 0.25]], [[0.0, 0.0]], [[0.0, 0.0]]]]


def test_p2cl_leaves_empty_slots_out() -> None:
    prompts, pixels = torch.randn(1, 3, 4), torch.randn(1, 4, 2, 2)
    truth = (torch.rand(1, 1, 8, 8) > 0.5).to(torch.int8)
    positive = torch.tensor([[True, False, True]])
    valid = torch.tensor([[True, True, False]])
    with_slot = prompt_to_pixel_contrastive_loss(prompts, pixels, truth, positive, valid)
    without = prompt_to_pixel_contrastive_loss(prompts[:, :2], pixels, truth, positive[:, :2], valid[:, :2])
    torch.testing.assert_close(with_slot, without)


def test_p2cl_has_finite_gradients_where_a_prompt_equals_a_pixel_also_in_bfloat16() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        prompts = torch.ones(1, 1, 4, dtype=dtype, requires_grad=True)
        pixels = torch.ones(1, 4, 2, 2, dtype=dtype, requires_grad=True)
        truth = torch.zeros(1, 1, 2, 2, dtype=torch.int8)  # the worst case: it should be far and is the same
        yes = torch.ones(1, 1, dtype=torch.bool)
        loss = prompt_to_pixel_contrastive_loss(prompts, pixels, truth, yes, yes)
        loss.backward()
        assert loss.isfinite()
        assert loss.dtype == torch.float32
        assert prompts.grad is not None
        assert prompts.grad.isfinite().all()


@pytest.mark.parametrize("part", [1, 10**9])
def test_p2cl_in_parts_has_the_loss_and_the_gradients_of_the_whole(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the formula over all pairs at once, written down plainly."""
    monkeypatch.setattr("vpuformer.training.losses.PART", part)
    prompts, pixels = torch.randn(3, 4, 6, requires_grad=True), torch.randn(3, 6, 2, 5, requires_grad=True)
    truth = (torch.rand(3, 1, 2, 5) > 0.5).to(torch.int8)
    truth[0, 0, 0] = IGNORE
    positive, valid = torch.rand(3, 4) > 0.5, torch.rand(3, 4) > 0.3
    loss = prompt_to_pixel_contrastive_loss(prompts, pixels, truth, positive, valid)
    gradients = torch.autograd.grad(3 * loss, (prompts, pixels))

    rho = (torch.einsum("bnd,bdhw->bnhw", F.normalize(prompts, dim=2), F.normalize(pixels, dim=1)) + 1) / 2
    wanted = torch.where(positive[..., None, None], truth == 1, truth == 0).float()
    counted = (truth != IGNORE) * valid[..., None, None]
    plain = (F.binary_cross_entropy(rho, wanted, reduction="none") * counted).sum() / counted.sum()
    torch.testing.assert_close(loss, plain)
    for ours, theirs in zip(gradients, torch.autograd.grad(3 * plain, (prompts, pixels)), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_parts_of_a_batch_add_up_to_its_loss(logits: torch.Tensor, truth: torch.Tensor) -> None:
    """Processes that share a batch divide by the number of terms of all of them."""
    prompts, pixels = torch.randn(2, 3, 4), torch.randn(2, 4, 4, 4)
    positive, valid = torch.rand(2, 3) > 0.5, torch.tensor([[True, True, True], [True, False, False]])
    counts: list[torch.Tensor] = []

    def losses(of: slice, mean: Mean) -> list[torch.Tensor]:
        return [
            normalized_focal_loss(logits[of], truth[of], mean=mean),
            dice_loss(logits[of], truth[of], mean=mean),
            prompt_to_pixel_contrastive_loss(prompts[of], pixels[of], truth[of], positive[of], valid[of], mean=mean),
        ]

    def counting(total: torch.Tensor, count: torch.Tensor) -> torch.Tensor:
        counts.append(count)
        return total / count

    together = losses(slice(0, 2), counting)
    for k, whole in enumerate(together):
        parts = [losses(slice(i, i + 1), lambda total, _, k=k: total / counts[k])[k] for i in range(2)]
        torch.testing.assert_close(parts[0] + parts[1], whole)
