"""Segment Anything's interface: one frame for clicks and boxes, the same way back, names, shapes and return values."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from support.networks import predictor_of
from vpuformer.errors import ImageError, MaskError, PromptError, SessionError
from vpuformer.evaluation.baselines.sam_prompts import sam_prompts
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.protocol import Encoded, Query
from vpuformer.integrations.sam import (
    LOW_RES,
    SamPredictor,
    expected_iou,
    from_corner_pixels,
    from_low_res,
    prompts_from_arrays,
    to_corner_pixels,
    to_low_res,
)
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click, Prompt

halves = st.integers(-100, 4000).map(lambda n: n / 2)
sides = st.integers(2, 2000).map(lambda n: n / 2)
boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), halves, halves, sides, sides)
clicks = st.builds(Click, halves, halves, st.booleans())


@given(boxes)
def test_a_box_comes_back_from_its_corner_pixels(box: Box) -> None:
    corners = to_corner_pixels(box)
    assert from_corner_pixels(corners) == box
    assert prompts_from_arrays(box=corners) == (box,)
    assert to_corner_pixels(from_corner_pixels(corners)).tolist() == corners.tolist()


@given(st.one_of(st.just(()), st.tuples(boxes)), st.lists(clicks, max_size=4))
def test_what_segment_anything_is_told_means_the_same_here(box: tuple[Box, ...], clicks: list[Click]) -> None:
    told = sam_prompts([*box, *clicks])
    back = prompts_from_arrays(told.points, told.labels, told.box)
    assert back == (*clicks, *box)


def test_clicks_and_boxes_lie_in_one_frame() -> None:
    """The box around one pixel holds the click on that pixel in its middle."""
    click, box = prompts_from_arrays([[7, 5]], [1], box=[7, 5, 7, 5])
    assert (click, box) == (Click(7, 5), Box(6.5, 4.5, 7.5, 5.5))


def test_a_box_below_a_pixel_is_its_centre() -> None:
    assert to_corner_pixels(Box(10.1, 4.5, 10.5, 5.5)).tolist() == pytest.approx([10.3, 5, 10.3, 5])


@pytest.mark.parametrize(
    ("arrays", "prompts"),
    [
        (([], [], [[0, 0, 3, 3], [1, 2, 2, 3]]), (Box(-0.5, -0.5, 3.5, 3.5), Box(0.5, 1.5, 2.5, 3.5))),
        ((np.zeros((0, 2)), np.zeros(0)), ()),
        ((torch.tensor([[1.0, 2.0]]), torch.tensor([1])), (Click(1, 2),)),
        ((torch.tensor([[1.0, 2.0]], dtype=torch.bfloat16, requires_grad=True), torch.tensor([True])), (Click(1, 2),)),
        (([[1, 2]], [False]), (Click(1, 2, False),)),
    ],
)
def test_arrays_of_all_kinds(arrays: Any, prompts: tuple[Prompt, ...]) -> None:
    assert prompts_from_arrays(*arrays) == prompts


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (([["1", "2"]], [1]), "point_coords is an array of"),
        (([[1, 2]], ["1"]), "point_labels is an array of"),
        (([[1 + 0j, 2]], [1]), "point_coords is an array of complex128"),
        (([[True, False]], [1]), "point_coords is an array of bool"),
        (([[1, 2], [3]], [1, 1]), "point_coords is not an array of numbers"),
        (([[1, 1]], None), "go together"),
        ((None, [1]), "go together"),
        (([1, 1], [1]), r"wanted \(N, 2\) and \(N,\)"),
        (([[1, 1]], [1, 0]), r"wanted \(N, 2\) and \(N,\)"),
        ((None, None, [1, 2, 3]), r"wanted \(4,\) or \(N, 4\)"),
        (([[1, 2]], [0.5]), "a point's label is 1"),
        (([[1, 2]], [np.nan]), "a point's label is 1"),
        ((None, None, {"x0": 1}), "box is an array of object"),
        ((None, None, [3, 5, 2.9, 9]), "x0 <= x1"),
        ((None, None, [3, np.nan, 4, 9]), "not a finite number"),
    ],
)
def test_what_is_no_array_of_prompts_is_refused(arrays: Any, sentence: str) -> None:
    with pytest.raises(PromptError, match=sentence):
        prompts_from_arrays(*arrays)


# --- the predictor ------------------------------------------------------------------------------------------------


@pytest.fixture
def ours() -> Predictor:
    return predictor_of(VPUFormer(VPUFormerConfig(input_size=64, dim=32, decoder_dim=16)))


@pytest.fixture
def theirs(ours: Predictor) -> SamPredictor:
    return SamPredictor(ours.segmenter)


def test_names_and_order_are_those_of_segment_anything() -> None:
    """Of `segment_anything.SamPredictor`, version 1.0."""
    named = {
        name: list(inspect.signature(getattr(SamPredictor, name)).parameters)[1:] for name in ("set_image", "predict")
    }
    assert named == {
        "set_image": ["image", "image_format"],
        "predict": [
            "point_coords",
            "point_labels",
            "box",
            "mask_input",
            "multimask_output",
            "return_logits",
        ],
    }


def test_masks_are_those_of_our_predictor(ours: Predictor, theirs: SamPredictor, image: np.ndarray) -> None:
    ours.set_image(image)
    theirs.set_image(image)
    prompts = [Click(30, 20), Click(5, 5, False), Box(9.5, 4.5, 50.5, 40.5)]
    arrays = np.array([[30, 20], [5, 5], [0, 0]]), np.array([1, 0, -1]), np.array([10, 5, 50, 40])
    wanted = ours.predict(prompts)
    masks, scores, low_res = theirs.predict(*arrays, multimask_output=False)
    assert (masks.shape, masks.dtype) == ((1, 48, 64), np.bool_)
    assert np.array_equal(masks[0], wanted.mask)
    assert scores.shape == (1,)
    assert scores[0] == pytest.approx(expected_iou(wanted))
    assert (low_res.shape, low_res.dtype) == ((1, LOW_RES, LOW_RES), np.float32)

    candidates = ours.predict(prompts, candidates=True).candidates
    masks, scores, low_res = theirs.predict(*arrays)
    assert np.array_equal(masks, [each.mask for each in candidates])
    assert scores.tolist() == pytest.approx([each.score for each in candidates])
    assert low_res.shape == (len(masks), LOW_RES, LOW_RES)
    assert len(theirs.predict(*arrays, mask_input=low_res[:1])[0]) == 1


def test_logits_are_above_the_threshold_where_the_mask_is(theirs: SamPredictor, image: np.ndarray) -> None:
    theirs.set_image(image)
    masks, _, _ = theirs.predict([[30, 20]], [1])
    logits, _, _ = theirs.predict([[30, 20]], [1], return_logits=True)
    assert logits.dtype == np.float32
    assert np.array_equal(logits > theirs.mask_threshold, masks)


def test_bgr_is_turned_around(theirs: SamPredictor, image: np.ndarray) -> None:
    theirs.set_image(image)
    rgb = theirs.predict([[30, 20]], [1], return_logits=True)[0]
    theirs.set_image(image[..., ::-1], image_format="BGR")
    assert np.array_equal(theirs.predict([[30, 20]], [1], return_logits=True)[0], rgb)
    with pytest.raises(ImageError, match="image_format is RGB or BGR"):
        theirs.set_image(image, "HSV")  # type: ignore[arg-type]


class Echo:
    """Answers with the mask that it was given, or with a disk, and knows no candidates."""

    name, sha256 = "echo", ""

    def encode(self, image: np.ndarray) -> Encoded:
        return Encoded(image)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        return [Prediction(disk(query.encoded.size) if query.mask is None else query.mask) for query in queries]


def test_all_prompts_beside_a_mask_are_new() -> None:
    asked: list[Query] = []

    class Recording(Echo):
        def segment(self, queries: Sequence[Query]) -> list[Prediction]:
            asked.extend(queries)
            return super().segment(queries)

    predictor = SamPredictor(Recording())
    predictor.set_image(np.zeros((48, 64, 3), np.uint8))
    _, _, low_res = predictor.predict(box=[10, 5, 50, 40])
    predictor.predict([[60, 45]], [1], box=[10, 5, 50, 40], mask_input=low_res)
    assert asked[1].new_prompts == (Click(60, 45), Box(9.5, 4.5, 50.5, 40.5))


def disk(size: tuple[int, int]) -> np.ndarray:
    """A probability that falls from the middle outwards."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    distance = np.hypot(rows - size[0] / 2, columns - size[1] / 2)
    return 1 / (1 + np.exp((distance - min(size) / 3) / 2))


