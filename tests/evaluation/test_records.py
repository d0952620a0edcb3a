"""Records: to a file and back, and a run that was interrupted."""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.measured import Loop
from vpuformer.arrays import FloatMap
from vpuformer.data.sample import Sample
from vpuformer.errors import ConfigError, DatasetError, InputError
from vpuformer.evaluation import run
from vpuformer.evaluation.records import (
    Interaction,
    ObjectRecord,
    Records,
    RecordWriter,
    RunHeader,
    data_fingerprint,
    read_records,
    used_versions,
    write_records,
)
from vpuformer.evaluation.run import evaluate_to_file
from vpuformer.inference.protocol import Query
from vpuformer.prompts import Box, Click, Prompt, Scribble

HEADER = RunHeader(
    dataset="toy",
    objects=4,
    data_sha256="ab12",
    model="halves",
    kinds=("click", "box"),
    seed=3,
    options={"zoom": True},
    command="vpuformer evaluate toy",
)


def record(number: int) -> ObjectRecord:
    prompts: list[Prompt] = [Click(3, 4), Box(-0.5, 0, 9.25, 7, False), Scribble(((1 / 3, 2.0), (4.5, 6.0)))]
    steps = tuple(Interaction(prompt, 1 / (7 + k), 0.1 + 0.2 * k) for k, prompt in enumerate(prompts))
    return ObjectRecord("toy/a", number, (48, 64), 0.3, steps, "toy/a")


def write(path: Path, records: Sequence[ObjectRecord], header: RunHeader = HEADER) -> None:
    with RecordWriter(path, header) as writer:
        for each in records:
            writer.add(each)


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "toy.jsonl.gz"
    records = tuple(record(number) for number in range(4))
    write(path, records)
    assert read_records(path) == (HEADER, records)
    assert [file.name for file in tmp_path.iterdir()] == ["toy.jsonl.gz"]


def test_the_file_can_be_read_line_by_line_without_this_package(tmp_path: Path) -> None:
    path = tmp_path / "toy.jsonl.gz"
    write(path, [record(number) for number in range(4)])
    with gzip.open(path, "rt") as file:
        header, *objects = (json.loads(line) for line in file)
    assert header["versions"].keys() >= {"vpuformer", "torch", "numpy", "opencv-python-headless", "python"}
    assert header["seed"] == 3
    assert objects[0]["interactions"][0]["prompt"] == {"type": "click", "positive": True, "point": [3, 4]}


def test_equal_records_are_equal_files(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write(tmp_path / name, [record(number) for number in range(4)])
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_until_the_last_object_there_is_only_the_partial_file(tmp_path: Path) -> None:
    path = tmp_path / "toy.jsonl.gz"
    write(path, [record(number) for number in range(3)])
    assert [file.name for file in tmp_path.iterdir()] == ["toy.jsonl.gz.partial"]
    assert len(read_records(tmp_path / "toy.jsonl.gz.partial").objects) == 3


def test_a_former_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "toy.jsonl.gz"
    write(path, [record(number) for number in range(4)])
    former = path.read_bytes()
    write(path, [record(9)])
    assert path.read_bytes() == former


def test_an_unfinished_line_is_dropped(tmp_path: Path) -> None:
    path, partial = tmp_path / "toy.jsonl.gz", tmp_path / "toy.jsonl.gz.partial"
    write(path, [record(0), record(1)])
    content = partial.read_bytes()
    partial.write_bytes(content[:-20])
    with RecordWriter(path, HEADER) as writer:
        assert writer.records == (record(0),)
        writer.add(record(1))
    assert partial.read_bytes() == content


def test_a_partial_file_without_a_whole_line_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "toy.jsonl.gz.partial").write_bytes(b'{"format": 1, "data')
    write(tmp_path / "toy.jsonl.gz", [record(number) for number in range(4)])
    assert len(read_records(tmp_path / "toy.jsonl.gz").objects) == 4


def test_the_beginning_of_another_run_is_not_gone_on_with(tmp_path: Path) -> None:
    write(tmp_path / "toy.jsonl.gz", [record(0)])
    with pytest.raises(InputError, match="another run, which differs in weights_sha256, seed"):
        RecordWriter(tmp_path / "toy.jsonl.gz", replace(HEADER, seed=4, weights_sha256="cd"))
    with RecordWriter(
        tmp_path / "toy.jsonl.gz", replace(HEADER, started="2001-01-01T00:00:00+00:00", command="with fewer workers")
    ) as writer:
        assert len(writer.records) == 1
        assert writer.header.started == HEADER.started


