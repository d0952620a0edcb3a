"""The graphs of a network: pixels to features; features, mask and prompts to logits.

Every input and output has a name. `vpuformer.inference.graphs` says which, and how they lie in a folder.
"""

import torch
from torch import Tensor, nn

from vpuformer.encoding.batch import PromptBatch
from vpuformer.geometry import Crop, FrameMap
from vpuformer.model.features import FEATURES, Features
from vpuformer.model.prompt_inputs import PromptInputs, encoder_prompt_maps, prompt_inputs
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click, Scribble

Inputs = dict[str, Tensor]


class EncodeGraph(nn.Module):
    """Pixels (b, s, s, 3), uint8, to the features that the network has."""

    def __init__(self, model: VPUFormer) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Inputs) -> tuple[Tensor, ...]:
        image = inputs["pixels"].permute(0, 3, 1, 2).float() / 255
        mask = inputs.get("mask")
        features = self.model.encode_image(image, None if mask is None else mask[:, None], inputs.get("prompt_maps"))
        return tuple(features.named().values())


class DecodeGraph(nn.Module):
    """Features, mask (b, s, s) and `PromptInputs` to logits (b, s, s)."""

    def __init__(self, model: VPUFormer) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Inputs) -> Tensor:
        features = {name: inputs[name] for name in FEATURES if name in inputs}
        prompts = {name: part for name, part in inputs.items() if name not in features and name != "mask"}
        output = self.model.decode_prompts(
            Features.from_named(features), inputs["mask"][:, None], PromptInputs(**prompts)
        )
        return output.logits[:, 0]


def example_inputs(model: VPUFormer, side: int) -> tuple[Inputs, Inputs]:
    """Inputs of both graphs, for tracing, at `side` pixels.

    Each of two samples has a click, a box and a scribble.
    """
    samples = 2  # a graph that was traced with one may take no more
    frame = FrameMap.to_canonical(Crop.whole((side, side)))
    third = side / 3
    prompts = [Click(third, third), Box(1, 1, third, 2 * third), Scribble(((1, 1), (third, third)), positive=False)]
    batch = PromptBatch.collate([prompts] * samples, [frame] * samples)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (samples, side, side, 3), generator=generator, dtype=torch.uint8)
    mask = torch.rand(samples, side, side, generator=generator)
    encode: Inputs = {"pixels": pixels}
    if model.features_depend_on_mask:
        encode["mask"] = mask
    maps = encoder_prompt_maps(model.config, batch, (side, side))
    if maps is not None:
        encode["prompt_maps"] = torch.from_numpy(maps)
    with torch.no_grad():
        image = pixels.permute(0, 3, 1, 2).float() / 255
        features = model.encode_image(image, mask[:, None], encode.get("prompt_maps"))
    inputs = prompt_inputs(model.config, batch, model.grids((side, side))).converted(torch.from_numpy)
    return encode, {**features.named(), "mask": mask, **inputs.named()}
