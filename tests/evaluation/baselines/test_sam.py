"""SAM, SAM 2 and SAM-HQ under evaluation: tiny models of random numbers, made and loaded without a hub."""

import shutil
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from support.measured import asked, measure
from vpuformer.data.sample import Sample
from vpuformer.errors import CheckpointError, ConfigError, InputError, MissingDependencyError, PromptError
from vpuformer.evaluation.baselines import BASELINES, open_baseline
from vpuformer.evaluation.baselines.sam_models import FAMILIES
from vpuformer.evaluation.baselines.sam_prompts import to_frame
from vpuformer.inference.protocol import Encoded, Query
from vpuformer.prompts import Box, Click, Prompt, Scribble

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

SIDE = 64
"""Of the square that the tiny models look at."""

CLICKS = [Click(30, 20), Click(5, 5, False)]

PROMPTS = {"hidden_size": 16, "image_size": SIDE, "patch_size": 16}
DECODER = {"hidden_size": 16, "mlp_dim": 16, "num_attention_heads": 2, "iou_head_hidden_dim": 16}
VIT = {
    "hidden_size": 16,
    "output_channels": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "window_size": 2,
    "global_attn_indexes": [1],
    "num_pos_feats": 8,
    "mlp_dim": 16,
}
HIERA = {
    "model_type": "sam2_hiera_det_model",
    "image_size": [SIDE, SIDE],
    "hidden_size": 8,
    "blocks_per_stage": [1, 1, 2, 1],
    "embed_dim_per_stage": [8, 16, 32, 64],
    "num_attention_heads_per_stage": [1, 1, 2, 2],
    "window_size_per_stage": [4, 4, 4, 4],
    "global_attention_blocks": [3],
    "window_positional_embedding_background_size": [2, 2],
}
SAM2_VISION = {
    "backbone_config": HIERA,
    "backbone_channel_list": [64, 32, 16, 8],
    "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
    "fpn_hidden_size": 16,
}


def padding_processor(of: Any) -> Any:
    square = {"height": SIDE, "width": SIDE}
    return of(transformers.SamImageProcessor(size={"longest_edge": SIDE}, pad_size=square))


def stretching_processor(of: Any) -> Any:
    # It is the same class; the longer name is that of transformers 5.0.
    named = getattr(transformers, "Sam2ImageProcessor", None) or transformers.Sam2ImageProcessorFast
    return of(named(size={"height": SIDE, "width": SIDE}))


def make_sam() -> tuple[Any, Any]:
    config = transformers.SamConfig(vision_config=VIT, prompt_encoder_config=PROMPTS, mask_decoder_config=DECODER)
    return transformers.SamModel(config), padding_processor(transformers.SamProcessor)


def make_sam2() -> tuple[Any, Any]:
    config = transformers.Sam2Config(
        vision_config=SAM2_VISION, prompt_encoder_config=PROMPTS, mask_decoder_config=DECODER
    )
    return transformers.Sam2Model(config), stretching_processor(transformers.Sam2Processor)


def make_sam2_video() -> tuple[Any, Any]:
    config = transformers.Sam2VideoConfig(
        vision_config=SAM2_VISION,
        prompt_encoder_config=PROMPTS,
        mask_decoder_config=DECODER,
        image_size=SIDE,
        memory_attention_hidden_size=16,
        memory_attention_feed_forward_hidden_size=16,
        memory_encoder_hidden_size=16,
        memory_encoder_output_channels=16,
        mask_downsampler_embed_dim=16,
        memory_fuser_embed_dim=16,
        memory_fuser_intermediate_dim=16,
    )
    return transformers.Sam2VideoModel(config), stretching_processor(transformers.Sam2Processor)


def make_sam_hq() -> tuple[Any, Any]:
    decoder = DECODER | {"vit_dim": 16}
    config = transformers.SamHQConfig(vision_config=VIT, prompt_encoder_config=PROMPTS, mask_decoder_config=decoder)
    return transformers.SamHQModel(config), padding_processor(transformers.SamHQProcessor)


MAKERS: dict[str, Callable[[], tuple[Any, Any]]] = {"sam": make_sam, "sam2": make_sam2, "sam-hq": make_sam_hq}


