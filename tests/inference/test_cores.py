"""Cores: those that the process may use, every second one, or what OMP_NUM_THREADS says."""

import pytest

from vpuformer.inference.cores import half_the_cores, usable_cores


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(12)), raising=False)
    assert (usable_cores(), half_the_cores()) == (12, 6)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    assert (usable_cores(), half_the_cores()) == (1, 1)


@pytest.mark.parametrize(("word", "cores"), [("5", 5), ("0", 3), ("many", 3)])
def test_a_number_in_the_environment_wins(word: str, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", word)
    assert usable_cores() == cores
