"""Weights of one network as the start of another that has more or fewer parts."""

import warnings

from torch import Tensor

from vpuformer.errors import ConfigError, listed
from vpuformer.model.vpuformer import VPUFormer

MAPS = "dense.stem.0.weight"
"""The convolution that reads the maps: the previous mask first, then the drawn prompts, one input channel each."""
ENCODER = ("backbone.", "project.", "lateral_")
"""Beginnings of the names of weights that belong to one image encoder: itself, and what reads its stages."""


def carry_over(source: VPUFormer, target: VPUFormer, name: str) -> None:
    """Copy the weights of `source` into `target` where both have them.

    Parts that only `target` has keep their initial values, which add nothing or little to an answer. Maps that `target`
    does not read lose their channel. Another image encoder takes over none of the former one's weights. A warning lists
    the settings that differ, what is left out and what is new.

    Args:
        name: what `source` is called in messages.

    Raises:
        ConfigError: a weight has another shape in `target`; then nothing is copied.
    """
    given, wanted = source.state_dict(), target.state_dict()
    if source.config.backbone != target.config.backbone:
        given = {key: value for key, value in given.items() if not key.startswith(ENCODER)}
    misfits: list[str] = []
    for key in given.keys() & wanted.keys():
        if key == MAPS:
            given[key] = _channels(given[key], wanted[key], source, target)
        if given[key].shape != wanted[key].shape:
            misfits.append(f"{key} {list(given[key].shape)} instead of {list(wanted[key].shape)}")
    if misfits:
        raise ConfigError(f"{name} is a network of another shape than the recipe's model: {listed(sorted(misfits))}")
    target.load_state_dict(wanted | {key: value for key, value in given.items() if key in wanted})
    left_out, new = ([key for key in one if key not in other] for one, other in ((given, wanted), (wanted, given)))
    maps = _maps(source) - _maps(target)
    parts = (
        f"settings: {_changes(source, target)}" if _changes(source, target) else "",
        f"without a place in the new network: {listed(left_out)}" if left_out else "",
        f"channels of maps that it does not read: {maps}" if maps > 0 else "",
        f"new: {listed(new)}" if new else "",
    )
    if any(parts):
        warnings.warn(f"weights of {name} start another network; {'; '.join(filter(None, parts))}", stacklevel=2)


def _changes(source: VPUFormer, target: VPUFormer) -> str:
    """The settings that differ, but for the input size, which is no part of a network's shape."""
    former, wanted = source.config.to_dict(), target.config.to_dict()
    return listed(
        f"{name}={wanted[name]!r} instead of {former[name]!r}"
        for name in wanted
        if name != "input_size" and wanted[name] != former[name]
    )


def _channels(given: Tensor, wanted: Tensor, source: VPUFormer, target: VPUFormer) -> Tensor:
    """`given` with the input channels of `target`: the maps of both, and nothing for maps that are new."""
    if (source.config.mask_fusion == "late") != (target.config.mask_fusion == "late"):
        return given
    common = min(given.shape[1], wanted.shape[1])
    fitted = wanted.new_zeros(given.shape[0], *wanted.shape[1:])
    fitted[:, :common] = given[:, :common]
    return fitted


def _maps(network: VPUFormer) -> int:
    """How many maps enter after the image encoder."""
    return network.dense.maps
