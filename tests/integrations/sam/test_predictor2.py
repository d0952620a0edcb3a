"""`SAM2ImagePredictor`: one object or many, one image or many, shares of the image, areas that are tidied."""

from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from support.networks import predictor_of
from vpuformer.errors import SessionError
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query, Segmenter
from vpuformer.integrations.sam import SAM2ImagePredictor, SamPredictor
from vpuformer.integrations.sam.masks import LOW_RES
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer

BOXES = np.array([[10, 5, 50, 40], [0, 0, 20, 20]])


@pytest.fixture
def segmenter() -> Segmenter:
    return predictor_of(VPUFormer(VPUFormerConfig(input_size=64, dim=32, decoder_dim=16))).segmenter


@pytest.fixture
def predictor(segmenter: Segmenter, image: np.ndarray) -> SAM2ImagePredictor:
    predictor = SAM2ImagePredictor(segmenter)
    predictor.set_image(Image.fromarray(image))
    return predictor


def test_masks_are_those_of_the_other_predictor(
    predictor: SAM2ImagePredictor, segmenter: Segmenter, image: np.ndarray
) -> None:
    other = SamPredictor(segmenter)
    other.set_image(image)
    masks, scores, low_res = predictor.predict(box=BOXES)
    assert (masks.shape, scores.shape, low_res.shape) == ((2, 3, 48, 64), (2, 3), (2, 3, LOW_RES, LOW_RES))
    assert {masks.dtype, scores.dtype, low_res.dtype} == {np.dtype(np.float32)}
    for box, mask, score in zip(BOXES, masks, scores, strict=True):
        wanted = other.predict(box=box)
        assert np.array_equal(mask, wanted[0])
        assert np.array_equal(score, wanted[1])
        assert np.array_equal(predictor.predict(box=box)[0], mask)


def test_points_of_many_objects_have_an_axis_in_front(predictor: SAM2ImagePredictor) -> None:
    points, labels = np.array([[[30, 20], [5, 5]], [[9, 9], [0, 0]]]), np.array([[1, 0], [1, -1]])
    many = predictor.predict(points, labels, BOXES, multimask_output=False)[0]
    assert many.shape == (2, 1, 48, 64)
    for i in range(2):
        one = predictor.predict(points[i], labels[i], BOXES[i], multimask_output=False)[0]
        assert np.array_equal(one, many[i])


def test_coordinates_may_be_shares_of_the_image(predictor: SAM2ImagePredictor) -> None:
    pixels = predictor.predict([[32, 24]], [1], box=[16, 12, 48, 36])
    shares = predictor.predict([[0.5, 0.5]], [1], box=[0.25, 0.25, 0.75, 0.75], normalize_coords=False)
    assert all(np.array_equal(one, other) for one, other in zip(pixels, shares, strict=True))


def test_logits_fill_the_square_and_go_back_in(predictor: SAM2ImagePredictor, image: np.ndarray) -> None:
    logits, _, low_res = predictor.predict(box=BOXES[0], multimask_output=False, return_logits=True)
    rows, columns = (np.arange(size) * LOW_RES // size for size in image.shape[:2])
    assert np.abs(low_res[0][np.ix_(rows + 2, columns + 1)] - logits[0]).mean() < 1
    again = predictor.predict([[30, 20]], [1], mask_input=low_res, multimask_output=False)[0]
    both = predictor.predict([[[30, 20]]] * 2, [[1]] * 2, mask_input=np.stack([low_res] * 2), multimask_output=False)[0]
    assert np.array_equal(again, both[0])
    assert np.array_equal(again, both[1])


def test_all_images_are_answered(predictor: SAM2ImagePredictor, image: np.ndarray) -> None:
    images = [image, np.ascontiguousarray(image[:30])]
    predictor.set_image_batch(images)
    masks, scores, low_res = predictor.predict_batch(box_batch=[BOXES, BOXES[0]], multimask_output=False)
    assert [each.shape for each in masks] == [(2, 1, 48, 64), (1, 30, 64)]
    assert [each.shape for each in scores] == [(2, 1), (1,)]
    assert [each.shape for each in low_res] == [(2, 1, LOW_RES, LOW_RES), (1, LOW_RES, LOW_RES)]
    for picked, box, mask in zip(images, (BOXES, BOXES[0]), masks, strict=True):
        predictor.set_image(picked)
        assert np.array_equal(predictor.predict(box=box, multimask_output=False)[0], mask)
    with pytest.raises(SessionError, match="call set_image_batch"):
        predictor.predict_batch(box_batch=[BOXES])
    predictor.reset_predictor()
    with pytest.raises(SessionError, match="call set_image"):
        predictor.predict(box=BOXES)


def test_the_embedding_holds_all_images(predictor: SAM2ImagePredictor, image: np.ndarray) -> None:
    assert predictor.get_image_embedding().shape == (1, 32, 4, 4)
    predictor.set_image_batch([image, image])
    assert predictor.get_image_embedding().shape == (2, 32, 4, 4)


class Dots:
    """A square with a hole of a pixel, and a dot beside it; logits of the square are about 1.4."""

    name, sha256 = "dots", ""

    def encode(self, image: np.ndarray) -> Encoded:
        return Encoded(image)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        probability = np.zeros((LOW_RES, LOW_RES), np.float32)
        probability[10:40, 10:40], probability[20, 20], probability[90, 90] = 0.8, 0, 0.8
        return [Prediction(probability) for _ in queries]


@pytest.mark.parametrize(
    ("options", "pixels"),
    [
        ({}, 900),
        ({"max_hole_area": 1}, 901),
        ({"max_sprinkle_area": 1}, 899),
        ({"mask_threshold": 1.0}, 900),
        ({"mask_threshold": 2.0}, 0),
    ],
)
def test_masks_are_tidied_as_the_program_says(options: dict[str, float], pixels: int) -> None:
    predictor = SAM2ImagePredictor(Dots(), **options)
    predictor.set_image(np.zeros((LOW_RES, LOW_RES, 3), np.uint8))
    assert predictor.predict([[20, 30]], [1])[0][0].sum() == pixels
