"""Early ends of a run: a signal, a dead worker, a broken image. Each leaves a state."""

import csv
import json
import multiprocessing
import os
import re
import runpy
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import Result

from support.commands import vpuformer
from vpuformer.errors import TrainingError, VPUFormerError
from vpuformer.model.config import VARIANTS
from vpuformer.training.config_io import assign
from vpuformer.training.interrupts import Interrupted, stopping_between_steps
from vpuformer.training.loop import _Run, build_network
from vpuformer.training.loop import train as run
from vpuformer.training.optimiser import make_optimizer
from vpuformer.training.recipe import LossSettings, Recipe
from vpuformer.training.state import NAME, gather_state, read_state, restore_rest

TOY_SET = Path(__file__).parents[2] / "examples" / "toy_set.py"
SMALL = {
    "size": 64,
    "images_per_step": 2,
    "steps": 8,
    "interaction.interactions": 1,
    "workers": 0,
    "accelerator": "cpu",
    "log_every": 1,
    "validate_every": 0,
    "save_minutes": 60,
    "model.input_size": 64,
}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*num_workers")


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "sets"
    monkeypatch.setattr("sys.argv", [str(TOY_SET), str(root), "4"])
    runpy.run_path(str(TOY_SET), run_name="__main__")
    return root


def train(data: Path, output: Path, **settings: object) -> Result:
    given = [word for name, value in (SMALL | settings).items() for word in ("--set", f"{name}={value}")]
    return vpuformer("train", "debug", "--data", data, "-o", output, *given)


def errors(ended: Result) -> list[str]:
    """The lines of standard error without notes."""
    return [line for line in ended.stderr.splitlines() if not line.startswith("note: ")]


