"""Prompts that reach the mask by their tokens alone: null tokens, the prior, attention of the decoder."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vpuformer.encoding.batch import PromptBatch
from vpuformer.errors import ConfigError
from vpuformer.geometry import Crop, FrameMap
from vpuformer.model.checkpoint import save_checkpoint
from vpuformer.model.config import VARIANTS, VPUFormerConfig
from vpuformer.model.dma import DMALayer, Mixing
from vpuformer.model.features import PromptTokens
from vpuformer.model.fine import FineAttention
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click, Prompt, Scribble
from vpuformer.training.loop import build_network
from vpuformer.training.recipe import Recipe

SIDE = 96
FRAME = FrameMap.to_canonical(Crop.whole((SIDE, SIDE)))
NONE = replace(
    VARIANTS["default"], input_size=SIDE, dim=32, heads=4, ffn_dim=32, decoder_dim=16, pue_hidden=32,
    null_tokens=0, prior="none", fine_attention="none", mixing=False,
)  # fmt: skip
TOKENS = replace(NONE, null_tokens=4, prior="shapes")
FINE = replace(TOKENS, fine_attention="quarter", mixing=True)
EMPTY = torch.zeros(1, 1, SIDE, SIDE)
IMAGE = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def batch(*samples: list[Prompt]) -> PromptBatch:
    return PromptBatch.collate(samples, [FRAME] * len(samples))


def learned(config: VPUFormerConfig) -> VPUFormer:
    """A network whose parts that start as nothing have left it."""
    model = VPUFormer(config).eval()
    for attention in model.decoder.attend:
        assert isinstance(attention, FineAttention)
        torch.nn.init.normal_(attention.attention.out.weight, std=0.1)
    return model


def what_the_image_reads(model: VPUFormer, prompts: PromptBatch) -> Tensor:
    """The answers of the first layer's attention to the prompts, (places, d)."""
    read: list[Tensor] = []
    layer = model.dma[0]
    assert isinstance(layer, DMALayer)
    layer.semantic_to_prompt.register_forward_hook(lambda _module, _inputs, output: read.append(output[0]))
    model(IMAGE, EMPTY, prompts)
    return read[0]


@torch.inference_mode()
def test_one_prompt_says_the_same_at_every_place_unless_there_are_null_tokens() -> None:
    prompts = batch([Click(40, 40)])
    assert what_the_image_reads(VPUFormer(NONE).eval(), prompts).std(dim=0).max() < 1e-5
    assert what_the_image_reads(VPUFormer(replace(NONE, null_tokens=4)).eval(), prompts).std(dim=0).max() > 1e-3


