"""The losses: normalised focal, DICE, prompt-to-pixel contrastive (III-E, IV-B), anchor.

Ground truth holds 1, 0 and `IGNORE`; all losses leave out ignored pixels. Everything is computed in float32,
also under mixed precision.

Each loss is a sum over terms (samples, or pairs of a prompt and a pixel), divided by their number. The argument `mean`
divides: where several processes share a batch, by the number of terms in the whole batch (`training.distributed`).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from vpuformer.metrics import IGNORE, MASK_THRESHOLD

EPSILON = 1e-12

ALPHA = 0.5
"""Weight of both object and background in the normalised focal loss, as in RITM."""

LARGEST_COSINE = 1 - 1e-6
"""Largest cosine in P2CL. Beyond it the logarithm diverges, so the loss is constant there."""

PART = 2**22
"""Numbers that P2CL processes at once: 16 MiB of features and similarities, a few times over; at least one sample."""

Mean = Callable[[Float[Tensor, ""], Float[Tensor, ""]], Float[Tensor, ""]]
"""Makes a mean of a sum and its number of terms, which carries no gradient."""


def batch_mean(total: Float[Tensor, ""], count: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """The mean over the terms of this process; 0 without terms.

    >>> batch_mean(torch.tensor(6.0), torch.tensor(4.0)).item(), batch_mean(torch.tensor(0.0), torch.tensor(0.0)).item()
    (1.5, 0.0)
    """
    return total / count.clamp_min(1)


def normalized_focal_loss(
    logits: Float[Tensor, "b 1 h w"],
    truth: Int[Tensor, "b 1 h w"],
    *,
    gamma: float = 2.0,
    mean: Mean = batch_mean,
) -> Float[Tensor, ""]:
    """RITM's normalised focal loss.

    In each sample the weights are rescaled to sum to the number of pixels; the rescaling carries no gradient. `mean`
    is over samples.

    >>> confident = torch.full((1, 1, 2, 2), 20.0)
    >>> round(normalized_focal_loss(confident, torch.ones(1, 1, 2, 2, dtype=torch.int8)).item(), 4)
    0.0
    """
    logits = logits.float()
    valid = truth != IGNORE
    positive = truth == 1
    wrong = torch.where(positive, -logits, logits)
    focus = wrong.sigmoid() ** gamma * valid
    pixels = valid.sum(dim=(1, 2, 3))
    scale = pixels / (focus.detach().sum(dim=(1, 2, 3)) + EPSILON)
    # softplus of the wrong logit is -log of the probability of the right class.
    weighted = ALPHA * focus * F.softplus(wrong)
    return _over_samples(weighted.sum(dim=(1, 2, 3)) * scale / (pixels + EPSILON), mean)


def dice_loss(
    logits: Float[Tensor, "b 1 h w"],
    truth: Int[Tensor, "b 1 h w"],
    *,
    denominators: Literal["linear", "squared"] = "linear",
    smooth: float = 1e-3,
    mean: Mean = batch_mean,
) -> Float[Tensor, ""]:
    """`1 - 2 sum(p y) / (sum p + sum y)`.

    With `squared`, V-Net's form, the denominator holds squares. `mean` is over samples.

    >>> logits = torch.tensor([[[[50.0, 50.0, -50.0, -50.0]]]])
    >>> round(dice_loss(logits, torch.tensor([[[[1, 0, 0, 0]]]])).item(), 3)
    0.333
    """
    valid = truth != IGNORE
    p, y = logits.float().sigmoid() * valid, (truth == 1).float()
    total = p + y if denominators == "linear" else p**2 + y**2
    overlap = (2 * (p * y).sum(dim=(1, 2, 3)) + smooth) / (total.sum(dim=(1, 2, 3)) + smooth)
    return _over_samples(1 - overlap, mean)


def anchor_loss(
    logits: Float[Tensor, "b 1 h w"],
    truth: Int[Tensor, "b 1 h w"],
    previous: Float[Tensor, "b 1 h w"],
    *,
    mean: Mean = batch_mean,
) -> Float[Tensor, ""]:
    """`sum |p - y| / (sum p + sum y)`, the upper sum over pixels that were right before.

    Over all pixels it would be DICE. So with the weight 1, a pixel that a correction breaks counts twice as much as one
    that it fails to mend. A sample without a previous mask, whose probabilities are all 0, has none to break.

    >>> previous, truth = torch.tensor([[[[0.9, 0.2, 0.1]]]]), torch.tensor([[[[1, 1, 0]]]])
    >>> round(anchor_loss(torch.tensor([[[[50.0, -50.0, 50.0]]]]), truth, previous).item(), 3)
    0.25
    """
    valid = truth != IGNORE
    p, y = logits.float().sigmoid() * valid, (truth == 1).float()
    right = (previous > MASK_THRESHOLD) == (truth == 1)
    shown = previous.amax(dim=(1, 2, 3), keepdim=True) > 0
    broken = ((p - y).abs() * (right & shown & valid)).sum(dim=(1, 2, 3))
    return _over_samples(broken / ((p + y).sum(dim=(1, 2, 3)) + EPSILON), mean)


def prompt_to_pixel_contrastive_loss(
    prompts: Float[Tensor, "b n d"],
    pixels: Float[Tensor, "b d h w"],
    truth: Int[Tensor, "b 1 H W"],
    positive: Bool[Tensor, "b n"],
    valid: Bool[Tensor, "b n"],
    *,
    regions: Float[Tensor, "b n h w"] | None = None,
    mean: Mean = batch_mean,
) -> Float[Tensor, ""]:
    """P2CL, Eqs. 14-17: every prompt is drawn to its pixels and pushed away from the others.

    The pixels of a positive prompt are the object, those of a negative one the background, at the resolution of
    `pixels` (1/4), where the ground truth becomes the share of the object in each cell. `regions` gives each prompt its
    own pixels: the share of each cell's labelled pixels that belongs to the prompt (`prompt_regions`). Empty slots and
    ignored pixels are left out; `mean` is over the remaining pairs of prompt and cell. `rho` and `1 - rho` are computed
    without the cancellation that has infinite gradients at similarity 1. Without `regions`, memory does not grow with
    the number of pairs (`PART`).
    """
    size = (pixels.shape[-2], pixels.shape[-1])
    known = (truth != IGNORE).float()
    share = F.adaptive_avg_pool2d((truth == 1).float(), size)
    weight = F.adaptive_avg_pool2d(known, size)
    # In a partly ignored cell the labelled part decides.
    target = (share / weight.clamp_min(1e-6)).flatten(2)
    if regions is not None:
        target, positive = regions.flatten(2), torch.ones_like(positive)
    seen = (weight > 0).float().flatten(2)
    directions = F.normalize(prompts.float(), dim=-1)
    # Channels last, as the decoder's maps are on a CPU: there a view, and memory is read in order.
    channels_last = pixels.permute(0, 2, 3, 1).flatten(1, 2)
    total = _Contrast.apply(directions, channels_last, target, seen, positive, valid)
    assert isinstance(total, Tensor)
    return mean(total, (seen.sum(dim=(1, 2)) * valid.sum(dim=1)).sum())


def prompt_regions(
    masks: Sequence[Sequence[Bool[np.ndarray, "H W"]]],
    truth: Int[Tensor, "b 1 H W"],
    slots: int,
    size: tuple[int, int],
) -> Float[Tensor, "b n h w"]:
    """The `regions` of P2CL: prompts' masks as shares of cells of `size`, padded to `slots`."""
    weight = F.adaptive_avg_pool2d((truth != IGNORE).float(), size).clamp_min(1e-6)
    regions = weight.new_zeros(len(masks), slots, *size)
    for i, own in enumerate(masks):
        if own:
            whole = torch.from_numpy(np.stack(own)).to(truth.device).float()
            regions[i, : len(own)] = F.adaptive_avg_pool2d(whole[None], size)[0] / weight[i]
    return regions


