"""Normalised focal loss, DICE and the prompt-to-pixel contrastive loss (sections III-E and IV-B).

Truths hold 1, 0 and `IGNORE`; what is ignored takes no part in any of the three. Everything is computed in float32,
also under mixed precision.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from vpuformer.metrics import IGNORE

EPSILON = 1e-12


def normalized_focal_loss(
    logits: Float[Tensor, "b 1 h w"], truth: Int[Tensor, "b 1 h w"], *, alpha: float = 0.5, gamma: float = 2.0
) -> Float[Tensor, ""]:
    """RITM's NFL: a focal loss whose weights are rescaled to sum to the number of pixels, for each sample.

    `alpha` weighs the object, `1 - alpha` the background. The rescaling carries no gradient.

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
    return loss.mean()


def dice_loss(
    logits: Float[Tensor, "b 1 h w"],
    truth: Int[Tensor, "b 1 h w"],
    *,
    denominators: Literal["linear", "squared"] = "linear",
    smooth: float = 1e-3,
) -> Float[Tensor, ""]:
    """`1 - 2 sum(p y) / (sum p + sum y)`; with `squared`, V-Net's form, `p` and `y` are squared below the line.

    >>> logits = torch.tensor([[[[50.0, 50.0, -50.0, -50.0]]]])
    >>> round(dice_loss(logits, torch.tensor([[[[1, 0, 0, 0]]]])).item(), 3)
    0.333
    """
    valid = truth != IGNORE
    p, y = logits.float().sigmoid() * valid, (truth == 1).float()
    total = p + y if denominators == "linear" else p**2 + y**2
    overlap = (2 * (p * y).sum(dim=(1, 2, 3)) + smooth) / (total.sum(dim=(1, 2, 3)) + smooth)
    return (1 - overlap).mean()


def prompt_to_pixel_contrastive_loss(
    prompts: Float[Tensor, "b n d"],
    pixels: Float[Tensor, "b d h w"],
    truth: Int[Tensor, "b 1 H W"],
    positive: Bool[Tensor, "b n"],
    valid: Bool[Tensor, "b n"],
) -> Float[Tensor, ""]:
    """P2CL, Eqs. 14-17: every prompt is drawn to the pixels on its own side of the truth, pushed from the others.

    The pixels of a positive prompt are the object, those of a negative one the background, at the resolution of
    `pixels` (1/4), where the truth becomes the share of the object in each cell. Empty slots and ignored pixels take no
    part. `rho` and `1 - rho` are computed without the cancellation that has infinite gradients at similarity 1.
    """
    size = (pixels.shape[-2], pixels.shape[-1])
    known = (truth != IGNORE).float()
    share = F.adaptive_avg_pool2d((truth == 1).float(), size)
    weight = F.adaptive_avg_pool2d(known, size)
    # A cell that is ignored in part: its known part decides.
    target = (share / weight.clamp_min(1e-6)).flatten(2)
    seen = (weight > 0).float().flatten(2)

    z_q = F.normalize(prompts.float(), dim=-1)
    z_v = F.normalize(pixels.float(), dim=1).flatten(2)
    similarity = torch.bmm(z_q, z_v).clamp(-1 + 1e-6, 1 - 1e-6)
    log_rho, log_other = torch.log1p(similarity), torch.log1p(-similarity)
    wanted = torch.where(positive[..., None], target, 1 - target)
    # log((1 + s) / 2): the constant log 2 is taken out of the sum.
    loss = math.log(2) - wanted * log_rho - (1 - wanted) * log_other
    counted = seen * valid[..., None]
    return (loss * counted).sum() / counted.sum().clamp_min(1)
