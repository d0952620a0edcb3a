"""The loop: exact resume, also after a kill; the recipe; one batch can be learned."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from support.networks import segmenter_of
from vpuformer.data.sample import Sample
from vpuformer.errors import CheckpointError, ConfigError, DatasetError, VPUFormerError
from vpuformer.metrics import IGNORE, MASK_THRESHOLD
from vpuformer.model.checkpoint import save_checkpoint
from vpuformer.model.config import VARIANTS, VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import KINDS, Box, Click, Kind, Prompt
from vpuformer.simulation import next_prompt
from vpuformer.simulation.boxes import repeats
from vpuformer.training.interaction import Answer, Batch, Interactive, interact
from vpuformer.training.loader import StepLoader, open_data
from vpuformer.training.loop import build_network, interactions_of, train
from vpuformer.training.losses import prompt_regions
from vpuformer.training.recipe import InteractionSettings, LossSettings, Recipe
from vpuformer.training.state import NAME, read_state, save_state
from vpuformer.training.validate import validate

TINY = VPUFormerConfig(input_size=64, dim=32, heads=4, ffn_dim=32, decoder_dim=16, pue_hidden=32)
LOSS = LossSettings()
PROBABILITIES = ("repeat_without_prompt", "single_first_click", "evaluation_prompt")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sets of four images with a disk and a square; a split validates on one image."""
    root = tmp_path_factory.mktemp("data")
    rows, columns = np.mgrid[:80, :100]
    for name in ("one", "two"):
        (root / name / "images").mkdir(parents=True)
        images, annotations = [], []
        for i in range(4):
            image = np.full((80, 100, 3), 120, np.uint8)
            disk = (columns - 30 - 3 * i) ** 2 + (rows - 40) ** 2 <= 400
            image[disk] = (250, 220, 40)
            image[20:50, 65:95] = (20, 30, 90)
            Image.fromarray(image).save(root / name / "images" / f"{i}.png")
            images.append({"id": i, "file_name": f"images/{i}.png", "height": 80, "width": 100, "exhaustive": True})
            circle = [
                [30 + 3 * i + 20 * np.cos(a), 40 + 20 * np.sin(a)]
                for a in np.linspace(0, 2 * np.pi, 40, endpoint=False)
            ]
            shapes = [np.ravel(circle).tolist(), [65, 20, 95, 20, 95, 50, 65, 50]]
            annotations += [
                {"id": 2 * i + k, "image_id": i, "category_id": 1, "iscrowd": 0, "segmentation": [shape]}
                for k, shape in enumerate(shapes)
            ]
        categories = [{"id": 1, "name": "object"}]
        content = {"images": images, "annotations": annotations, "categories": categories}
        (root / name / "annotations.json").write_text(json.dumps(content))
    split = {
        "drop": [],
        "pictures": {"one": ["images/3.png"]},
        "objects": [{"set": "one", "file": "images/3.png", "annotation": 6}],
    }
    (root / "split.json").write_text(json.dumps(split))
    return root


def recipe(data: Path, output: Path, **changes: object) -> Recipe:
    base = Recipe(
        data=str(data),
        output=str(output),
        model=TINY,
        size=64,
        images_per_step=2,
        objects_per_image=2,
        steps=6,
        interaction=InteractionSettings(interactions=2),
        warmup=2,
        workers=0,
        log_every=1,
        save_minutes=0.0,
        validate_every=3,
        accelerator="cpu",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def losses(folder: Path) -> list[float]:
    with (folder / "log.csv").open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file) if row["loss"]]


def test_a_split_of_other_sets_is_refused_or_noted(data: Path, tmp_path: Path) -> None:
    alone, split = recipe(data / "two", tmp_path), str(data / "split.json")
    noted, _ = open_data(alone)
    sentence = "split.json holds no image out: it is about the sets one, and the data are two; call a set as"
    assert [note for note in noted.notes if note.startswith(sentence)]
    with pytest.raises(DatasetError, match=f"{sentence}.*; or train without a split: --set split=none"):
        open_data(replace(alone, split=split))
    (tmp_path / "none.json").write_text('{"pictures": {}, "objects": []}')
    both, _ = open_data(replace(recipe(data, tmp_path), split=split))
    nothing_held_out, _ = open_data(replace(alone, split=str(tmp_path / "none.json")))
    assert (both.sets, nothing_held_out.sets) == ({"one": 3, "two": 4}, {"two": 4})
    assert not [note for note in [*both.notes, *nothing_held_out.notes] if "split" in note]


