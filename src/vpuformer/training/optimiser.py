"""The optimiser with its groups and learning rates, and the average of the weights."""

from collections.abc import Mapping

import torch
from torch import Tensor

from vpuformer.model.vpuformer import VPUFormer
from vpuformer.training.recipe import Recipe

BETAS = (0.9, 0.999)
"""Betas of Adam (section IV-B)."""


def make_optimizer(network: VPUFormer, recipe: Recipe) -> torch.optim.Optimizer:
    """Make Adam or AdamW over the trainable parameters of a network that is on its device."""
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    # On a CPU, a fused step has one kernel for each tensor in the place of a dozen small ones.
    fused = True if next(network.parameters()).device.type == "cpu" else None
    return kind(_groups(network, recipe), betas=BETAS, weight_decay=recipe.weight_decay, fused=fused)


def set_rates(optimizer: torch.optim.Optimizer, recipe: Recipe, step: int, share: float = 0.0) -> None:
    """Set the learning rate of every group; see `Recipe.learning_rate`."""
    for group in optimizer.param_groups:
        group["lr"] = recipe.learning_rate(step, share) * group["factor"]


def average_decay(recipe: Recipe, step: int) -> float:
    """Decay of the average after `step`, counted from 0.

    The decay starts small, so that the average forgets the first weights.
    """
    return min(recipe.ema_decay, (step + 1) / (step + 10))


@torch.no_grad()
def update_average(average: dict[str, Tensor], state: Mapping[str, Tensor], decay: float) -> None:
    """Move `average` by `1 - decay` towards `state`; integers are copied."""
    for name, value in state.items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)


def _groups(network: VPUFormer, recipe: Recipe) -> list[dict[str, object]]:
    """Encoder and rest, each with its learning rate. Weight decay leaves out norms, biases and single vectors.

    Parts that are added to an encoder (the fusion of the previous mask, DeepLabV3+'s context) count as rest.
    """
    groups: list[dict[str, object]] = []
    pretrained = set(network.backbone.net.parameters())
    for encoder in (True, False):
        for decayed in (True, False):
            chosen = [
                p
                for p in network.parameters()
                if p.requires_grad and (p in pretrained) == encoder and (p.ndim > 1) == decayed
            ]
            factor = recipe.backbone_lr if encoder else 1.0
            entry: dict[str, object] = {"params": chosen, "factor": factor, "lr": recipe.lr * factor}
            groups.append(entry if decayed else entry | {"weight_decay": 0.0})
    return [group for group in groups if group["params"]]
