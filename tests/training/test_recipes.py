"""Recipes by name, each of which takes a real step, and settings read from text."""

import json
import runpy
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from vpuformer.cli import app
from vpuformer.data.augmentation import COCOLVIS_STYLE, SBD_STYLE, Augmentation
from vpuformer.errors import ConfigError
from vpuformer.fields import build, wanted
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.encoders import BACKBONES
from vpuformer.training.config_io import assign
from vpuformer.training.loop import _Run
from vpuformer.training.recipe import LossSettings, Recipe, read_recipe
from vpuformer.training.recipes import RECIPES, recipe_named

TOY_SET = Path(__file__).parents[2] / "examples" / "toy_set.py"
OURS = ("default", "debug")
BASELINES = (
    "sbd_baseline_vit_b",
    "cocolvis_baseline_vit_b",
    "sbd_baseline_hrnet18s",
    "cocolvis_baseline_hrnet18s",
)
PAPER = sorted(set(RECIPES) - {*OURS, *BASELINES})
PARTS = ("model", "interaction", "augmentation", "loss")
ENCODERS = ("vit_b", "mit_b0", "hrnet18s", "resnet50")

SMALL = {
    "size": 64,
    "images_per_step": 2,
    "workers": 0,
    "accelerator": "cpu",
    "steps": 1,
    "interaction.interactions": 1,
    "log_every": 1,
    "validate_every": 0,
    "pretrained": "false",
    "model.input_size": 64,
    "model.dim": 32,
    "model.heads": 2,
    "model.ffn_dim": 32,
    "model.decoder_dim": 16,
    "model.pue_hidden": 32,
}
"""What makes a step of any recipe small; the image encoder stays what it is."""


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images with three shapes each in COCO format."""
    root = tmp_path_factory.mktemp("toys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", [str(TOY_SET), str(root), "4"])
        runpy.run_path(str(TOY_SET), run_name="__main__")
    return root


def words_of(settings: dict[str, object]) -> list[str]:
    return [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]


# --- by name ------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*num_workers")
@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_takes_a_real_step(name: str, toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large networks are not saved, which would take gigabytes."""
    if "mit_b0" in name:
        pytest.importorskip("segmentation_models_pytorch")
    if name not in OURS:
        monkeypatch.setattr(_Run, "save", lambda _self: None)
    words = ["train", name, "--data", str(toys), "-o", str(tmp_path / "run"), *words_of(SMALL)]
    if name not in OURS:
        words += ["--set", "epochs=0"]
    ran = CliRunner().invoke(app, words)
    assert ran.exit_code == 0, ran.output
    written = Recipe.from_dict(json.loads((tmp_path / "run" / "recipe.json").read_text()))
    named = RECIPES[name]("", "").model
    assert (written.model.backbone, written.model.dma) == (named.backbone, named.dma)
    assert (written.length, written.model.dim, written.augmentation) == (1, 32, RECIPES[name]("", "").augmentation)
    assert (tmp_path / "run" / "weights" / "model.safetensors").is_file() == (name in OURS)
    row = (tmp_path / "run" / "log.csv").read_text().splitlines()[1]
    assert np.isfinite([float(value) for value in row.split(",")]).all()


def test_a_run_is_replayed_from_its_recipe(toys: Path, tmp_path: Path) -> None:
    words = ["--data", str(toys), "-o", str(tmp_path / "first"), *words_of(SMALL)]
    with pytest.MonkeyPatch.context() as patch:
        seen: list[Recipe] = []
        patch.setattr("vpuformer.training.loop.train", lambda recipe, **_: seen.append(recipe))
        assert CliRunner().invoke(app, ["train", "sbd_mit_b0", *words]).exit_code == 0
        file = tmp_path / "first" / "recipe.json"
        file.write_text(json.dumps(seen[0].to_dict()))
        assert CliRunner().invoke(app, ["train", str(file), "-o", str(tmp_path / "second")]).exit_code == 0
    assert seen[1] == replace(seen[0], output=str(tmp_path / "second"))


