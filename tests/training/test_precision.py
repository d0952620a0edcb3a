"""The convolutions that leave bfloat16 on a CPU."""

import copy

import torch
from torch import nn

from vpuformer.training.precision import keep_depthwise_in_float32


def test_depthwise_convolutions_that_stride_or_are_large_compute_in_float32() -> None:
    strided, dense = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8), nn.Conv2d(8, 8, 3, stride=2, padding=1)
    large, depthwise = nn.Conv2d(8, 8, 5, padding=2, groups=8), nn.Conv2d(8, 8, 3, padding=1, groups=8)
    x = torch.randn(2, 8, 12, 12)
    for module, exact in ((strided, True), (large, True), (dense, False), (depthwise, False)):
        expected = module(x)
        names = set(module.state_dict())
        keep_depthwise_in_float32(module)
        assert set(module.state_dict()) == names
        torch.testing.assert_close(module(x), expected, rtol=0, atol=0)  # without autocast it is what it was
        with torch.autocast("cpu", torch.bfloat16):
            rounded = module(x)
        assert rounded.dtype == torch.bfloat16
        assert torch.equal(rounded, expected.bfloat16()) is exact


def test_gradients_reach_input_and_parameters_and_copies_go_on_the_same_way() -> None:
    module = nn.Sequential(nn.Conv2d(4, 4, 3, stride=2, groups=4))
    keep_depthwise_in_float32(module)
    module = copy.deepcopy(module)
    x = torch.randn(1, 4, 9, 9, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        module(x).float().sum().backward()
    assert x.grad is not None
    plain = torch.autograd.grad(module(x).sum(), x)[0]
    torch.testing.assert_close(x.grad, plain)
    assert all(p.grad is not None for p in module.parameters())
