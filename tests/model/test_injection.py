"""Where prompts and the previous mask enter: the image encoder, its features, or neither."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from vpuformer.encoding.batch import PromptBatch
from vpuformer.geometry import Crop, FrameMap
from vpuformer.model.config import VARIANTS
from vpuformer.model.features import LateralScales
from vpuformer.model.injection import PromptInjection, encoder_maps
from vpuformer.model.prompt_inputs import Grids, PromptInputs, encoder_prompt_maps, prompt_inputs
from vpuformer.prompts import Box, Click

SIDE = 64
BATCH = PromptBatch.collate([[Click(20, 20), Box(30, 30, 60, 60)]], [FrameMap.to_canonical(Crop.whole((SIDE, SIDE)))])
IMAGE, MASK = torch.rand(1, 3, SIDE, SIDE), torch.rand(1, 1, SIDE, SIDE)
LATERAL = LateralScales(torch.rand(1, 16, 16, 16), torch.rand(1, 16, 8, 8), None)
SEMANTIC = torch.rand(1, 32, 4, 4)


def inputs(into: PromptInjection) -> PromptInputs[Tensor]:
    return prompt_inputs(into._config, BATCH, Grids((SIDE, SIDE), lateral_eighth=True)).converted(torch.from_numpy)


def injection(**changes: Any) -> PromptInjection:
    config = replace(VARIANTS["default"], dim=32, heads=4, decoder_dim=16, **changes)
    return PromptInjection(config)


@pytest.mark.parametrize(
    ("mask_fusion", "dense_prompts", "encoder", "features"),
    [
        ("early", "none", 1, False),
        ("early", "early", 5, False),
        ("late", "early", 4, True),
        ("late", "none", 0, True),
    ],
)
def test_mask_and_prompts_enter_where_the_settings_say(
    mask_fusion: str, dense_prompts: str, encoder: int, features: bool
) -> None:
    into = injection(mask_fusion=mask_fusion, dense_prompts=dense_prompts)
    drawn = encoder_prompt_maps(into._config, BATCH, (SIDE, SIDE))
    maps = into.into_encoder(IMAGE, MASK, None if drawn is None else torch.from_numpy(drawn))
    assert encoder_maps(into._config) == (0 if maps is None else maps.shape[1]) == encoder
    assert (into.into_features(SEMANTIC, LATERAL, MASK, inputs(into)).semantic is not SEMANTIC) == features


@torch.inference_mode()
def test_features_that_nothing_enters_stay_as_they_are() -> None:
    into = injection(mask_fusion="early", null_tokens=0, prior="none", fine_attention="none")
    prompted = into.into_features(SEMANTIC, LATERAL, MASK, inputs(into))
    assert prompted.semantic is SEMANTIC
    assert prompted.lateral is LATERAL
    assert prompted.priors is None


@torch.inference_mode()
def test_the_previous_mask_enters_where_it_is() -> None:
    into = injection()
    half = torch.zeros_like(MASK)
    half[..., SIDE // 2 :, :] = 1
    full, none = (into.into_features(SEMANTIC, LATERAL, mask, inputs(into)) for mask in (half, 0 * half))
    changed = (full.lateral.quarter - none.lateral.quarter).abs().amax(dim=(0, 1, 3)) > 0
    assert changed.tolist() == [row >= SIDE // 8 - 1 for row in range(SIDE // 4)]
    assert not torch.equal(full.semantic, none.semantic)


def test_priors_have_the_grids_that_attend() -> None:
    for fine, sizes in (("none", [(4, 4)]), ("quarter", [(4, 4), (16, 16), (8, 8)])):
        into = injection(fine_attention=fine)
        prompted = into.into_features(SEMANTIC, LATERAL, MASK, inputs(into))
        assert prompted.priors is not None
        shapes = [tuple(prior.shape) for prior in prompted.priors if prior is not None]
        assert shapes == [(1, 2 + 4, *size) for size in sizes]
