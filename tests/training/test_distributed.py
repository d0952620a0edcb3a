"""Several processes train as one: the same curve, a common state, and a common end."""

import csv
import json
import os
import runpy
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from vpuformer.errors import ConfigError
from vpuformer.model.config import VPUFormerConfig
from vpuformer.training.distributed import Processes
from vpuformer.training.loader import share
from vpuformer.training.loop import train
from vpuformer.training.recipe import InteractionSettings, LossSettings, Recipe
from vpuformer.training.state import NAME, read_state

TOY_SET = Path(__file__).parents[2] / "examples" / "toy_set.py"
TINY = VPUFormerConfig(input_size=64, dim=32, heads=2, ffn_dim=32, decoder_dim=16, pue_hidden=32, mask_fusion="early")
"""With the previous mask where all recipes of the paper have it."""
STEPS = 3

PROGRAM = """
import json, os, sys
from torch import nn
from vpuformer.errors import DatasetError
from vpuformer.training.loop import train
from vpuformer.training.recipe import Recipe

nn.Dropout2d.forward = lambda self, maps: maps
if len(sys.argv) > 2 and os.environ.get("LOCAL_RANK") == "1":
    from vpuformer.data.training_set import TrainingSet
    draw = TrainingSet.__getitem__
    def broken(self, index):
        if index >= int(sys.argv[2]):
            raise DatasetError("this image is broken")
        return draw(self, index)
    TrainingSet.__getitem__ = broken
train(Recipe.from_dict(json.loads(sys.argv[1])))
"""
"""Trains in as many processes as the recipe asks for; the second one fails from a certain sample on."""

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*num_workers")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """Five images, which two processes cannot share evenly. Batch norms are frozen by default."""
    root = tmp_path_factory.mktemp("toys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", [str(TOY_SET), str(root), "6"])
        runpy.run_path(str(TOY_SET), run_name="__main__")
    return Recipe(
        data=str(root),
        output="",
        model=TINY,
        size=64,
        images_per_step=5,
        objects_per_image=2,
        steps=STEPS,
        interaction=InteractionSettings(interactions=1, warmup_interactions=0),  # further clicks depend on rounding
        warmup=0,
        cooldown=0.0,
        ema_decay=0.5,
        workers=0,
        accelerator="cpu",
        log_every=1,
        save_minutes=60.0,
        validate_every=0,
    )


@pytest.fixture(scope="module")
def alone(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """The curve of a single process, one step longer."""
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Dropout2d, "forward", lambda _self, maps: maps)
        train(replace(recipe, output=str(folder), steps=STEPS + 1))
    return losses(folder)


def losses(folder: Path) -> list[float]:
    with (folder / "log.csv").open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def run(recipe: Recipe, *words: str) -> subprocess.CompletedProcess[str]:
    # A file: the first process starts the others as it was started.
    program = Path(recipe.output).with_suffix(".py")
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), json.dumps(recipe.to_dict()), *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_have_the_curve_of_one(
    strategy: str, recipe: Recipe, alone: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their losses are means over the global batch, and one process resumes their state."""
    folder = tmp_path / "two"
    shared = replace(recipe, output=str(folder), devices=2, strategy=strategy)
    ran = run(shared)
    assert ran.returncode == 0, ran.stderr[-3000:]
    np.testing.assert_allclose(losses(folder), alone[:STEPS], rtol=1e-5)

    monkeypatch.setattr(nn.Dropout2d, "forward", lambda _self, maps: maps)
    train(replace(recipe, output=str(folder), steps=STEPS + 1), resume=True)
    np.testing.assert_allclose(losses(folder), alone, rtol=1e-5)


def test_a_process_that_cannot_go_on_ends_all_of_them_with_a_state(recipe: Recipe, tmp_path: Path) -> None:
    broken = replace(recipe, output=str(tmp_path / "two"), devices=2)
    ran = run(broken, str(2 * recipe.images_per_step))
    assert ran.returncode != 0
    assert "this image is broken" in ran.stderr
    _, done = read_state(tmp_path / "two" / NAME)
    assert done == 2


def test_a_batch_in_parts_has_the_curve_of_the_whole(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for P2CL, whose mean is over the pairs of prompt and cell of a part."""
    monkeypatch.setattr(nn.Dropout2d, "forward", lambda _self, maps: maps)
    for accumulate in (1, 2):
        changes = {"output": str(tmp_path / str(accumulate)), "steps": 2, "accumulate": accumulate}
        train(replace(recipe, loss=LossSettings(p2cl_weight=0), **changes))
    np.testing.assert_allclose(losses(tmp_path / "2"), losses(tmp_path / "1"), rtol=1e-5)


def test_every_sample_of_a_batch_is_somebody_s() -> None:
    for batch, parts in ((5, 2), (32, 6), (3, 3)):
        shares = [share(batch, parts, part) for part in range(parts)]
        assert [i for one in shares for i in one] == list(range(batch))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_network_is_not_shared_among_one_device(recipe: Recipe) -> None:
    with pytest.raises(ConfigError, match="there is one; use auto"):
        Processes(replace(recipe, strategy="fsdp"))


def test_a_device_that_is_not_there_is_refused(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    with pytest.raises(ConfigError, match=r"lacks devices=1 of accelerator=cuda \(.*\); choose others"):
        Processes(replace(recipe, accelerator="cuda"))
