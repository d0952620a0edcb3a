"""Prompts of people: they move with the view, and those that no longer fit are left out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vpuformer.data.augmentation import Augmentation
from vpuformer.data.kinds.masks import MaskFolder
from vpuformer.data.recorded_prompts import prompts_in_view
from vpuformer.data.training_set import TrainingSet
from vpuformer.prompts import Box, Click, Prompt, Scribble

SIDE = 40
MIRRORED = np.array([[-1.0, 0, SIDE], [0, 1, 0]])
TURNED = np.array([[0.0, -1, SIDE], [1, 0, 0]])


def square() -> np.ndarray:
    mask = np.zeros((SIDE, SIDE), bool)
    mask[5:15, 20:30] = True
    return mask


@pytest.mark.parametrize(("view", "turn"), [(MIRRORED, np.fliplr), (TURNED, lambda mask: np.rot90(mask, -1))])
def test_prompts_move_with_the_image(view: np.ndarray, turn: object) -> None:
    prompts = [Click(22, 7), Box(19.5, 4.5, 29.5, 14.5), Scribble([(21, 6), (28, 13)]), Click(2, 2, positive=False)]
    mask = turn(square())  # type: ignore[operator]
    moved = prompts_in_view(prompts, view, mask)
    assert [prompt.kind for prompt in moved] == ["click", "box", "scribble", "click"]
    rows, columns = np.nonzero(mask)
    assert moved[1].bounds == (columns.min() - 0.5, rows.min() - 0.5, columns.max() + 0.5, rows.max() + 0.5)


@pytest.mark.parametrize(
    "prompt",
    [
        Click(2, 2),
        Click(25, 10, positive=False),
        Click(99, 10),
        Box(0, 20, 10, 30),
        Box(19.5, 4.5, 29.5, 14.5, positive=False),
        Scribble([(0, 0), (5, 5)]),
    ],
)
def test_a_prompt_that_contradicts_the_mask_is_left_out(prompt: Prompt) -> None:
    assert prompts_in_view([prompt], np.eye(2, 3), square()) == ()


def test_samples_hold_the_prompts_of_their_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.full((SIDE, SIDE, 3), 90, np.uint8)
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[2:18, 2:18], labels[20:38, 20:38] = 1, 2
    for folder, pixels in (("images", image), ("masks", labels)):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels).save(tmp_path / folder / "a.png")
    source = MaskFolder(tmp_path)
    given = {1: (Click(5, 5), Click(30, 30, positive=False)), 2: (Click(30, 30),)}
    monkeypatch.setattr(source, "recorded_prompts", lambda _, number: given[number])
    plain = Augmentation(rotate=0, paste=0, whole=1, partial=0)
    samples = TrainingSet({"a": source}, size=SIDE, objects_per_image=3, augmentation=plain)
    seen = set()
    for index in range(12):
        sample = samples[index]
        for truth, prompts in zip(sample["truth"].numpy(), sample["recorded"], strict=True):
            seen.add(len(prompts))
            for prompt in prompts:
                assert isinstance(prompt, Click)
                assert (truth[round(prompt.y), round(prompt.x)] == 1) == prompt.positive
    assert seen == {0, 1, 2}  # a union of both has none