# TensorBoard's writer and the loop's data loader each warn about other packages' code.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*num_workers"),
]


def test_a_resumed_run_is_the_uninterrupted_run(data: Path, tmp_path: Path) -> None:
    whole = train(recipe(data, tmp_path / "whole"))
    # Stopped after 4 of 6 steps, at the schedule of 6.
    stopped = recipe(data, tmp_path / "parts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vpuformer.training.loop.save_state", _interrupted_after(4))
        with pytest.raises(KeyboardInterrupt):
            train(stopped)
    resumed = train(stopped, resume=True)
    np.testing.assert_allclose(losses(tmp_path / "parts"), losses(tmp_path / "whole"), rtol=1e-6)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=1e-6, atol=1e-7)
    assert (tmp_path / "whole" / "weights" / "config.json").is_file()


def test_a_run_that_is_killed_in_its_last_validation_validates_once_more(data: Path, tmp_path: Path) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    stopped, called = recipe(data, tmp_path / "run", steps=2, validate_every=2), list[int]()

    def note(done: int, _: object) -> bool:
        called.append(done)
        return False

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr("vpuformer.training.loop.validate", killed)
        train(stopped)
    for _ in range(2):
        train(stopped, resume=True, after_step=note)
    with (tmp_path / "run" / "log.csv").open(newline="") as file:
        assert [bool(row["val_click@1"]) for row in csv.DictReader(file)] == [False, False, True]
    assert called == [2, 2]


def test_a_validation_that_fails_costs_no_step(data: Path, tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise ValueError

    with pytest.MonkeyPatch.context() as patch, pytest.raises(ValueError):  # noqa: PT011, PT012
        patch.setattr("vpuformer.training.loop.validate", fail)
        train(recipe(data, tmp_path / "run", steps=3, validate_every=2, save_minutes=60.0))
    assert (tmp_path / "run" / NAME).is_file()


def _interrupted_after(steps: int) -> Callable[..., None]:
    def save_and_stop(*arguments: Any) -> None:
        save_state(*arguments)
        if arguments[-1] == steps:
            raise KeyboardInterrupt

    return save_and_stop


def test_a_killed_run_goes_on_where_it_was_saved(data: Path, tmp_path: Path) -> None:
    """`kill -9` at any moment leaves whole files, and the curve stays the same."""
    wanted = recipe(data, tmp_path / "killed", steps=8, validate_every=0)
    whole = replace(wanted, output=str(tmp_path / "whole"))
    program = (
        "import sys, json; from vpuformer.training.recipe import Recipe; from vpuformer.training.loop import train;"
        "train(Recipe.from_dict(json.loads(sys.argv[1])))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, json.dumps(wanted.to_dict())],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    log = tmp_path / "killed" / "log.csv"
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if log.is_file() and len(losses(tmp_path / "killed")) >= 3 and (tmp_path / "killed" / NAME).exists():
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.01)
    assert process.wait() == -signal.SIGKILL
    train(wanted, resume=True)
    train(whole)
    np.testing.assert_allclose(losses(tmp_path / "killed"), losses(tmp_path / "whole"), rtol=1e-6)
    assert not list((tmp_path / "killed").glob(".last*tmp"))


def test_a_folder_with_a_run_is_not_overwritten_and_a_broken_state_is_refused(data: Path, tmp_path: Path) -> None:
    wanted = recipe(data, tmp_path / "run", steps=1, validate_every=0)
    with pytest.raises(ConfigError, match="no run to resume"):
        train(wanted, resume=True)
    train(wanted)
    with pytest.raises(ConfigError, match="already holds a run"):
        train(wanted)
    with pytest.raises(CheckpointError, match="a network of another shape"):
        train(replace(wanted, model=replace(TINY, dim=64)), resume=True)
    state = tmp_path / "run" / NAME
    tensors, _ = read_state(state)
    save_file(dict(tensors), state, metadata={"step": "1"})
    with pytest.raises(CheckpointError, match="is the state of a run of another version"):
        train(wanted, resume=True)
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="not the state of a run"):
        train(wanted, resume=True)