def test_the_records_of_another_run_are_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "toy.jsonl.gz"
    write(path, [record(number) for number in range(4)])
    former = path.read_bytes()
    other = replace(HEADER, seed=4, model="thirds")
    said = (
        r"differs in model, seed \(model is halves there, thirds here; seed is 3 there, 4 here\); name another folder"
    )
    with pytest.raises(InputError, match=said):
        RecordWriter(path, other)
    with pytest.raises(InputError, match=said):
        write_records(path, Records(other, ()))
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [(path.name, former)]
    write(path, [record(number) for number in range(4)], replace(HEADER, command="with fewer workers"))
    path.write_bytes(b"a file of somebody")
    with pytest.raises(InputError, match="holds no records"):
        RecordWriter(path, HEADER)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no json\n",
        b'{"format": 99}\n',
        b"\x1f\x8bno gzip",
        gzip.compress(b"", mtime=0)[:10] + b"\xff" * 20,
        b"[]\n",
    ],
)
def test_a_file_of_something_else_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "toy.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"toy\.jsonl\.gz holds no records"):
        read_records(path)


def test_two_programs_do_not_write_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "toy.jsonl.gz"
    with RecordWriter(path, HEADER) as first:
        first.add(record(0))
        with pytest.raises(InputError, match=r"another program writes .*toy\.jsonl\.gz; wait for its end"):
            RecordWriter(path, HEADER)
    with RecordWriter(path, HEADER) as second:
        for number in range(1, 4):
            second.add(record(number))
    assert [each.object_id for each in read_records(path).objects] == [0, 1, 2, 3]
    assert [each.name for each in tmp_path.iterdir()] == ["toy.jsonl.gz"]


def test_a_missing_file_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_records(tmp_path / "nowhere.gz")
    with pytest.raises(InputError, match="cannot be written"):
        RecordWriter(tmp_path / "nowhere" / "toy.gz", HEADER)


def test_a_file_that_cannot_be_replaced_loses_no_record(tmp_path: Path) -> None:
    (tmp_path / "toy.jsonl.gz").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        write(tmp_path / "toy.jsonl.gz", [record(number) for number in range(4)])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["toy.jsonl.gz", "toy.jsonl.gz.partial"]
    assert len(read_records(tmp_path / "toy.jsonl.gz.partial").objects) == 4


def test_a_fingerprint_sees_names_and_sizes(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"12345")
    first = data_fingerprint(tmp_path)
    assert first == data_fingerprint(str(tmp_path))
    assert len(first) == 64
    (tmp_path / "images" / "a.png").write_bytes(b"123456")
    second = data_fingerprint(tmp_path)
    (tmp_path / "images" / "a.png").rename(tmp_path / "images" / "b.png")
    assert len({first, second, data_fingerprint(tmp_path)}) == 3
    assert data_fingerprint(tmp_path / "images" / "b.png") != second
    with pytest.raises(DatasetError, match="no file"):
        data_fingerprint(tmp_path / "nothing")


def test_a_package_that_is_missing_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr("importlib.metadata.version", missing)
    assert used_versions()["torch"] == "none"


class Halves(Loop):
    """Answers with the pixels on one side of the last prompt's middle; its randomness is in the prompts alone."""

    name = "halves"

    def __init__(self, stop_after: int | None = None) -> None:
        self.left = stop_after

    def answer(self, query: Query) -> FloatMap:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
        x0, _, x1, _ = query.prompts[-1].bounds
        answer = np.zeros(query.encoded.size, np.float32) if query.mask is None else query.mask * np.float32(0.7)
        answer[:, : int((x0 + x1) / 2) + 1] += np.float32(0.3)
        return answer


def samples() -> Iterator[Sample]:
    for number in range(1, 5):
        truth = np.zeros((20, 30), np.int8)
        truth[3 : 10 + number, 4 : 15 + 3 * number] = 1
        yield Sample("toy/a", number, lambda: np.zeros((20, 30, 3), np.uint8), lambda truth=truth: truth)


class Clock:
    """Time that passes evenly, so that records can be compared with their times."""

    @staticmethod
    def perf_counter() -> float:
        return 1.5


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "time", Clock)
    todo = list(samples())
    header: Any = replace(HEADER, kinds=("click", "box", "scribble"), max_interactions=6)
    whole = evaluate_to_file(todo, Halves(), tmp_path / "whole.gz", header)
    for calls in (3, 8, 2):
        with pytest.raises(KeyboardInterrupt):
            evaluate_to_file(todo, Halves(stop_after=calls), tmp_path / "broken.gz", header)
        assert not (tmp_path / "broken.gz").exists()
    counts: list[tuple[int, int]] = []
    resumed = evaluate_to_file(
        todo, Halves(), tmp_path / "broken.gz", header, on_progress=lambda *each: counts.append(each)
    )
    assert counts == [(2, 4), (3, 4), (4, 4)]
    assert resumed == whole
    assert (tmp_path / "broken.gz").read_bytes() == (tmp_path / "whole.gz").read_bytes()


def test_the_header_and_the_samples_must_agree(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="4 objects, there are 0"):
        evaluate_to_file([], Halves(), tmp_path / "a.gz", HEADER)
