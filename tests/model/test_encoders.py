"""Image encoders: what each hands on, at any size, and that every one of them learns."""

import copy
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from torch import Tensor

from vpuformer.encoding.batch import PromptBatch
from vpuformer.errors import CheckpointError, ConfigError, MissingDependencyError
from vpuformer.geometry import Crop, FrameMap
from vpuformer.model import encoders as backbones
from vpuformer.model.config import VARIANTS
from vpuformer.model.encoders import BACKBONES, IMAGENET, ImageEncoder
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click, Scribble
from vpuformer.training.losses import dice_loss, normalized_focal_loss

ALL = [*BACKBONES, "timm:convnextv2_atto", "timm:swin_tiny_patch4_window7_224"]
LEVELS = {
    "mobilenetv2": ([32, 96, 320], 24, 32),
    "efficientnet_lite2": ([48, 120, 352], 24, 48),
    "hrnet18s": ([36, 72, 144], 18, 36),
    "resnet50": ([256], 256, 512),
    "mit_b0": ([64, 160, 256], 32, 64),
    "vit_b": ([768], None, None),
    "timm:convnextv2_atto": ([80, 160, 320], 40, 80),
    "timm:swin_tiny_patch4_window7_224": ([192, 384, 768], 96, 192),
}
"""Channels of an encoder's maps: of the semantic ones, finest first, at 1/4, and at 1/8; None where it has no map."""
SMALL = {"input_size": 64, "dim": 32, "heads": 4, "ffn_dim": 32, "decoder_dim": 16, "pue_hidden": 32}


