"""Frames: edges, and agreement with what resizing does to pixels."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpuformer.errors import InputError
from vpuformer.geometry import CANONICAL, Crop, FrameMap

crops = st.builds(Crop, st.integers(-50, 5000), st.integers(-50, 5000), st.integers(1, 9000), st.integers(1, 9000))
sizes = st.tuples(st.integers(1, 2000), st.integers(1, 2000))


@given(crops, sizes)
def test_edges_meet_edges(crop: Crop, size: tuple[int, int]) -> None:
    x0, y0, x1, y1 = crop.edges
    corners = FrameMap(crop, size).to_target(np.array([[x0, y0], [x1, y1]]))
    np.testing.assert_allclose(corners, [[-0.5, -0.5], [size[1] - 0.5, size[0] - 0.5]], atol=1e-6)


def test_the_map_is_that_of_resizing_pixels() -> None:
    """A dot, resized with its image, has its centre of mass where the map says."""
    image = np.zeros((60, 80), np.float32)
    image[20:23, 50:53] = 1
    crop = Crop(left=30, top=10, width=40, height=30)
    resized = cv2.resize(image[crop.slices], (200, 120), interpolation=cv2.INTER_LINEAR)
    rows, columns = np.mgrid[:120, :200]
    centre = np.array([(columns * resized).sum(), (rows * resized).sum()]) / resized.sum()
    np.testing.assert_allclose(FrameMap(crop, (120, 200)).to_target(np.array([[51.0, 21.0]]))[0], centre, atol=0.01)


def test_the_canonical_frame_is_a_square_of_448() -> None:
    frame = FrameMap.to_canonical(Crop.whole((100, 200)))
    assert frame.size == (CANONICAL, CANONICAL) == (448, 448)
    np.testing.assert_allclose(frame.scale, [2.24, 4.48])


def test_a_crop_has_a_size() -> None:
    crop = Crop(left=10, top=20, width=5, height=4)
    assert crop.size == (4, 5)
    with pytest.raises(ValueError, match="at least one pixel"):
        Crop(0, 0, 0, 3)


@pytest.mark.parametrize("numbers", [(0.5, 0, 3, 3), (0, 0, 3, 3.0), (True, 0, 3, 3), (0, "0", 3, 3), (0, 0, 0, 3)])
def test_a_crop_is_of_whole_pixels(numbers: tuple[int, int, int, int]) -> None:
    with pytest.raises(InputError, match="a crop is"):
        Crop(*numbers)


def test_a_crop_keeps_whole_numbers_of_numpy_as_its_own() -> None:
    crop = Crop(*np.array([3, 4, 5, 6]))
    assert crop == Crop(3, 4, 5, 6)
    assert type(crop.left) is int
