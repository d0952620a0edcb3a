"""A trained network with another image encoder: what `benchmarks/change_encoder.py` fits."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer

SMALL = VPUFormerConfig(input_size=64, dim=16, heads=2, ffn_dim=16, decoder_dim=8, pue_hidden=16)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    return pytest.importorskip("change_encoder")


def image_batches() -> Any:
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(4, 3, 192, 192, generator=generator) for _ in range(3))


def test_with_the_same_encoder_the_features_are_those_of_the_trained_network(program: Any) -> None:
    torch.manual_seed(0)
    teacher = VPUFormer(SMALL).eval()
    torch.manual_seed(1)
    student = VPUFormer(SMALL).eval()
    student.backbone.load_state_dict(teacher.backbone.state_dict())
    shares = program.fit(teacher, student, image_batches())
    assert shares.keys() == {"semantic", "half", "quarter", "eighth"}
    image = next(image_batches())
    with torch.inference_mode():
        wanted, found = teacher.encode(image).named(), student.encode(image).named()
    for (name, feature), share in zip(wanted.items(), shares.values(), strict=True):
        error = (found[name] - feature).square().mean() / feature.var()
        assert error < 0.05, name
        assert share > 0.95, name


def test_the_explained_share_is_that_of_the_features(program: Any) -> None:
    torch.manual_seed(0)
    teacher = VPUFormer(SMALL).eval()
    student = VPUFormer(replace(SMALL, backbone="efficientnet_lite2")).eval()
    share = program.fit(teacher, student, image_batches())["eighth"]
    images = torch.cat([*image_batches()])
    with torch.inference_mode():
        wanted, found = (each.encode(images).lateral.eighth for each in (teacher, student))
    assert wanted is not None
    assert found is not None
    left = (found - wanted).square().sum() / (wanted - wanted.mean(dim=(0, 2, 3), keepdim=True)).square().sum()
    assert share == pytest.approx(1 - left.item(), abs=1e-3)
    assert 0 < share < 1
