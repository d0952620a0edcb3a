"""How prompts become tokens: PuE, and the rows that Table IV compares it with, by the name in the configuration."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import nn

from vpuformer.encoding.ablation_encoders import DistanceMapEncoder, LearnedVectorEncoder
from vpuformer.encoding.pue import PromptUnifiedEncoder
from vpuformer.errors import ConfigError, unknown_name
from vpuformer.model.config import VPUFormerConfig


def _pue(config: VPUFormerConfig) -> nn.Module:
    return PromptUnifiedEncoder(
        config.dim,
        config.pue_hidden,
        kind_embedding=config.kind_embedding,
        position_embedding=config.position_embedding,
        temperature=config.temperature,
        formula=config.formula,
        sigma=config.sigma,
        peak=config.peak,
        visual=config.visual,
    )


PROMPT_ENCODERS: Mapping[str, Callable[[VPUFormerConfig], nn.Module]] = MappingProxyType(
    {
        "pue": _pue,
        "distance-map": lambda c: DistanceMapEncoder(c.dim, c.pue_hidden, kind_embedding=c.kind_embedding),
        "learned-vector": lambda c: LearnedVectorEncoder(c.dim, c.pue_hidden),
    }
)
"""Each makes a module that is called with a `PromptBatch`, the image (or None) and a seed of every sample (or None),
and answers with tokens (b, n, dim) and which of them count, bool (b, n), as `PromptUnifiedEncoder` does."""


def prompt_encoder(config: VPUFormerConfig) -> nn.Module:
    """The prompt encoder that `config.prompt_encoding` names.

    Raises:
        ConfigError: there is none of that name.
    """
    if config.prompt_encoding not in PROMPT_ENCODERS:
        raise ConfigError(unknown_name("prompt encoding", config.prompt_encoding, PROMPT_ENCODERS))
    return PROMPT_ENCODERS[config.prompt_encoding](config)
