"""Prompt encoders by name: PuE, and those that Table IV compares it with."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import nn

from vpuformer.errors import ConfigError, unknown_name
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.pue import LearnedVectorEncoder, PromptUnifiedEncoder


def _pue(config: VPUFormerConfig) -> nn.Module:
    return PromptUnifiedEncoder(
        config.dim,
        config.pue_hidden,
        kind_embedding=config.kind_embedding,
        position_embedding=config.position_embedding,
    )


PROMPT_ENCODERS: Mapping[str, Callable[[VPUFormerConfig], nn.Module]] = MappingProxyType(
    {
        "pue": _pue,
        "distance-map": _pue,
        "learned-vector": lambda c: LearnedVectorEncoder(c.dim, c.pue_hidden),
    }
)
"""Each makes a module that takes `PromptInputs` and returns the tokens (b, n, dim) and their validity (b, n), as
`PromptUnifiedEncoder` does. `vpuformer.model.prompt_inputs.VECTORS` has the vectors of each."""


def prompt_encoder(config: VPUFormerConfig) -> nn.Module:
    """The prompt encoder named by `config.prompt_encoding`.

    Raises:
        ConfigError: no prompt encoder has that name.
    """
    if config.prompt_encoding not in PROMPT_ENCODERS:
        raise ConfigError(unknown_name("prompt encoding", config.prompt_encoding, PROMPT_ENCODERS))
    return PROMPT_ENCODERS[config.prompt_encoding](config)
