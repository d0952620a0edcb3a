"""Fine-tuning from the data to a model folder, on drawn shapes with a tiny network."""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
import torch
from PIL import Image

from support.commands import vpuformer
from support.outlined import LAYOUTS
from vpuformer.errors import ConfigError
from vpuformer.evaluation.records import Interaction, ObjectRecord
from vpuformer.finetuning import run
from vpuformer.finetuning.measure import Measured
from vpuformer.finetuning.plan import FinetuneSettings, recipe_for, training_device
from vpuformer.finetuning.prepare import spec
from vpuformer.finetuning.run import finetune, resume_finetune
from vpuformer.finetuning.watch import HISTORY, Validation, Watch
from vpuformer.inference.predictor import Predictor
from vpuformer.model.manifest import read_manifest
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import KINDS, Click
from vpuformer.training.recipe import Recipe
from vpuformer.training.state import NAME, save_state

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*num_workers"),
]

MINUTES = 0.1
PAGE = Path(__file__).parents[2] / "docs" / "finetune.md"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    LAYOUTS["app"][1](tmp_path / "photos")
    return tmp_path / "photos"


@pytest.fixture(autouse=True)
def exported(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that would get graphs, whose export takes long; and steps without further processes."""
    folders: list[Path] = []

    def small(settings: FinetuneSettings, steps: int, photographs: str | None) -> Recipe:
        recipe = recipe_for(settings, min(steps, 12), photographs)
        return replace(recipe, workers=0, images_per_step=2, precision="32-true", save_minutes=0.0)

    monkeypatch.setattr(run, "recipe_for", small)
    monkeypatch.setattr("vpuformer.export.writing.export_graphs", folders.append)
    return folders


@pytest.fixture
def three_threads() -> Iterator[None]:
    """PyTorch with three threads, as on a machine with three cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_a_model_for_own_images(photos: Path, model: Path, tmp_path: Path, exported: list[Path]) -> None:
    folder = tmp_path / "mine"
    words = ["--from", model, "--minutes", MINUTES, "-o", folder, "--device", "cpu"]
    result = vpuformer("finetune", photos, *words)
    assert result.exit_code == 0, result.output
    assert torch.get_num_threads() == 3  # also in the training
    assert "annotated with vpuformer: 6 images, 12 objects" in result.stderr
    assert "held out: 4 objects on 2 of 6 images" in result.stderr
    for row in ("IoU after 1 click", "IoU after 1 box", "IoU after 1 scribble", "NoC@85", "NoC@90"):
        assert row in result.stdout
    assert result.stdout.splitlines()[-1] == f"open it in the app: vpuformer annotate {photos} --model {folder}"
    assert exported == [folder]
    report = json.loads((folder / "report.json").read_text())
    assert (report["held_out_objects"], report["measured_objects"]) == (4, 4)
    assert len(report["rows"]) == 5
    assert report["validations"][0]["step"] == 0
    card = (folder / "README.md").read_text()
    assert f"| NoC@85 | {report['rows'][3]['before']:.2f} | {report['rows'][3]['after']:.2f} |" in card
    with Image.open(folder / "panel.png") as drawn:
        assert drawn.width > 600
    assert not (folder / "training" / "last.safetensors").exists()
    predictor = Predictor.from_pretrained(folder, device="cpu")
    predictor.set_image(photos / "0.png")
    assert predictor.predict([Click(20, 16)]).mask.shape == (64, 80)
    assert str(read_manifest(model).sha256) in read_manifest(folder).metadata["fine-tuned from"]
    again = vpuformer("finetune", "--resume", "-o", folder)
    assert again.exit_code == 2
    assert "is finished; to train more, start from it" in again.stderr


class _Watch(Watch):
    """A watch that calls `at_step[done]` after a step."""

    at_step: ClassVar[dict[int, Callable[[], None]]] = {}

    def __call__(self, done: int, network: Any) -> bool:
        ended = super().__call__(done, network)
        self.at_step.get(done, lambda: None)()
        return ended


def test_ctrl_c_keeps_what_is_best_so_far(
    photos: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "Watch", _Watch)
    monkeypatch.setattr(_Watch, "at_step", {1: lambda: os.kill(os.getpid(), signal.SIGINT)})
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores SIGINT
    try:
        result = finetune(photos, tmp_path / "mine", start=str(model), minutes=60, device="cpu")
    finally:
        signal.signal(signal.SIGINT, before)
    assert result.interrupted
    assert (result.report.ended, result.report.steps) == ("it was interrupted", 1)
    short, long = (replace(result.report, steps=steps, minutes=steps / 30) for steps in (19, 300))
    assert short.cost == "19 steps in 1 minute; it was interrupted; so few steps teach little: give it more time"
    assert long.cost == "300 steps in 10 minutes; it was interrupted"
    assert (tmp_path / "mine" / "model.safetensors").is_file()
    assert (tmp_path / "mine" / "README.md").is_file()


def test_the_example_of_the_page_runs(
    photos: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    photos.rename(tmp_path / "cells")
    [code] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    exec(code.replace("minutes=20", f"minutes={MINUTES}, start={str(model)!r}"), {})
    assert len(re.findall(r": \d+\.\d{3} before, \d+\.\d{3} after", capsys.readouterr().out)) == 5


def test_a_killed_run_is_resumed(photos: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(Exception):
        pass

    def kill() -> None:
        raise KilledError

    monkeypatch.setattr(run, "Watch", _Watch)
    monkeypatch.setattr(_Watch, "at_step", {3: kill})
    with pytest.raises(KilledError):
        finetune(photos, tmp_path / "mine", start=str(model), minutes=60, device="cpu")
    with pytest.raises(ConfigError, match="exists, and nothing is overwritten"):
        finetune(photos, tmp_path / "mine", start=str(model))
    monkeypatch.setattr(_Watch, "at_step", {})
    result = resume_finetune(tmp_path / "mine")
    assert not result.interrupted
    assert result.report.steps >= 3
    assert result.report.data["objects"] == 12


def test_a_resumed_run_has_the_device_and_the_folders_of_now(
    photos: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = FinetuneSettings(data=str(photos), output=str(tmp_path / "mine"), start=str(model), device="cpu")
    begun = replace(recipe_for(settings, 9), accelerator="cuda", precision="bf16-mixed", lr=3e-4)
    moved = tmp_path / "moved"
    (moved / "training").mkdir(parents=True)
    (moved / "training" / "recipe.json").write_text(json.dumps(begun.to_dict()))
    save_state(moved / "training" / NAME, {}, 4)
    trained: list[Recipe] = []
    monkeypatch.setattr(run, "train", lambda recipe, **_: trained.append(recipe))
    resumed = run._Run(replace(settings, output=str(moved)), {}, run.SILENT)
    watch, _ = resumed._train(0.0, [], "coco=photographs", 0.0, 1.0)
    assert watch.done == 4
    assert trained == [
        replace(
            begun,
            data=(spec(moved, photos), "coco=photographs"),
            split=str(moved / "split.json"),
            output=str(moved / "training"),
            accelerator="cpu",
            precision="32-true",
        )
    ]


def test_a_run_is_resumed_from_another_working_folder(
    photos: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[str] = []

    def note(settings: FinetuneSettings, *_: object) -> SimpleNamespace:
        starts.append(settings.start)
        return SimpleNamespace(finish=lambda: None)

    monkeypatch.setattr(run, "_Run", note)
    monkeypatch.chdir(model.parent)
    finetune(photos, tmp_path / "mine", start=model.name, device="cpu")
    monkeypatch.chdir(tmp_path)
    resume_finetune("mine")
    assert starts == [str(model.resolve())] * 2


def test_a_resumed_run_is_validated_on_the_same_objects(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = FinetuneSettings(data=str(photos), output=str(tmp_path), device="cpu")
    monkeypatch.setattr(run, "segmenter_of", lambda _: None)
    record = ObjectRecord("a/1", 1, (9, 9), 0.0, (Interaction(Click(1, 1), 0.5, 0.0),), "a")
    found = [Measured(dict.fromkeys(KINDS, [record] * number)) for number in (2, 3)]
    monkeypatch.setattr(run, "measure", lambda *_, **__: found.pop(0))
    network: Any = None
    first, again = (run._Run(settings, {}, run.SILENT)._quick(network, []) for _ in range(2))
    assert first == again
    assert len(found) == 1


def test_a_resumed_run_counts_the_time_before_it_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = FinetuneSettings(data=str(tmp_path), output=str(tmp_path), device="cpu")
    training = tmp_path / "training"
    training.mkdir()
    (training / run.QUICK).write_text(json.dumps({"seconds": 30.0, "records": {kind: [] for kind in KINDS}}))
    (training / HISTORY).write_text(json.dumps([asdict(Validation(3, 0.5, 90.0))]))
    (training / "recipe.json").write_text(json.dumps(recipe_for(settings, 9, None).to_dict()))
    save_state(training / NAME, {}, 4)
    monkeypatch.setattr(run, "train", lambda *_, **__: None)
    resumed, network = run._Run(settings, {}, run.SILENT), cast(VPUFormer, None)
    resumed._quick(network, [])
    resumed._train(0.0, [], None, 0.0, 1.0)
    assert 120 <= time.monotonic() - resumed.begun < 150


def test_a_further_device_of_a_kind_is_refused(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpuformer.finetuning.plan.choose_device", torch.device)
    with pytest.raises(ConfigError, match=r"not cuda:1; set CUDA_VISIBLE_DEVICES=1 .* and give the device cuda$"):
        finetune(photos, tmp_path / "mine", device="cuda:1")
    assert not (tmp_path / "mine").exists()
    assert training_device("cuda:0") == torch.device("cuda:0")
