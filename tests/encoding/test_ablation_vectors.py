"""Distance maps and learned vectors, the two encodings that Table IV compares PuE with."""

import math

import numpy as np
import pytest
import torch

from support.networks import tokens_of
from vpuformer.encoding.ablation_vectors import CELLS, TRUNCATION, distance_maps
from vpuformer.encoding.batch import PromptBatch
from vpuformer.geometry import CANONICAL, Crop, FrameMap
from vpuformer.model.pue import LearnedVectorEncoder, PromptUnifiedEncoder
from vpuformer.prompts import Box, Click, Prompt, Scribble

FRAME = FrameMap.to_canonical(Crop.whole((CANONICAL, CANONICAL)))
STROKE = Scribble(((20, 30), (300, 200), (310, 400)))


def batch(*samples: list[Prompt]) -> PromptBatch:
    return PromptBatch.collate(samples, [FRAME] * len(samples))


def centres() -> np.ndarray:
    rows, columns = CELLS
    y, x = np.mgrid[:rows, :columns]
    return np.stack([(x + 0.5) * CANONICAL / columns - 0.5, (y + 0.5) * CANONICAL / rows - 0.5], axis=-1)


ENCODERS = {"distance-map": PromptUnifiedEncoder, "learned-vector": LearnedVectorEncoder}


def test_the_distance_to_a_click_and_to_a_box_by_hand() -> None:
    click, box = distance_maps(batch([Click(100, 50), Box(100, 50, 200, 80)]))[0].reshape(2, *CELLS)
    x, y = centres()[0, 0]
    assert click[0, 0] == pytest.approx(math.hypot(100 - x, 50 - y) / TRUNCATION, rel=1e-5)
    assert click[-1, -1] == 1
    x, y = centres()[2, 2]
    assert box[2, 2] == pytest.approx(math.hypot(100 - x, 50 - y) / TRUNCATION, rel=1e-5)
    assert box[4, 10] == 0
    x, y = centres()[4, 20]
    assert box[4, 20] == pytest.approx((x - 200) / TRUNCATION, rel=1e-5)


def test_the_distance_to_a_scribble_is_that_to_its_nearest_point() -> None:
    prompts = batch([STROKE])
    points = prompts.points[0, 0][prompts.point_valid[0, 0]]
    slow = [min(1.0, min(math.dist(cell, point) for point in points) / TRUNCATION) for cell in centres().reshape(-1, 2)]
    np.testing.assert_allclose(distance_maps(prompts)[0, 0], slow, atol=1e-5)


def test_empty_slots_are_zero() -> None:
    maps = distance_maps(batch([Click(5, 5)], [Click(5, 5), STROKE, Box(1, 1, 9, 9)]))
    assert not maps[0, 1:].any()
    assert maps[1].any(axis=-1).all()


@pytest.mark.parametrize("encoding", ENCODERS)
@torch.inference_mode()
def test_tokens_tell_places_kinds_and_signs_apart(encoding: str) -> None:
    encoder = ENCODERS[encoding](32, 16)
    prompts: list[Prompt] = [
        Click(100, 100), Click(300, 100), Click(100, 100, False), Box(90, 90, 110, 110), Box(90, 90, 110, 300),
        Scribble(((90, 100), (110, 100))), Scribble(((100, 90), (100, 300))),
    ]  # fmt: skip
    tokens, valid = tokens_of(encoder, batch(prompts), encoding)
    assert tokens.shape == (1, len(prompts), 32)
    assert valid.all()
    distance = torch.cdist(tokens[0], tokens[0]) + torch.eye(len(prompts)) * 9
    assert distance.min() > 1e-3
    alone, _ = tokens_of(encoder, batch(prompts[4:5]), encoding)
    torch.testing.assert_close(alone[0, 0], tokens[0, 4], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("encoding", ENCODERS)
@torch.inference_mode()
def test_a_sample_without_prompts_gets_one_token(encoding: str) -> None:
    encoder = ENCODERS[encoding](32, 16)
    torch.nn.init.ones_(encoder.no_prompt)
    tokens, valid = tokens_of(encoder, batch([], [Click(5, 5), Click(9, 9)]), encoding)
    assert valid.tolist() == [[True, False], [True, True]]
    assert torch.equal(tokens[0, 0], torch.ones(32))


@torch.inference_mode()
def test_mixed_precision_moves_no_learned_point() -> None:
    """A matrix product of coordinates would: bfloat16 knows 447 and 448 as one number."""
    encoder = LearnedVectorEncoder(32, 16)
    encoder.project = torch.nn.Sequential(torch.nn.Identity())  # which may round as it likes
    clicks = batch([Click(446.6, 301.3), Click(12.4, 7.9)])
    exact, _ = tokens_of(encoder, clicks, "learned-vector")
    with torch.autocast("cpu", torch.bfloat16):
        mixed, _ = tokens_of(encoder, clicks, "learned-vector")
    torch.testing.assert_close(mixed, exact)
