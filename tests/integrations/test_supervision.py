"""Detections of supervision, with the real package: from predictions, and masks in boxes."""

import numpy as np
import pytest

from support.boxed import Boxed
from support.real_package import real_package
from vpuformer.errors import PromptError
from vpuformer.inference.prediction import Prediction
from vpuformer.integrations.supervision import add_masks, detections_from_predictions

sv = real_package("supervision")


def test_predictions_become_detections() -> None:
    probability = np.zeros((30, 40), np.float32)
    probability[5:10, 20:32] = 0.8
    detections = detections_from_predictions([Prediction(probability), Prediction(np.zeros((30, 40)))], class_id=[3, 4])
    assert detections.xyxy.tolist() == [[20, 5, 32, 10], [0, 0, 0, 0]]
    assert detections.mask.sum(axis=(1, 2)).tolist() == [60, 0]
    assert detections.confidence.tolist() == pytest.approx([0.8, 0])
    assert detections.class_id.tolist() == [3, 4]
    assert detections.area.tolist() == [60, 0]
    assert len(detections_from_predictions([])) == 0


def test_boxes_of_a_detector_get_masks_and_keep_the_rest() -> None:
    boxes = sv.Detections(
        np.array([[3, 4, 10, 9], [20, 0, 40, 30]], np.float32),
        confidence=np.array([0.9, 0.4], np.float32),
        class_id=np.array([1, 0]),
        tracker_id=np.array([7, 8]),
        data={"class_name": np.array(["cup", "cat"])},
    )
    masked = add_masks(boxes, np.zeros((30, 40, 3), np.uint8), Boxed())
    assert masked.mask.sum(axis=(1, 2)).tolist() == [35, 600]
    assert masked.mask[0, 4:9, 3:10].all()
    masked.mask, unmasked = None, masked.mask
    assert masked == boxes
    assert boxes.mask is None
    assert unmasked.dtype == np.bool_


def test_without_boxes_there_are_no_masks() -> None:
    masked = add_masks(sv.Detections.empty(), np.zeros((30, 40, 3), np.uint8), Boxed())
    assert masked.mask.shape == (0, 30, 40)


def test_a_box_outside_the_image_is_refused() -> None:
    with pytest.raises(PromptError, match="outside the image"):
        add_masks(sv.Detections(np.array([[50, 4, 60, 9]])), np.zeros((30, 40, 3), np.uint8), Boxed())
