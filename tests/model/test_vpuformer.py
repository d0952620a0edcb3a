"""The network: what depends on what, what is masked, and that both variants hold together."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vpuformer.encoding.batch import PromptBatch
from vpuformer.errors import ConfigError
from vpuformer.geometry import Crop, FrameMap
from vpuformer.model.config import VARIANTS, VPUFormerConfig, variant
from vpuformer.model.dma import DMALayer, MultiHeadAttention, interactive_information_filtering
from vpuformer.model.encoders import ImageEncoder
from vpuformer.model.features import PromptTokens
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click, Prompt, Scribble

SIDE = 96
SMALL = {"input_size": SIDE, "dim": 32, "heads": 4, "ffn_dim": 32, "decoder_dim": 16, "pue_hidden": 32}
FRAME = FrameMap.to_canonical(Crop.whole((SIDE, SIDE)))

CONFIGS = {
    "default": replace(VARIANTS["default"], **SMALL),
    "paper": replace(VARIANTS["paper"], **SMALL),
    "early": replace(VARIANTS["default"], **SMALL, dense_prompts="early", mask_fusion="early"),
    "gates": replace(VARIANTS["default"], **SMALL, filtering=True, add_tokens=False, finest_scale="raw"),
    "baseline": replace(VARIANTS["paper"], **SMALL, dma=False, dense_prompts="early"),
    "no prior": replace(VARIANTS["default"], **SMALL, prior="none", fine_attention="none"),
    "distance map": replace(VARIANTS["paper"], **SMALL, prompt_encoding="distance-map"),
    "learned vector": replace(VARIANTS["paper"], **SMALL, prompt_encoding="learned-vector"),
}


def batch(*samples: list[Prompt]) -> PromptBatch:
    return PromptBatch.collate(samples, [FRAME] * len(samples))


def random_image(samples: int = 1, height: int = SIDE, width: int = SIDE) -> Tensor:
    return torch.rand(samples, 3, height, width, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=CONFIGS)
def model(request: pytest.FixtureRequest) -> VPUFormer:
    return VPUFormer(CONFIGS[request.param]).eval()


EMPTY = torch.zeros(1, 1, SIDE, SIDE)


@torch.inference_mode()
def test_the_sign_of_a_prompt_changes_the_mask(model: VPUFormer) -> None:
    prompts: list[list[Prompt]] = [[Click(40, 40, sign), Box(10, 10, 70, 60, sign)] for sign in (True, False)]
    positive, negative = (model(random_image(), EMPTY, batch(p)).logits for p in prompts)
    # Random weights: the sign is 2 of the 898 numbers of a prompt. What trained ones make of it, test_weights asks.
    assert (positive - negative).abs().max() > 1e-4 * positive.std()


@torch.inference_mode()
def test_the_place_and_the_kind_of_a_prompt_change_the_mask(model: VPUFormer) -> None:
    answers = [
        model(random_image(), EMPTY, batch([prompt])).logits
        for prompt in (Click(20, 20), Click(70, 70), Box(15, 15, 25, 25), Scribble(((20, 10), (20, 30))))
    ]
    for i, one in enumerate(answers):
        for other in answers[:i]:
            assert (one - other).abs().max() > 1e-4 * one.std()


@torch.inference_mode()
def test_the_previous_mask_changes_the_mask(model: VPUFormer) -> None:
    prompts = batch([Click(40, 40)])
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., 20:60, 20:60] = 1
    assert (
        model(random_image(), EMPTY, prompts).logits - model(random_image(), mask, prompts).logits
    ).abs().max() > 1e-5


@torch.inference_mode()
def test_padding_is_masked_everywhere(model: VPUFormer) -> None:
    """A sample answers the same alone and beside one with many more prompts, whatever lies in its empty slots."""
    few: list[Prompt] = [Click(40, 40)]
    many: list[Prompt] = [Click(10, 10), Box(5, 5, 50, 50), Scribble(((5, 60), (60, 60))), Click(9, 9, False)]
    alone = model(random_image(), EMPTY, batch(few))
    together_batch = batch(few, many)
    garbage = replace(
        together_batch,
        bounds=np.where(together_batch.valid[..., None], together_batch.bounds, np.float32(17)),
        positive=together_batch.positive | ~together_batch.valid,
    )
    two = random_image().repeat(2, 1, 1, 1)
    for prompts in (together_batch, garbage):
        together = model(two, EMPTY.repeat(2, 1, 1, 1), prompts)
        torch.testing.assert_close(together.logits[:1], alone.logits, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(together.prompt_embeddings[:1, :1], alone.prompt_embeddings, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_no_prompt_at_all_is_an_answer(model: VPUFormer) -> None:
    assert model(random_image(), torch.ones(1, 1, SIDE, SIDE), batch([])).logits.isfinite().all()


@torch.inference_mode()
@pytest.mark.parametrize("size", [(64, 128), (33, 95), (32, 32), (200, 64)])
def test_any_size_and_aspect(model: VPUFormer, size: tuple[int, int]) -> None:
    output = model(random_image(1, *size), torch.zeros(1, 1, *size), batch([Click(5, 5)]))
    assert output.logits.shape == (1, 1, *size)
    assert output.logits.isfinite().all()


@torch.inference_mode()
def test_a_batch_of_four_is_no_special_case(model: VPUFormer) -> None:
    prompts = batch(*[[Click(10 * i + 5, 40)] for i in range(4)])
    four = model(random_image().repeat(4, 1, 1, 1), EMPTY.repeat(4, 1, 1, 1), prompts).logits
    for i in range(4):
        one = model(random_image(), EMPTY, batch([Click(10 * i + 5, 40)])).logits
        torch.testing.assert_close(four[i : i + 1], one, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_features_are_those_of_the_image_alone_where_that_is_promised(model: VPUFormer) -> None:
    prompts, mask = batch([Click(40, 40)]), torch.ones(1, 1, SIDE, SIDE)
    if model.features_depend_on_prompts:
        with pytest.raises(ValueError, match="pass them"):
            model.encode(random_image())
        return
    plain = model.encode(random_image())
    masked = model.encode(random_image(), mask, prompts)
    assert torch.equal(plain.semantic, masked.semantic) != model.features_depend_on_mask
    if not model.features_depend_on_mask:
        torch.testing.assert_close(
            model.decode(plain, mask, prompts).logits, model(random_image(), mask, prompts).logits
        )


def test_every_trainable_parameter_gets_a_gradient(model: VPUFormer) -> None:
    from vpuformer.training.losses import dice_loss, prompt_to_pixel_contrastive_loss

    model.train()
    for weight in model.parameters():
        if not weight.any():  # a part that starts as nothing hides what lies before it
            torch.nn.init.normal_(weight, std=0.1)
    prompts = batch([Click(40, 40), Box(10, 10, 70, 60)], [Scribble(((5, 5), (60, 60)))], [])
    truth = torch.zeros(3, 1, SIDE, SIDE, dtype=torch.int8)
    truth[..., 20:60, 20:60] = 1
    mask = torch.rand(3, 1, SIDE, SIDE)
    output = model(random_image(3), mask, prompts)
    contrast = prompt_to_pixel_contrastive_loss(
        output.prompt_embeddings,
        output.pixel_embeddings,
        truth,
        torch.from_numpy(prompts.positive),
        torch.from_numpy(prompts.valid),
    )
    (dice_loss(output.logits, truth) + contrast).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    if not model.config.dma:
        # Without attention a sample without prompts has no use for a token, and P2CL leaves its slot out.
        without.remove("pue.no_prompt")
    # The encoder's finest stage ends in a block that nothing reads beyond 1/4.
    assert not [name for name in without if "bias" not in name], without


@torch.inference_mode()
def test_attention_of_many_queries_is_the_same_function() -> None:
    torch.manual_seed(0)
    attention = MultiHeadAttention(16, 4, 24)
    query, key, value = torch.randn(2, 50, 16), torch.randn(2, 5, 24), torch.randn(2, 5, 24)
    bias, valid = torch.randn(2, 4, 50, 5), torch.tensor([[True] * 5, [True, False, True, False, False]])
    expected = attention(query, key, value, valid, bias)
    found = attention.of_many(query.transpose(1, 2), key, value, valid, bias.transpose(2, 3))
    torch.testing.assert_close(found.transpose(1, 2), expected)


def test_the_filter_by_hand() -> None:
    features = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    prompt_response = torch.tensor([[[0.0, 1.0], [2.0, -1.0], [9.0, 9.0]]])
    visual_response = torch.tensor([[[0.0, -3.0], [1.0, 2.0]]])
    valid = torch.tensor([[True, True, False]])
    s = torch.tensor([0.0, 1.0, 2.0]).sigmoid()
    expected = torch.tensor(
        [[[1 * (1 + s[2] + s[0]), 2 * (1 + s[1] + s[0])], [3 * (1 + s[2] + s[2]), 4 * (1 + s[1] + s[2])]]]
    )
    filtered = interactive_information_filtering(features, prompt_response, visual_response, valid)
    torch.testing.assert_close(filtered, expected)


def test_a_layer_without_residual_paths_is_the_papers_equations() -> None:
    layer = DMALayer(replace(VARIANTS["paper"], dim=8, heads=2, ffn_dim=16))
    query, original, f_v, e = torch.rand(1, 3, 8), torch.rand(1, 3, 8), torch.rand(1, 5, 8), torch.rand(5, 8)
    valid = torch.ones(1, 3, dtype=torch.bool)
    merged = layer(query, f_v, PromptTokens(original, valid, valid, torch.ones(1, 3)), f_v, e, 5)
    q = query + original
    attended = layer.self_attention(q, q, q)
    f_qv = layer.prompt_to_semantic(attended, f_v + e, f_v) + q  # Eq. 7
    f_vq = layer.semantic_to_prompt(f_v + e, attended, attended) + f_v
    hat_qv, hat_vq = layer.prompt_ffn(f_qv), layer.visual_ffn(f_vq)  # Eq. 8
    torch.testing.assert_close(merged.query, hat_qv)
    torch.testing.assert_close(merged.dual, interactive_information_filtering(f_v, hat_qv, hat_vq, valid))


def test_without_filtering_the_features_of_the_image_are_scaled() -> None:
    layer = DMALayer(VPUFormerConfig(dim=8, heads=2, ffn_dim=16, prior="none", fine_attention="none"))
    assert layer.scale is not None
    nn.init.uniform_(layer.scale)
    query, visual, features = torch.rand(1, 3, 8), torch.rand(1, 5, 8), torch.rand(1, 5, 8)
    valid = torch.ones(1, 3, dtype=torch.bool)
    tokens = PromptTokens(query, valid, valid, torch.ones(1, 3))
    merged = layer(query, visual, tokens, features, torch.rand(5, 8), 5)
    torch.testing.assert_close(merged.dual - merged.visual, features * layer.scale)


def test_a_checkpoint_from_before_the_field_has_the_gates() -> None:
    values = variant("default").to_dict()
    del values["filtering"]
    assert VPUFormerConfig.from_dict(values) == replace(variant("default"), filtering=True)


def test_attention_ignores_what_is_not_valid() -> None:
    attention = MultiHeadAttention(8, 2)
    query, key = torch.rand(1, 2, 8), torch.rand(1, 4, 8)
    valid = torch.tensor([[True, False, True, False]])
    torch.testing.assert_close(
        attention(query, key, key, valid), attention(query, key[:, ::2].contiguous(), key[:, ::2].contiguous())
    )


def test_frozen_parts_of_the_encoder_stay_frozen() -> None:
    encoder = ImageEncoder("mobilenetv2")
    encoder.freeze(stem=True, norms=True)
    encoder.train()
    norms = [module for module in encoder.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert norms
    assert not any(module.training for module in norms)
    frozen = {name for name, parameter in encoder.named_parameters() if not parameter.requires_grad}
    assert {name.split(".")[1] for name in frozen} == {"conv_stem", "bn1", "blocks"}
    assert {name.split(".")[2] for name in frozen if "blocks" in name} == {"0", "1"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"heads": 5}, "heads=5 does not divide dim=128"),
        ({"dim": 130, "heads": 2}, "multiple of 4"),
        ({"input_size": 32}, "must lie between 64 and 2048"),
        ({"input_size": 10**9}, "must lie between 64 and 2048"),
        ({"dim": 0}, "at least 1"),
        ({"decoder_dim": 18}, "decoder_dim=18 must be a multiple of 4"),
        ({"decoder_dim": 1, "fine_attention": "none"}, "decoder_dim=1 must be at least 2"),
        ({"position_code": "fourier"}, "position_embedding=True needs"),
        ({"dense_prompts": "disks"}, "should be none or early"),
        ({"dma": False, "dense_prompts": "none"}, "no prompt reaches the mask"),
        ({"prompt_encoding": "learned-vector"}, "position_embedding=True reads PuE's vectors"),
    ],
)
def test_contradictions_are_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        VPUFormerConfig(**change)  # type: ignore[arg-type]
    assert sentence in str(raised.value)


def test_p2cl_reads_the_self_attended_query_where_it_is_wanted() -> None:
    summed = VPUFormer(CONFIGS["default"]).eval()
    chosen = VPUFormer(replace(CONFIGS["default"], contrast_query="self-attended")).eval()
    chosen.load_state_dict(summed.state_dict())
    seen = []
    chosen.dma[-1].self_attention.register_forward_hook(lambda *arguments: seen.append(arguments[-1]))
    chosen.dma[-1].norm_attended.register_forward_hook(lambda *arguments: seen.append(arguments[-1]))
    prompts = batch([Click(40, 40), Box(10, 10, 70, 60)])
    with torch.inference_mode():
        one, other = (model(random_image(), EMPTY, prompts) for model in (summed, chosen))
        assert torch.equal(one.logits, other.logits)
        assert not torch.allclose(one.prompt_embeddings, other.prompt_embeddings)
        torch.testing.assert_close(other.prompt_embeddings, chosen.embed_prompt(seen[-1][:, :2]))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"heads": True}, "heads=True should be a whole number"),
        ({"dim": 128.0}, "dim=128.0 should be a whole number"),
        ({"refine": 1}, "refine=1 should be true or false"),
        ({"backbone": None}, "backbone=None should be text"),
        ({"finest_scale": "fine"}, "finest_scale='fine' should be raw or dma"),
    ],
)
def test_fields_have_the_types_that_they_say(change: dict[str, Any], sentence: str) -> None:
    for make in (lambda: VPUFormerConfig(**change), lambda: VPUFormerConfig.from_dict(change)):
        with pytest.raises(ConfigError, match=sentence):
            make()


def test_numbers_of_numpy_are_taken_and_kept_as_pythons() -> None:
    config = VPUFormerConfig(heads=np.int64(4), refine=np.bool_(False))  # type: ignore[arg-type]
    assert (type(config.heads), type(config.refine)) == (int, bool)


def test_a_config_is_written_and_read() -> None:
    for config in VARIANTS.values():
        assert VPUFormerConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError, match=r"no setting called 'dims'.*Did you mean 'dim'"):
        VPUFormerConfig.from_dict({"dims": 3})
    with pytest.raises(ConfigError, match="dim='wide' should be a whole number"):
        VPUFormerConfig.from_dict({"dim": "wide"})
    with pytest.raises(ConfigError, match="no variant called 'papre'"):
        variant("papre")


def test_the_variants_differ_as_documented() -> None:
    paper, default = variant("paper"), variant("default")
    assert (paper.mask_fusion, paper.dense_prompts) == ("early", "none")
    assert (default.mask_fusion, default.dense_prompts) == ("late", "none")
    assert (paper.filtering, paper.add_tokens) == (True, False)
    assert (default.filtering, default.add_tokens) == (False, True)
    assert default == VPUFormerConfig()


@torch.inference_mode()
@pytest.mark.parametrize("name", ["default", "paper"])
def test_a_prompt_encoding_is_added_as_the_docs_show(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from vpuformer.model import prompt_encoders, prompt_inputs
    from vpuformer.model.pue import with_no_prompt_token

    page = (Path(__file__).parents[2] / "docs" / "network.md").read_text(encoding="utf-8")
    fences = r"^```python\n(.*?)^# in VECTORS:\n(.*?)^# in PROMPT_ENCODERS:\n(.*?)^```"
    ((code, vectors, encoder),) = re.findall(fences, page, re.M | re.S)
    names: dict[str, Any] = {"np": np, "torch": torch, "nn": torch.nn, "with_no_prompt_token": with_no_prompt_token}
    exec(compile(code, "docs/network.md", "exec"), names)
    for module, table, entry in (
        (prompt_inputs, "VECTORS", vectors),
        (prompt_encoders, "PROMPT_ENCODERS", encoder),
    ):
        monkeypatch.setattr(module, table, {**getattr(module, table), **eval("{" + entry + "}", names)})

    config = replace(CONFIGS[name], prompt_encoding="centre", position_embedding=False)
    model = VPUFormer(config).eval()
    one, other = (model(random_image(), EMPTY, batch([Click(40, 40, sign)])).logits for sign in (True, False))
    assert not torch.equal(one, other)
    assert model(random_image(), EMPTY, batch([])).logits.isfinite().all()
    with pytest.raises(ConfigError, match=r"no prompt encoding called 'center'.*Did you mean 'centre'"):
        VPUFormer(replace(config, prompt_encoding="center"))


def test_sharpening_begins_as_little_more_than_enlarging() -> None:
    model = VPUFormer(CONFIGS["default"]).eval()
    prompts = batch([Click(40, 40)])
    with torch.inference_mode():
        sharpened = model(random_image(), EMPTY, prompts).logits
        model.sharpen = None
        plain = model(random_image(), EMPTY, prompts).logits
    assert not torch.equal(sharpened, plain)
    assert (sharpened - plain).abs().max() < 0.25


@pytest.mark.parametrize("backbone", ["mobilenetv2", "vit_b"])
@torch.inference_mode()
def test_sharpening_sees_details_of_two_pixels_with_any_encoder(backbone: str) -> None:
    model = VPUFormer(replace(CONFIGS["default"], backbone=backbone)).eval()
    assert model.sharpen is not None
    features = model.encode(random_image())
    half = features.lateral.half
    assert half is not None
    assert half.shape[-2:] == (SIDE // 2, SIDE // 2)
    dotted = half.clone()
    dotted[..., 20, 20] += 100
    change = [
        model.decode(
            features._replace(lateral=features.lateral._replace(half=each)), EMPTY, batch([Click(40, 40)])
        ).logits
        for each in (half, dotted)
    ]
    moved = (change[1] - change[0])[0, 0].abs() > 1e-6
    rows = moved.any(dim=1).nonzero().flatten()
    assert 30 < rows.min() <= 40 <= rows.max() < 50
