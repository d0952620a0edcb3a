"""Images from Pillow and from arrays."""

import numpy as np
import pytest
from PIL import Image

from vpuformer.errors import ImageError
from vpuformer.images import (
    read_image,
)

# Not symmetric in any way, 4 pixels wide and 3 high.
RGB = np.arange(36, dtype=np.uint8).reshape(3, 4, 3) * 7
GREY = RGB[:, :, 0]


def grey_as_rgb(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[:, :, None], 3, axis=2)


def test_grey_with_and_without_alpha_is_repeated():
    grey = Image.fromarray(GREY)
    with_alpha = grey.copy().convert("LA")
    with_alpha.putalpha(Image.fromarray(GREY[::-1]))
    for image in (grey, with_alpha):
        assert np.array_equal(read_image(image), grey_as_rgb(GREY))


def test_alpha_is_dropped_and_colours_under_it_stay():
    rgba = np.dstack([RGB, np.zeros((3, 4), np.uint8)])
    assert np.array_equal(read_image(Image.fromarray(rgba)), RGB)
    assert np.array_equal(read_image(rgba), RGB)


def test_a_palette_becomes_its_colours(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8)).convert("P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.save(tmp_path / "a.png", transparency=0)
    for source in (image, tmp_path / "a.png"):
        assert read_image(source).tolist() == [[[10, 20, 30], [40, 50, 60], [70, 80, 90]]]


def test_one_bit_becomes_black_and_white(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0, :, 0].tolist() == [255, 0]


def test_cmyk_and_ycbcr_become_rgb(tmp_path):
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    cmyk.save(tmp_path / "a.jpg", quality=100)
    for source in (cmyk, tmp_path / "a.jpg", Image.new("RGB", (8, 8), (255, 0, 0)).convert("YCbCr")):
        assert np.abs(read_image(source)[0, 0].astype(int) - (255, 0, 0)).max() <= 3


@pytest.mark.parametrize("mode", ["I", "F", "I;16", "I;16B"])
def test_deep_modes_of_pillow_are_scaled_not_clipped(mode):
    deep = Image.fromarray(np.array([[1000, 1500, 2000]], np.int32))
    deep = deep.convert("F") if mode == "F" else deep.convert(mode)
    assert read_image(deep)[0, :, 0].tolist() == [0, 128, 255]


def test_premultiplied_alpha_is_divided_out():
    premultiplied = Image.new("RGBA", (1, 1), (200, 100, 50, 128)).convert("RGBa")
    assert np.abs(read_image(premultiplied)[0, 0].astype(int) - (200, 100, 50)).max() <= 2


def test_a_colour_mode_without_a_way_to_rgb_is_refused(monkeypatch):
    def impossible(*_):
        raise ValueError("conversion not supported")

    image = Image.new("LAB", (2, 2))  # which versions of Pillow can convert it differs
    monkeypatch.setattr(image, "convert", impossible)
    with pytest.raises(ImageError, match="colours of the mode LAB; convert it to RGB"):
        read_image(image)


def test_arrays_of_uint8_are_taken_as_they_are():
    assert np.shares_memory(read_image(RGB), RGB)
    assert np.array_equal(read_image(RGB), RGB)
    assert np.array_equal(read_image(GREY), grey_as_rgb(GREY))
    assert np.array_equal(read_image(GREY[:, :, None]), grey_as_rgb(GREY))
    assert np.array_equal(read_image(np.dstack([GREY, GREY])), grey_as_rgb(GREY))


def test_a_view_becomes_contiguous():
    image = read_image(RGB[:, ::-1])
    assert image.flags.c_contiguous
    assert np.array_equal(image, RGB[:, ::-1])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([False, True]), [0, 255]),
        (np.array([0.0, 0.25, 1.0]), [0, 64, 255]),
        (np.array([0.2, 0.4], np.float16), [51, 102]),  # within 0..1: not stretched
        (np.array([-1.0, 0.0, 1.0], np.float32), [0, 128, 255]),
        (np.array([100, 150, 300], np.uint16), [0, 64, 255]),
        (np.array([-1000, 0, 3000], np.int16), [0, 64, 255]),
        (np.array([-128, 127], np.int8), [0, 255]),
        (np.array([5, 10**9]), [0, 255]),
        (np.array([7, 7], np.uint16), [0, 0]),
        (np.array([7.5, 7.5]), [0, 0]),
        (np.array([0.0, 1e-12]), [0, 0]),
    ],
)
def test_every_type_of_number_has_a_way_to_8_bits(values, expected):
    assert read_image(values[None])[0, :, 0].tolist() == expected


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 5, 3), np.uint8), "the array is 5x0 pixels; an image has at least one pixel"),
        (np.zeros((5, 0)), "the array is 0x5 pixels"),
        (np.zeros(7), r"the array has the shape \(7,\); an image is \(height, width\)"),
        (np.zeros((1, 2, 3, 3)), r"shape \(1, 2, 3, 3\)"),
        (np.zeros((3, 8, 9)), r"shape \(3, 8, 9\); .* 1 to 4 channels; move the channels to the end"),
        (np.zeros((8, 9, 7)), r"1 to 4 channels$"),
        (np.array([[0.0, np.nan]]), "not finite .* replace them"),
        (np.array([[0.0, np.inf]]), "not finite"),
        (np.array([[1j]]), "of type complex128; an image is of bool, integers or floats"),
        (np.array([["a"]]), "of type <U1"),
        (np.array([[None]]), "of type object"),
    ],
)
def test_arrays_that_are_no_images_are_refused(array, message):
    with pytest.raises(ImageError, match=message):
        read_image(array)


def test_other_things_are_refused():
    with pytest.raises(ImageError, match=r"path of a file, a Pillow image or a NumPy array, got list; convert it"):
        read_image([[1, 2], [3, 4]])  # pyright: ignore[reportArgumentType]


def test_values_whose_range_is_next_to_nothing_are_stretched_too():
    tiny = np.array([[-3e-307, -1.5e-307, 0]])
    assert read_image(tiny)[0, :, 0].tolist() == [0, 128, 255]
