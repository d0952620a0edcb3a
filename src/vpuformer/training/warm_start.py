"""Weights of one network as the start of another one that has more or fewer parts."""

import warnings

from vpuformer.errors import ConfigError, listed
from vpuformer.model.vpuformer import VPUFormer

ENCODER = ("backbone.", "project.", "lateral_")
"""Prefixes of the weights that depend on the image encoder: the encoder itself, and what reads its stages."""


def carry_over(source: VPUFormer, target: VPUFormer, name: str) -> None:
    """Copy the weights of `source` into `target` where both have them.

    New parts of `target` keep their initial values, which add little or nothing to an answer. If the image encoders
    differ, none of the encoder's weights are copied. A warning lists different settings, dropped weights and new
    weights.

    Args:
        name: name of `source` in messages.

    Raises:
        ConfigError: a weight has another shape in `target`; nothing is copied.
    """
    loaded, wanted = source.state_dict(), target.state_dict()
    if source.config.backbone != target.config.backbone:
        loaded = {key: value for key, value in loaded.items() if not key.startswith(ENCODER)}
    misfits: list[str] = []
    for key in loaded.keys() & wanted.keys():
        if loaded[key].shape != wanted[key].shape:
            misfits.append(f"{key} {list(loaded[key].shape)} instead of {list(wanted[key].shape)}")
    if misfits:
        raise ConfigError(f"{name} is a network of another shape than the recipe's model: {listed(sorted(misfits))}")
    target.load_state_dict(wanted | {key: value for key, value in loaded.items() if key in wanted})
    left_out, new = ([key for key in one if key not in other] for one, other in ((loaded, wanted), (wanted, loaded)))
    parts = (
        f"settings: {_changes(source, target)}" if _changes(source, target) else "",
        f"dropped, since the new network lacks them: {listed(left_out)}" if left_out else "",
        f"new: {listed(new)}" if new else "",
    )
    if any(parts):
        warnings.warn(f"weights of {name} start another network; {'; '.join(filter(None, parts))}", stacklevel=2)


def _changes(source: VPUFormer, target: VPUFormer) -> str:
    """The different settings, without the input size, which does not change a network's shape."""
    former, wanted = source.config.to_dict(), target.config.to_dict()
    return listed(
        f"{name}={wanted[name]!r} instead of {former[name]!r}"
        for name in wanted
        if name != "input_size" and wanted[name] != former[name]
    )
