"""Weights between the first and the best ones, which forget less (WiSE-FT, Wortsman et al., CVPR 2022)."""

from collections.abc import Mapping

import torch

from vpuformer.model.vpuformer import VPUFormer

SHARES = (0.25, 0.5, 0.75, 1.0)
"""Shares of the best weights that are tried."""

KEPT_GAIN = 0.95
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


def choose_share(scores: Mapping[float, float], before: float) -> float:
    """The smallest share that keeps most of the gain; 0 if none is better than before.

    >>> choose_share({0.25: 0.62, 0.5: 0.698, 0.75: 0.70, 1.0: 0.69}, before=0.6)
    0.5
    >>> choose_share({0.5: 0.58, 1.0: 0.59}, before=0.6)
    0.0
    """
    gain = max(scores.values()) - before
    if gain <= 0:
        return 0.0
    return min(share for share, score in scores.items() if score - before >= KEPT_GAIN * gain)
