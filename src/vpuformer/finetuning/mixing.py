"""Weights between the first and the best ones, which forget less.

The method is WiSE-FT (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).
"""

from collections.abc import Mapping

import torch

from vpuformer.model.vpuformer import VPUFormer

SHARES = (0.15, 0.3, 0.5)
"""Shares of the best weights that are tried: at most half, so that little is forgotten (`benchmarks/finetune.py`)."""

KEPT_GAIN = 0.9
"""Least share of the largest gain that the chosen weights have."""


@torch.no_grad()
def mixed(start: VPUFormer, best: VPUFormer, share: float) -> VPUFormer:
    """A network between two of one shape: `share` of `best`, the rest of `start`."""
    network = VPUFormer(best.config)
    first, second = start.state_dict(), best.state_dict()
    network.load_state_dict(
        {
            name: torch.lerp(first[name], value, share) if value.is_floating_point() else value
            for name, value in second.items()
        }
    )
    return network.to(next(best.parameters()).device).eval()


def choose_share(gains: Mapping[float, float]) -> float:
    """The smallest share that keeps most of the largest gain; 0 if none has a gain.

    >>> choose_share({0.15: 0.02, 0.3: 0.098, 0.5: 0.1}), choose_share({0.3: -0.02, 0.5: -0.01})
    (0.3, 0.0)

    Args:
        gains: of the score on held-out images, by share.
    """
    most = max(gains.values())
    return 0.0 if most <= 0 else min(share for share, gain in gains.items() if gain >= KEPT_GAIN * most)
