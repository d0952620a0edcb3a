"""Networks of the tests behind the library's interfaces."""

import torch
from torch import Tensor, nn

from vpuformer.encoding.batch import PromptBatch
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.torch_network import TorchNetwork
from vpuformer.inference.zoom import USUAL, ViewSettings
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.prompt_inputs import Grids, prompt_inputs
from vpuformer.model.vpuformer import VPUFormer


def segmenter_of(model: VPUFormer, views: ViewSettings = USUAL) -> VPUFormerSegmenter:
    """The network, in evaluation mode and with channels last as `from_pretrained` lays them out on a CPU."""
    model.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return VPUFormerSegmenter(TorchNetwork(model), views=views)


def predictor_of(model: VPUFormer, views: ViewSettings = USUAL) -> Predictor:
    """A predictor with this network."""
    return Predictor(segmenter_of(model, views))


def tokens_of(encoder: nn.Module, prompts: PromptBatch, encoding: str = "pue") -> tuple[Tensor, Tensor]:
    """The tokens that a prompt encoder makes, and whether each is valid."""
    config = VPUFormerConfig(prompt_encoding=encoding, position_embedding=encoding == "pue")
    inputs = prompt_inputs(config, prompts, Grids((64, 64), lateral_eighth=True))
    return encoder(inputs.converted(torch.from_numpy))