def test_the_paper_s_rows_are_its_section_on_training() -> None:
    assert {name.split("_", 1)[1] for name in PAPER} == set(ENCODERS) <= set(BACKBONES)
    for name in PAPER:
        made = recipe_named(name, "sbd=SBD", "run")
        assert (made.optimizer, made.weight_decay, made.images_per_step, made.size, made.epochs) == (
            "adam",
            0,
            32,
            448,
            55,
        )
        assert made.lr == (5e-5 if "vit" in name else 5e-4)
        assert made.backbone_lr == (1.0 if "vit" in name else 0.1)
        assert (made.interaction.interactions, made.interaction.kind_probabilities) == (3, (1 / 3,) * 3)
        assert made.model.mask_fusion == "early"
        assert (made.model.position_code, made.model.contrast_query) == ("fourier", "self-attended")
        assert made.loss == LossSettings(p2cl_weight=2, p2cl_target="error", dice="squared")
        steps = 55 * ((8498 if "sbd" in name else 30_000) // 32)
        assert made.length == steps
        drop = steps // 55 * 50
        assert made.learning_rate(0) == made.learning_rate(drop - 1) == made.lr
        assert made.learning_rate(drop) == made.learning_rate(steps - 1) == pytest.approx(made.lr / 10)
        assert made.augmentation == (SBD_STYLE if "sbd" in name else COCOLVIS_STYLE)
    assert (SBD_STYLE.resize, COCOLVIS_STYLE.resize) == ((0.75, 1.25), (0.75, 1.4))
    assert RECIPES["default"]("d", "o") == Recipe(data="d", output="o")


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_is_its_row_without_the_paper_s_parts(name: str) -> None:
    made, row = recipe_named(name, "sbd=SBD", "run"), recipe_named(name.replace("baseline_", ""), "sbd=SBD", "run")
    settings = ["model.dma=false", "model.dense_prompts=early", "loss.p2cl_weight=0"]
    assert made == Recipe.from_dict(assign(Recipe, row.to_dict(), settings))


def test_an_unknown_recipe_is_named_with_the_nearest(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["train", "sbd_mitb0", "--data", "x", "-o", str(tmp_path)])
    assert ran.exit_code == 2
    assert "Did you mean 'sbd_mit_b0'?" in ran.stderr


# --- files --------------------------------------------------------------------------------------------------------


def test_missing_settings_keep_the_defaults_of_a_recipe() -> None:
    read = Recipe.from_dict({"data": "sets", "output": "run", "augmentation": {"paste": 0.4}, "model": {"dim": 64}})
    assert read.augmentation == Augmentation(paste=0.4)
    assert read.model == VPUFormerConfig(dim=64)
    assert (read.optimizer, read.schedule, read.accumulate, read.strategy) == ("adamw", "plateau", 1, "auto")


def test_a_run_from_before_a_field_keeps_its_network() -> None:
    values = Recipe(data="sets", output="run").to_dict()
    del values["model"]["filtering"]
    assert Recipe.from_dict(values).model.filtering
    assert not Recipe.from_dict({**values, "model": {"dim": 64}}).model.filtering


def test_the_recipe_of_another_version_is_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "recipe.json"
    file.write_text(json.dumps({"data": "sets", "second_look": 0.1, "lone_click": 0.5}))
    with pytest.raises(
        ConfigError, match=r"does not know \(second_look, lone_click\); use the version of vpuformer that"
    ):
        read_recipe(file)


def test_the_shipped_recipe_is_one() -> None:
    shipped = read_recipe(TOY_SET.parents[1] / "benchmarks" / "results" / "training" / "recipe.json")
    assert Recipe.from_dict(shipped | {"data": "x", "output": "y"}).interaction.warmup_interactions == 6


def test_several_sets_survive_the_file() -> None:
    made = Recipe(data=("sbd=A", "coco=B"), output="run", augmentation=SBD_STYLE)
    assert made.sources == ("sbd=A", "coco=B")
    assert Recipe(data="A", output="").sources == ("A",)
    assert Recipe.from_dict(json.loads(json.dumps(made.to_dict()))) == made


# --- settings as text ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("steps=5", "steps", 5),
        ("lr=1e-4", "lr", 1e-4),
        ("freeze_stem=no", "freeze_stem", False),
        ("split=none", "split", None),
        ("split=s.json", "split", "s.json"),
        ("optimizer=adam", "optimizer", "adam"),
        ("data=a", "data", "a"),
        ("region_sets=walls, skies", "region_sets", ("walls", "skies")),
        ("region_sets=none", "region_sets", ()),
        ("set_weights.cats=2", "set_weights", {"dogs": 0.5, "cats": 2.0}),
        ("set_weights.dogs.v2=0", "set_weights", {"dogs": 0.5, "dogs.v2": 0.0}),
        ("set_weights=none", "set_weights", {}),
    ],
)
def test_a_setting_is_read_as_its_type(text: str, name: str, value: object) -> None:
    before = {"data": "x", "output": "y", "seed": 3, "set_weights": {"dogs": 0.5}, "region_sets": ["walls"]}
    changed = assign(Recipe, before, [text])
    assert changed["seed"] == 3
    assert getattr(build(Recipe, changed), name) == value