@pytest.fixture(scope="module", params=ALL)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def random_image(samples: int, height: int, width: int) -> Tensor:
    return torch.rand(samples, 3, height, width, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def test_maps_have_the_strides_and_channels_that_are_said(name: str) -> None:
    encoder = ImageEncoder(name, maps=1).eval()
    found = encoder.semantic_channels, encoder.quarter_channels, encoder.eighth_channels
    assert name in LEVELS, f"{name} has no entry in LEVELS; if {found} is right, add it"
    assert found == LEVELS[name]
    semantic, quarter, eighth = LEVELS[name]
    for height, width in ((64, 64), (50, 99)):
        pyramid = encoder(random_image(1, height, width), torch.zeros(1, 1, height, width))
        assert [level.shape[1] for level in pyramid.semantic] == semantic
        for level, channels, stride in ((pyramid.quarter, quarter, 4), (pyramid.eighth, eighth, 8)):
            assert (level is None) == (channels is None)
            if level is not None:
                assert level.shape == (1, channels, -(-height // stride), -(-width // stride))


def test_a_training_step_lowers_the_loss_of_its_batch(name: str) -> None:
    torch.manual_seed(0)
    model = VPUFormer(replace(VARIANTS["paper"], **SMALL, backbone=name)).train()
    model.backbone.freeze(stem=False, norms=True)
    model.decoder.dropout.p = 0.0
    frame = FrameMap.to_canonical(Crop.whole((64, 64)))
    prompts = PromptBatch.collate(
        [[Click(30, 30)], [Box(10, 10, 40, 40), Scribble(((5, 50), (60, 55)), False)]], [frame, frame]
    )
    truth = torch.zeros(2, 1, 64, 64, dtype=torch.int8)
    truth[:, :, 12:44, 12:44] = 1
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    losses = []
    for _ in range(4):
        logits = model(random_image(2, 64, 64), torch.zeros(2, 1, 64, 64), prompts, np.array([3, 4])).logits
        loss = normalized_focal_loss(logits, truth) + dice_loss(logits, truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@torch.inference_mode()
def test_the_previous_mask_enters_and_an_empty_one_hardly_does(name: str) -> None:
    torch.manual_seed(0)
    encoder = ImageEncoder(name, maps=1).eval()
    image, mask = random_image(1, 64, 64), torch.zeros(1, 1, 64, 64)
    empty = encoder(image, mask)
    mask[..., 16:48, 16:48] = 1
    full = encoder(image, mask)
    assert not torch.equal(empty.semantic[-1], full.semantic[-1])
    with pytest.raises(ValueError, match="pass zeros"):
        encoder(image)


@torch.inference_mode()
def test_segformers_finest_map_stays_as_it_was() -> None:
    encoder = ImageEncoder("mit_b0", maps=1).eval()
    image = random_image(1, 64, 64)
    maps = [encoder(image, torch.full((1, 1, 64, 64), value)).quarter for value in (0.0, 1.0)]
    assert all(quarter is not None for quarter in maps)
    assert torch.equal(*maps)


@torch.inference_mode()
def test_one_encoder_serves_several_threads_at_once() -> None:
    encoder = ImageEncoder("mobilenetv2", maps=1).eval()
    image = random_image(1, 64, 64)
    masks = [torch.full((1, 1, 64, 64), i / 8) for i in range(8)]
    alone = [encoder(image, mask).semantic[-1] for mask in masks]
    together: dict[int, Tensor] = {}

    def work(i: int) -> None:
        with torch.inference_mode():
            for _ in range(5):
                together[i] = encoder(image, masks[i]).semantic[-1]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, answer in enumerate(alone):
        assert torch.allclose(together[i], answer, atol=1e-5)


@torch.inference_mode()
def test_a_copy_of_an_encoder_takes_masks_of_its_own() -> None:
    encoder = ImageEncoder("mobilenetv2", maps=1).eval()
    twin = copy.deepcopy(encoder)
    assert twin.fusion is not None
    twin.fusion.requires_grad_(False)
    twin.fusion.scale.zero_()
    image, mask = random_image(1, 64, 64), torch.ones(1, 1, 64, 64)
    assert torch.equal(twin(image, mask).semantic[0], twin(image, 0 * mask).semantic[0])
    assert not torch.equal(encoder(image, mask).semantic[0], encoder(image, 0 * mask).semantic[0])


def test_an_encoder_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match=r"no backbone called 'vit'.*'vit_b'.*timm:NAME"):
        ImageEncoder("vit")
    with pytest.raises(ConfigError, match=r"timm has no network called 'convnextv2_ato'.*convnextv2_atto"):
        ImageEncoder("timm:convnextv2_ato")


def test_pretrained_weights_that_cannot_be_fetched_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(timm, "create_model", unreachable)
    for name in ("mobilenetv2", "timm:convnextv2_atto"):
        with pytest.raises(CheckpointError, match=f"of {name} could not .*no route to host.*--backbone-weights"):
            ImageEncoder(name, pretrained=True)


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "segmentation_models_pytorch", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'vpuformer\[segformer\]'"):
        ImageEncoder("mit_b0")


def test_everything_up_to_a_quarter_can_be_frozen() -> None:
    for name, spec in BACKBONES.items():
        encoder = ImageEncoder(name)
        before = sum(p.numel() for p in encoder.parameters() if p.requires_grad)
        encoder.freeze(stem=True, norms=True)
        after = sum(p.numel() for p in encoder.parameters() if p.requires_grad)
        assert (after < before) == bool(spec.to_quarter)
        encoder.train()
        assert not any(m.training for m in encoder.net.modules() if isinstance(m, torch.nn.BatchNorm2d))


@torch.inference_mode()
def test_an_encoder_is_added_as_the_docs_show(monkeypatch: pytest.MonkeyPatch) -> None:
    from vpuformer.model.encoders import EncoderSpec, InjectionPoint, from_timm

    page = (Path(__file__).parents[2] / "docs" / "encoders.md").read_text(encoding="utf-8")
    (entry,) = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    names = {"EncoderSpec": EncoderSpec, "InjectionPoint": InjectionPoint, "from_timm": from_timm}
    added = eval("{" + entry + "}", names)
    monkeypatch.setattr(backbones, "BACKBONES", {**BACKBONES, **added})
    model = VPUFormer(replace(VARIANTS["paper"], **SMALL, backbone="convnext")).eval()
    model.backbone.freeze(stem=True, norms=True)
    image, prompts = random_image(1, 64, 64), PromptBatch.collate([[]], [FrameMap.to_canonical(Crop.whole((64, 64)))])
    empty, full = (model(image, torch.full((1, 1, 64, 64), v), prompts).logits for v in (0.0, 1.0))
    assert not torch.equal(empty, full)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_named_encoder_is_normalised_as_its_weights_want_it(name: str) -> None:
    spec = BACKBONES[name]
    mean, std = map(torch.tensor, spec.normalisation or spec.create(False).normalisation or IMAGENET)
    seen = []
    encoder = ImageEncoder(name).eval()
    encoder.net.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    with torch.inference_mode():
        encoder((mean + std)[None, :, None, None].expand(1, 3, 64, 64))
    torch.testing.assert_close(seen[0], torch.ones(1, 3, 64, 64))


def test_vit_b_fetches_the_weights_that_its_normalisation_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def watched(name: str, **options: Any) -> Any:
        asked.append((name, options["pretrained"]))
        raise OSError("no connection")

    monkeypatch.setattr(timm, "create_model", watched)
    with pytest.raises(CheckpointError, match="could not be fetched"):
        ImageEncoder("vit_b", pretrained=True)
    assert asked == [("vit_base_patch16_224.mae", True)]


@pytest.mark.parametrize(
    ("name", "mean"),
    [("timm:vit_tiny_patch16_224.augreg_in21k", 0.5), ("timm:mobilenetv3_small_050.lamb_in1k", (0.485, 0.456, 0.406))],
)
def test_a_network_of_timm_is_normalised_as_timm_states_for_its_tag(name: str, mean: Any) -> None:
    torch.testing.assert_close(ImageEncoder(name)._mean.flatten(), torch.tensor(mean).expand(3))
