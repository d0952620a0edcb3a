"""Candidates: the shirt, the person, the group; what each keeps of the prompts, and what they never change."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.networks import predictor_of
from vpuformer.arrays import FloatMap
from vpuformer.geometry import Crop, FrameMap
from vpuformer.inference.candidates import DISTINCT, distinct
from vpuformer.inference.pixels import pixels_under
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.protocol import Query
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.zoom import RULES, ViewSettings, closer_crop, prompts_in_crop
from vpuformer.metrics import iou
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click, Prompt, Scribble, fit_to_image

SIZE = (160, 200)
GROUP, PERSON, SHIRT = 60, 120, 200
"""Gray levels of three nested rectangles."""


class Pixels:
    def __init__(self, pixels: np.ndarray) -> None:
        self.gray, self.nbytes = pixels[..., 0], pixels.nbytes


class Nested:
    """Finds the person in the whole image and the shirt in a part of it, and keeps to the mask if there is one."""

    device, input_size, features_depend_on_mask, features_depend_on_prompts = "cpu", 64, False, False

    def encode(self, pixels: np.ndarray, *_: object) -> list[Pixels]:
        return [Pixels(each) for each in pixels]

    def decode(
        self, features: Sequence[Any], masks: np.ndarray, prompts: Sequence[tuple[Sequence[Prompt], FrameMap]]
    ) -> FloatMap:
        return np.stack(
            [
                self._logits(each.gray, mask, frame)
                for each, mask, (_, frame) in zip(features, masks, prompts, strict=True)
            ]
        )

    def _logits(self, gray: np.ndarray, mask: FloatMap, frame: FrameMap) -> FloatMap:
        if mask.any():
            return np.where(mask > 0.3, 6, -6).astype(np.float32)
        least = PERSON if frame.crop == Crop.whole(SIZE) else SHIRT
        return np.select([gray >= least - 5, gray >= GROUP - 5], [3.0, -1.5], -6.0).astype(np.float32)


def nested_image() -> np.ndarray:
    image = np.zeros((*SIZE, 3), np.uint8)
    image[10:150, 20:180] = GROUP
    image[40:140, 60:120] = PERSON
    image[70:100, 75:105] = SHIRT
    return image


def area(level: int) -> int:
    return int((nested_image()[..., 0] >= level).sum())


@pytest.fixture(scope="module")
def nested() -> Predictor:
    predictor = Predictor(VPUFormerSegmenter(Nested()))
    predictor.set_image(nested_image())
    return predictor


@pytest.fixture(scope="module")
def untrained() -> Predictor:
    return predictor_of(VPUFormer(VPUFormerConfig(input_size=64, dim=32, decoder_dim=16)))


def test_a_click_on_a_shirt_means_the_person_the_shirt_or_the_group(nested: Predictor) -> None:
    candidates = nested.predict([Click(90, 85)], candidates=True).candidates
    areas = [int(each.mask.sum()) for each in candidates]
    assert areas[0] == pytest.approx(area(PERSON), rel=0.1)
    assert sorted(areas) == pytest.approx([area(SHIRT), area(PERSON), area(GROUP)], rel=0.1)


def test_without_zoom_the_network_sees_the_whole_image_alone(nested: Predictor) -> None:
    for predictor, zoom in (
        (nested, False),
        (Predictor(VPUFormerSegmenter(Nested(), views=ViewSettings(zoom=None))), True),
    ):
        predictor.set_image(nested_image())
        candidates = predictor.predict([Click(90, 85)], zoom=zoom, candidates=True).candidates
        assert [int(each.mask.sum()) for each in candidates] == pytest.approx([area(PERSON), area(GROUP)], rel=0.1)


def test_only_who_asks_gets_candidates(nested: Predictor) -> None:
    queries = [Query(nested.encoded, [Click(90, 85)], candidates=asked) for asked in (False, True, False)]
    assert [len(answer.candidates) for answer in nested.segmenter.segment(queries)] == [0, 3, 0]


def test_objects_asked_about_together_keep_their_own_candidates(nested: Predictor) -> None:
    segmenter = nested.segmenter
    images = [segmenter.encode(image) for image in (nested_image(), nested_image()[:, ::-1])]
    queries = [Query(image, [Click(x, 85)], candidates=True) for image, x in zip(images, (90, 109), strict=True)]
    for query, answer in zip(queries, segmenter.segment(queries), strict=True):
        (alone,) = segmenter.segment([query])
        assert [each.score for each in answer.candidates] == [each.score for each in alone.candidates]
        for one, other in zip(answer.candidates, alone.candidates, strict=True):
            np.testing.assert_array_equal(one.mask, other.mask)


def test_an_answer_to_a_mask_is_its_only_candidate(nested: Predictor) -> None:
    first = nested.predict([Click(90, 85)])
    prompts = [Click(90, 85), Click(100, 130)]
    answer = nested.predict(prompts, mask=first.probability, crop=first.crop, candidates=True)
    (candidate,) = answer.candidates
    np.testing.assert_array_equal(candidate.mask, answer.mask)


signs = st.booleans()
points = st.tuples(st.floats(0, 59), st.floats(0, 39))
clicks = st.builds(lambda point, sign: Click(*point, sign), points, signs)
boxes = st.builds(
    lambda point, w, h, sign: Box(*point, point[0] + w, point[1] + h, sign),
    points,
    *[st.floats(1, 60)] * 2,
    signs,
)
scribbles = st.builds(Scribble, st.lists(points, min_size=1, max_size=4), signs)
sizes = st.sampled_from([(40, 60), (300, 400)])


@settings(max_examples=12, deadline=None)
@given(sizes, st.lists(st.one_of(clicks, boxes, scribbles), min_size=1, max_size=3), st.booleans())
def test_promises(untrained: Predictor, size: tuple[int, int], prompts: list[Prompt], zoom: bool) -> None:
    untrained.set_image(np.random.default_rng(size[0]).integers(0, 256, (*size, 3), np.uint8))
    shown = np.zeros(size, np.int8)
    for prompt in prompts:
        shown[pixels_under(prompt, size)] = 1 if prompt.positive else -1
    plain = untrained.predict(prompts, zoom=zoom)
    asked, again = (untrained.predict(prompts, zoom=zoom, candidates=True) for _ in range(2))
    np.testing.assert_array_equal(asked.probability, plain.probability)
    np.testing.assert_array_equal(asked.candidates[0].mask, plain.mask)
    assert (asked.crop, plain.candidates) == (plain.crop, ())
    assert 1 <= len(asked.candidates) <= 3
    for one, other in zip(asked.candidates, again.candidates, strict=True):
        np.testing.assert_array_equal(one.mask, other.mask)
        assert one.score == other.score
    for each in asked.candidates:
        assert (each.mask.shape, each.mask.dtype, each.mask.flags.writeable) == (size, np.bool_, False)
        assert 0 <= each.score <= 1
        np.testing.assert_array_equal(each.mask[shown != 0], (shown > 0)[shown != 0])
    for one, other in combinations(asked.candidates, 2):
        assert iou(one.mask, other.mask.astype(np.int8)) < DISTINCT
    scores = [each.score for each in asked.candidates[1:]]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 2)])
def test_the_smallest_images(untrained: Predictor, size: tuple[int, int]) -> None:
    untrained.set_image(np.zeros((*size, 3), np.uint8))
    answer = untrained.predict([Click(size[1] - 1, 0)], candidates=True)
    assert all(each.mask.shape == size for each in answer.candidates)
    np.testing.assert_array_equal(answer.candidates[0].mask, answer.mask)


def test_a_negative_prompt_alone_has_no_part(nested: Predictor) -> None:
    answer = nested.predict([Click(90, 85, positive=False)], candidates=True)
    assert len(answer.candidates) <= 2


# --- the choice ---------------------------------------------------------------------------------------------------


def prediction(*columns: int) -> Prediction:
    """An object in these of ten columns."""
    probability = np.full((1, 10), 0.1)
    probability[0, list(columns)] = 0.9
    return Prediction(probability)


def test_the_first_stays_first_and_the_others_follow_by_score() -> None:
    shirt, person, group = prediction(1), prediction(1, 2, 3), prediction(1, 2, 3, 4)
    candidates = distinct([shirt, person, group])
    assert [int(each.mask.sum()) for each in candidates] == [1, 3, 4]
    assert candidates[1].score >= candidates[2].score > candidates[0].score


def test_equal_and_empty_masks_are_left_out() -> None:
    shirt, nothing = prediction(1), prediction()
    assert [int(each.mask.sum()) for each in distinct([shirt, nothing, shirt])] == [1]
    assert [int(each.mask.sum()) for each in distinct([nothing, shirt, nothing])] == [0, 1]
    assert distinct([nothing])[0].score == 0


def test_an_answer_alone_scores_by_its_probabilities() -> None:
    (only,) = distinct([prediction(1)])
    assert only.score == pytest.approx(0.9)


# --- the crop -----------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(clicks, boxes, scribbles), min_size=1, max_size=4), st.sampled_from(["ours", "ritm"]))
def test_the_closer_crop_holds_every_positive_prompt(prompts: list[Prompt], rule: str) -> None:
    for size in ((40, 60), (300, 400)):
        fitted = fit_to_image(prompts, size)
        crop = closer_crop(size, fitted, RULES[rule])
        positive = tuple(prompt for prompt in fitted if prompt.positive)
        assert prompts_in_crop(positive, crop) == positive
        assert crop.width >= size[1] / 2
        assert crop.height >= size[0] / 2


def test_the_closer_crop_is_half_of_the_image_and_moves_inwards_at_its_edge() -> None:
    assert closer_crop((600, 800), [Click(500, 300)]) == Crop(301, 151, 400, 300)
    assert closer_crop((600, 800), [Click(799, 0)]) == Crop(400, 0, 400, 300)
    assert closer_crop((600, 800), [Click(799, 0, positive=False)]) == Crop.whole((600, 800))