def save(folder: Path, maker: Callable[[], tuple[Any, Any]]) -> None:
    torch.manual_seed(0)
    model, processor = maker()
    for parameter in model.parameters():  # as they are initialised, images and prompts hardly matter
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.3)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sam")
    for name, maker in MAKERS.items():
        save(root / name, maker)
    return root


@pytest.fixture(scope="module", params=MAKERS)
def family(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def loaded(family: str, checkpoints: Path) -> Any:
    return open_baseline(family, checkpoint=str(checkpoints / family), device="cpu")


@pytest.fixture
def encoded(loaded: Any, image: np.ndarray) -> Any:
    return loaded.encode(image)


def seen(sam: Any, part: str = "") -> list[dict[str, Any]]:
    """The keyword arguments of each later call of the model, or of a part of it."""
    calls: list[dict[str, Any]] = []
    sam._model.get_submodule(part).register_forward_pre_hook(
        lambda _module, _arguments, named: calls.append(named), with_kwargs=True
    )
    return calls


def test_every_family_is_a_baseline(family: str) -> None:
    assert set(MAKERS) == set(FAMILIES)
    assert family in BASELINES


@pytest.mark.parametrize(
    "prompts",
    [
        CLICKS[:1],
        CLICKS,
        [Box(14.5, 9.5, 45.5, 30.5)],
        [Box(14.5, 9.5, 45.5, 30.5), Click(30, 20), Scribble(((3, 3), (60, 3)), positive=False)],
        [Box(-9, -9, 20, 20, False)],
        [Scribble(((20, 20), (40, 22)))],
    ],
    ids=str,
)
def test_answers_are_probabilities_of_the_image_s_size(loaded: Any, encoded: Any, prompts: list[Prompt]) -> None:
    answer = asked(loaded, encoded, prompts)
    assert (answer.shape, answer.dtype) == ((48, 64), np.float32)
    assert 0 <= answer.min() < answer.max() <= 1
    assert np.array_equal(answer, asked(loaded, encoded, prompts))


def test_it_is_evaluated(loaded: Any, image: np.ndarray, truth: np.ndarray) -> None:
    sample = Sample("toy/ellipse", 1, lambda: image, lambda: truth)
    [record] = measure([sample], loaded, kinds=("click", "box", "scribble"), max_interactions=6)
    assert len(record.ious) == 6


def test_an_answer_is_that_of_the_library(loaded: Any, encoded: Any, family: str, image: np.ndarray) -> None:
    """The image and one click at once, with the library's own handling of both."""
    model, processor = loaded._model, loaded._processor
    inputs = processor(images=image, input_points=[[[[30.0, 20.0]]]], input_labels=[[[1]]], return_tensors="pt")
    with torch.inference_mode():
        output = model(**{name: inputs[name] for name in ("pixel_values", "input_points", "input_labels")})
    sizes = [inputs[name] for name in ("original_sizes", "reshaped_input_sizes") if name in inputs]
    assert len(sizes) == (1 if family == "sam2" else 2)
    masks = processor.post_process_masks(output.pred_masks, *sizes, binarize=False)[0][0]
    expected = masks[output.iou_scores[0, 0].argmax()].sigmoid().numpy()
    assert len(masks) == 3
    np.testing.assert_allclose(asked(loaded, encoded, CLICKS[:1]), expected, atol=1e-5)


def test_coordinates_reach_the_model_as_the_library_s_own(loaded: Any, encoded: Any, image: np.ndarray) -> None:
    calls = seen(loaded)
    asked(loaded, encoded, [Box(9.5, 4.5, 50.5, 40.5), *CLICKS])
    points = [[[[30.0, 20.0], [5.0, 5.0]]]]
    theirs = loaded._processor(
        images=image, input_points=points, input_boxes=[[[10.0, 5.0, 50.0, 40.0]]], return_tensors="pt"
    )
    for name in ("input_points", "input_boxes"):
        assert calls[0][name].shape == theirs[name].shape
        torch.testing.assert_close(calls[0][name], theirs[name].float())
    assert calls[0]["input_labels"].tolist() == [[[1, 0]]]
    x, y = to_frame(np.array([5.0, 5.0]), (48, 64), (SIDE, SIDE) if loaded.name.startswith("sam2") else (48, 64))
    assert calls[0]["input_points"][0, 0, 1].tolist() == pytest.approx([float(x), float(y)])


def test_prompts_matter(loaded: Any, encoded: Any) -> None:
    prompts: list[list[Prompt]] = [
        [Click(30, 20)],
        [Click(30, 20, False)],
        [Click(10, 20)],
        [Box(14.5, 9.5, 45.5, 30.5)],
        [Box(14.5, 9.5, 45.5, 30.5), Click(30, 20)],
        [Scribble(((20, 20), (60, 22)))],
    ]
    answers = [asked(loaded, encoded, given) for given in prompts]
    for position, answer in enumerate(answers):
        assert all(np.abs(answer - other).max() > 1e-3 for other in answers[:position])


def test_a_image_is_encoded_once(loaded: Any, encoded: Any, image: np.ndarray) -> None:
    calls = seen(loaded, "vision_encoder")
    encoded = loaded.encode(image)
    answer = None
    for count in (1, 2):
        answer = asked(loaded, encoded, CLICKS[:count], answer)
    asked(loaded, encoded, CLICKS)
    assert len(calls) == 1
    encoded = loaded.encode(image[::-1].copy())
    assert len(calls) == 2
    assert not np.array_equal(asked(loaded, encoded, CLICKS), answer)


def test_its_own_answer_goes_back_as_logits(loaded: Any, encoded: Any, family: str) -> None:
    calls = seen(loaded)
    first = asked(loaded, encoded, CLICKS[:1])
    second = asked(loaded, encoded, CLICKS, first.copy())
    third = asked(loaded, encoded, [*CLICKS, Click(40, 20)], second)
    assert ["input_masks" in call for call in calls] == [False, True, True]
    assert calls[1]["input_masks"].shape == (1, 1, 16, 16)
    assert not np.array_equal(calls[1]["input_masks"], calls[2]["input_masks"])
    fresh = asked(loaded, encoded, CLICKS)
    assert np.abs(second - fresh).max() > 1e-4
    assert np.abs(third - second).max() > 1e-4
    assert calls[1]["input_masks"].abs().max() <= (FAMILIES[family].clamp or np.inf)


def test_every_object_asked_about_together_keeps_its_logits(loaded: Any, encoded: Any) -> None:
    from vpuformer.evaluation.baselines.sam import MAX_ANSWERS

    clicks = [[Click(x, y)] for y in (10, 20, 30, 40) for x in range(5, 50, 5)]
    first = loaded.segment([Query(encoded, each) for each in clicks])
    calls = seen(loaded)
    again = [
        Query(encoded, [*each, Click(60, 5, False)], answer.probability)
        for each, answer in zip(clicks, first, strict=True)
    ]
    loaded.segment(again)
    assert len(clicks) > MAX_ANSWERS
    assert all("input_masks" in call for call in calls)


def test_a_mask_of_other_making_is_left_out(loaded: Any, encoded: Any, image: np.ndarray) -> None:
    first = asked(loaded, encoded, CLICKS[:1])
    alone = asked(loaded, encoded, CLICKS)
    assert np.array_equal(asked(loaded, encoded, CLICKS, np.zeros_like(first)), alone)
    encoded = loaded.encode(image)
    assert np.array_equal(asked(loaded, encoded, CLICKS, alone), alone)  # encoded anew, the image has no answers


def test_a_single_click_alone_has_several_answers(loaded: Any, encoded: Any) -> None:
    calls = seen(loaded)
    first = asked(loaded, encoded, CLICKS[:1])
    asked(loaded, encoded, CLICKS[:1], first)
    asked(loaded, encoded, CLICKS, first)
    asked(loaded, encoded, [Box(14.5, 9.5, 45.5, 30.5)])
    assert [call["multimask_output"] for call in calls] == [True, False, False, False]


def test_logits_that_go_back_into_sam2_are_clamped(checkpoints: Path, image: np.ndarray) -> None:
    loaded: Any = open_baseline("sam2", checkpoint=str(checkpoints / "sam2"), device="cpu")
    for parameter in loaded._model.mask_decoder.parameters():
        parameter.data.mul_(5)
    encoded = loaded.encode(image)
    answer = asked(loaded, encoded, CLICKS, asked(loaded, encoded, CLICKS[:1]))
    assert encoded.logits(answer).abs().max() == 32


def test_it_says_what_it_is(loaded: Any, family: str, checkpoints: Path) -> None:
    assert loaded.name == f"{family}:{family}"
    assert loaded.device == "cpu"
    again: Any = open_baseline(f"{family}:{checkpoints / family}", device="cpu")
    assert again.sha256 == loaded.sha256
    next(again._model.parameters()).data.add_(1)
    again._sha256 = None
    assert again.sha256 != loaded.sha256


def test_a_checkpoint_for_videos_is_one_of_sam2(tmp_path: Path, image: np.ndarray) -> None:
    """All of SAM 2 on the hub are of this kind."""
    save(tmp_path, make_sam2_video)
    loaded = open_baseline("sam2", checkpoint=str(tmp_path), device="cpu")
    encoded = loaded.encode(image)
    assert asked(loaded, encoded, CLICKS).shape == (48, 64)


# --- what cannot be -----------------------------------------------------------------------------------------------


def test_prompts_that_show_nothing_are_refused(checkpoints: Path, image: np.ndarray) -> None:
    sam = open_baseline("sam", checkpoint=str(checkpoints / "sam"), device="cpu")
    encoded = sam.encode(image)
    with pytest.raises(PromptError, match="sam:sam has nothing to go by; give at least one click"):
        asked(sam, encoded, [], np.ones((48, 64), np.float32))
    with pytest.raises(InputError, match="encode the image with the segmenter that is asked"):
        asked(sam, Encoded(image), CLICKS)


@pytest.mark.parametrize("checkpoint", ["./nowhere", "~/nowhere", "/nowhere", "a/b/c"])
def test_a_missing_folder_is_told_without_asking_the_hub(checkpoint: str, family: str) -> None:
    with pytest.raises(CheckpointError, match=f"no folder {checkpoint} with weights of {family}; give a folder that"):
        open_baseline(family, checkpoint=checkpoint)


def test_a_hub_out_of_reach_is_told_in_one_sentence(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise OSError("We couldn't connect to the hub.\nCheck your internet connection.")

    monkeypatch.setattr(transformers.PreTrainedConfig, "get_config_dict", unreachable)
    usual = FAMILIES[family].checkpoint
    with pytest.raises(CheckpointError) as caught:
        open_baseline(family)
    said = str(caught.value)
    assert said.startswith(f"the weights {usual} of {family} cannot be loaded (We couldn't connect to the hub); give a")
    assert said.endswith(f"or a name that the Hugging Face hub knows, as in {family}:{usual}")
    assert "\n" not in said


def test_broken_and_foreign_weights_are_refused(checkpoints: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    with pytest.raises(CheckpointError, match="holds a model of the type 'sam2', and none of sam; choose another"):
        open_baseline("sam", checkpoint=str(checkpoints / "sam2"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match=r"empty of sam cannot be loaded \(config\.json has no model_type"):
        open_baseline("sam", checkpoint=str(tmp_path / "empty"))
    shutil.copytree(checkpoints / "sam", tmp_path / "torn")
    weights = tmp_path / "torn" / "model.safetensors"
    tensors = load_file(weights)
    del tensors["mask_decoder.iou_token.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"torn of sam lack 1 tensors, such as mask_decoder\.iou_token"):
        open_baseline("sam", checkpoint=str(tmp_path / "torn"))
    weights.unlink()
    torch.save(tensors, tmp_path / "torn" / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="torn of sam cannot be loaded"):  # a pickle is not read
        open_baseline("sam", checkpoint=str(tmp_path / "torn"))


def test_a_missing_library_is_named(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(checkpoints / "sam2")
    old = ModuleType("transformers")
    old.__version__ = "4.30"  # type: ignore[attr-defined]
    old.__spec__ = ModuleSpec("transformers", None)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "transformers", old)
        with pytest.raises(MissingDependencyError, match=r"transformers 4\.30 cannot provide Sam2Model; .*--upgrade"):
            open_baseline("sam2", checkpoint=folder)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "transformers", None)
        with pytest.raises(MissingDependencyError, match=r"sam2 needs transformers; .* 'vpuformer\[sam\]'"):
            open_baseline("sam2", checkpoint=folder)


def test_an_unknown_device_is_refused_before_weights_are_read(checkpoints: Path) -> None:
    with pytest.raises(ConfigError, match="the device 'abacus' cannot be used"):
        open_baseline("sam", checkpoint=str(checkpoints / "sam"), device="abacus")
