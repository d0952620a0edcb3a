"""Several runs: what may stand beside each other, and the tables in the paper's form."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from vpuformer.errors import InputError
from vpuformer.evaluation import RECORDS
from vpuformer.evaluation.records import Interaction, ObjectRecord, RecordWriter, RunHeader
from vpuformer.evaluation.report import markdown_tables, open_runs
from vpuformer.evaluation.report.published import (
    ABLATED,
    TABLE_I,
    TABLE_II,
    TABLE_III,
    TABLE_IV,
    TABLE_V,
    TABLE_VI,
    TABLE_VII,
)
from vpuformer.evaluation.report.runs import Run, column_names, method_names, run_names
from vpuformer.evaluation.report.tables import (
    Cell,
    Table,
    all_tables,
    boundary,
    combined,
    components,
    corrections,
    curves,
    effort,
    medical,
    natural,
    p2cl_weights,
    prompt_encodings,
    quality,
    times,
)
from vpuformer.prompts import Click

CURVE = (0.5, 0.86, 0.91)


def write_run(
    folder: Path,
    curves: Sequence[Sequence[float]] = (CURVE,),
    boundary: float | None = None,
    first: int = 0,
    **changes: Any,
) -> Path:
    """A finished run in `folder`: one object a curve, each on an image of its own, counted from `first`."""
    settings: dict[str, Any] = {"dataset": "grabcut", "data_sha256": "ab" * 32, "model": "net", **changes}
    header = RunHeader(
        objects=len(curves), **{"command": f"vpuformer evaluate -o {folder.name}", "device": "cpu", **settings}
    )
    folder.mkdir(parents=True)
    with RecordWriter(folder / RECORDS, header) as writer:
        for i, ious in enumerate(curves, start=first):
            steps = tuple(Interaction(Click(k, 1), value, 0.1, boundary) for k, value in enumerate(ious))
            writer.add(ObjectRecord(f"{header.dataset}/{i}", 1, (4, 5), 0.2, steps, f"{header.dataset}/{i}"))
    return folder


def whole_grabcut() -> list[tuple[float, ...]]:
    """As many curves as GrabCut has objects; the mean NoC@85 is 2, NoC@90 is 3."""
    return [CURVE] * 50


def texts(table: Table | None, group: int = 0) -> list[list[str]]:
    assert table is not None
    return [[*row.words, *(cell.text for cell in row.cells)] for row in table.groups[group].rows]


def test_a_whole_set_stands_beside_the_papers_numbers(tmp_path: Path) -> None:
    runs = open_runs([write_run(tmp_path / "a", whole_grabcut())])
    table = natural(runs)
    assert table is not None
    assert table.columns == (("GrabCut", ("NoC@85", "NoC@90")),)
    assert [(group.title, group.source) for group in table.groups] == [
        ("Measured", "measured"),
        ("Table II, trained on COCO+LVIS", "quoted"),
        ("Table I, trained on SBD", "quoted"),
    ]
    assert texts(table) == [["net", "", "2.00", "3.00"]]
    assert table.groups[0].rows[0].cells[0] == Cell("2.00", "2.00 to 2.00")
    assert ["VPUFormer (paper)", "ViT-B", "1.34", "1.40"] in texts(table, 1)
    # SAM and SEEM have no number for GrabCut.
    assert len(texts(table, 1)) == 6
    assert all(not cell.interval for group in table.groups[1:] for row in group.rows for cell in row.cells)


def test_a_part_of_a_set_says_so_and_has_no_quoted_number_beside_it(tmp_path: Path) -> None:
    runs = open_runs([write_run(tmp_path / "a"), write_run(tmp_path / "b", whole_grabcut())])
    table = natural(runs)
    assert table is not None
    assert [name for name, _ in table.columns] == ["GrabCut, 1 object", "GrabCut"]
    assert texts(table) == [["net", "", "2.00", "3.00", "2.00", "3.00"]]
    assert ["VPUFormer (paper)", "ViT-B", "", "", "1.34", "1.40"] in texts(table, 1)


def test_other_data_are_another_column(tmp_path: Path) -> None:
    runs = open_runs([write_run(tmp_path / "a"), write_run(tmp_path / "b", data_sha256="cd" * 32)])
    assert list(column_names(runs).values()) == [
        "GrabCut, 1 object, data abababab",
        "GrabCut, 1 object, data cdcdcdcd",
    ]


def test_other_objects_of_the_same_data_are_another_column(tmp_path: Path) -> None:
    runs = open_runs([write_run(tmp_path / "a"), write_run(tmp_path / "b", first=7)])
    assert list(column_names(runs).values()) == ["GrabCut, 1 object, selection 1", "GrabCut, 1 object, selection 2"]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"weights_sha256": "ef" * 32}, ["net", "net, weights efefefef"]),
        ({"options": {"zoom": False}}, ["net", "net, zoom=False"]),
        ({"stop_at_iou": 0.9}, ["net", "net, until IoU 0.9"]),
        ({"max_interactions": 5}, ["net, at most 20 prompts", "net, at most 5 prompts"]),
        ({"versions": {"vpuformer": "9"}}, [None, "net, version 9"]),
        ({"model": "other"}, ["net", "other"]),
    ],
)
def test_what_is_measured_otherwise_is_another_row(
    changes: dict[str, Any], names: list[str | None], tmp_path: Path
) -> None:
    runs = open_runs([write_run(tmp_path / "a"), write_run(tmp_path / "b", **changes)])
    for wanted, name in zip(names, method_names(runs).values(), strict=True):
        assert wanted is None or name == wanted
    assert len(set(run_names(runs))) == 2


def test_draws_of_another_seed_are_another_row_where_something_is_drawn(tmp_path: Path) -> None:
    clicks = [write_run(tmp_path / "a", seed=0), write_run(tmp_path / "b", dataset="davis", seed=1)]
    assert list(method_names(open_runs(clicks)).values()) == ["net"]
    mixed = [write_run(tmp_path / f"m{seed}", kinds=("click", "box"), seed=seed) for seed in (0, 1)]
    assert list(method_names(open_runs(mixed)).values()) == ["net, seed 0", "net, seed 1"]


def test_the_same_run_twice_is_refused(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / "a"), write_run(tmp_path / "b", device="cuda")]
    with pytest.raises(InputError, match=r"a and .*b would fill the same cells .* apart from device; give one"):
        open_runs(folders)


def test_runs_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run to report"):
        open_runs([])
    with pytest.raises(InputError, match="No such file"):
        open_runs([tmp_path])
    begun = tmp_path / "begun"
    with RecordWriter(_made(begun) / RECORDS, RunHeader(dataset="toy", objects=2, data_sha256="", model="net")):
        pass
    with pytest.raises(InputError, match="not finished: 0 of 2 objects"):
        open_runs([begun])
    broken = write_run(tmp_path / "broken") / RECORDS
    broken.write_bytes(broken.read_bytes()[:-10])
    with pytest.raises(InputError, match="or they are broken"):
        open_runs([broken.parent])
    empty = tmp_path / "empty"
    with RecordWriter(_made(empty) / RECORDS, RunHeader(dataset="toy", objects=0, data_sha256="", model="net")):
        pass
    with pytest.raises(InputError, match="no records to summarise"):
        open_runs([empty])


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_medical_sets_have_a_table_of_their_own(tmp_path: Path) -> None:
    runs = open_runs([write_run(tmp_path / "a", dataset="brats"), write_run(tmp_path / "b")])
    table = medical(runs)
    assert table is not None
    assert [name for name, _ in table.columns] == ["BraTS, 1 object"]
    assert [name for name, _ in natural(runs).columns] == ["GrabCut, 1 object"]  # type: ignore[union-attr]
    assert medical(runs[1:]) is None


def test_kinds_of_prompts_together(tmp_path: Path) -> None:
    kinds = [("click", "box", "scribble"), ("click",)]
    folders = [write_run(tmp_path / str(i), [CURVE] * 345, dataset="davis", kinds=each) for i, each in enumerate(kinds)]
    runs = open_runs(folders)
    table = combined(runs)
    assert table is not None
    assert table.columns == (("DAVIS", ("NoI@85", "NoI@90")),)
    assert texts(table) == [
        ["net", "✓", "-", "-", "2.00", "3.00"],
        ["net", "✓", "✓", "✓", "2.00", "3.00"],
    ]
    assert texts(table, 1)[3] == ["VPUFormer (paper), ViT-B", "✓", "✓", "✓", "2.94", "4.57"]
    assert combined(runs[1:]) is None


def test_a_run_of_few_prompts_counts_none(tmp_path: Path) -> None:
    runs = open_runs([write_run(tmp_path / "a", max_interactions=3, boundary=0.25)])
    assert natural(runs) is None
    assert effort(runs) is None
    assert texts(quality(runs)) == [["net (click), GrabCut, 1 object", "3", "0.500", "0.860", "0.910"]]
    assert texts(boundary(runs)) == [["net (click), GrabCut, 1 object", "3", "0.250", "0.250", "0.250"]]
    assert texts(curves(runs)) == [["1", "0.500"], ["2", "0.860"], ["3", "0.910"]]
    assert texts(times(runs)) == [["net (click), GrabCut, 1 object", "cpu", "0.100", "0.100", "0.200", "0.200"]]


def test_effort_by_hand(tmp_path: Path) -> None:
    runs = open_runs([write_run(tmp_path / "a", [(0.7,) * 19 + (0.9,), (0.7,) * 20])])
    (row,) = texts(effort(runs))
    assert row[2:] == ["20.00", "20.00", "20.00", "20.00", "1", "1", "2", "2"]


def test_a_run_that_stopped_at_a_target_has_dashes_beyond_it(tmp_path: Path) -> None:
    runs = open_runs([write_run(tmp_path / "a"), write_run(tmp_path / "b", stop_at_iou=0.85, model="peer")])
    first, second = texts(natural(runs))
    assert first == ["net", "", "2.00", "3.00"]
    assert second == ["peer", "", "2.00", ""]
    assert curves(runs[1:]) is None


def test_tables_in_markdown_say_of_every_row_where_it_is_from(tmp_path: Path) -> None:
    text = markdown_tables(open_runs([write_run(tmp_path / "a", whole_grabcut())]), level=3)
    lines = text.splitlines()
    assert "### Clicks (as Tables I and II)" in lines
    assert "| net | - | measured | 2.00 (2.00 to 2.00) | 3.00 (3.00 to 3.00) |" in lines
    assert "| VPUFormer (paper) | ViT-B | quoted, Table II, trained on COCO+LVIS | 1.34 | 1.40 |" in lines
    rows = [line for line in lines if line.startswith("|") and not line.startswith("|--")]
    assert all("measured" in row or "quoted, Table" in row or "source" in row for row in rows)
    assert lines[-2:] == ["vpuformer evaluate -o a", "```"]


def test_every_table_has_as_many_cells_as_columns(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / "a", whole_grabcut(), boundary=0.5),
        write_run(tmp_path / "b", whole_grabcut(), kinds=("click", "scribble"), stop_at_iou=0.9),
        write_run(tmp_path / "c", dataset="sstem", first_kind="box"),
        write_run(tmp_path / "d", dataset="oaizib"),
    ]
    tables = all_tables(open_runs(folders))
    assert len(tables) == 9
    for table in tables:
        for group in table.groups:
            for row in group.rows:
                assert len(row.words) == len(table.words)
                assert len(row.cells) == len(table.titles)


def test_corrections_are_about_further_prompts_and_what_was_measured_of_them(tmp_path: Path) -> None:
    falling = (0.9, 0.8, 0.85)
    runs = open_runs([write_run(tmp_path / "a", [CURVE, falling]), write_run(tmp_path / "b", dataset="davis")])
    table = corrections(runs)
    assert table is not None
    # Runs of older versions, which count no pixels.
    assert table.titles == ["IoU falls by more than .01"]
    assert [row[-1] for row in texts(table)] == ["25.0%", "0.0%"]
    assert corrections(open_runs([write_run(tmp_path / "c", [(0.9,)])])) is None


def test_the_ablations_are_quoted_beside_a_whole_set(tmp_path: Path) -> None:
    runs = open_runs([write_run(tmp_path / "a", [CURVE] * 345, dataset="davis")])
    assert texts(prompt_encodings(runs), 1) == [
        ["Distance map", "ViT-B", "3.83", "5.27"],
        ["Learning vector", "ViT-B", "3.62", "5.08"],
        ["PuE vector", "ViT-B", "3.48", "4.82"],
    ]
    table = components(runs)
    assert table is not None
    assert table.columns == (("DAVIS", ("NoC@90", "NoF@90")),)
    assert texts(table) == [["net", "", "3.00", "0"]]
    assert texts(table, 1)[0] == ["without DMA and P2CL", "HRNet-18s", "5.53", "78"]
    assert texts(table, 1)[-1] == ["DMA and P2CL", "ViT-B", "4.82", "48"]
    assert texts(p2cl_weights(runs), 1)[2] == ["lambda 0.5", "ViT-B", "3.94", "5.18"]
    # Nothing is quoted, so there is no table, where a part of the set was measured or another set.
    part = open_runs([write_run(tmp_path / "b", dataset="davis"), write_run(tmp_path / "c", whole_grabcut())])
    assert [make(part) for make in (prompt_encodings, components, p2cl_weights)] == [None] * 3


def test_the_published_ablations_agree_with_each_other() -> None:
    assert [len(table) for table in (TABLE_IV, TABLE_V, TABLE_VI)] == [3, 8, 6]
    for row in (*TABLE_IV, *TABLE_VI):
        for low, high in row.values.values():
            assert low is not None
            assert high is not None
            assert 1 <= low < high <= 20
    # The whole network on COCO+LVIS is a row of each; lambda 0 is the row of Table V with DMA alone.
    whole = TABLE_II[-1].values["davis"]
    assert TABLE_IV[-1].values["davis"] == TABLE_VI[4].values["davis"] == whole
    assert TABLE_V[-1].values["davis"][0] == whole[1]
    assert [TABLE_V[5].values[name][0] for name in ABLATED] == [TABLE_VI[0].values[name][1] for name in ABLATED]


def test_the_published_numbers_are_whole_and_ordered() -> None:
    rows = [*TABLE_I, *TABLE_II, *TABLE_III, *TABLE_VII]
    assert [len(table) for table in (TABLE_I, TABLE_II, TABLE_III, TABLE_VII)] == [15, 8, 5, 4]
    for row in rows:
        for low, high in row.values.values():
            assert low is None or high is None or 1 <= low < high <= 20
    # Table VII begins with what Table II ends with: clicks alone.
    assert TABLE_VII[0].values["davis"] == TABLE_II[-1].values["davis"] == (3.48, 4.82)


def test_a_run_is_a_value_of_its_folder(tmp_path: Path) -> None:
    (run,) = open_runs([write_run(tmp_path / "a")])
    (same,) = open_runs([tmp_path / "a" / RECORDS])
    assert isinstance(run, Run)
    assert run.summary == same.summary
