"""Numbers and tables from records."""

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from vpuformer.errors import InputError
from vpuformer.evaluation.records import Header, Interaction, ObjectRecord
from vpuformer.evaluation.report import (
    Summary,
    read_summary,
    render_table,
    summarise,
    summary_table,
    write_summary,
)
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
        )
        for number, ious in enumerate(CURVES)
    ]


def summary(**changes: Any) -> Summary:
    settings: dict[str, Any] = {"dataset": "toy", "objects": 3, "data_sha256": "ab", "model": "net", **changes}
    return summarise(Header(**settings), records())


def test_a_summary_worked_by_hand() -> None:
    numbers = summary(weights_sha256="12ef", seed=5)
    assert numbers["NoC@85"] == pytest.approx((2 + 1 + 20) / 3)
    assert numbers["NoC@90"] == pytest.approx((3 + 1 + 20) / 3)
    assert (numbers["NoF@90"], numbers[">=20@90"], numbers["objects"]) == (1, 1, 3)
    assert numbers["IoU@1"] == pytest.approx((0.5 + 0.95 + 0.2) / 3)
    assert numbers["IoU@20"] == numbers["curve"][19] == pytest.approx((0.91 + 0.97 + 0.2) / 3)
    assert len(numbers["curve"]) == 20
    assert numbers["prompts"] == {"box": 3, "click": 22}
    assert numbers["seconds_per_image"] == {"median": 0.5, "mean": 0.5}
    assert numbers["seconds_per_interaction"]["mean"] == pytest.approx((0.6 + 0.3 + 21.0) / 25)
    assert (numbers["weights_sha256"], numbers["model"], numbers["seed"]) == ("12ef", "net", 5)


def test_means_have_an_interval_around_them_and_counts_have_none() -> None:
    numbers = summary()
    assert set(numbers["intervals"]) == {name for name in numbers if name.startswith(("NoC@", "IoU@"))}
    for name, (low, high) in numbers["intervals"].items():
        assert low <= numbers[name] <= high
    assert numbers["intervals"] == summary(seed=1)["intervals"]


def test_a_run_that_stopped_at_a_target_has_no_numbers_beyond_it() -> None:
    names = {name for name in summary(until=0.9) if "@" in name}
    assert names == {"NoC@80", "NoC@85", "NoC@90", "NoF@85", "NoF@90", ">=20@85", ">=20@90", "IoU@1"}
    assert len(summary(until=0.9)["curve"]) == 1


def test_nothing_cannot_be_summarised() -> None:
    with pytest.raises(InputError, match="no records"):
        summarise(Header(dataset="toy", objects=0, data_sha256="", model="net"), [])


def test_a_summary_comes_back_from_its_file(tmp_path: Path) -> None:
    numbers = summary()
    write_summary(tmp_path / "summary.json", numbers)
    assert read_summary(tmp_path / "summary.json") == numbers
    assert [file.name for file in tmp_path.iterdir()] == ["summary.json"]


def test_files_that_are_no_summary_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    with pytest.raises(InputError, match="cannot be read"):
        read_summary(path)
    for content in ("[", "[]", '{"dataset": 1}'):
        path.write_text(content)
        with pytest.raises(InputError, match="no summary"):
            read_summary(path)
    with pytest.raises(InputError, match="cannot be written"):
        write_summary(tmp_path / "nowhere" / "summary.json", summary())


def shown(summaries: list[Summary]) -> str:
    console = Console(width=120, no_color=True, force_terminal=False)
    with console.capture() as capture:
        console.print(summary_table(summaries))
    return capture.get()


def test_the_screen_shows_one_run_with_its_intervals() -> None:
    text = shown([summary()])
    for part in ("net", "toy", "click", "NoC@90", "8.00", "1.00 .. 20.00", "IoU@1", "0.550", "NoF@90", "objects"):
        assert part in text


def test_the_screen_shows_several_runs_beside_each_other() -> None:
    text = shown([summary(), summary(model="grabcut", until=0.85, first_kind="box")])
    assert "grabcut" in text
    assert "box, then click" in text
    assert "95 %" not in text
    assert next(line for line in text.splitlines() if "NoI@90" in line).split()[-2] == "-"


def test_a_table_for_a_page() -> None:
    lines = render_table([summary(), summary(model="a|b", kinds=("click", "box"), until=0.85)]).splitlines()
    assert lines[0].startswith("| data set | method | prompts | objects | NoI@85 | NoI@90 |")
    assert lines[2] == "| toy | net | click | 3 | 7.67 | 8.00 | 1 | 0.550 | 0.693 | 0.693 | 0.8 |"
    assert lines[3].startswith("| toy | a\\|b | click + box | 3 | 7.67 | - | - | 0.550 | - | - |")
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
