"""Numbers and tables from records."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from support.measured import Loop
from vpuformer.arrays import FloatMap
from vpuformer.data.kinds.coco import CocoFolder
from vpuformer.data.sample import Sample
from vpuformer.errors import InputError
from vpuformer.evaluation.records import Interaction, ObjectRecord, RunHeader, read_records
from vpuformer.evaluation.report import (
    Summary,
    summarise,
    summary_table,
    write_summary,
)
from vpuformer.evaluation.report.markdown import to_markdown
from vpuformer.evaluation.report.summary import number_shown
from vpuformer.evaluation.report.tables import Cell, Group, Row, Table
from vpuformer.evaluation.report.trust import trust
from vpuformer.evaluation.run import evaluate_to_file
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Query
from vpuformer.prompts import Box, Click

CURVES = ([0.5, 0.86, 0.91], [0.95, 0.97], [0.2] * 20)


def records() -> list[ObjectRecord]:
    return [
        ObjectRecord(
            f"toy/{number}",
            1,
            (4, 5),
            0.5,
            tuple(Interaction(Click(1, 1) if k else Box(0, 0, 2, 2), iou, 0.1 * (k + 1)) for k, iou in enumerate(ious)),
            f"toy/{number}",
        )
        for number, ious in enumerate(CURVES)
    ]


def summary(**changes: Any) -> Summary:
    settings: dict[str, Any] = {"dataset": "toy", "objects": 3, "data_sha256": "ab", "model": "net", **changes}
    return summarise(RunHeader(**settings), records())


def test_a_summary_worked_by_hand() -> None:
    numbers = summary(weights_sha256="12ef", seed=5)
    assert numbers["NoC@85"] == pytest.approx((2 + 1 + 20) / 3)
    assert numbers["NoC@90"] == pytest.approx((3 + 1 + 20) / 3)
    assert (numbers["NoF@90"], numbers[">=20@90"], numbers["objects"]) == (1, 1, 3)
    assert numbers["IoU@1"] == pytest.approx((0.5 + 0.95 + 0.2) / 3)
    assert numbers["IoU@20"] == numbers["curve"][19] == pytest.approx((0.91 + 0.97 + 0.2) / 3)
    assert numbers["curve"] == [numbers[f"IoU@{k}"] for k in range(1, 21)]
    assert numbers["AuC@20"] == pytest.approx(sum(numbers["curve"]) / 20)
    assert numbers["prompts"] == {"box": 3, "click": 22}
    assert numbers["images"] == 3
    assert numbers["seconds_per_image"] == {"median": 0.5, "mean": 0.5, "interval": [0.5, 0.5]}
    assert numbers["seconds_per_interaction"]["median"] == pytest.approx(0.8)
    assert numbers["seconds_per_interaction"]["mean"] == pytest.approx((0.6 + 0.3 + 21.0) / 25)
    assert (numbers["weights_sha256"], numbers["model"], numbers["seed"]) == ("12ef", "net", 5)


def test_means_have_an_interval_around_them_and_counts_have_none() -> None:
    numbers = summary()
    means = {name for name in numbers if name.startswith(("NoC@", "IoU@", "AuC@"))}
    assert set(numbers["intervals"]) == means | {"falls"}
    for name, (low, high) in numbers["intervals"].items():
        assert low <= numbers[name] <= high
    assert numbers["intervals"] == summary(seed=1)["intervals"]


def test_a_run_that_stopped_at_a_target_has_no_numbers_beyond_it() -> None:
    names = {name for name in summary(stop_at_iou=0.9) if "@" in name}
    assert names == {"NoC@80", "NoC@85", "NoC@90", "NoF@85", "NoF@90", ">=20@85", ">=20@90", "IoU@1"}
    assert len(summary(stop_at_iou=0.9)["curve"]) == 1


def test_objects_of_one_image_are_drawn_together() -> None:
    steps = [(Interaction(Click(1, 1), iou, 0.1),) for iou in (0.0, 1.0, 0.0, 1.0)]
    pair = [ObjectRecord(f"toy/{i}", i, (4, 5), 0.1, step, f"toy/{i // 2}") for i, step in enumerate(steps)]
    header = RunHeader(dataset="toy", objects=4, data_sha256="ab", model="net", max_interactions=1)
    numbers = summarise(header, pair)
    assert (numbers["images"], numbers["objects"]) == (2, 4)
    assert numbers["intervals"]["IoU@1"] == [0.5, 0.5]
    alone = [replace(record, image_id=f"toy/{i}") for i, record in enumerate(pair)]
    low, high = summarise(header, alone)["intervals"]["IoU@1"]
    assert low < 0.5 < high


def test_images_of_one_stem_in_two_folders_are_two(tmp_path: Path) -> None:
    """In counts and intervals, in the names of objects, and through the file of records."""
    square = [[5, 5, 15, 5, 15, 15, 5, 15]]
    images, annotations = [], []
    for i, file in enumerate(["monday/0.png", "tuesday/0.png"]):
        (tmp_path / file).parent.mkdir()
        Image.fromarray(np.full((20, 20, 3), 90 * i, np.uint8)).save(tmp_path / file)
        images.append({"id": i, "file_name": file, "height": 20, "width": 20})
        annotations += [{"id": 2 * i + k, "image_id": i, "category_id": 1, "segmentation": square} for k in (1, 2)]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "thing"}]}
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    samples = CocoFolder(tmp_path, name="days").samples()
    assert [sample.name for sample in samples] == [
        "days/monday/0.png/1",
        "days/monday/0.png/2",
        "days/tuesday/0.png/3",
        "days/tuesday/0.png/4",
    ]

    class ByImage(Loop):
        """Right about one image, wrong about the other."""

        name = "by image"

        def answer(self, query: Query) -> FloatMap:
            answer = np.zeros((20, 20), np.float32)
            answer[5:16, 5:16] = not query.encoded.image.any()
            return answer

    path = tmp_path / "records.jsonl.gz"
    header = RunHeader(dataset="coco", objects=4, data_sha256="ab", model="by image", max_interactions=1)
    evaluate_to_file(samples, ByImage(), path, header)
    read = read_records(path)
    assert [record.image_id for record in read.objects] == ["days/monday/0.png"] * 2 + ["days/tuesday/0.png"] * 2
    numbers = summarise(*read)
    assert (numbers["images"], numbers["objects"]) == (2, 4)
    low, high = numbers["intervals"]["IoU@1"]
    assert low == 0 < numbers["IoU@1"] < high


@pytest.mark.parametrize(
    ("prompts", "count"),
    [
        ({}, "NoC"),
        ({"kinds": ("box",)}, "NoI"),
        ({"kinds": ("click", "box")}, "NoI"),
        ({"first_kind": "box"}, "NoI"),
        ({"first_kind": "click"}, "NoC"),
    ],
)
def test_a_number_of_interactions_is_called_so(prompts: dict[str, Any], count: str) -> None:
    numbers = summary(**prompts)
    assert {name for name in numbers if name.startswith("No") and name[2] in "CI"} == {
        f"{count}@{target}" for target in (80, 85, 90, 95)
    }
    assert f"{count}@85" in numbers["intervals"]
    assert number_shown(numbers, "NoC@85") == f"{numbers[f'{count}@85']:.2f}"
    assert f"{count}@85" in shown([numbers])


def test_boundary_iou_is_summarised_where_every_interaction_has_it() -> None:
    def with_boundary(values: tuple[float | None, ...]) -> Summary:
        steps = tuple(Interaction(Click(1, 1), 0.5, 0.1, value) for value in values)
        header = RunHeader(dataset="toy", objects=1, data_sha256="ab", model="net", max_interactions=3)
        return summarise(header, [ObjectRecord("toy/a", 1, (4, 5), 0.1, steps, "toy/a")])

    numbers = with_boundary((0.25, 0.75))
    assert [numbers[f"BIoU@{k}"] for k in (1, 2, 3)] == [0.25, 0.75, 0.75]
    assert numbers["intervals"]["BIoU@1"] == [0.25, 0.25]
    assert not [name for name in with_boundary((0.25, None)) if name.startswith("BIoU")]


def test_boundary_iou_is_measured_and_kept(tmp_path: Path) -> None:
    truth = np.zeros((20, 20), np.int8)
    truth[5:15, 5:15] = 1

    class Half(Loop):
        name = "half"

        def answer(self, query: Query) -> FloatMap:  # noqa: ARG002
            answer = np.zeros((20, 20), np.float32)
            answer[5:15, 5:10] = 1
            return answer

    sample = Sample("toy/square", 1, lambda: np.zeros((20, 20, 3), np.uint8), lambda: truth)
    header = RunHeader(dataset="toy", objects=1, data_sha256="ab", model="half", max_interactions=1)
    path = tmp_path / "records.jsonl.gz"
    (record,) = evaluate_to_file([sample], Half(), path, header)
    # The bands are one pixel wide: 36 pixels of the square and 26 of its half, of which 18 lie in both: all but the
    # eight of the cut that are inside the square.
    assert record.boundary_ious == (18 / (36 + 26 - 18),)
    assert read_records(path).objects == (record,)


def changing(*steps: dict[str, Any], image: str = "toy/a") -> ObjectRecord:
    """An object with an interaction of each of these values."""
    values = [{"iou": 0.5, "seconds": 0.1, "corrected": 0, "broken": 0, "mended": 0} | step for step in steps]
    return ObjectRecord(image, 1, (4, 5), 0.1, tuple(Interaction(Click(1, 1), **each) for each in values), image)


def test_what_further_prompts_change_worked_by_hand() -> None:
    numbers, intervals = trust(
        [
            changing({"broken": 90, "iou": 0.9}, {"broken": 3, "mended": 2, "iou": 0.889}, {"corrected": 2}),
            changing({"corrected": 1}, {"broken": 4, "mended": 4}, {"mended": 1, "iou": 0.491}, image="toy/b"),
            changing({}, image="toy/c"),
        ]
    )
    # Seven prompts, of which four are further ones; the first prompts of the objects break nothing.
    assert numbers == {"corrected": 2 / 7, "harmful": 1 / 4, "broken": 7 / 4, "falls": 2 / 4}
    assert intervals.keys() == numbers.keys()
    assert all(low <= numbers[name] <= high for name, (low, high) in intervals.items())


def test_numbers_of_prompts_that_are_not_there_are_left_out() -> None:
    assert trust([changing({})])[0] == {"corrected": 0}
    older = [changing({"corrected": None}, {"broken": None, "mended": None})]
    assert trust(older)[0] == {"falls": 0}


def test_the_screen_shows_what_further_prompts_change() -> None:
    header = RunHeader(dataset="toy", objects=1, data_sha256="ab", model="net", max_interactions=2)
    numbers = summarise(header, [changing({}, {"broken": 1234, "mended": 5, "corrected": 1, "iou": 0.4})])
    lines = [[word.strip() for word in line.split("│")[1:3]] for line in shown([numbers]).splitlines() if "│" in line]
    for row in (
        ["prompts corrected", "50.0%"],
        ["break more than they mend", "100.0%"],
        ["pixels broken", "1234"],
        ["IoU falls by more than .01", "100.0%"],
    ):
        assert row in lines


def test_what_a_prompt_changes_is_measured_and_kept(tmp_path: Path) -> None:
    truth = np.zeros((20, 20), np.int8)
    truth[5:15, 5:15] = 1
    truth[0] = -1

    class Wandering(Loop):
        """Finds the left half of the square first, then the right half and some of what is to be ignored."""

        name = "wandering"

        def segment(self, queries: Sequence[Query]) -> list[Prediction]:
            answer = np.zeros((20, 20), np.float32)
            if len(queries[0].prompts) == 1:
                answer[5:15, 5:10] = 1
            else:
                answer[5:15, 9:15], answer[0] = 1, 1
            return [Prediction(answer, corrected=len(queries[0].prompts) - 1)]

    sample = Sample("toy/square", 1, lambda: np.zeros((20, 20, 3), np.uint8), lambda: truth)
    header = RunHeader(dataset="toy", objects=1, data_sha256="ab", model="wandering", max_interactions=2)
    path = tmp_path / "records.jsonl.gz"
    (record,) = evaluate_to_file([sample], Wandering(), path, header)
    assert [(step.broken, step.mended, step.corrected) for step in record.interactions] == [(0, 50, 0), (40, 50, 1)]
    assert read_records(path).objects == (record,)


def test_records_of_older_versions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl.gz"
    header = RunHeader(dataset="toy", objects=1, data_sha256="ab", model="net").to_dict()
    step = {"prompt": {"type": "click", "positive": True, "point": [1, 1]}, "iou": 0.5, "seconds": 0.1}
    old = {"name": "toy/a/1", "object_id": 1, "size": [4, 5], "image_seconds": 0.1, "interactions": [step]}
    path.write_bytes(gzip.compress(f"{json.dumps(header)}\n{json.dumps(old)}\n".encode()))
    (record,) = read_records(path).objects
    assert record.boundary_ious is None
    assert record.interactions[0].broken is None
    assert record.to_dict() == old | {"picture": "toy/a"}


def test_nothing_cannot_be_summarised() -> None:
    with pytest.raises(InputError, match="no records"):
        summarise(RunHeader(dataset="toy", objects=0, data_sha256="", model="net"), [])


def test_a_summary_comes_back_from_its_file(tmp_path: Path) -> None:
    numbers = summary()
    write_summary(tmp_path / "summary.json", numbers)
    assert json.loads((tmp_path / "summary.json").read_text()) == numbers
    assert [file.name for file in tmp_path.iterdir()] == ["summary.json"]


def test_a_summary_that_cannot_be_written_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_summary(tmp_path / "nowhere" / "summary.json", summary())


def shown(summaries: list[Summary]) -> str:
    console = Console(width=120, no_color=True, force_terminal=False)
    with console.capture() as capture:
        console.print(summary_table(summaries))
    return capture.get()


def test_the_screen_shows_a_name_with_brackets() -> None:
    assert "[bold]net[/x]" in shown([{**summary(), "model": "[bold]net[/x]"}])


def test_the_screen_shows_one_run_with_its_intervals() -> None:
    text = shown([summary()])
    for part in ("net", "toy", "click", "NoC@90", "8.00", "1.00 .. 20.00", "IoU@1", "0.550", "NoF@90", "objects"):
        assert part in text


def test_the_screen_shows_the_iou_after_some_prompts_and_the_last() -> None:
    lines = shown([summary(max_interactions=7)]).splitlines()
    names = [line.split()[1] for line in lines if "IoU@" in line]
    assert names == ["IoU@1", "IoU@2", "IoU@3", "IoU@5", "IoU@7"]


def test_the_screen_shows_several_runs_beside_each_other() -> None:
    text = shown([summary(), summary(model="grabcut", stop_at_iou=0.85, first_kind="box")])
    assert "grabcut" in text
    assert "box, then click" in text
    assert "95 %" not in text
    assert next(line for line in text.splitlines() if "NoI@90" in line).split()[-2] == "-"


def test_a_bar_in_a_name_is_escaped() -> None:
    group = Group("Measured", "measured", (Row(("a|b",), (Cell("0.5"),)),))
    lines = to_markdown(Table("t", "c", ("method",), (("", ("IoU",)),), (group,))).splitlines()
    assert lines == ["| method | source | IoU |", "|---|---|--:|", "| a\\|b | measured | 0.5 |"]