def test_settings_of_a_part_are_dotted() -> None:
    words = ["model.dim=64", "augmentation.resize=0.5,2", "augmentation.flip=0"]
    made = build(Recipe, assign(Recipe, {"data": "x", "output": "y"}, words))
    assert (made.model.dim, made.augmentation.resize, made.augmentation.flip) == (64, (0.5, 2.0), 0)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("stepz=5", "no setting called 'stepz'; .* Did you mean 'steps'"),
        ("model.dimm=5", "no setting of model called 'dimm'; .* Did you mean 'dim'"),
        ("p2cl_weight=1", "Did you mean 'loss.p2cl_weight'"),
        ("steps=many", "steps='many' should be a whole number"),
        ("steps=2.5", "steps='2.5' should be a whole number"),
        ("freeze_stem=perhaps", "freeze_stem='perhaps' should be true or false"),
        ("optimizer=sgd", "optimizer='sgd' should be adamw or adam"),
        ("augmentation.resize=1", "augmentation.resize='1' should be 2 numbers, as in 0.5,1 or none"),
        ("steps", "'steps' sets nothing; wanted NAME=VALUE"),
        ("model=default", "model has settings of its own; wanted model.NAME=VALUE"),
        ("set_weights=2", "set_weights has a value for each name; wanted set_weights.NAME=VALUE, or none"),
        ("set_weights.cats=many", "set_weights.cats='many' should be a number"),
        ("steps.x=1", "steps is a whole number and has no setting 'x'"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_what_is_wanted(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        assign(Recipe, {}, [text])


def test_every_setting_can_be_written_as_text() -> None:
    """The value of every field, written as text, gives the field back."""
    made = recipe_named("sbd_vit_b", "sbd=A", "run")
    for field in fields(Recipe):
        value = getattr(made, field.name)
        if field.name not in PARTS:
            text = "none" if value in ({}, ()) else str(value)
            assert assign(Recipe, {}, [f"{field.name}={text}"])[field.name] == value
    for part in PARTS:
        for field in fields(getattr(made, part)):
            value = getattr(getattr(made, part), field.name)
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            assert assign(Recipe, {}, [f"{part}.{field.name}={text}"])[part][field.name] == value


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"steps": "3"}, "the wrong type: steps='3' should be a whole number"),
        ({"steps": True}, "steps=True should be a whole number"),
        ({"lr": "fast"}, "lr='fast' should be a number"),
        ({"model": {"dim": 1.5}}, "model.dim=1.5 should be a whole number"),
        ({"lr": float("inf")}, "lr=inf should be a number"),
        ({"grad_clip_norm": float("nan")}, "grad_clip_norm=nan should be a number"),
        ({"augmentation": {"flip": True}}, "augmentation.flip=True should be a number"),
        ({"augmentation": {"aspect": [0.5, float("inf")]}}, "augmentation.aspect=inf should be a number"),
        ({"model": 3}, "model=3 should be the settings of VPUFormerConfig"),
        ({"precision": "16"}, "precision='16' should be 32-true or bf16-mixed"),
        ({"accelerator": "gpu"}, "accelerator='gpu' should be auto or cpu or cuda or mps"),
        ({"augmentation": {"resize": [1]}}, "augmentation.resize=\\[1\\] should be 2 numbers"),
        ({"augmentation": {"flip": 2}}, "augmentation.flip=2.0 must lie between 0 and 1"),
        ({"augmentation": {"aspect": [2, 1]}}, "augmentation.aspect=2.0,1.0 must begin with the smaller number"),
        ({"size": 100}, "size=100 must be a multiple of 32"),
        ({"sizes": [192, 100]}, "sizes=192,100 must hold multiples of 32"),
        ({"sizes": 192}, "sizes=192 should be"),
        ({"size": 4096}, "size=4096 must be .* up to 2048"),
        ({"images_per_step": 2, "devices": 4}, "images_per_step=2 counts the images of all devices"),
        ({"epochs": 2, "epoch_length": 3}, "epoch_length=3 is less than one step"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Recipe.from_dict({"data": "x", "output": "y"} | values)


def test_types_are_named_in_words() -> None:
    assert wanted(str | tuple[str, ...]) == "text or several, with commas between them"