class _Contrast(torch.autograd.Function):
    """Eq. 16, summed over all valid pairs, a few samples at a time to save memory.

    The gradient is written out and computed together with the value. With autograd this would take several times as
    long, which slows a training step.
    """

    @staticmethod
    def forward(
        ctx: Any,
        directions: Float[Tensor, "b n d"],
        pixels: Float[Tensor, "b l d"],
        *others: Tensor,
    ) -> Float[Tensor, ""]:
        samples = max(1, PART // max(1, (directions.shape[1] + pixels.shape[2]) * pixels.shape[1]))
        gradients = (torch.empty_like(directions), torch.empty_like(pixels))
        total = directions.new_zeros(())
        tensors = (*gradients, directions, pixels, *others)
        for to_directions, to_pixels, *part in zip(*(tensor.split(samples) for tensor in tensors), strict=True):
            loss, of_directions, of_pixels = _contrast(*part)
            total += loss
            to_directions.copy_(of_directions)
            to_pixels.copy_(of_pixels)
        ctx.save_for_backward(*gradients)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return (*(gradient * grads[0].to(gradient.dtype) for gradient in ctx.saved_tensors), None, None, None, None)


def _contrast(
    directions: Float[Tensor, "b n d"],
    pixels: Float[Tensor, "b l d"],
    target: Float[Tensor, "b k l"],
    seen: Float[Tensor, "b 1 l"],
    positive: Bool[Tensor, "b n"],
    valid: Bool[Tensor, "b n"],
) -> tuple[Float[Tensor, ""], Float[Tensor, "b n d"], Float[Tensor, "b l d"]]:
    """Loss and its derivatives with respect to the prompts' directions (of length 1) and the pixels.

    The loss is the sum of `-w log((1 + s) / 2) - (1 - w) log((1 - s) / 2)` over the pairs, with s the cosine of prompt
    and pixel.
    """
    wanted = torch.where(positive[..., None], target, 1 - target)
    counted = seen * valid[..., None]
    pixels = pixels.float()
    per_length = torch.linalg.vector_norm(pixels, dim=2).clamp_min_(EPSILON).reciprocal_()[:, None]
    # Dividing the products by the norms is cheaper than dividing the pixels, which are many more numbers.
    cosine = torch.bmm(directions, pixels.transpose(1, 2)).mul_(per_length)
    counted_within = counted * (cosine.abs() < LARGEST_COSINE)
    cosine.clamp_(-LARGEST_COSINE, LARGEST_COSINE)
    same, other = 1 + cosine, 1 - cosine
    # log((1 + s) / 2): the constant log 2 is taken out of the sum.
    loss = ((math.log(2) - torch.lerp(other.log(), same.log(), wanted)) * counted).sum()

    by_product = ((1 - wanted) / other - wanted / same).mul_(counted_within).mul_(per_length)
    by_pixels = torch.bmm(by_product.transpose(1, 2), directions)
    # A change of a pixel's length does not change its cosine.
    radial = (by_product * cosine).sum(dim=1, keepdim=True).mul_(per_length)
    by_pixels.addcmul_(pixels, radial.transpose(1, 2), value=-1)
    return loss, torch.bmm(by_product, pixels), by_pixels


def _over_samples(losses: Float[Tensor, " b"], mean: Mean) -> Float[Tensor, ""]:
    return mean(losses.sum(), losses.new_tensor(float(len(losses))))