def losses(folder: Path) -> list[float]:
    with (folder / "log.csv").open(newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


def during_step(monkeypatch: pytest.MonkeyPatch, step: int, happens: Callable[[], object]) -> None:
    """Let something happen within this step, counted from 1."""
    whole = _Run.step

    def with_an_event(self: _Run, micro_batches: Any) -> dict[str, float]:
        if self.done + 1 == step:
            happens()
        return whole(self, micro_batches)

    monkeypatch.setattr(_Run, "step", with_an_event)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_gets_a_signal_finishes_its_step_and_can_be_resumed(
    number: signal.Signals, toys: Path, tmp_path: Path
) -> None:
    before = signal.getsignal(number)
    with pytest.MonkeyPatch.context() as patch:
        during_step(patch, 3, lambda: os.kill(os.getpid(), number))
        stopped = train(toys, tmp_path / "run")
    assert stopped.exit_code == 130, stopped.output
    assert "stopped after step 3 of 8; the state of step 3 is saved: continue with vpuformer train" in stopped.stderr
    assert read_state(tmp_path / "run" / NAME)[1] == 3
    assert signal.getsignal(number) == before

    assert vpuformer("train", "--resume", "-o", tmp_path / "run").exit_code == 0
    assert train(toys, tmp_path / "whole").exit_code == 0
    np.testing.assert_allclose(losses(tmp_path / "run"), losses(tmp_path / "whole"), rtol=1e-6)


def test_two_runs_in_one_folder_are_refused(toys: Path, tmp_path: Path) -> None:
    others: list[Result] = []
    with pytest.MonkeyPatch.context() as patch:
        during_step(patch, 2, lambda: others.append(train(toys, tmp_path / "run")))
        assert train(toys, tmp_path / "run").exit_code == 0
    (other,) = others
    assert other.exit_code == 2
    assert errors(other) == [f"error: another run trains in {tmp_path / 'run'}; wait until it has ended, or stop it"]


def test_a_signal_to_all_processes_of_a_run_stops_it(toys: Path, tmp_path: Path) -> None:
    def signal_all() -> None:
        for process in (*multiprocessing.active_children(), multiprocessing.current_process()):
            os.kill(process.pid or 0, signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        during_step(patch, 2, signal_all)
        stopped = train(toys, tmp_path / "run", workers=1, steps=40)
    assert stopped.exit_code == 130, stopped.output
    _, done = read_state(tmp_path / "run" / NAME)
    assert f"stopped after step {done} of 40; the state of step {done} is saved" in stopped.stderr


@pytest.fixture(autouse=True)
def started_in_the_foreground() -> Iterator[None]:
    """Tests that run in the background of a shell would ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_run_in_the_background_goes_on_ignoring_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with stopping_between_steps() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert not stop.requested


def test_a_second_signal_does_not_wait() -> None:
    with pytest.raises(KeyboardInterrupt), stopping_between_steps() as stop:  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested
        os.kill(os.getpid(), signal.SIGINT)


def test_a_worker_that_dies_ends_the_run_in_one_sentence_with_a_state(toys: Path, tmp_path: Path) -> None:
    def kill_workers() -> None:
        for child in multiprocessing.active_children():
            os.kill(child.pid or 0, signal.SIGKILL)

    with pytest.MonkeyPatch.context() as patch:
        during_step(patch, 2, kill_workers)
        ended = train(toys, tmp_path / "run", workers=1, steps=40)
    assert ended.exit_code == 2, ended.output
    (line,) = errors(ended)
    assert line.startswith("error: a process that reads images has ended unexpectedly; most often memory ran out")
    assert "the state of step" in line
    _, done = read_state(tmp_path / "run" / NAME)
    assert 2 <= done < 40
    assert f"the state of step {done} is saved: continue with vpuformer train --resume" in line
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_is_named_and_the_state_is_saved(workers: int, toys: Path, tmp_path: Path) -> None:
    image = next((toys / "toys" / "images").glob("*3*"))
    image.write_bytes(image.read_bytes()[:60])
    ended = train(toys, tmp_path / "run", workers=workers, steps=60, images_per_step=1, objects_per_image=1)
    assert ended.exit_code == 2, ended.output
    (line,) = errors(ended)
    assert image.name in line
    assert "Traceback" not in line
    state = tmp_path / "run" / NAME
    assert not state.exists() or read_state(state)[1] < 60


def test_signals_are_left_alone_outside_of_the_main_thread() -> None:
    from threading import Thread

    seen: list[Any] = []

    def work() -> None:
        with stopping_between_steps() as stop:
            seen.append((stop.requested, signal.getsignal(signal.SIGINT)))

    before = signal.getsignal(signal.SIGINT)
    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, before)]


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_loss_that_is_not_finite_ends_the_run_with_the_state_before_it(
    precision: str, toys: Path, tmp_path: Path
) -> None:
    """Trained batch norms hold the bad step's statistics then; the state does not."""
    settings = {"freeze_norms": "no", "precision": precision}
    interact = _Run._interact

    def bad(self: _Run, tensors: Any, supervised: int, warmup: int) -> Any:
        answer = interact(self, tensors, supervised, warmup)
        if self.done + 1 != 4:
            return answer
        for name, buffer in self.network.named_buffers():
            if "running" in name:
                buffer.data.fill_(float("nan"))
        return replace(answer, loss=answer.loss * float("nan"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Run, "_interact", bad)
        ended = train(toys, tmp_path / "run", **settings)
    assert ended.exit_code == 2, ended.output
    *_, line = ended.stderr.splitlines()
    assert "not finite in step 4; the state of step 3 is saved: continue with vpuformer train --resume" in line
    assert ("--precision 32-true" in line) == (precision == "bf16-mixed")
    state, done = read_state(tmp_path / "run" / NAME)
    assert done == 3
    assert all(bool(value.isfinite().all()) for value in state.values())

    assert vpuformer("train", "--resume", "-o", tmp_path / "run").exit_code == 0
    assert train(toys, tmp_path / "whole", **settings).exit_code == 0
    np.testing.assert_allclose(losses(tmp_path / "run"), losses(tmp_path / "whole"), rtol=1e-6)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("vpuformer finetune --resume -o x", "stopped after step 1 of 2; the state of step 1 is saved: continue with "),
        ("", "stopped after step 1 of 2"),
    ],
)
def test_a_run_of_another_command_is_resumed_with_that(
    command: str, sentence: str, toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = assign(Recipe, {"data": str(toys), "output": str(tmp_path)}, [f"{k}={v}" for k, v in SMALL.items()])
    recipe = replace(Recipe.from_dict(values), steps=2)
    during_step(monkeypatch, 1, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted) as stopped:
        run(recipe, quiet=True, resume_with=lambda: command)
    assert str(stopped.value) == sentence + command

    bad = replace(recipe, loss=LossSettings(p2cl_weight=1e300))
    with pytest.raises(TrainingError) as failed:
        run(bad, resume=True, quiet=True, resume_with=lambda: command)
    assert str(failed.value) == "the loss or its gradient is not finite in step 2; start again with another --seed"


def test_a_first_step_that_is_not_finite_promises_no_state(toys: Path, tmp_path: Path) -> None:
    ended = train(toys, tmp_path / "run", **{"loss.p2cl_weight": "1e300"})
    assert ended.exit_code == 2
    assert "not finite in step 1; if the loss grew" in ended.stderr
    assert "--resume" not in ended.stderr
    assert not (tmp_path / "run" / NAME).exists()


def test_an_encoder_of_random_numbers_is_not_frozen_and_that_is_said(toys: Path, tmp_path: Path) -> None:
    ended = train(toys, tmp_path / "run", steps=2)
    assert "note: the image encoder starts from random numbers, so its stem is trained" in ended.stderr
    recipe = tmp_path / "run" / "recipe.json"
    assert json.loads(recipe.read_text())["freeze_stem"] is False
    state, _ = read_state(tmp_path / "run" / NAME)
    stem = next(name for name in state if name.endswith("conv_stem.weight") and name.startswith("model."))
    torch.manual_seed(0)  # as the run did
    untrained = build_network(Recipe.from_dict(json.loads(recipe.read_text()))).state_dict()
    assert not torch.equal(state[stem], untrained[stem.removeprefix("model.")])

    again = vpuformer(
        "train",
        "debug",
        "--data",
        toys,
        "-o",
        tmp_path / "tuned",
        "--init",
        tmp_path / "run" / "weights",
        *(word for name in SMALL for word in ("--set", f"{name}={SMALL[name]}")),
    )
    assert again.exit_code == 0, again.output
    assert "random numbers" not in again.stderr
    assert json.loads((tmp_path / "tuned" / "recipe.json").read_text())["freeze_stem"] is True


def test_options_beside_resume_say_what_they_change(toys: Path, tmp_path: Path) -> None:
    assert train(toys, tmp_path / "run", steps=2).exit_code == 0
    words = ["--lr", "1e-4", "--steps", "3", "--set", "augmentation.flip=0"]
    ended = vpuformer("train", "--resume", "-o", tmp_path / "run", *words)
    assert ended.exit_code == 0, ended.output
    notes = [line for line in ended.stderr.splitlines() if "the run continues" in line]
    assert sorted(notes) == [
        "note: the run continues with augmentation.flip=0.0; it was 0.5",
        "note: the run continues with lr=0.0001; it was 0.0005",
        "note: the run continues with steps=3; it was 2",
    ]


def test_what_is_frozen_may_change_when_a_run_goes_on(toys: Path, tmp_path: Path) -> None:
    assert train(toys, tmp_path / "first", steps=1).exit_code == 0
    run, stem = tmp_path / "run", "optimizer.backbone.net.conv_stem.weight"
    assert train(toys, run, steps=2, init=tmp_path / "first" / "weights").exit_code == 0
    assert f"{stem}.step" not in read_state(run / NAME)[0]
    ended = vpuformer("train", "--resume", "-o", run, "--steps", 4, "--set", "freeze_stem=no")
    assert ended.exit_code == 0, ended.output
    state, _ = read_state(run / NAME)
    assert state[f"{stem}.step"] == 2
    assert state["optimizer.sharpen.scale.weight.step"] == 4


def test_moments_find_their_parameters_by_name() -> None:
    plan = Recipe(data="", output="", model=replace(VARIANTS["default"], dim=32, heads=4, decoder_dim=16))
    first, second = (build_network(plan) for _ in range(2))
    optimizer = make_optimizer(first, plan)
    sum(parameter.square().sum() for parameter in first.parameters()).backward()  # type: ignore[union-attr]
    optimizer.step()
    state = gather_state(first, first.state_dict(), optimizer)
    names = {parameter: name for name, parameter in first.named_parameters()}
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    again = make_optimizer(second, plan)
    restore_rest(state, second, dict(second.state_dict()), again)
    moments = gather_state(second, second.state_dict(), again)
    for parameter in trained:
        name = f"optimizer.{names[parameter]}.exp_avg"
        torch.testing.assert_close(moments[name], state[name], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--backbone-weights", "encoder.safetensors"], "backbone_weights sets the initial weights"),
        (["--set", "pretrained=true"], "pretrained sets the initial weights"),
        (["--set", "init=default"], "init sets the initial weights"),
        (["--set", "model.decoder_dim=8"], "a network of another shape, which differs in .* leave out what changes it"),
    ],
)
def test_what_a_run_cannot_go_on_with_is_refused_and_not_written(
    words: list[str], sentence: str, toys: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert train(toys, run, steps=1).exit_code == 0
    before = (run / "recipe.json").read_bytes()
    ended = vpuformer("train", "--resume", "-o", run, "--steps", 2, *words)
    assert ended.exit_code == 2
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert re.search(sentence, line)
    assert (run / "recipe.json").read_bytes() == before


def test_a_run_with_nothing_left_to_do_says_so(toys: Path, tmp_path: Path) -> None:
    assert train(toys, tmp_path / "run", steps=2).exit_code == 0
    ended = vpuformer("train", "--resume", "-o", tmp_path / "run", "--steps", 1)
    assert ended.exit_code == 0
    assert "note: nothing is left to do: 2 steps are done, and the run has 1; give it more" in ended.stderr
    missing = vpuformer("train", "--resume", "-o", tmp_path / "none")
    assert missing.exit_code == 2
    assert "there is no run to resume in" in missing.stderr


def test_the_weight_of_every_set_is_said_at_the_start(toys: Path, tmp_path: Path) -> None:
    (toys / "toys").rename(toys / "skin")
    for name in ("polyps", "cats"):
        shutil.copytree(toys / "skin", toys / name)
    ended = train(toys, tmp_path / "run", **{"set_weights.cats": 2, "set_weights.polyps": 0, "steps": 1})
    assert ended.exit_code == 0, ended.output
    notes = [line for line in ended.stderr.splitlines() if line.startswith("note: ")]
    assert notes[0].startswith("note: ")
    assert "images of cats, weight 2: 66.7% of the samples" in notes[0]
    assert "images of skin, weight 1: 33.3% of the samples" in notes[1]
    assert notes[2] == "note: the set polyps is left out: its weight is 0"
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["set_weights"] == {"cats": 2.0, "polyps": 0.0}
    unknown = train(toys, tmp_path / "other", **{"set_weights.dogs": 2})
    assert unknown.exit_code == 2
    assert "a weight for 'dogs', but the sets are cats, polyps, skin" in unknown.stderr


def test_a_failure_of_training_is_one_of_ours() -> None:
    from vpuformer.errors import TrainingError

    assert issubclass(TrainingError, VPUFormerError)
