"""The prior of a prompt's place on a token grid."""

import math

import numpy as np
import pytest

from vpuformer.encoding.batch import PromptBatch
from vpuformer.encoding.prior import FLOOR, NOWHERE, prompt_priors, stroke_cells
from vpuformer.geometry import Crop, FrameMap
from vpuformer.prompts import Box, Click, Prompt, Scribble

FRAME = FrameMap.to_canonical(Crop.whole((448, 448)))


def batch(*samples: list[Prompt]) -> PromptBatch:
    return PromptBatch.collate(samples, [FRAME] * len(samples))


@pytest.mark.parametrize("size", [(16, 16), (28, 28), (32, 64), (7, 5)])
def test_a_click_has_its_peak_in_its_own_cell(size: tuple[int, int]) -> None:
    [prior] = prompt_priors(batch([Click(300, 100)]), [size])
    assert prior.shape == (1, 1, *size)
    peak = int(prior.argmax())
    assert (peak // size[1], peak % size[1]) == (100 * size[0] // 448, 300 * size[1] // 448)
    assert prior.max().item() == pytest.approx(math.log(1 + FLOOR), abs=1e-4)
    assert prior.min().item() == pytest.approx(math.log(FLOOR), abs=1e-4)


def test_a_box_is_its_inside() -> None:
    [prior] = prompt_priors(batch([Box(112, 112, 335, 223)]), [(8, 8)])
    covered = prior[0, 0] > math.log(0.9)
    assert np.argwhere(covered).min(axis=0).tolist() == [2, 2]
    assert np.argwhere(covered).max(axis=0).tolist() == [3, 5]
    assert covered.sum() == 8


def test_a_stroke_is_where_it_passes() -> None:
    diagonal = batch([Scribble(((20, 20), (430, 430)))])
    [stroke] = prompt_priors(diagonal, [(8, 8)])
    on = np.eye(8, dtype=bool)
    assert (stroke[0, 0][on] > math.log(0.9)).all()
    assert (stroke[0, 0][~on] < math.log(0.01)).all()
    assert stroke_cells(diagonal, (8, 8)).sum() == 8


def test_slots_without_a_prompt_and_null_tokens_prefer_no_place() -> None:
    [prior] = prompt_priors(batch([Click(9, 9)], [Click(9, 9), Click(300, 300)], []), [(4, 4)], null_tokens=1)
    assert prior.shape == (3, 3, 4, 4)
    for sample, slot in ((0, 1), (0, 2), (1, 2), (2, 0), (2, 1), (2, 2)):
        assert np.unique(prior[sample, slot]).tolist() == pytest.approx([math.log(NOWHERE)])


def test_all_grids_agree_on_the_place() -> None:
    coarse, fine = prompt_priors(batch([Click(200, 60)]), [(16, 16), (64, 64)])
    pooled = fine.reshape(16, 4, 16, 4).max(axis=(1, 3))
    np.testing.assert_allclose(pooled, coarse[0, 0], atol=1e-6)
