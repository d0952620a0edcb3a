"""Cores: those that the process may use, every second one, or what OMP_NUM_THREADS says."""

from pathlib import Path

import pytest

from vpuformer.inference.cores import half_the_cores, usable_cores


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(12)), raising=False)
    monkeypatch.setattr("vpuformer.inference.cores._cores_in_quota", lambda: 16)
    assert (usable_cores(), half_the_cores()) == (12, 6)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    assert (usable_cores(), half_the_cores()) == (1, 1)


@pytest.mark.parametrize(("quota", "cores"), [("150000 100000", 2), ("5000 100000", 1), ("max 100000", 12), ("", 12)])
def test_a_container_has_the_cores_that_its_time_amounts_to(
    quota: str, cores: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(12)), raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr("vpuformer.inference.cores._QUOTA", tmp_path / "cpu.max")
    assert usable_cores() == cores


@pytest.mark.parametrize(("word", "cores"), [("5", 5), ("0", 3), ("many", 3)])
def test_a_number_in_the_environment_wins(word: str, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    monkeypatch.setattr("vpuformer.inference.cores._cores_in_quota", lambda: 16)
    monkeypatch.setenv("OMP_NUM_THREADS", word)
    assert usable_cores() == cores
