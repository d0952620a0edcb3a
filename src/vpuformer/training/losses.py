"""Normalised focal loss, DICE and the prompt-to-pixel contrastive loss (sections III-E and IV-B).

Truths hold 1, 0 and `IGNORE`; what is ignored takes no part in any of the three. Everything is computed in float32,
also under mixed precision.

Each loss is a sum over a number of terms (samples, or pairs of a prompt and a pixel). Who divides one by the other is
an argument: where several processes share a batch it is the number of terms in all of it (`training.distributed`).
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from vpuformer.metrics import IGNORE

EPSILON = 1e-12

PART = 2**22
"""P2CL looks at so many numbers at once (16 MiB of features and similarities, a few times over), or at one sample."""

Mean = Callable[[Float[Tensor, ""], Float[Tensor, ""]], Float[Tensor, ""]]
"""Makes a mean of a sum and the number of its terms, which carries no gradient."""


def batch_mean(total: Float[Tensor, ""], count: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """The mean over what is at hand; 0 where there is nothing.

    >>> batch_mean(torch.tensor(6.0), torch.tensor(4.0)).item(), batch_mean(torch.tensor(0.0), torch.tensor(0.0)).item()
    (1.5, 0.0)
    """
    return total / count.clamp_min(1)


def normalized_focal_loss(
    logits: Float[Tensor, "b 1 h w"],
    truth: Int[Tensor, "b 1 h w"],
    *,
    alpha: float = 0.5,
    gamma: float = 2.0,
    mean: Mean = batch_mean,
) -> Float[Tensor, ""]:
    """RITM's NFL: a focal loss whose weights are rescaled to sum to the number of pixels, for each sample.

    `alpha` weighs the object, `1 - alpha` the background. The rescaling carries no gradient. `mean` is over samples.

    >>> confident = torch.full((1, 1, 2, 2), 20.0)
    >>> round(normalized_focal_loss(confident, torch.ones(1, 1, 2, 2, dtype=torch.int8)).item(), 4)
    0.0
    """
    logits = logits.float()
    valid = truth != IGNORE
    positive = truth == 1
    log_right = F.logsigmoid(torch.where(positive, logits, -logits))
    focus = (1 - log_right.exp()).clamp_min(0) ** gamma * valid
    pixels = valid.sum(dim=(1, 2, 3), keepdim=True)
    scale = (pixels / (focus.sum(dim=(1, 2, 3), keepdim=True) + EPSILON)).detach()
    weight = torch.where(positive, alpha, 1 - alpha) * valid
    loss = -(weight * focus * scale * log_right).sum(dim=(1, 2, 3)) / (pixels.flatten() + EPSILON)
    return _over_samples(loss, mean)


def dice_loss(
    logits: Float[Tensor, "b 1 h w"],
    truth: Int[Tensor, "b 1 h w"],
    *,
    denominators: Literal["linear", "squared"] = "linear",
    smooth: float = 1e-3,
    mean: Mean = batch_mean,
) -> Float[Tensor, ""]:
    """`1 - 2 sum(p y) / (sum p + sum y)`; with `squared`, V-Net's form, `p` and `y` are squared below the line.

    `mean` is over samples.

    >>> logits = torch.tensor([[[[50.0, 50.0, -50.0, -50.0]]]])
    >>> round(dice_loss(logits, torch.tensor([[[[1, 0, 0, 0]]]])).item(), 3)
    0.333
    """
    valid = truth != IGNORE
    p, y = logits.float().sigmoid() * valid, (truth == 1).float()
    total = p + y if denominators == "linear" else p**2 + y**2
    overlap = (2 * (p * y).sum(dim=(1, 2, 3)) + smooth) / (total.sum(dim=(1, 2, 3)) + smooth)
    return _over_samples(1 - overlap, mean)


def prompt_to_pixel_contrastive_loss(
    prompts: Float[Tensor, "b n d"],
    pixels: Float[Tensor, "b d h w"],
    truth: Int[Tensor, "b 1 H W"],
    positive: Bool[Tensor, "b n"],
    valid: Bool[Tensor, "b n"],
    *,
    mean: Mean = batch_mean,
) -> Float[Tensor, ""]:
    """P2CL, Eqs. 14-17: every prompt is drawn to the pixels on its own side of the truth, pushed from the others.

    The pixels of a positive prompt are the object, those of a negative one the background, at the resolution of
    `pixels` (1/4), where the truth becomes the share of the object in each cell. Empty slots and ignored pixels take no
    part; `mean` is over the pairs of prompt and cell that do. `rho` and `1 - rho` are computed without the cancellation
    that has infinite gradients at similarity 1. Memory does not grow with the number of pairs (`PART`).
    """
    size = (pixels.shape[-2], pixels.shape[-1])
    known = (truth != IGNORE).float()
    share = F.adaptive_avg_pool2d((truth == 1).float(), size)
    weight = F.adaptive_avg_pool2d(known, size)
    # A cell that is ignored in part: its known part decides.
    target = (share / weight.clamp_min(1e-6)).flatten(2)
    seen = (weight > 0).float().flatten(2)
    total = _InParts.apply(prompts, pixels.flatten(2), target, seen, positive, valid)
    assert isinstance(total, Tensor)
    return mean(total, (seen * valid[..., None]).sum())


def _contrast(
    prompts: Float[Tensor, "b n d"],
    pixels: Float[Tensor, "b d l"],
    target: Float[Tensor, "b 1 l"],
    seen: Float[Tensor, "b 1 l"],
    positive: Bool[Tensor, "b n"],
    valid: Bool[Tensor, "b n"],
) -> Float[Tensor, ""]:
    """Eq. 16, summed over all pairs that count."""
    pixels = pixels.float()
    # Products are divided by the norms of the pixels, and not the pixels, which are many times as many numbers.
    lengths = torch.linalg.vector_norm(pixels, dim=1, keepdim=True).clamp_min(EPSILON)
    similarity = torch.bmm(F.normalize(prompts.float(), dim=-1), pixels) / lengths
    similarity = similarity.clamp(-1 + 1e-6, 1 - 1e-6)
    log_rho, log_other = torch.log1p(similarity), torch.log1p(-similarity)
    wanted = torch.where(positive[..., None], target, 1 - target)
    # log((1 + s) / 2): the constant log 2 is taken out of the sum.
    loss = math.log(2) - wanted * log_rho - (1 - wanted) * log_other
    return (loss * (seen * valid[..., None])).sum()


class _InParts(torch.autograd.Function):
    """`_contrast` of parts of the batch, one after the other.

    Nothing of the size of all pairs is kept for the gradient: it is made again, part by part. Beside the gradient
    itself memory holds what one part needs.
    """

    @staticmethod
    def forward(ctx: Any, *inputs: Tensor) -> Tensor:
        ctx.save_for_backward(*inputs)
        return torch.stack([_contrast(*part) for part in zip(*_split(*inputs), strict=True)]).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        inputs = ctx.saved_tensors
        result = tuple(torch.empty_like(tensor) for tensor in inputs[:2])
        for part, places in zip(zip(*_split(*inputs), strict=True), zip(*_split(*result), strict=True), strict=True):
            with torch.enable_grad():
                learned = [tensor.detach().requires_grad_() for tensor in part[:2]]
                total = _contrast(*learned, *part[2:])
            for place, gradient in zip(places, torch.autograd.grad(total, learned, grads), strict=True):
                place.copy_(gradient)
        return (*result, *(None for _ in inputs[2:]))


def _split(prompts: Tensor, pixels: Tensor, *others: Tensor) -> list[tuple[Tensor, ...]]:
    """Each tensor in parts of a few samples."""
    one = max(1, (prompts.shape[1] + pixels.shape[1]) * pixels.shape[2])
    return [tensor.split(max(1, PART // one)) for tensor in (prompts, pixels, *others)]


def _over_samples(losses: Float[Tensor, " b"], mean: Mean) -> Float[Tensor, ""]:
    return mean(losses.sum(), losses.new_tensor(float(len(losses))))