def test_each_step_draws_the_side_of_its_crops(data: Path, tmp_path: Path) -> None:
    made = recipe(data, tmp_path / "run", sizes=(64, 96), steps=4, accumulate=2)
    sides = [made.size_of(step) for step in range(4)]
    assert set(sides) == {64, 96}
    loader = StepLoader(made, open_data(made)[0], 0, 0, 1)
    try:
        shapes = [[part["image"].shape[-1] for part in loader.next_step()] for _ in sides]
    finally:
        loader.close()
    assert shapes == [[side, side] for side in sides]
    network = train(made)
    assert network.config.input_size == made.size


def test_fine_tuning_starts_from_a_model(data: Path, tmp_path: Path) -> None:
    train(recipe(data, tmp_path / "first", steps=1, validate_every=0))
    started = recipe(data, tmp_path / "second", init=str(tmp_path / "first" / "weights"))
    network, former = build_network(started), build_network(recipe(data, tmp_path / "x"))
    state = network.state_dict()
    assert not torch.equal(state["decoder.head.weight"], former.state_dict()["decoder.head.weight"])
    with pytest.raises(ConfigError, match="another shape"):
        build_network(replace(started, model=replace(TINY, dim=64)))


@pytest.mark.filterwarnings("ignore:weights of")
def test_an_encoder_that_the_model_lacks_starts_by_itself(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(VPUFormer(TINY), tmp_path / "start")
    other = replace(TINY, backbone="efficientnet_lite2")
    started = recipe(data, tmp_path / "run", init=str(tmp_path / "start"), model=other, steps=1, validate_every=0)
    notes: list[str] = []
    train(started, on_note=notes.append)
    assert "the image encoder starts from random numbers, so its stem is trained" in notes[-1]
    asked: list[bool] = []

    class Asked(VPUFormer):
        def __init__(self, config: VPUFormerConfig, *, pretrained: bool = False) -> None:
            asked.append(pretrained)
            super().__init__(config)

    monkeypatch.setattr("vpuformer.training.loop.VPUFormer", Asked)
    for network in (TINY, other):
        build_network(replace(started, model=network, pretrained=True))
    assert asked == [False, True]


def test_without_a_learning_rate_the_encoder_keeps_its_weights(data: Path, tmp_path: Path) -> None:
    save_checkpoint(VPUFormer(TINY), tmp_path / "start")
    frozen: dict[str, Any] = {"backbone_lr": 0.0, "freeze_norms": False}
    run = recipe(data, tmp_path / "run", init=str(tmp_path / "start"), steps=2, validate_every=0, **frozen)
    before = build_network(run).state_dict()
    after = train(run).state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed
    assert not any(name.startswith("backbone.net.") for name in changed)


def batch() -> Batch:
    image = torch.full((2, 3, 64, 64), 100, dtype=torch.uint8)
    image[:, 0, 10:40, 10:30] = 250
    image[:, 2, 30:60, 36:60] = 250
    truth = torch.zeros(2, 2, 64, 64, dtype=torch.int8)
    truth[:, 0, 10:40, 10:30] = 1
    truth[:, 1, 30:60, 36:60] = 1
    truth[:, :, :3] = IGNORE
    return Batch(image, truth, truth.flip(1) == 1)


@pytest.mark.parametrize("early", [False, True])
def test_one_batch_can_be_learned(early: bool) -> None:
    fusion = {"mask_fusion": "early", "dense_prompts": "early"} if early else {}
    network = build_network(
        Recipe(data="", output="", model=replace(TINY, **fusion), freeze_stem=not early)  # type: ignore[arg-type]
    )
    model = Interactive(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    curve = []
    for _ in range(12):
        # The same prompts every time: what is left is the network alone.
        answer = interact(model, batch(), np.random.default_rng(3), user(), LOSS, supervised=1)
        optimizer.zero_grad()
        answer.loss.backward()
        optimizer.step()
        curve.append(answer.loss.item())
    assert curve[-1] < 0.85 * curve[0]


def test_what_a_run_started_from_may_be_gone_when_it_is_resumed(data: Path, tmp_path: Path) -> None:
    weights = save_checkpoint(VPUFormer(TINY), tmp_path / "weights")
    run = recipe(data, tmp_path / "run", init=str(weights.parent), steps=1, validate_every=0)
    train(run)
    weights.unlink()
    train(replace(run, steps=2), resume=True)
    assert len(losses(tmp_path / "run")) == 2
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["init"] == str(weights.parent)


def test_mixed_precision_and_single_objects(data: Path, tmp_path: Path) -> None:
    """bfloat16 rounds 300 to a multiple of 2: it must not reach the coordinates of prompts."""
    run = recipe(data, tmp_path / "run", steps=1, objects_per_image=1, precision="bf16-mixed", validate_every=0)
    train(run)
    assert np.isfinite(losses(tmp_path / "run")).all()
    assert json.loads((tmp_path / "run" / "weights" / "config.json").read_text())["config"]["input_size"] == run.size


@pytest.mark.parametrize("changes", [{}, {"filtering": False}, {"filtering": False, "prior": "shapes"}])
def test_all_trained_weights_have_a_gradient(changes: dict[str, Any]) -> None:
    """Otherwise training on several devices fails."""
    small = {name: getattr(TINY, name) for name in ("input_size", "dim", "heads", "ffn_dim", "decoder_dim")}
    paper = replace(VARIANTS["paper"], **small, pue_hidden=32, add_tokens=True, **changes)
    network = build_network(Recipe(data="", output="", model=paper, freeze_stem=False))
    interact(Interactive(network), batch(), np.random.default_rng(3), user(), LOSS, supervised=1).loss.backward()
    assert not [name for name, each in network.named_parameters() if each.requires_grad and each.grad is None]


def test_a_gradient_that_is_not_finite_ends_the_run_and_spares_its_state(data: Path, tmp_path: Path) -> None:
    run = recipe(data, tmp_path / "run", steps=3, validate_every=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vpuformer.training.loop.save_state", _interrupted_after(2))
        with pytest.raises(KeyboardInterrupt):
            train(run)
    before = (tmp_path / "run" / NAME).read_bytes()
    with pytest.raises(
        VPUFormerError, match="loss or its gradient is not finite in step 3; the state of step 2 is saved"
    ):
        train(replace(run, loss=LossSettings(p2cl_weight=1e300)), resume=True)
    assert (tmp_path / "run" / NAME).read_bytes() == before


def test_an_interaction_is_a_function_of_its_generator() -> None:
    model = Interactive(build_network(Recipe(data="", output="", model=TINY))).eval()
    answers = [interact(model, batch(), np.random.default_rng(5), user(), LOSS, supervised=3) for _ in range(2)]
    assert answers[0].loss.item() == answers[1].loss.item()
    assert answers[0].prompts == answers[1].prompts
    assert answers[0].passes in (4, 8, 12)
    assert all(answers[0].prompts)


@pytest.mark.parametrize("as_evaluated", [False, True])
@pytest.mark.parametrize("kind", ["click", "box"])
def test_prompts_are_those_of_evaluation_as_often_as_wanted(kind: Kind, as_evaluated: bool) -> None:
    answer = first_prompts(kind, single_first_click_prob=1.0, evaluation_prompt_prob=float(as_evaluated))
    truths = batch().truth.flatten(0, 1).numpy()
    expected = [next_prompt(kind, truth, np.zeros(truth.shape, bool)) for truth in truths]
    assert ([prompt for (prompt,) in answer.prompts] == expected) == as_evaluated


@pytest.mark.parametrize("probability", [0.0, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_no_prompt_of_a_training_object_is_given_twice(kind: Kind, probability: float) -> None:
    """An untrained network hardly moves, so the same error needs a prompt repeatedly."""
    model = Interactive(build_network(Recipe(data="", output="", model=TINY))).eval()
    settings = user(kind, evaluation_prompt_prob=probability)
    answer = interact(model, batch(), np.random.default_rng(1), settings, LOSS, supervised=6)
    assert all(len(prompts) >= 6 for prompts in answer.prompts)
    for prompts in answer.prompts:
        assert len(set(prompts)) == len(prompts)
        assert not any(isinstance(prompt, Box) and repeats(prompt, prompts[:k]) for k, prompt in enumerate(prompts))


def test_no_prompt_of_a_validation_object_is_given_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[Prompt, ...]] = []

    def recorded(*arguments: Any, earlier: Sequence[Prompt]) -> Prompt | None:
        prompt = next_prompt(*arguments, earlier=earlier)
        assert prompt is not None
        given.append((*earlier, prompt))
        return prompt

    monkeypatch.setattr("vpuformer.training.validate.next_prompt", recorded)
    truth = np.zeros((40, 40), np.int8)
    truth[5:15, 5:35] = 1
    sample = Sample("toy/bar", 1, lambda: np.zeros((40, 40, 3), np.uint8), lambda: truth)
    validate(segmenter_of(build_network(Recipe(data="", output="", model=TINY))), [sample])
    assert {len(prompts) for prompts in given} == {1, 2, 3, 4, 5}
    assert all(len(set(prompts)) == len(prompts) for prompts in given)


def test_first_clicks_come_alone_as_often_as_wanted() -> None:
    assert all(len(prompts) == 1 for prompts in first_prompts("click", single_first_click_prob=1.0).prompts)
    assert any(len(prompts) > 1 for prompts in first_prompts("click", single_first_click_prob=0.0).prompts)


def test_training_may_start_with_prompts_of_people() -> None:
    negative = Click(2, 50, positive=False)
    given = [(Click(12, 12), negative), (negative,), (Box(36, 30, 60, 60),), (negative, Click(48, 45))]
    model = Interactive(build_network(Recipe(data="", output="", model=TINY)))
    recorded = replace(batch(), recorded=given)
    answer = interact(model, recorded, np.random.default_rng(1), user(recorded_prompt_prob=1.0), LOSS, supervised=1)
    assert answer.prompts[0] in (list(given[0]), [given[0][0]])
    assert answer.prompts[2] == list(given[2])
    assert any(prompt.positive for prompt in answer.prompts[1])
    assert answer.prompts[3] == list(given[3])


def first_prompts(kind: Kind, **changes: float) -> Answer:
    model = Interactive(build_network(Recipe(data="", output="", model=TINY)))
    return interact(model, batch(), np.random.default_rng(1), user(kind, **changes), LOSS, supervised=1)


def user(kind: Kind | None = None, **changes: float) -> InteractionSettings:
    """Prompts of one kind, or of all three, without any of the variations."""
    weights = {f"{each}_weight": float(kind in (each, None)) for each in KINDS}
    plain = dict.fromkeys(("mask_drop", *(f"{word}_prob" for word in PROBABILITIES)), 0.0)
    return InteractionSettings(**(weights | plain | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("target", ["object", "error"])
def test_p2cl_draws_a_prompt_to_the_object_or_to_the_error_that_it_corrects(
    target: Literal["object", "error"], monkeypatch: pytest.MonkeyPatch
) -> None:
    regions, probabilities = [], []

    class Spy(Interactive):
        def forward(self, *arguments: Any) -> Any:
            output, features = super().forward(*arguments)
            probabilities.append(output.logits.detach().sigmoid()[:, 0].numpy())
            return output, features

    def watched(masks: Any, *rest: Any) -> torch.Tensor:
        regions.append([list(own) for own in masks])
        return prompt_regions(masks, *rest)

    monkeypatch.setattr("vpuformer.training.interaction.prompt_regions", watched)
    model = Spy(build_network(Recipe(data="", output="", model=TINY)))
    settings, loss = user("click", single_first_click_prob=1.0), LossSettings(p2cl_target=target)
    answer = interact(model, batch(), np.random.default_rng(1), settings, loss, supervised=3)
    assert np.isfinite(answer.figures["p2cl"])
    if target == "object":
        assert not regions
        return
    truths = batch().truth.flatten(0, 1).numpy()
    for i, (truth, prompts, masks) in enumerate(zip(truths, answer.prompts, regions[-1], strict=True)):
        assert np.array_equal(masks[0], truth == 1)
        assert len(prompts) == len(masks) == 3
        for prompt, mask, probability in zip(prompts[1:], masks[1:], probabilities, strict=False):
            assert isinstance(prompt, Click)
            wrong = (probability[i] > MASK_THRESHOLD) != (truth == 1)
            assert np.array_equal(mask, wrong & (truth == (1 if prompt.positive else 0)))
            assert mask[round(prompt.y), round(prompt.x)]


@pytest.mark.filterwarnings("ignore:3 prompts on one object")
def test_p2cl_draws_the_prompts_that_the_network_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpuformer.encoding.batch.MAX_PROMPTS", 2)
    model, loss = Interactive(build_network(Recipe(data="", output="", model=TINY))), LossSettings(p2cl_target="error")
    settings = user("click", single_first_click_prob=1.0)
    answer = interact(model, batch(), np.random.default_rng(1), settings, loss, supervised=3)
    assert np.isfinite(answer.figures["p2cl"])
    assert [len(prompts) for prompts in answer.prompts] == [3] * 4


def test_the_anchor_is_a_part_of_the_loss_of_corrections() -> None:
    torch.manual_seed(0)
    model = Interactive(VPUFormer(TINY).eval())
    settings = user(mask_drop=0.0)
    for supervised in (1, 2):
        without, with_it = (
            interact(
                model, batch(), np.random.default_rng(1), settings, LossSettings(anchor_weight=w), supervised=supervised
            )
            for w in (0.0, 2.0)
        )
        assert "anchor" not in without.figures
        assert (with_it.figures["anchor"] > 0) == (supervised == 2)
        share = 2 / 3 if supervised == 2 else 1  # of the second interaction in the loss
        torch.testing.assert_close(
            with_it.loss, without.loss + share * 2 * with_it.figures["anchor"], rtol=1e-4, atol=1e-5
        )


def test_the_denominator_of_dice_can_be_chosen() -> None:
    model = Interactive(build_network(Recipe(data="", output="", model=TINY))).eval()
    linear, squared = (
        interact(model, batch(), np.random.default_rng(1), user(), LossSettings(dice=dice), supervised=1)
        for dice in ("linear", "squared")
    )
    assert linear.figures["nfl"] == squared.figures["nfl"]
    assert abs(linear.figures["dice"] - squared.figures["dice"]) > 1e-3


@pytest.mark.parametrize("mask_drop", [0.0, 1.0])
def test_the_previous_mask_is_handed_on_unless_it_is_dropped(mask_drop: float) -> None:
    class Spy(Interactive):
        def forward(self, image: Any, objects: int, mask: torch.Tensor, *rest: Any) -> Any:
            masks.append(mask.clone())
            return super().forward(image, objects, mask, *rest)

    masks: list[torch.Tensor] = []
    model = Spy(build_network(Recipe(data="", output="", model=TINY)))
    answer = interact(model, batch(), np.random.default_rng(1), user(mask_drop=mask_drop), LOSS, supervised=2)
    assert masks[0].max() == 0
    assert (masks[1].max() > 0) == (mask_drop == 0)
    assert all(len(prompts) > 1 for prompts in answer.prompts)


def test_warmup_interactions_bring_prompts_and_a_mask_and_no_gradient() -> None:
    class Spy(Interactive):
        def forward(self, *arguments: Any) -> Any:
            output, features = super().forward(*arguments)
            quarter = features.lateral.quarter
            calls.append((output.logits.requires_grad, quarter.requires_grad, arguments[2].max().item()))
            return output, features

    calls: list[tuple[bool, bool, float]] = []
    model = Spy(build_network(Recipe(data="", output="", model=TINY)))
    answer = interact(model, batch(), np.random.default_rng(1), user("box"), LOSS, supervised=2, warmup=3)
    assert [(logits, features) for logits, features, _ in calls] == [(False, False)] * 3 + [(True, True)] * 2
    assert [mask > 0 for _, _, mask in calls] == [False, True, True, True, True]
    assert [len(prompts) for prompts in answer.prompts] == [5] * len(answer.prompts)
    assert answer.passes == 5 * len(answer.prompts)


def test_every_second_step_has_warmup_interactions() -> None:
    plan = Recipe(data="", output="", interaction=InteractionSettings(warmup_interactions=4, interactions=3))
    without = replace(plan, interaction=InteractionSettings(warmup_interactions=0, interactions=3))
    steps = [interactions_of(plan, step) for step in range(400)]
    assert {supervised for supervised, _ in steps} == {1, 2, 3}
    assert {warmup for _, warmup in steps} == {0, 1, 2, 3, 4}
    assert 150 < sum(warmup > 0 for _, warmup in steps) < 250
    assert all(interactions_of(without, step) == (done, 0) for step, (done, _) in enumerate(steps))


def test_a_repeated_pass_brings_no_prompt_and_keeps_the_mask() -> None:
    model = Interactive(build_network(Recipe(data="", output="", model=TINY)))

    def counts(**changes: float) -> list[int]:
        answer = interact(model, batch(), np.random.default_rng(1), user("box", **changes), LOSS, supervised=2)
        return [len(prompts) for prompts in answer.prompts]

    assert set(counts(repeat_without_prompt_prob=1.0)) == {1}
    assert set(counts(repeat_without_prompt_prob=1.0, mask_drop=1.0)) == {2}


@pytest.mark.parametrize("early", [False, True])
def test_the_encoder_gets_images_in_channels_last(early: bool) -> None:
    network = build_network(Recipe(data="", output="", model=replace(TINY, mask_fusion="early" if early else "late")))
    layouts = []
    network.backbone.register_forward_pre_hook(
        lambda _, arguments: layouts.append(arguments[0].is_contiguous(memory_format=torch.channels_last))
    )
    interact(Interactive(network), batch(), np.random.default_rng(1), user(), LOSS, supervised=2)
    assert layouts == [True] * (2 if early else 1)


def test_the_learning_rate_rises_stays_and_falls() -> None:
    plan = Recipe(data="", output="", steps=100, warmup=10, cooldown=0.2, lr=1.0)
    assert plan.learning_rate(0) == pytest.approx(0.1)
    assert plan.learning_rate(10) == plan.learning_rate(79) == 1
    assert plan.learning_rate(90) == pytest.approx(0.5)
    assert plan.learning_rate(99) == pytest.approx(0.05)
    assert plan.learning_rate(50, share=0.9) == pytest.approx(0.5)  # the time ends before the steps
    assert plan.learning_rate(50, share=1.0) == 0


def test_the_rate_of_a_run_whose_time_ends_is_logged(data: Path, tmp_path: Path) -> None:
    made = recipe(data, tmp_path / "run", steps=2, warmup=0, cooldown=1.0, validate_every=0)
    train(made, share_done=lambda: 0.9)
    with (tmp_path / "run" / "log.csv").open(newline="") as file:
        assert [float(row["lr"]) for row in csv.DictReader(file)] == pytest.approx([0.1 * made.lr] * 2)


def test_a_recipe_is_written_and_read_and_checked() -> None:
    plan = Recipe(data="a", output="b", model=TINY)
    assert Recipe.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan
    assert sum(InteractionSettings(click_weight=2).kind_probabilities) == pytest.approx(1)
    for change, sentence in (
        ({"size": 100}, "multiple of 32"),
        ({"steps": 0}, "at least 1"),
        ({"ema_decay": 1.5}, "between 0 and 1"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            replace(plan, **change)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="are all 0; set one of them above 0"):
        InteractionSettings(click_weight=0, box_weight=0, scribble_weight=0)
    with pytest.raises(ConfigError, match="Did you mean 'steps'"):
        Recipe.from_dict({"data": "a", "output": "b", "step": 3})
