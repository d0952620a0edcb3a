"""Weights between the first and the best ones, which forget less.

The method is WiSE-FT (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).
"""

from collections.abc import Mapping

import torch

from vpuformer.model.vpuformer import VPUFormer

SHARES = (0.15, 0.3, 0.5, 0.75, 1.0)
"""Shares of the best weights that are tried."""

KEPT_GAIN = 0.9
"""Least share of the largest gain that the chosen weights have."""

LARGEST_LOSS = 0.02
"""Loss of score on the photographs that is accepted."""


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


def choose_share(gains: Mapping[float, float], losses: Mapping[float, float]) -> float:
    """The smallest share that keeps most of the gain; 0 if none has a gain.

    Shares that lose more than `LARGEST_LOSS` are left out, except the smallest one.

    >>> choose_share({0.25: 0.02, 0.5: 0.098, 1.0: 0.1}, {0.25: 0, 0.5: 0.01, 1.0: 0.02})
    0.5
    >>> choose_share({0.25: 0.02, 0.5: 0.098, 1.0: 0.1}, {0.25: 0, 0.5: 0.04, 1.0: 0.05})
    0.25
    >>> choose_share({0.5: -0.02, 1.0: -0.01}, {0.5: 0, 1.0: 0})
    0.0

    Args:
        gains: of the score on held-out images, by share.
        losses: of the score on the photographs, by share.
    """
    allowed = [share for share in gains if losses[share] <= LARGEST_LOSS] or [min(gains)]
    most = max(gains[share] for share in allowed)
    return 0.0 if most <= 0 else min(share for share in allowed if gains[share] >= KEPT_GAIN * most)
