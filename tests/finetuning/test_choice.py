"""When a run ends, which weights are kept, and how the table compares."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vpuformer.evaluation.records import Interaction, ObjectRecord
from vpuformer.finetuning import watch as watch_module
from vpuformer.finetuning.measure import Measured, compared
from vpuformer.finetuning.mixing import mixed
from vpuformer.finetuning.run import SILENT
from vpuformer.finetuning.watch import BEST, PATIENCE, Watch, best_folders, read_history
from vpuformer.model.checkpoint import load_model
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import KINDS, Click

TINY = VPUFormerConfig(input_size=64, dim=32, heads=2, ffn_dim=32, decoder_dim=16, pue_hidden=32)


def measured(*curves: list[float]) -> Measured:
    """Objects of one image each, with these IoUs after each click, and the first after a box or scribble."""
    records = [
        ObjectRecord(f"a/{i}", 1, (9, 9), 0.0, tuple(Interaction(Click(1, 1), iou, 0.0) for iou in curve), f"a/{i}")
        for i, curve in enumerate(curves)
    ]
    return Measured(dict.fromkeys(KINDS, records))


def test_the_table_compares_the_same_objects() -> None:
    before = measured([0.4, 0.8, 0.9], [0.6, 0.86, 0.95], [0.5, 0.7, 0.85])
    after = measured([0.9, 0.95], [0.92, 0.95], [0.7, 0.86])
    rows = {row.name: row for row in compared(before, after)}
    assert list(rows) == [*(f"IoU after 1 {kind}" for kind in KINDS), "NoC@85", "NoC@90"]
    click, clicks = rows["IoU after 1 click"], rows["NoC@85"]
    assert (round(click.before, 3), round(click.after, 3), click.better) == (0.5, 0.84, True)
    assert (clicks.before, clicks.after, clicks.better) == (8 / 3, 4 / 3, True)
    assert click.change_interval is not None
    assert click.change_interval[0] > 0.15
    assert compared(measured([0.4], [0.5]), measured([0.4], [0.5]))[0].change_interval is None
    assert Measured.from_dict(json.loads(json.dumps(before.to_dict()))).numbers() == before.numbers()
    assert before.score == pytest.approx(np.mean([0.5, 0.9, 0.5, 0.5]))


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Scores that the next validations find."""
    coming: list[float] = []
    monkeypatch.setattr(watch_module, "measure", lambda *_, **__: SimpleNamespace(score=coming.pop(0)))
    monkeypatch.setattr(watch_module, "VALIDATIONS", 10**9)  # one after each step
    return coming


def watched(folder: Path, steps: int = 99, seconds: float = 1000.0) -> Watch:
    return Watch([], folder, 0.5, steps, seconds, 0.0, SILENT)


def test_a_run_ends_when_nothing_gets_better(
    tmp_path: Path, scores: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    scores.extend([0.6, 0.7, 0.7002, *[0.65] * PATIENCE])
    saved: list[Path] = []
    monkeypatch.setattr(watch_module, "save_checkpoint", lambda _, folder, **__: saved.append(folder))
    watch, network = watched(tmp_path), VPUFormer(TINY).eval()
    done = 1
    while not watch(done, lambda: network):
        done += 1
    assert done == 2 + PATIENCE
    assert (watch.best.step, watch.best.score) == (2, 0.7)
    assert saved == [tmp_path / BEST.format(step=step) for step in (1, 2)]
    assert watch.ended == f"{PATIENCE} validations brought nothing better"
    assert read_history(tmp_path) == watch.history
    assert watched(tmp_path).best == watch.best


def test_a_run_ends_in_time_and_after_its_steps(tmp_path: Path, scores: list[float]) -> None:
    scores.extend([0.4, 0.4])
    network = VPUFormer(TINY).eval()
    assert watched(tmp_path, steps=1)(1, lambda: network)
    late = watched(tmp_path / "late", seconds=1e-9)
    (tmp_path / "late").mkdir()
    assert late(1, lambda: network)
    assert (late.ended, late.best.step) == ("the time is over", 0)
    assert late.share_of_time() == 1.0


def test_the_last_step_is_validated_once(tmp_path: Path, scores: list[float]) -> None:
    scores.append(0.4)
    network = VPUFormer(TINY).eval()
    for _ in range(2):  # the second one is of a resumed run
        watch = watched(tmp_path, steps=1)
        assert watch(1, lambda: network)
        assert [each.step for each in watch.history] == [0, 1]


def test_weights_are_mixed() -> None:
    start, best = VPUFormer(TINY).eval(), VPUFormer(TINY).eval()
    network = mixed(start, best, 0.25)
    for name, value in network.state_dict().items():
        first, second = start.state_dict()[name], best.state_dict()[name]
        if value.is_floating_point():
            torch.testing.assert_close(value, 0.75 * first + 0.25 * second)
    assert not network.training


def test_a_run_that_is_killed_between_weights_and_history_keeps_the_weights_that_it_names(
    tmp_path: Path, scores: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    scores.extend([0.6, 0.7])
    watch, network = watched(tmp_path), VPUFormer(TINY).eval()
    watch(1, lambda: network)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # noqa: PT012
        patch.setattr(watch_module, "write_file", killed)
        watch(2, lambda: network)
    resumed = watched(tmp_path)
    assert resumed.best.step == 1
    load_model(resumed.best_folder)
    scores.append(0.8)
    resumed(2, lambda: network)
    assert best_folders(tmp_path) == {resumed.best_folder}
