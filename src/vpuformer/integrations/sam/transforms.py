"""The frame in which Segment Anything takes tensors: the longer side is 1024 pixels."""

from typing import Any

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import Size
from vpuformer.inference.resample import stretch
from vpuformer.integrations.sam.masks import longest_side


class ResizeLongestSide:
    """Images and coordinates to the frame, as `segment_anything` converts them.

    Sizes are (H, W) of the original image. Coordinates are multiplied, and half pixels not considered, as there.

    >>> ResizeLongestSide(1024).apply_boxes(np.array([[0, 10, 20, 40]]), (256, 512)).tolist()
    [[0.0, 20.0, 40.0, 80.0]]
    """

    def __init__(self, target_length: int) -> None:
        self.target_length = target_length

    def get_preprocess_shape(self, oldh: int, oldw: int, long_side_length: int) -> Size:
        """Height and width in the frame."""
        return longest_side((oldh, oldw), long_side_length)

    def apply_image(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """An image, shape (H, W, 3), in the frame."""
        return stretch(image, longest_side((image.shape[0], image.shape[1]), self.target_length))

    def apply_coords(self, coords: npt.NDArray[Any], original_size: Size) -> npt.NDArray[np.float64]:
        """Points, shape (..., 2), in the frame."""
        return coords.astype(float) * self._scale(original_size)

    def apply_boxes(self, boxes: npt.NDArray[Any], original_size: Size) -> npt.NDArray[np.float64]:
        """Boxes, shape (B, 4), in the frame."""
        return self.apply_coords(boxes.reshape(-1, 2, 2), original_size).reshape(-1, 4)

    def apply_coords_torch(self, coords: Any, original_size: Size) -> Any:
        """A tensor of points, shape (..., 2), in the frame, float32."""
        return coords.float() * coords.float().new_tensor(self._scale(original_size))

    def apply_boxes_torch(self, boxes: Any, original_size: Size) -> Any:
        """A tensor of boxes, shape (B, 4), in the frame, float32."""
        return self.apply_coords_torch(boxes.reshape(-1, 2, 2), original_size).reshape(-1, 4)

    def to_original(self, coords: npt.NDArray[Any], original_size: Size) -> npt.NDArray[np.float64]:
        """Points of the frame, shape (..., 2), in the image."""
        return coords / self._scale(original_size)

    def _scale(self, original_size: Size) -> tuple[float, float]:
        """Pixels of the frame for one of the image, along x and y."""
        height, width = longest_side(original_size, self.target_length)
        return width / original_size[1], height / original_size[0]
