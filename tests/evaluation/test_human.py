"""Scribbles that people drew: traced, and compared with the simulated ones."""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from support.measured import Loop
from vpuformer.arrays import FloatMap
from vpuformer.cli import app
from vpuformer.data.sample import Sample
from vpuformer.errors import DatasetError, InputError, MaskError
from vpuformer.evaluation.human import evaluate_human, find_sets, read_strokes, summarise_human, trace
from vpuformer.inference.protocol import Query
from vpuformer.prompts import Click, Prompt, Scribble
from vpuformer.simulation import next_scribble

SIZE = (48, 64)
Line = Sequence[tuple[int, int]]


def drawn(*lines: Line, width: int = 5) -> npt.NDArray[np.bool_]:
    """Lines with a round brush, bool (48, 64)."""
    canvas = Image.new("L", SIZE[::-1])
    brush = ImageDraw.Draw(canvas)
    for line in lines:
        brush.line(list(line), fill=1, width=width, joint="curve")
        for x, y in line:
            brush.circle((x, y), width / 2, fill=1)
    return np.asarray(canvas) > 0


def write_labels(path: Path, labels: npt.NDArray[np.integer]) -> Path:
    """A palette PNG, as the sets of scribbles have them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels.astype(np.uint8), mode="P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.save(path)
    return path


def labels_of(positive: npt.NDArray[np.bool_], negative: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    return np.where(positive, 1, np.where(negative, 2, 0)).astype(np.uint8)


def distance_to(points: npt.NDArray[np.float64], line: Line) -> float:
    """The greatest distance of the points from a line of many points."""
    ends = np.array(line, dtype=np.float64)
    dense = np.concatenate([np.linspace(a, b, 200) for a, b in pairwise(ends)])
    return float(np.linalg.norm(points[:, None] - dense[None], axis=2).min(axis=1).max())


def test_a_stroke_is_traced_along_its_middle_and_in_order() -> None:
    line = [(10, 8), (30, 40), (55, 12)]
    (path,) = trace(drawn(line))
    assert distance_to(path, line) < 2
    assert Scribble(tuple(map(tuple, path.tolist()))).length == pytest.approx(75.3, rel=0.12)
    assert {tuple(path[0] < 20), tuple(path[-1] < 20)} == {(True, True), (False, True)}


def test_each_piece_is_a_stroke() -> None:
    lines = [[(8, 6), (50, 6)], [(8, 20), (50, 24)], [(12, 40), (30, 36)]]
    paths = trace(drawn(*lines))
    assert len(paths) == 3
    for line in lines:
        assert min(distance_to(path, line) for path in paths) < 1.5


def test_what_a_path_leaves_over_of_a_crossing_is_traced_too() -> None:
    lines = [[(4, 24), (60, 24)], [(32, 3), (32, 45)]]
    paths = trace(drawn(*lines, width=3))
    covered = np.zeros(SIZE, dtype=np.bool_)
    for path in paths:
        covered |= drawn([(round(x), round(y)) for x, y in path.tolist()], width=5)
    raster = drawn(*lines, width=3)
    assert (covered & raster).sum() > 0.85 * raster.sum()
    assert 2 <= len(paths) <= 3


def test_strokes_at_the_edge_of_the_image_and_specks() -> None:
    assert len(trace(np.zeros(SIZE, dtype=np.bool_))) == 0
    (path,) = trace(drawn([(0, 0), (63, 0)]))
    assert path[:, 0].min() < 6
    assert path[:, 0].max() > 57
    speck = np.zeros(SIZE, dtype=np.bool_)
    speck[20, 30] = True
    (point,) = trace(speck)
    assert point.tolist() == [[30, 20]]
    assert len(trace(np.ones(SIZE, dtype=np.bool_))) >= 1


def test_a_image_of_labels_is_read(tmp_path: Path) -> None:
    positive, negative = drawn([(20, 20), (40, 20)]), drawn([(4, 4), (60, 4)], [(4, 44), (60, 44)])
    file = write_labels(tmp_path / "one-anno.png", labels_of(positive, negative))
    strokes = read_strokes(file, SIZE)
    assert [stroke.positive for stroke in strokes] == [True, False, False]
    assert all(isinstance(stroke, Scribble) for stroke in strokes)
    positive[:] = False
    positive[20, 30] = True
    strokes = read_strokes(write_labels(file, labels_of(positive, negative)), SIZE)
    assert strokes[0] == Click(30, 20)


def test_images_of_something_else_are_refused(tmp_path: Path) -> None:
    nothing = np.zeros(SIZE, dtype=np.bool_)
    file = write_labels(tmp_path / "one-anno.png", labels_of(nothing, drawn([(4, 4), (60, 4)])))
    with pytest.raises(DatasetError, match="has no stroke on the object"):
        read_strokes(file, SIZE)
    with pytest.raises(MaskError, match=r"one-anno\.png"):
        read_strokes(file, (9, 9))
    with pytest.raises(DatasetError, match="labels up to 3"):
        read_strokes(write_labels(file, np.full(SIZE, 3)), SIZE)
    with pytest.raises(DatasetError, match="holds no scribbles"):
        find_sets(tmp_path / "nowhere")


class Strokes(Loop):
    """It answers the pixels of the first positive prompt's bounds, and remembers what it was shown."""

    name = "strokes"

    def __init__(self) -> None:
        self.shown: list[tuple[Prompt, ...]] = []

    def answer(self, query: Query) -> FloatMap:
        assert query.mask is None
        self.shown.append(query.prompts)
        answer = np.zeros(query.encoded.size, np.float32)
        x0, y0, x1, y1 = (round(value) for value in query.prompts[0].bounds)
        answer[y0 : y1 + 1, x0 : x1 + 1] = 1
        return answer


