"""The batch call of `transformers`: its nesting of prompts, and the masks of single calls."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from vpuformer import Predictor, Segmenter
from vpuformer.errors import PromptError
from vpuformer.integrations.mask_generation import mask_generation
from vpuformer.integrations.sam import SamPredictor

Image = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Predictor.from_pretrained("default", "cpu").segmenter


@pytest.mark.parametrize("many", [True, False])
def test_masks_are_those_of_single_calls(image: Image, segmenter: Segmenter, many: bool) -> None:
    images = [image, image[:40, ::-1]]
    points = [[[[30, 20]], [[10, 10], [30, 20]]], [[[33, 20]]]]
    labels = [[[1], [1, 0]], [[1]]]
    boxes = [[[14, 9, 46, 31], [2, 2, 20, 20]], [[17, 9, 49, 31]]]
    found = mask_generation(images, points, labels, boxes, segmenter=segmenter, multimask_output=many)
    assert [each["masks"].shape for each in found] == [(2, 3 if many else 1, 48, 64), (1, 3 if many else 1, 40, 64)]
    single = SamPredictor(segmenter)
    for i, each in enumerate(found):
        single.set_image(np.ascontiguousarray(images[i]))
        for k, (masks, scores) in enumerate(zip(each["masks"], each["scores"], strict=True)):
            wanted = single.predict(
                np.array(points[i][k]), np.array(labels[i][k]), np.array(boxes[i][k]), multimask_output=many
            )
            np.testing.assert_array_equal(masks, wanted[0])
            np.testing.assert_array_equal(scores, wanted[1])


def test_points_without_labels_are_in_the_object(image: Image, segmenter: Segmenter) -> None:
    points = [[[[30, 20], [25, 20]]]]
    without = mask_generation([image], points, segmenter=segmenter, multimask_output=False)
    with_labels = mask_generation([image], points, [[[1, 1]]], segmenter=segmenter, multimask_output=False)
    np.testing.assert_array_equal(without[0]["masks"], with_labels[0]["masks"])
    arrays = mask_generation(
        [image], np.array(points), np.array([[[1, 1]]]), segmenter=segmenter, multimask_output=False
    )
    np.testing.assert_array_equal(arrays[0]["masks"], with_labels[0]["masks"])


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        ({}, "image 0 has prompts for no objects"),
        ({"input_labels": [[[1]]]}, "wanted input_points or input_boxes"),
        ({"input_points": [[[[1, 2]]], [[[1, 2]]]]}, "input_points is for 2 images, and there are 1"),
        ({"input_points": [[[[1, 2]]]], "input_boxes": [[[1, 2, 3, 4], [1, 2, 3, 4]]]}, r"for \[1, 2\] objects"),
        ({"input_points": [[]]}, r"for \[0\] objects"),
    ],
)
def test_lists_that_do_not_fit(image: Image, segmenter: Segmenter, prompts: dict[str, Any], words: str) -> None:
    with pytest.raises(PromptError, match=words):
        mask_generation([image], **prompts, segmenter=segmenter)
