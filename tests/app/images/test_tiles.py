"""The levels of an image and their tiles: put together again, they are the image."""

import io
import math
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from vpuformer.app.images import pyramid
from vpuformer.app.images.open_images import OpenImage
from vpuformer.app.images.pyramid import TILE, ImagePyramid, halved, level_sizes
from vpuformer.app.images.web_image import WebImage
from vpuformer.errors import ImageError, NotFoundError

Pixels = npt.NDArray[np.uint8]


def smooth(width: int, height: int) -> Pixels:
    """Colours that change slowly, so that a JPEG keeps them well."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    waves = [np.sin(columns / 90), np.cos(rows / 70), np.sin((rows + columns) / 120)]
    return np.dstack([127 + 120 * wave for wave in waves]).astype(np.uint8)


def decoded(tile: WebImage) -> Pixels:
    with Image.open(io.BytesIO(tile.content)) as image:
        assert image.get_format_mimetype() == tile.media_type
        return np.array(image.convert("RGB"))


def assembled(image: OpenImage, level: int, **window: float) -> Pixels:
    """A level, put together from its tiles."""
    width, height = image.levels[level]
    columns, rows = math.ceil(width / TILE), math.ceil(height / TILE)
    lines = [[decoded(image.tile(level, x, y, **window)) for x in range(columns)] for y in range(rows)]
    whole = np.concatenate([np.concatenate(line, axis=1) for line in lines])
    assert whole.shape == (height, width, 3)
    return whole


def mean_of_blocks(pixels: npt.NDArray[np.generic], factor: int) -> npt.NDArray[np.float64]:
    """What a level is by its definition, pixel by pixel."""
    height, width = (math.ceil(length / factor) for length in pixels.shape[:2])
    padded = np.full((height * factor, width * factor, *pixels.shape[2:]), np.nan)
    padded[: pixels.shape[0], : pixels.shape[1]] = pixels
    return np.nanmean(padded.reshape(height, factor, width, factor, *pixels.shape[2:]), axis=(1, 3))


@given(st.integers(1, 30_000), st.integers(1, 30_000))
def test_sizes_of_levels(width, height):
    sizes = level_sizes(width, height)
    for number, size in enumerate(sizes):
        assert size == (math.ceil(width / 2**number), math.ceil(height / 2**number))
    assert max(sizes[-1]) <= TILE
    assert all(max(size) > TILE for size in sizes[:-1])


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_a_half_is_the_mean_of_the_pixels_there_are(pixels):
    half = halved(pixels)
    assert half.dtype == np.uint8
    assert np.abs(half - mean_of_blocks(pixels, 2)).max() <= 0.5


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (6, 1), (5, 8), (4, 4, 3), (7, 5, 3)])
def test_deep_values_are_halved_at_their_depth(rng, kind, shape):
    pixels = rng.integers(0, 30_000, shape).astype(kind)
    half = halved(pixels)
    assert half.dtype == kind
    assert np.abs(half - mean_of_blocks(pixels, 2)).max() <= 0.5


@pytest.mark.parametrize("shape", [(1, 70_000, 3), (70_001, 1), (2, 40_000)])
def test_very_long_images_are_halved(shape):
    half = halved(np.full(shape, 9, np.uint8))
    assert half.shape[:2] == (math.ceil(shape[0] / 2), math.ceil(shape[1] / 2))
    assert (half == 9).all()


def test_levels_lie_on_each_other_exactly():
    # A single white pixel at the far end of odd sides; each level has it in its last pixel and nowhere else.
    dark = np.zeros((1031, 1029), np.uint8)
    dark[-1, -1] = 255
    levels = ImagePyramid(dark)
    for number in range(1, 3):
        level = levels.level(number)
        assert level[-1, -1] > 0
        assert np.count_nonzero(level) == 1


def test_a_single_pixel():
    image = OpenImage(np.array([[[1, 2, 3]]], np.uint8))
    assert image.levels == ((1, 1),)
    assert decoded(image.tile(0, 0, 0)).tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (512, 512), (513, 512), (1024, 1025), (1300, 900)])
def test_tiles_put_together_are_the_level(rng, size):
    width, height = size
    rough = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    assert np.array_equal(assembled(OpenImage(rough), 0), rough)
    image = OpenImage(smooth(width, height))
    for number in range(1, len(image.levels)):
        expected = mean_of_blocks(image.rgb, 2**number)
        error = np.abs(assembled(image, number) - expected)
        assert error.mean() < 1.5
        assert error.max() < 12


def test_the_full_size_is_exact_and_the_rest_small():
    image = OpenImage(smooth(1300, 900))
    assert image.tile(0, 2, 1).media_type == "image/png"
    assert image.tile(1, 1, 0).media_type == "image/jpeg"
    assert len(image.tile(1, 0, 0).content) < 60_000


def test_fine_colours_are_kept_where_tiles_are_not_exact():
    stripes = np.zeros((600, 800, 3), np.uint8)
    stripes[:, 0::4], stripes[:, 1::4] = (230, 30, 40), (230, 30, 40)
    stripes[:, 2::4], stripes[:, 3::4] = (30, 60, 220), (30, 60, 220)
    error = np.abs(assembled(OpenImage(stripes), 1).astype(int) - stripes[::2, ::2])
    assert error.mean() < 10  # with colours at half the resolution, all of them would be purple


def test_grey_images_have_grey_tiles(rng):
    grey = rng.integers(0, 256, (600, 700), dtype=np.uint8)
    rgb = np.repeat(grey[:, :, None], 3, axis=2)
    image = OpenImage(rgb, grey=True)
    with Image.open(io.BytesIO(image.tile(0, 0, 0).content)) as opened:
        assert opened.mode == "L"
    assert np.array_equal(assembled(image, 0), rgb)
    assert len(image.tile(0, 0, 0).content) < len(OpenImage(rgb.copy()).tile(0, 0, 0).content) / 1.5


@pytest.mark.parametrize("place", [(-1, 0, 0), (2, 0, 0), (0, 3, 0), (0, 0, 2), (0, -1, 0), (0, 0, -1), (1, 2, 0)])
def test_tiles_that_there_are_not(place):
    image = OpenImage(smooth(1000, 1000))
    assert image.levels == ((1000, 1000), (500, 500))
    level, x, y = place
    last = 1 - level
    expected = f"there is no tile {x}, {y} on level {level}; columns are 0 to {last}, rows 0 to {last}"
    if level not in (0, 1):
        expected = f"there is no level {level}; the image has the levels 0 to 1"
    with pytest.raises(NotFoundError, match=f"^{expected}$"):
        image.tile(*place)


def deep_image(values: npt.NDArray[np.generic]) -> OpenImage:
    channels = values if values.ndim == 3 else np.repeat(values[:, :, None], 3, axis=2)
    return OpenImage(np.zeros(channels.shape, np.uint8), values)


def test_a_window_of_deep_values():
    image = deep_image(np.array([[0, 100, 140, 200, 4000]], np.uint16))
    assert image.range == (0.0, 4000.0)
    shown = decoded(image.tile(0, 0, 0, 100, 200))[0, :, 0]
    assert shown.tolist() == [0, 0, 102, 255, 255]
    assert decoded(image.tile(0, 0, 0, -100.5, 8000))[0, :, 1].tolist() == [3, 6, 8, 9, 129]
    assert decoded(image.tile(0, 0, 0)).max() == 0  # without a window, what the network sees


@given(
    hnp.arrays(np.float32, (2, 3), elements=st.floats(-(2.0**99), 2.0**99, width=32)),
    st.floats(-1e30, 1e30),
    st.floats(1e-3, 1e30),
)
@settings(deadline=None)
def test_any_window_keeps_the_order_of_values(values, low, width):
    if not low + width - low > 1e-30:
        return
    shown = decoded(deep_image(values).tile(0, 0, 0, low, low + width))[:, :, 0].ravel()
    order = np.argsort(values.ravel(), kind="stable")
    assert (np.diff(shown[order].astype(int)) >= 0).all()
    assert (shown[values.ravel().astype(np.float64) <= low] == 0).all()
    assert (shown[values.ravel().astype(np.float64) >= low + width] == 255).all()


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_a_window_at_every_level(kind):
    rows, columns = np.mgrid[:700, :900]
    values = (20_000 + 8000 * np.sin(columns / 90) + 8000 * np.cos(rows / 70)).astype(kind)
    image = deep_image(values)
    for level in range(len(image.levels)):
        expected = np.clip((mean_of_blocks(values, 2**level) - 10_000) / 20_000 * 255, 0, 255)
        error = np.abs(assembled(image, level, low=10_000, high=30_000)[:, :, 1] - expected)
        assert error.max() < 6
        assert error.mean() < 1


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (5, 5, "low below high"),
        (6, 5, "got low 6 and high 5"),
        (float("nan"), 5, "got low nan and high 5"),
        (0, float("inf"), "got low 0 and high inf"),
        (-1.7e308, 1.7e308, "low below high"),
        (0, 5e-324, "low below high"),
        (None, 5, "give both values or neither"),
        (5, None, "give both values or neither"),
    ],
)
def test_windows_that_there_are_not(low, high, expected):
    with pytest.raises(ImageError, match=expected):
        deep_image(np.array([[0, 100]], np.uint16)).tile(0, 0, 0, low, high)


def test_a_image_of_one_value_has_no_window():
    image = deep_image(np.full((2, 3), 7, np.uint16))
    assert image.range is None
    assert decoded(image.tile(0, 0, 0)).shape == (2, 3, 3)


def test_a_image_of_8_bits_has_no_window():
    with pytest.raises(ImageError, match="8 bits per channel"):
        OpenImage(smooth(3, 3)).tile(0, 0, 0, 0, 100)


def test_threads_make_a_level_once(monkeypatch):
    made: list[tuple[int, ...]] = []

    def counted(pixels):
        made.append(pixels.shape)
        time.sleep(0.01)
        return halved(pixels)

    monkeypatch.setattr(pyramid, "halved", counted)
    image = OpenImage(smooth(3000, 2000))
    expected = [image.levels[level] for level in (3, 0, 1, 3, 2, 3, 1, 2)] * 3
    with ThreadPoolExecutor(8) as pool:
        tiles = list(pool.map(lambda level: image.tile(level, 0, 0), [3, 0, 1, 3, 2, 3, 1, 2] * 3))
    assert made == [(2000, 3000, 3), (1000, 1500, 3), (500, 750, 3)]
    for tile, (width, height) in zip(tiles, expected, strict=True):
        assert decoded(tile).shape == (min(height, TILE), min(width, TILE), 3)


def test_a_large_image_is_quick():
    image = OpenImage(np.broadcast_to(smooth(6000, 1), (4500, 6000, 3)).copy())
    start = time.perf_counter()
    image.tile(len(image.levels) - 1, 0, 0)
    first = time.perf_counter() - start
    start = time.perf_counter()
    for x in range(4):
        image.tile(1, x, 0)
    assert first < 5  # 0.1 s on an idle machine
    assert time.perf_counter() - start < 2  # 0.01 s
    assert image.nbytes == 6000 * 4500 * 4
