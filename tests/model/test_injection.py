"""Where prompts and the previous mask enter: the image encoder, its features, or neither."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from vpuformer.encoding.batch import PromptBatch
from vpuformer.geometry import Crop, FrameMap
from vpuformer.model.config import VARIANTS
from vpuformer.model.features import Features, LateralScales, MergedStages, PausedStages
from vpuformer.model.injection import PromptInjection, encoder_maps
from vpuformer.prompts import Box, Click

SIDE = 64
PROMPTS = PromptBatch.collate([[Click(20, 20), Box(30, 30, 60, 60)]], [FrameMap.to_canonical(Crop.whole((SIDE, SIDE)))])
IMAGE, MASK = torch.rand(1, 3, SIDE, SIDE), torch.rand(1, 1, SIDE, SIDE)
LATERAL = LateralScales(torch.rand(1, 16, 16, 16), torch.rand(1, 16, 8, 8), None)


def injection(**changes: Any) -> PromptInjection:
    config = replace(VARIANTS["default"], dim=32, heads=4, decoder_dim=16, **changes)
    return PromptInjection(config, 24 if config.dense_prompts == "middle" else None)


def unused(_paused: PausedStages) -> MergedStages:
    raise AssertionError("this encoder does not pause")


@pytest.mark.parametrize(
    ("mask_fusion", "dense_prompts", "encoder", "features"),
    [
        ("early", "none", 1, 0),
        ("early", "early", 5, 0),
        ("late", "early", 4, 1),
        ("early", "late", 1, 4),
        ("late", "none", 0, 1),
        ("late", "late", 0, 5),
        ("late", "middle", 0, 5),
    ],
)
def test_mask_and_prompts_enter_where_the_settings_say(
    mask_fusion: str, dense_prompts: str, encoder: int, features: int
) -> None:
    into = injection(mask_fusion=mask_fusion, dense_prompts=dense_prompts)
    maps = into.into_encoder(IMAGE, MASK, PROMPTS)
    assert encoder_maps(into._config) == (0 if maps is None else maps.shape[1]) == encoder
    assert into.maps == features


@torch.inference_mode()
def test_features_that_nothing_enters_stay_as_they_are() -> None:
    features = Features(MergedStages(torch.rand(1, 32, 4, 4)), LATERAL)
    prompted = injection(mask_fusion="early", dense_prompts="none").into_features(features, MASK, PROMPTS, unused)
    assert prompted.semantic is features.stages[0]
    assert prompted.lateral is LATERAL
    assert prompted.priors is None


@torch.inference_mode()
def test_a_paused_encoder_goes_on_with_the_maps_in_it() -> None:
    into, seen = injection(), []
    assert into.eighth is not None
    torch.nn.init.ones_(into.eighth.bias)

    def resume(paused: PausedStages) -> MergedStages:
        seen.append(paused.eighth)
        return MergedStages(torch.zeros(1, 32, 4, 4))

    # The encoder padded its input by a cell of 1/8 to the right and below.
    features = Features(PausedStages(torch.zeros(1, 24, 9, 9)), LATERAL)
    prompted = into.into_features(features, MASK, PROMPTS, resume)
    assert (seen[0][..., :8, :8] == 1).all()
    assert not seen[0][..., 8, :].any()
    assert not torch.equal(prompted.lateral.quarter, LATERAL.quarter)
    assert prompted.semantic.any()


def test_priors_have_the_grids_that_attend() -> None:
    tokens = {"dense_prompts": "none", "null_tokens": 4, "prior": "shapes"}
    features = Features(MergedStages(torch.rand(1, 32, 4, 4)), LATERAL)
    for fine, sizes in (("none", [(4, 4)]), ("quarter", [(4, 4), (16, 16), (8, 8)])):
        prompted = injection(**tokens, fine_attention=fine).into_features(features, MASK, PROMPTS, unused)
        assert prompted.priors is not None
        shapes = [tuple(prior.shape) for prior in prompted.priors if prior is not None]
        assert shapes == [(1, 2 + 4, *size) for size in sizes]
