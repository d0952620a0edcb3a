"""`SamPredictor`: names, masks, logits and scores, what goes back in, and refusals."""

import inspect
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from support.networks import predictor_of
from vpuformer.errors import ImageError, MaskError, PromptError, SessionError
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.protocol import Encoded, Query
from vpuformer.integrations.sam import SamPredictor
from vpuformer.integrations.sam.masks import LOW_RES, expected_iou, from_low_res, to_low_res
from vpuformer.metrics import MASK_THRESHOLD
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click


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


def test_there_are_three_masks_of_which_the_first_fills_up(
    ours: Predictor, theirs: SamPredictor, image: np.ndarray
) -> None:
    ours.set_image(image)
    theirs.set_image(image)
    candidates = ours.predict([Click(30, 20)], candidates=True).candidates
    masks, scores, low_res = theirs.predict([[30, 20]], [1])
    assert (masks.shape, scores.shape, low_res.shape) == ((3, 48, 64), (3,), (3, LOW_RES, LOW_RES))
    wanted = (candidates + candidates[:1] * 2)[:3]
    assert np.array_equal(masks, [each.mask for each in wanted])
    assert scores.tolist() == pytest.approx([each.score for each in wanted])
    again, _, _ = theirs.predict([[30, 20]], [1], mask_input=low_res[:1])
    assert np.array_equal(again, again[[0, 0, 0]])


def test_tensors_come_in_the_frame_of_the_transform(theirs: SamPredictor, image: np.ndarray) -> None:
    theirs.set_image(image)
    boxes = np.array([[10, 5, 50, 40], [0, 0, 20, 20]])
    framed = theirs.transform.apply_boxes_torch(torch.from_numpy(boxes), image.shape[:2])
    assert framed[0].tolist() == [160, 80, 800, 640]
    masks, scores, low_res = theirs.predict_torch(None, None, framed, multimask_output=False)
    assert [each.shape for each in (masks, scores, low_res)] == [(2, 1, 48, 64), (2, 1), (2, 1, LOW_RES, LOW_RES)]
    for box, mask in zip(boxes, masks, strict=True):
        assert np.array_equal(mask, theirs.predict(box=box, multimask_output=False)[0])
    points = theirs.transform.apply_coords_torch(torch.tensor([[[30, 20]], [[5, 5]]]), image.shape[:2])
    refined = theirs.predict_torch(points, torch.ones(2, 1), mask_input=low_res)
    assert [each.shape for each in refined] == [(2, 3, 48, 64), (2, 3), (2, 3, LOW_RES, LOW_RES)]
    with pytest.raises(PromptError, match=r"those of 1, 2 objects"):
        theirs.predict_torch(points, torch.ones(2, 1), framed[:1])
    with pytest.raises(PromptError, match=r"those of no objects"):
        theirs.predict_torch(None, None)


def test_an_image_comes_as_a_tensor(theirs: SamPredictor, image: np.ndarray) -> None:
    framed = theirs.transform.apply_image(image)
    theirs.set_torch_image(torch.from_numpy(framed).permute(2, 0, 1)[None], image.shape[:2])
    assert (theirs.original_size, theirs.input_size) == ((48, 64), (768, 1024))
    assert theirs.predict([[30, 20]], [1])[0].shape == (3, 48, 64)
    with pytest.raises(ImageError, match=r"wanted \(1, 3, height, width\)"):
        theirs.set_torch_image(torch.zeros(3, 4, 4), (4, 4))


def test_the_embedding_and_the_device_are_those_of_the_network(theirs: SamPredictor, image: np.ndarray) -> None:
    assert not theirs.is_image_set
    theirs.set_image(image)
    assert theirs.is_image_set
    assert theirs.get_image_embedding().shape == (1, 32, 4, 4)
    assert theirs.features.dtype == torch.float32
    assert theirs.device == torch.device("cpu")
    echo = SamPredictor(Echo())
    echo.set_image(image)
    with pytest.raises(SessionError, match="keeps no features"):
        echo.get_image_embedding()


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
    _, _, low_res = predictor.predict(box=[10, 5, 50, 40], multimask_output=False)
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
    masks, _, low_res = predictor.predict([[0, 0]], [1], multimask_output=False)
    again, _, low_res_again = predictor.predict([[0, 0]], [1], mask_input=low_res, multimask_output=False)
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
    with pytest.raises(RuntimeError, match="call set_image"):  # the class that programs for Segment Anything catch
        theirs.predict([[1, 1]], [1])


def test_the_score_is_one_for_a_sure_mask_and_zero_for_none() -> None:
    assert expected_iou(Prediction(np.eye(4))) == 1
    assert expected_iou(Prediction(np.zeros((4, 4)))) == 0
    assert expected_iou(Prediction(np.full((4, 4), 0.6))) == pytest.approx(0.6)