@torch.inference_mode()
def test_the_prior_makes_a_prompt_speak_at_its_place() -> None:
    read = what_the_image_reads(VPUFormer(TOKENS).eval(), batch([Click(40, 24)]))
    unlike = (read - read.median(dim=0).values).norm(dim=-1)
    assert int(unlike.argmax()) == (24 // 16) * (SIDE // 16) + 40 // 16


@torch.inference_mode()
@pytest.mark.parametrize("config", [TOKENS, FINE], ids=["tokens", "fine"])
def test_padding_changes_no_answer(config: VPUFormerConfig) -> None:
    model = learned(config)
    few: list[Prompt] = [Click(40, 40)]
    many: list[Prompt] = [Click(10, 10), Box(5, 5, 50, 50), Scribble(((5, 60), (60, 60))), Click(9, 9, False)]
    together = model(IMAGE.repeat(3, 1, 1, 1), EMPTY.repeat(3, 1, 1, 1), batch(few, many, []))
    for i, sample in enumerate((few, many, [])):
        alone = model(IMAGE, EMPTY, batch(sample))
        torch.testing.assert_close(together.logits[i : i + 1], alone.logits, atol=1e-4, rtol=1e-4)
        slots = max(1, len(sample))
        torch.testing.assert_close(
            together.prompt_embeddings[i : i + 1, :slots], alone.prompt_embeddings, atol=1e-4, rtol=1e-4
        )


@torch.inference_mode()
def test_p2cl_and_the_channel_gate_see_prompts_alone() -> None:
    model = learned(FINE)
    assert model(IMAGE, EMPTY, batch([Click(40, 40), Click(9, 9)])).prompt_embeddings.shape[1] == 2
    layer = DMALayer(replace(NONE, dim=8, heads=2, ffn_dim=16, filtering=True, add_tokens=False))
    query, visual, position = torch.randn(1, 3, 8), torch.randn(1, 5, 8), torch.randn(5, 8)
    valid, prompts = torch.ones(1, 3, dtype=torch.bool), torch.tensor([[True, False, False]])
    merged = layer(query, visual, PromptTokens(query, valid, prompts, torch.ones(1, 3)), visual, position, 5)
    spatial = merged.visual.amax(dim=2, keepdim=True).sigmoid()
    torch.testing.assert_close(merged.dual, visual * (1 + merged.query[:, :1].sigmoid() + spatial))


@torch.inference_mode()
def test_mixing_reaches_the_neighbours_and_starts_as_nothing() -> None:
    mixing, tokens = Mixing(8), torch.randn(1, 12, 8)
    assert not mixing(tokens, 4).any()
    torch.nn.init.ones_(mixing.convolution.weight)
    changed = tokens.clone()
    changed[0, 0] = torch.randn(8)
    reached = (mixing(changed, 4) - mixing(tokens, 4)).abs().amax(dim=-1)[0] > 1e-4
    assert reached.tolist() == [True] * 12


@torch.inference_mode()
def test_attention_of_the_decoder_starts_as_nothing() -> None:
    plain = VPUFormer(replace(FINE, fine_attention="none")).eval()
    fine = VPUFormer(FINE).eval()
    fine.load_state_dict(fine.state_dict() | plain.state_dict())
    prompts = batch([Click(40, 40), Box(10, 10, 70, 60, False)])
    expected = plain(IMAGE, EMPTY, prompts).logits
    torch.testing.assert_close(fine(IMAGE, EMPTY, prompts).logits, expected)
    assert not torch.allclose(learned(FINE)(IMAGE, EMPTY, prompts).logits, expected)


@torch.inference_mode()
def test_the_token_path_in_bfloat16_is_close_to_float32() -> None:
    model, prompts = learned(FINE), batch([Click(40, 40), Box(10, 10, 70, 60, False)])
    expected = model(IMAGE, EMPTY, prompts).logits
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model(IMAGE, EMPTY, prompts).logits
    assert (rounded - expected).abs().max() < 0.1 * expected.abs().max() + 0.02


@torch.inference_mode()
def test_features_are_shared_by_all_prompts() -> None:
    model = learned(FINE)
    assert not model.features_depend_on_prompts
    features = model.encode(IMAGE)
    for prompt in (Click(20, 20), Box(15, 15, 60, 60)):
        expected = model(IMAGE, EMPTY, batch([prompt])).logits
        torch.testing.assert_close(model.decode(features, EMPTY, batch([prompt])).logits, expected)


@pytest.mark.parametrize("change", [{"null_tokens": 0}, {"prior": "none"}])
def test_attention_of_the_decoder_needs_a_place_to_look_away(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="needs dma=True, a prior, and null_tokens"):
        replace(FINE, **change)  # type: ignore[arg-type]


def test_trained_weights_start_a_network_without_maps(tmp_path: Path) -> None:
    drawn = VPUFormer(replace(NONE, dense_prompts="early"))
    save_checkpoint(drawn, tmp_path)
    with pytest.warns(
        UserWarning, match=r"dropped, since the new network lacks them: backbone.fusion.*; new: null_tok"
    ):
        network = build_network(Recipe(data="", output="", init=str(tmp_path), model=FINE))
    state, former = network.state_dict(), drawn.state_dict()
    for name in ("decoder.head.weight", "dense.stem.0.weight"):
        assert torch.equal(state[name], former[name])


def test_another_image_encoder_starts_with_the_attention_and_decoder_of_the_former_one(tmp_path: Path) -> None:
    former = VPUFormer(TOKENS)
    save_checkpoint(former, tmp_path)
    other = replace(TOKENS, backbone="timm:mobilenetv2_050")
    with pytest.warns(UserWarning, match=r"settings: backbone='timm:mobilenetv2_050' instead of 'mobilenetv2'; new: "):
        network = build_network(Recipe(data="", output="", init=str(tmp_path), model=other))
    assert torch.equal(network.state_dict()["pue.project.0.weight"], former.state_dict()["pue.project.0.weight"])
    assert torch.equal(network.state_dict()["null_tokens"], former.state_dict()["null_tokens"])
