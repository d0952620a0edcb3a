"""MobileNetV2 and EfficientNet-Lite2, compared with timm's to the bit."""

from typing import Any

import pytest
import timm
import torch
from torch import Tensor

from vpuformer.model.inverted_residuals import EFFICIENTNET_LITE2, MOBILENETV2, Architecture, InvertedResiduals

NAMES = {MOBILENETV2: "mobilenetv2_100", EFFICIENTNET_LITE2: "tf_efficientnet_lite2"}


@pytest.fixture(params=NAMES, ids=NAMES.values())
def architecture(request: pytest.FixtureRequest) -> Architecture:
    return request.param


@pytest.fixture
def reference(architecture: Architecture) -> Any:
    torch.manual_seed(0)
    return timm.create_model(NAMES[architecture], features_only=True)


@pytest.fixture
def own(architecture: Architecture, reference: Any) -> InvertedResiduals:
    """The network with timm's weights."""
    network = InvertedResiduals(architecture)
    network.load_state_dict(reference.state_dict())
    return network


@pytest.fixture
def image() -> Tensor:
    return torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))


def test_initial_weights_are_spread_as_timms(architecture: Architecture, reference: Any) -> None:
    wanted = reference.state_dict()
    for name, weight in InvertedResiduals(architecture).state_dict().items():
        if weight.ndim == 4:
            assert weight.std().item() == pytest.approx(wanted[name].std().item(), rel=0.2)
        else:
            assert torch.equal(weight, wanted[name])


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@torch.no_grad()
def test_maps_are_timms(
    architecture: Architecture, own: InvertedResiduals, reference: Any, image: Tensor, layout: torch.memory_format
) -> None:
    image = image.contiguous(memory_format=layout)
    networks = [each.eval().to(memory_format=layout) for each in (own, reference)]  # pyright: ignore
    maps, wanted = (each(image) for each in networks)
    assert all(torch.equal(one, other) for one, other in zip(maps, wanted, strict=True))
    assert [(64 // each.shape[2], each.shape[1]) for each in maps] == [*architecture.maps().values()]


def test_gradients_and_statistics_are_timms(own: InvertedResiduals, reference: Any, image: Tensor) -> None:
    for network in (own, reference):
        network.train().zero_grad()
        torch.stack([each.square().mean() for each in network(image)]).sum().backward()
    wanted = dict(reference.named_parameters())
    for name, parameter in own.named_parameters():
        assert parameter.grad is not None
        assert torch.equal(parameter.grad, wanted[name].grad)
    assert all(torch.equal(value, reference.get_buffer(name)) for name, value in own.named_buffers())


def test_maps_are_described_as_timm_describes_them(architecture: Architecture, reference: Any) -> None:
    info = reference.feature_info
    described = zip(info.module_name(), zip(info.reduction(), info.channels(), strict=True), strict=True)
    assert dict(described) == architecture.maps()