@pytest.mark.parametrize("size", [(48, 64), (300, 200), (600, 800), (1, 9)])
def test_low_res_logits_go_back_in(size: tuple[int, int]) -> None:
    predictor = SamPredictor(Echo())
    predictor.set_image(np.zeros((*size, 3), np.uint8))
    masks, _, low_res = predictor.predict([[0, 0]], [1])
    again, _, low_res_again = predictor.predict([[0, 0]], [1], mask_input=low_res)
    assert np.count_nonzero(masks != again) <= 0.01 * masks.size
    np.testing.assert_allclose(low_res, low_res_again, atol=1.5)


@given(st.integers(1, 700), st.integers(1, 700), st.floats(-11, 11, width=32))
def test_a_level_survives_the_low_resolution(height: int, width: int, level: float) -> None:
    square = to_low_res(np.full((height, width), level, np.float32))
    probability = from_low_res(square[None], (height, width))
    wanted = 1 / (1 + (1 - MASK_THRESHOLD) / MASK_THRESHOLD * np.exp(-level))
    np.testing.assert_allclose(probability, wanted, atol=1e-4)


def test_an_image_lies_in_the_square_as_in_segment_anything() -> None:
    """Longer side 256, top left, padding at the right and below."""
    square = to_low_res(np.ones((300, 400), np.float32))
    assert (square > 0).sum() == 192 * 256
    assert (square[:192] > 0).all()


def test_what_does_not_fit_is_refused(theirs: SamPredictor, image: np.ndarray) -> None:
    with pytest.raises(SessionError, match="call set_image"):
        theirs.predict([[1, 1]], [1])
    theirs.set_image(image)
    for mask in (np.zeros((256, 256)), np.zeros((1, 48, 64)), np.full((1, 256, 256), np.nan), "mask"):
        with pytest.raises(MaskError, match="mask_input"):
            theirs.predict([[1, 1]], [1], mask_input=mask)
    with pytest.raises(PromptError, match="nothing to go by"):
        theirs.predict()
    with pytest.raises(PromptError, match="go together"):
        theirs.predict(point_coords=[[1, 1]])
    theirs.reset_image()
    with pytest.raises(SessionError, match="call set_image"):
        theirs.predict([[1, 1]], [1])


def test_the_score_is_one_for_a_sure_mask_and_zero_for_none() -> None:
    assert expected_iou(Prediction(np.eye(4))) == 1
    assert expected_iou(Prediction(np.zeros((4, 4)))) == 0
    assert expected_iou(Prediction(np.full((4, 4), 0.6))) == pytest.approx(0.6)
