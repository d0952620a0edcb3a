"""The precision of a device, and layers that stay in float32 on a CPU.

bfloat16 is slower there.
"""

import torch
from torch import Tensor, nn

from vpuformer.training.recipe import Precision


def fastest_precision(device: torch.device) -> Precision:
    """bfloat16 where the device computes in it by itself, else float32."""
    if device.type == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    # The function has no public name.
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return "bf16-mixed" if device.type == "cpu" and supported() else "32-true"


def keep_depthwise_in_float32(module: nn.Module) -> None:
    """Make depthwise convolutions of a stride or above 3x3 leave bfloat16 on a CPU.

    Their bfloat16 gradient takes several times as long there as in float32 (oneDNN 3, channels last). This slows a
    training step, most where the image encoder runs for every prompt. Names, parameters and buffers do not change.
    """
    for each in module.modules():
        if (
            type(each) is nn.Conv2d
            and each.groups == each.in_channels > 1
            and (max(each.stride) > 1 or max(each.kernel_size) > 3)
        ):
            each.__class__ = _Float32Conv2d


class _Float32Conv2d(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002, as nn.Conv2d has it
        if input.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        with torch.autocast("cpu", enabled=False):
            bias = None if self.bias is None else self.bias.float()
            result = self._conv_forward(input.float(), self.weight.float(), bias)
        return result.to(torch.get_autocast_dtype("cpu"))