@pytest.fixture
def scribbles(tmp_path: Path) -> Path:
    """Two sets for the images `one` and `124080`, the second with two positive strokes."""
    folder = tmp_path / "scribbles"
    ground = drawn([(4, 44), (60, 44)])
    for name in ("one", "124084"):
        write_labels(folder / "first" / f"{name}-anno.png", labels_of(drawn([(20, 20), (40, 20)]), ground))
        two = drawn([(26, 16), (34, 16)], [(18, 24), (42, 24)], width=3)
        write_labels(folder / "second" / f"{name}-anno.png", labels_of(two, ground))
    return folder


def samples(image: npt.NDArray[np.uint8], truth: npt.NDArray[np.int8]) -> list[Sample]:
    return [Sample(f"grabcut/{name}", 1, lambda: image, lambda: truth) for name in ("one", "124080")]


def test_every_set_is_measured_and_compared(
    scribbles: Path, image: npt.NDArray[np.uint8], truth: npt.NDArray[np.int8]
) -> None:
    segmenter, told = Strokes(), []
    records = evaluate_human(
        samples(image, truth), scribbles, segmenter, on_progress=lambda done, total: told.append((done, total))
    )
    assert told == [(1, 2), (2, 2)]
    assert [(record.name, record.set) for record in records] == [
        ("grabcut/one", "first"),
        ("grabcut/one", "second"),
        ("grabcut/124080", "first"),
        ("grabcut/124080", "second"),
    ]
    simulated = next_scribble(truth, np.zeros(SIZE, dtype=np.bool_))
    assert isinstance(simulated, Scribble)
    assert segmenter.shown[0] == (simulated,)
    first, second = records[:2]
    unit = float((truth == 1).sum()) ** 0.5
    assert (first.positive, first.negative, second.positive) == (1, 1, 2)
    assert first.simulated_length == pytest.approx(simulated.length / unit)
    assert first.human_length == pytest.approx(20 / unit, rel=0.2)
    assert second.human_length == pytest.approx(24 / unit, rel=0.2)
    # With one positive stroke the answer to all and to the longest is the same.
    assert first.iou == first.human_iou

    summary = summarise_human(records)
    assert list(summary) == ["first", "second"]
    assert summary["first"]["objects"] == 2
    assert summary["first"]["gain"] == pytest.approx(first.human_iou - first.simulated_iou)
    assert summary["first"]["intervals"]["positive"] == [1, 1]


def test_a_image_without_scribbles_is_named(
    scribbles: Path, image: npt.NDArray[np.uint8], truth: npt.NDArray[np.int8]
) -> None:
    (scribbles / "second" / "124084-anno.png").unlink()
    with pytest.raises(DatasetError, match="second has no scribbles for grabcut/124080"):
        evaluate_human(samples(image, truth), scribbles, Strokes())
    with pytest.raises(InputError, match="no records to summarise"):
        summarise_human([])


def test_the_command_measures_with_them(
    scribbles: Path, tmp_path: Path, image: npt.NDArray[np.uint8], truth: npt.NDArray[np.int8]
) -> None:
    root = tmp_path / "GrabCut"
    for folder, pixels in (("data_GT", image), ("boundary_GT", (truth == 1) * np.uint8(255))):
        (root / folder).mkdir(parents=True)
        Image.fromarray(pixels).save(root / folder / "one.png")
    words = ["evaluate", "--dataset", "grabcut", "--root", root, "--human", scribbles, "-o", tmp_path / "out"]
    baseline = ["--baseline", "opencv-grabcut"]
    result = CliRunner().invoke(app, [str(word) for word in [*words, *baseline]])
    assert result.exit_code == 0, result.output
    assert "second" in result.stdout
    told = json.loads((tmp_path / "out" / "human.json").read_text())
    assert list(told["sets"]) == ["first", "second"]
    assert (told["model"], len(told["records"]), len(told["scribbles_sha256"])) == ("opencv-grabcut", 2, 64)
    assert "kinds" not in told
    assert CliRunner().invoke(app, [str(word) for word in [*words, *baseline]]).exit_code == 0
    refused = CliRunner().invoke(app, [str(word) for word in [*words, "--baseline", "random-walker"]])
    assert refused.exit_code == 2
    assert "human.json belongs to another run, which differs in model (" in refused.stderr
    for option in (["--first", "box"], ["--workers", "2"], ["--seed", "3"]):
        refused = CliRunner().invoke(app, [str(word) for word in [*words, *baseline, *option]])
        assert refused.exit_code == 2
        assert "--human gives all scribbles at once" in refused.stderr


def test_sets_of_one_name_in_two_folders_are_two(tmp_path: Path) -> None:
    for folder in ("x/anno", "y/anno", "."):
        write_labels(
            tmp_path / folder / "one-anno.png", labels_of(drawn([(4, 4), (20, 4)]), drawn([(4, 44), (60, 44)]))
        )
    assert set(find_sets(tmp_path)) == {"x/anno", "y/anno", tmp_path.name}


def test_several_objects_of_an_image_are_refused(
    scribbles: Path, image: npt.NDArray[np.uint8], truth: npt.NDArray[np.int8]
) -> None:
    twice = [Sample("grabcut/one", number, lambda: image, lambda: truth) for number in (1, 2)]
    with pytest.raises(DatasetError, match="grabcut/one has several objects, and scribbles are of one"):
        evaluate_human(twice, scribbles, Strokes())
