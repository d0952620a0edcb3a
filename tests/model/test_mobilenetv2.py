"""MobileNetV2, compared with timm's to the bit."""

from typing import Any

import pytest
import timm
import torch
from torch import Tensor

from vpuformer.model.mobilenetv2 import MAPS, MobileNetV2


@pytest.fixture
def reference() -> Any:
    torch.manual_seed(0)
    return timm.create_model("mobilenetv2_100", features_only=True)


@pytest.fixture
def own(reference: Any) -> MobileNetV2:
    """The network with timm's weights."""
    network = MobileNetV2()
    network.load_state_dict(reference.state_dict())
    return network


@pytest.fixture
def image() -> Tensor:
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))


def test_initial_weights_are_spread_as_timms(reference: Any) -> None:
    wanted = reference.state_dict()
    for name, weight in MobileNetV2().state_dict().items():
        if weight.ndim == 4:
            assert weight.std().item() == pytest.approx(wanted[name].std().item(), rel=0.2)
        else:
            assert torch.equal(weight, wanted[name])


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@torch.no_grad()
def test_maps_are_timms(own: MobileNetV2, reference: Any, image: Tensor, layout: torch.memory_format) -> None:
    image = image.contiguous(memory_format=layout)
    networks = [each.eval().to(memory_format=layout) for each in (own, reference)]  # pyright: ignore
    maps, wanted = (each(image) for each in networks)
    assert all(torch.equal(one, other) for one, other in zip(maps, wanted, strict=True))
    assert [(64 // each.shape[2], each.shape[1]) for each in maps] == [*MAPS.values()]


def test_gradients_and_statistics_are_timms(own: MobileNetV2, reference: Any, image: Tensor) -> None:
    for network in (own, reference):
        network.train().zero_grad()
        torch.stack([each.square().mean() for each in network(image)]).sum().backward()
    wanted = dict(reference.named_parameters())
    for name, parameter in own.named_parameters():
        assert parameter.grad is not None
        assert torch.equal(parameter.grad, wanted[name].grad)
    assert all(torch.equal(value, reference.get_buffer(name)) for name, value in own.named_buffers())


def test_maps_are_described_as_timm_describes_them(reference: Any) -> None:
    info = reference.feature_info
    described = zip(info.module_name(), zip(info.reduction(), info.channels(), strict=True), strict=True)
    assert dict(described) == MAPS
