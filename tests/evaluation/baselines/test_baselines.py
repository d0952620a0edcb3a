"""The classical methods: seeds from prompts, and that they find an object that anybody would find."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from support.measured import asked, measure
from vpuformer.data.sample import Sample
from vpuformer.errors import ConfigError, PromptError
from vpuformer.evaluation.baselines import BASELINES, CLASSICAL, open_baseline
from vpuformer.evaluation.baselines.random_walker import RandomWalker
from vpuformer.evaluation.baselines.seeds import seed_labels
from vpuformer.geometry import Crop, FrameMap
from vpuformer.metrics import iou
from vpuformer.prompts import Box, Click, Kind, Prompt, Scribble

SIZE = (60, 80)
SAME = FrameMap(Crop.whole(SIZE), SIZE)


@pytest.fixture
def ellipse() -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return (((columns - 38) / 22) ** 2 + ((rows - 30) / 16) ** 2 <= 1).astype(np.int8)


@pytest.fixture
def flat(ellipse: np.ndarray) -> np.ndarray:
    """Two flat colours."""
    return np.where(ellipse[..., None] == 1, [200, 60, 40], [30, 90, 160]).astype(np.uint8)


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("first", ["click", "box", "scribble"])
def test_two_flat_colours_are_told_apart(name: str, first: Kind, flat: np.ndarray, ellipse: np.ndarray) -> None:
    sample = Sample("toy/ellipse", 1, lambda: flat, lambda: ellipse)
    [record] = measure([sample], open_baseline(name), first_kind=first, max_interactions=4)
    assert max(record.ious) > 0.9


@pytest.mark.parametrize("name", CLASSICAL)
def test_the_same_prompts_have_the_same_answer(name: str, image: np.ndarray) -> None:
    prompts = [Click(30, 20), Click(5, 5, False), Scribble(((20, 20), (38, 22)))]
    answers = []
    for _ in range(2):
        baseline = open_baseline(name)
        encoded = baseline.encode(image)
        answers.append(asked(baseline, encoded, prompts))
    assert np.array_equal(*answers)
    assert answers[0].dtype == np.float32
    assert answers[0].shape == image.shape[:2]


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize(
    "prompts",
    [
        [Click(3, 3, False)],
        [Box(-0.5, -0.5, 79.5, 59.5)],
        [Box(-0.5, -0.5, 79.5, 59.5, False)],
        [Box(10.1, 10.1, 10.4, 10.4)],
        [Box(9.5, 9.5, 10.5, 10.5)],
        [Click(0, 0)],
        [Scribble(((5, 5),)), Scribble(((50, 50),), False)],
        [Scribble(tuple((x, y) for y in range(60) for x in (0, 79)))],
        [Scribble(tuple((x, y) for y in range(0, 60, 2) for x in (0, 79))), Click(79, 59, False)],
    ],
    ids=str,
)
@pytest.mark.parametrize("grey", [True, False])
def test_one_sided_prompts_are_answered(name: str, prompts: list[Prompt], grey: bool, flat: np.ndarray) -> None:
    baseline = open_baseline(name)
    encoded = baseline.encode(np.full_like(flat, 128) if grey else flat)
    first = asked(baseline, encoded, prompts)
    again = asked(baseline, encoded, prompts, first)
    for answer in (first, again):
        assert answer.shape == SIZE
        assert np.isfinite(answer).all()
        assert answer.min() >= 0
        assert answer.max() <= 1


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 2), (900, 3)])
def test_tiny_and_narrow_images_are_answered(name: str, size: tuple[int, int]) -> None:
    baseline = open_baseline(name)
    encoded = baseline.encode(np.zeros((*size, 3), np.uint8))
    assert asked(baseline, encoded, [Click(0, 0), Click(size[1] - 1, size[0] - 1, False)]).shape == size


def test_a_large_image_is_walked_on_a_small_one(flat: np.ndarray, ellipse: np.ndarray) -> None:
    baseline = RandomWalker(longest_side=80)
    encoded = baseline.encode(flat.repeat(4, axis=0).repeat(4, axis=1))
    answer = asked(baseline, encoded, [Click(152, 120), Click(12, 12, False)])
    assert answer.shape == (240, 320)
    assert iou(answer > 0.49, ellipse.repeat(4, axis=0).repeat(4, axis=1)) > 0.9


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize(
    "prompts", [[], [Click(900, 3)], [Scribble([(-9, 40), (-9, -9), (40, -9)])], [Box(-9, -9, -1, 9)]]
)
def test_prompts_that_show_nothing_are_refused(name: str, prompts: list[Prompt]) -> None:
    baseline = open_baseline(name)
    encoded = baseline.encode(np.zeros((*SIZE, 3), np.uint8))
    with pytest.raises(PromptError, match=r"nothing to go by|outside the image"):
        asked(baseline, encoded, prompts)


def counted(labels: np.ndarray) -> list[int]:
    return np.bincount(labels.ravel(), minlength=4).tolist()


def test_a_click_is_a_disk_of_certain_pixels() -> None:
    labels = seed_labels([Click(40, 30), Click(10, 10, False)], SAME)
    assert labels[30, 40] == labels[30, 45] == labels[25, 40] == 1
    assert labels[30, 46] == 2
    assert labels[10, 10] == 0
    sure_background, sure_object, *_ = counted(labels)
    assert sure_background == sure_object == pytest.approx(np.pi * 25, rel=0.15)


def test_a_first_box_excludes_what_is_outside_and_a_later_one_does_not() -> None:
    box = Box(9.5, 9.5, 19.5, 29.5)
    assert counted(seed_labels([box], SAME)) == [60 * 80 - 200, 0, 0, 200]
    later = seed_labels([Click(60, 30), box], SAME)
    assert counted(later)[0] == 0
    assert counted(later)[3] == 200
    assert counted(seed_labels([Box(9.5, 9.5, 19.5, 29.5, False)], SAME)) == [200, 0, 60 * 80 - 200, 0]


def test_the_middle_of_a_positive_box_is_certain() -> None:
    labels = seed_labels([Box(9.5, 9.5, 29.5, 29.5), Click(20, 20, False)], SAME, core=0.5)
    assert (labels[14, 14], labels[15, 15], labels[24, 24], labels[25, 25]) == (3, 1, 1, 3)
    assert labels[20, 20] == 0
    assert counted(seed_labels([Box(9.5, 9.5, 29.5, 29.5, False)], SAME, core=0.5))[1] == 0


def test_clicks_and_strokes_win_over_boxes_and_later_ones_over_earlier_ones() -> None:
    box = Box(30.5, 20.5, 49.5, 39.5, False)
    assert seed_labels([Click(40, 30), box], SAME)[30, 40] == 1
    assert seed_labels([Click(40, 30), Click(40, 30, False)], SAME)[30, 40] == 0
    stroke = Scribble(((20, 30), (60, 30)))
    labels = seed_labels([Click(40, 30, False), stroke], SAME)
    assert labels[28:33, 40].tolist() == [1] * 5
    assert (labels[27, 40], labels[27, 25]) == (0, 2)


def test_seeds_shrink_with_the_image() -> None:
    half = FrameMap(Crop.whole(SIZE), (30, 40))
    labels = seed_labels([Click(40.5, 30.5)], half)
    assert labels[15, 20] == 1
    assert 10 < counted(labels)[1] < counted(seed_labels([Click(40.5, 30.5)], SAME))[1] / 2


@pytest.mark.parametrize("name", CLASSICAL)
def test_a_baseline_is_opened_by_name(name: str) -> None:
    assert open_baseline(name, device="cpu").name == name


@pytest.mark.parametrize("name", BASELINES)
def test_the_manual_names_each_baseline(name: str) -> None:
    manual = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text("utf-8")
    assert f"`{name}`" in manual


@pytest.mark.parametrize(
    ("name", "checkpoint", "sentence"),
    [
        (
            "grabcut",
            None,
            "no baseline called 'grabcut'; there are opencv-grabcut, .* sam2. Did you mean 'opencv-grabcut'?",
        ),
        ("random-walker", "weights", "random-walker has no weights, got 'weights'; leave them out"),
        ("random-walker:weights", None, "random-walker has no weights, got 'weights'; leave them out"),
        ("sam:this", "that", "sam:this and 'that' both name weights; give them once"),
        ("sam:", None, "'sam:' names no weights; give a folder or a name of the hub, or 'sam' for the default ones"),
        ("mine:Mine", "weights", "mine:Mine brings its own weights, got 'weights'; leave them out"),
    ],
)
def test_a_name_that_cannot_be_is_told_with_what_is_wanted(name: str, checkpoint: str | None, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        open_baseline(name, checkpoint=checkpoint)


def test_baselines_are_there_without_torch() -> None:
    code = (
        "import sys, vpuformer.evaluation.baselines as baselines, vpuformer.evaluation.report\n"
        "for name in baselines.CLASSICAL: baselines.open_baseline(name)\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
