"""Several objects at a time: the numbers of one at a time, whatever runs beside them, and in parts."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.commands import vpuformer
from support.measured import Loop, measure, without_times
from vpuformer.arrays import RGB, FloatMap
from vpuformer.cli.methods import choose_samples
from vpuformer.data.sample import Sample
from vpuformer.errors import ConfigError, InputError, MaskError
from vpuformer.evaluation.records import Records, RunHeader, read_records, write_records
from vpuformer.evaluation.run import evaluate, evaluate_to_file
from vpuformer.evaluation.shards import merge
from vpuformer.evaluation.simulated_user import SimulatedUser
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query
from vpuformer.prompts import KINDS, Click
from vpuformer.shards import parse_shard, shard_of

SIZE = (24, 40)


def truth_of(number: int) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return (((columns - 12 - number) / 9) ** 2 + ((rows - 11) / (3 + 2 * (number % 4))) ** 2 <= 1).astype(np.int8)


def samples(count: int) -> list[Sample]:
    def one(number: int) -> Sample:
        image = np.random.default_rng(number // 2).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
        return Sample(f"toy/{number // 2}", number, lambda: image, lambda: truth_of(number))

    return [one(number) for number in range(count)]


class Growing(Loop):
    """Answers with disks around the positive clicks, the larger the more prompts; records what was asked together."""

    name = "growing"

    def __init__(self) -> None:
        self.images: list[RGB] = []
        self.asked: list[int] = []
        self.lock = threading.Lock()

    def encode(self, image: RGB) -> Encoded:
        self.images.append(image)
        return super().encode(image)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        with self.lock:
            self.asked.append(len(queries))
        return super().segment(queries)

    def answer(self, query: Query) -> FloatMap:
        rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
        answer = np.zeros(SIZE, np.float32)
        for prompt in query.prompts:
            if isinstance(prompt, Click) and prompt.positive:
                answer[(rows - prompt.y) ** 2 + (columns - prompt.x) ** 2 <= len(query.prompts) ** 2] = 1
        return answer if query.mask is None else np.maximum(answer, query.mask / 1.5)


@pytest.mark.parametrize("workers", [1, 3])
def test_blocks_have_the_records_of_one_at_a_time(workers: int) -> None:
    user = SimulatedUser(KINDS, max_interactions=5)
    alone = list(evaluate(samples(7), Growing(), user, batch=1))
    together = Growing()
    records = list(evaluate(samples(7), together, user, batch=3, workers=workers))
    assert without_times(records) == without_times(alone)
    assert set(together.asked) == {1, 3}
    assert len(together.images) == 5  # of four, one is on both sides of a border between blocks
    assert all(step.seconds > 0 for record in records for step in record.interactions)


def test_an_object_that_is_done_leaves_its_block() -> None:
    together = Growing()
    records = measure(samples(4), together, max_interactions=6, stop_at_iou=0.4, batch=4)
    lengths = [len(record.interactions) for record in records]
    assert len(set(lengths)) > 1
    assert together.asked == [sum(length > step for length in lengths) for step in range(max(lengths))]


def test_what_is_done_of_a_block_is_not_said_again() -> None:
    together, seen = Growing(), []
    done = {("toy/0", 0), ("toy/0", 1), ("toy/1", 2), ("toy/1", 3), ("toy/2", 4)}
    records = evaluate(
        samples(6),
        together,
        SimulatedUser(max_interactions=1),
        batch=2,
        skip=done,
        on_progress=lambda *counts: seen.append(counts),
    )
    assert [record.object_id for record in records] == [5]
    assert together.asked == [2]
    assert seen == [(6, 6)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_block_ends_the_run(workers: int) -> None:
    class Broken(Growing):
        def answer(self, query: Query) -> FloatMap:
            return super().answer(query) * (7 if len(self.asked) > 1 else 1)

    before = threading.active_count()
    with pytest.raises(MaskError, match="the answer holds values from 0 to"):
        measure(samples(20), Broken(), batch=2, workers=workers)
    assert threading.active_count() == before


def test_who_stops_listening_stops_the_run() -> None:
    before = threading.active_count()
    records = evaluate(samples(30), Growing(), batch=2, workers=2)
    next(records)
    records.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert threading.active_count() == before


# --- methods whose numbers are known ------------------------------------------------------------------------------


class Oracle(Loop):
    """Has the truth in its pocket."""

    name = "oracle"

    def __init__(self, answers: Callable[[int], np.ndarray]) -> None:
        self.answers = answers
        self.number = -1

    def answer(self, query: Query) -> FloatMap:
        if query.mask is None:
            self.number += 1
        return self.answers(self.number).astype(np.float32)


class Copier(Oracle):
    """Answers once, and the same ever after."""

    def answer(self, query: Query) -> FloatMap:
        return super().answer(query) if query.mask is None else query.mask


def summary_of(segmenter: Any, **settings: Any) -> dict[str, Any]:
    from vpuformer.evaluation.report import summarise

    records = measure(samples(6), segmenter, **settings)
    kinds = settings.get("kinds", ("click",))
    return summarise(RunHeader(dataset="toy", objects=6, data_sha256="", model="toy", kinds=kinds), records)


def count_of(kinds: Any) -> str:
    return "NoC" if kinds == ("click",) else "NoI"


@pytest.mark.parametrize("kinds", [("click",), ("box",), ("scribble",), KINDS])
def test_who_knows_the_truth_needs_one_prompt(kinds: Any) -> None:
    summary = summary_of(Oracle(truth_of), kinds=kinds)
    assert [summary[f"{count_of(kinds)}@{target}"] for target in (80, 85, 90, 95)] == [1.0] * 4
    assert (summary["NoF@90"], summary[">=20@90"], summary["IoU@20"], summary["AuC@20"]) == (0, 0, 1.0, 1.0)


@pytest.mark.parametrize("kinds", [("click",), ("box",), ("scribble",), KINDS])
def test_who_says_nothing_never_arrives(kinds: Any) -> None:
    summary = summary_of(Oracle(lambda _: np.zeros(SIZE)), kinds=kinds)
    assert [summary[f"{count_of(kinds)}@{target}"] for target in (80, 85, 90, 95)] == [20.0] * 4
    assert (summary["NoF@85"], summary["NoF@90"], summary[">=20@90"], summary["IoU@20"]) == (6, 6, 6, 0.0)


def test_who_repeats_himself_never_improves() -> None:
    def half(number: int) -> np.ndarray:
        return truth_of(number) * (np.arange(SIZE[1]) % 2)

    summary = summary_of(Copier(half))
    assert 0.3 < summary["IoU@1"] < 0.7
    assert [summary[f"IoU@{k}"] for k in range(1, 21)] == [summary["IoU@1"]] * 20
    assert (summary["NoC@85"], summary["NoF@85"]) == (20.0, 6)


# --- parts --------------------------------------------------------------------------------------------------------


def header(**changes: Any) -> RunHeader:
    fields = {"dataset": "toy", "objects": 7, "data_sha256": "0", "model": "growing", "batch": 2, "kinds": KINDS}
    return RunHeader(**{**fields, "max_interactions": 4, "started": "then", **changes})


def run_part(number: int, count: int, tmp_path: Path, segmenter: Any, **changes: Any) -> Records:
    chosen = samples(7)
    mine = shard_of(chosen, (number, count), 2)
    part = header(objects=len(mine), shard=f"{number}/{count}", total=7, command=f"vp --shard {number}/{count}")
    evaluate_to_file(mine, segmenter, tmp_path / f"{number}.gz", part, **changes)
    return read_records(tmp_path / f"{number}.gz")


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_parts_put_together_are_the_whole(count: int, tmp_path: Path) -> None:
    parts = [run_part(number, count, tmp_path, Growing()) for number in range(1, count + 1)]
    evaluate_to_file(samples(7), Growing(), tmp_path / "whole.gz", header(command="vp"))
    whole, merged = read_records(tmp_path / "whole.gz"), merge(parts[::-1])
    assert merged.header == whole.header
    assert without_times(merged.objects) == without_times(whole.objects)
    write_records(tmp_path / "merged.gz", merged)
    assert read_records(tmp_path / "merged.gz") == merged


def test_parts_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    one, two, three = (run_part(number, 3, tmp_path, Growing()) for number in (1, 2, 3))
    with pytest.raises(InputError, match="missing: 2/3"):
        merge([one, three])
    with pytest.raises(InputError, match="1/3 was given twice"):
        merge([one, two, one])
    with pytest.raises(InputError, match="no part to merge"):
        merge([])
    with pytest.raises(InputError, match="is not a part"):
        merge([Records(header(), ())])
    from dataclasses import replace

    with pytest.raises(InputError, match="different runs, which differ in seed"):
        merge([one, two, three._replace(header=replace(three.header, seed=1))])
    with pytest.raises(InputError, match="number of parts"):
        merge([one, two._replace(header=replace(two.header, shard="2/2"))])
    with pytest.raises(InputError, match=r"part 2/3 has 1 of its 2 objects"):
        merge([one, two._replace(objects=two.objects[:1]), three])


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "a/b", "1/2/3", "-1/2"])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="such as 2/8"):
        parse_shard(text)


# --- the network --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def network() -> Any:
    import torch

    from support.networks import segmenter_of
    from vpuformer.model.config import VPUFormerConfig
    from vpuformer.model.vpuformer import VPUFormer

    torch.manual_seed(0)
    return segmenter_of(VPUFormer(VPUFormerConfig(input_size=64, dim=32, decoder_dim=16)))


def test_the_network_says_the_same_down_to_the_last_bit(network: Any, tmp_path: Path) -> None:
    user = SimulatedUser(KINDS, max_interactions=4)
    runs = [without_times(list(evaluate(samples(7), network, user, batch=2, workers=workers))) for workers in (1, 2, 3)]
    assert runs[0] == runs[1] == runs[2]
    parts = [run_part(number, 2, tmp_path, network, workers=2) for number in (1, 2)]
    assert without_times(merge(parts).objects) == runs[0]


def test_the_network_says_much_the_same_alone(network: Any) -> None:
    together, alone = (
        measure(samples(5), network, first_kind="box", max_interactions=1, batch=batch) for batch in (8, 1)
    )
    assert [record.ious[0] for record in together] == pytest.approx([record.ious[0] for record in alone], abs=0.02)


def test_an_object_whose_name_holds_brackets_is_chosen_by_its_name() -> None:
    samples = [Sample(f"toy/{name}", 1, np.empty, np.empty) for name in ("cup [1]", "cup 1")]
    assert [each.name for each in choose_samples(samples, ["toy/cup [1]#1"], None, None)] == ["toy/cup [1]"]
    assert len(choose_samples(samples, ["toy/cup*"], None, None)) == 2


# --- the command --------------------------------------------------------------------------------------------------


def records_in(folder: Path) -> list[Any]:
    return without_times(read_records(folder / "records.jsonl.gz").objects)


@pytest.fixture
def usual(grabcut: Path, model: Path) -> list[Any]:
    """A network on the two objects of a small GrabCut, mixed prompts."""
    words = ["--dataset", "grabcut", "--root", grabcut, "--model", model, "--prompts", "click+box+scribble"]
    return ["evaluate", *words, "--max-prompts", 3, "--batch", 1, "--workers", 2, "--device", "cpu"]


def test_parts_are_merged_to_what_one_run_has(usual: list[Any], tmp_path: Path) -> None:
    for part in ("1/2", "2/2"):
        result = vpuformer(*usual, "--shard", part, "-o", tmp_path / part[0])
        assert result.exit_code == 0, result.output
        assert "vpuformer merge" in result.stdout
        assert not (tmp_path / part[0] / "summary.json").exists()
    result = vpuformer("merge", tmp_path / "2", tmp_path / "1", "-o", tmp_path / "merged")
    assert result.exit_code == 0, result.output
    assert "IoU@1" in result.stdout
    assert vpuformer(*usual, "-o", tmp_path / "whole").exit_code == 0
    assert records_in(tmp_path / "merged") == records_in(tmp_path / "whole")
    assert (tmp_path / "merged" / "summary.json").exists()
    assert vpuformer("merge", tmp_path / "2", tmp_path / "1", "-o", tmp_path / "whole").exit_code == 0
    assert vpuformer(*usual, "--seed", 1, "-o", tmp_path / "other").exit_code == 0
    other = (tmp_path / "other/records.jsonl.gz").read_bytes()
    for words in (usual, ["merge", tmp_path / "1", tmp_path / "2"]):
        refused = vpuformer(*words, "-o", tmp_path / "other")
        assert refused.exit_code == 2
        assert "belongs to another run, which differs in seed (seed is 1 there, 0 here)" in refused.stderr
    assert (tmp_path / "other/records.jsonl.gz").read_bytes() == other
    refused = vpuformer("merge", tmp_path / "1", "-o", tmp_path / "half")
    assert (refused.exit_code, refused.stderr) == (2, "error: these of 2 parts are missing: 2/2\n")
    assert not (tmp_path / "half").exists()


def test_processes_of_torchrun_have_the_result_of_one(usual: list[Any], tmp_path: Path) -> None:
    import subprocess
    import sys

    assert vpuformer(*usual, "-o", tmp_path / "one").exit_code == 0
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = ["-m", "vpuformer", *map(str, usual), "-o", str(tmp_path / "two")]
    told = subprocess.run([*torchrun, *words], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stdout.count("summary.json") == 1
    assert records_in(tmp_path / "two") == records_in(tmp_path / "one")
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["records.jsonl.gz", "summary.json"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--only", "grabcut/t*"], ["grabcut/two"]),
        (["--only", "grabcut/two#1", "--only", "*one"], ["grabcut/one", "grabcut/two"]),
        (["--every", 2], ["grabcut/one"]),
        (["--limit", 1], ["grabcut/one"]),
    ],
)
def test_some_objects_are_chosen(words: list[Any], names: list[str], grabcut: Path, tmp_path: Path) -> None:
    baseline = ["--dataset", "grabcut", "--root", grabcut, "--baseline", "opencv-grabcut", "--max-prompts", 1]
    result = vpuformer("evaluate", *baseline, *words, "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert [record.name for record in read_records(tmp_path / "run" / "records.jsonl.gz").objects] == names


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--only", "davis/*"], "no object is named 'davis/*'; the first is 'grabcut/one'"),
        (["--every", "0"], "--every is at least 1, got 0"),
        (["--batch", "0"], "--batch is at least 1, got 0"),
        (["--workers", "0"], "--workers is at least 1, got 0"),
        (["--shard", "3/2"], "a part of a run is I/N with I from 1 to N, such as 2/8, got '3/2'"),
    ],
)
def test_objects_that_cannot_be_chosen(words: list[str], sentence: str, grabcut: Path, tmp_path: Path) -> None:
    result = vpuformer("evaluate", "--dataset", "grabcut", "--root", grabcut, "-o", tmp_path / "run", *words)
    assert (result.exit_code, result.stderr) == (2, f"error: {sentence}\n")


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"RANK": "2", "WORLD_SIZE": "2"}, "LOCAL_RANK=0, LOCAL_WORLD_SIZE=1, which torchrun would not set"),
        ({"RANK": "x"}, "RANK=x"),
        ({"RANK": "0", "WORLD_SIZE": "2"}, "leave out --shard"),
    ],
)
def test_an_environment_that_is_not_torchruns(
    environment: dict[str, str], sentence: str, grabcut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    words = ["--dataset", "grabcut", "--root", grabcut, "-o", tmp_path / "run", "--shard", "1/2"]
    result = vpuformer("evaluate", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_a_segmenter_of_your_own_is_measured(grabcut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_segmenter.py").write_text(
        "import numpy as np\n\n"
        "from vpuformer.inference.protocol import Encoded, Prediction\n\n\n"
        "class Nothing:\n"
        "    name, sha256 = 'nothing', ''\n\n"
        "    def encode(self, image):\n"
        "        return Encoded(image)\n\n"
        "    def segment(self, queries):\n"
        "        return [Prediction(np.zeros(query.encoded.size)) for query in queries]\n"
    )
    monkeypatch.chdir(tmp_path)
    words = ["--dataset", "grabcut", "--root", grabcut, "--baseline", "my_segmenter:Nothing", "--max-prompts", 3]
    for options in ([], ["--batch", 2, "--workers", 2]):
        result = vpuformer("evaluate", *words, *options, "-o", f"run{len(options)}")
        assert result.exit_code == 0, result.output
        whole = read_records(tmp_path / f"run{len(options)}" / "records.jsonl.gz")
        assert (whole.header.model, whole.header.weights_sha256) == ("nothing", None)
        assert whole.header.batch == (2 if options else 1)
        assert [record.ious for record in whole.objects] == [(0.0,) * 3] * 2
