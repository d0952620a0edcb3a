"""The range of values that is shown: what marks missing data and single extremes take no part in it."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from vpuformer.app.images.open_images import open_image
from vpuformer.errors import ImageError
from vpuformer.images import read_image
from vpuformer.images.ranges import display_range
from vpuformer.images.remarks import read_with_remarks

SCENE = np.full((64, 96), 1750)
SCENE[20:40, 10:40] = 2060
SCENE[50:60, 60:90] = 1880
PLAIN = ((SCENE - 1750) * (255 / 310) + 0.5).astype(np.uint8)
CORNER = (slice(0, 8), slice(0, 12))


def grey(path: Path) -> np.ndarray:
    return read_image(path)[:, :, 0]


def with_nodata(path: Path, values: np.ndarray, nodata: str, **options: object) -> None:
    extra = [(42113, "s", 0, nodata, True)]
    tifffile.imwrite(path, values, extratags=extra, metadata=None, **options)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("kind", "value", "nodata"),
    [
        (np.float32, np.finfo(np.float32).min, "-3.4028234663852886e+38"),
        (np.float32, np.finfo(np.float32).min, "-3.40282346638529e+38"),
        (np.float32, -9999, "-9999"),
        (np.float32, np.nan, "nan"),
        (np.float64, -1e300, "-1e+300"),
        (np.int16, -32768, "-32768"),
        (np.uint16, 65535, "65535"),
        (np.uint16, 0, "0"),
        (np.int32, -(2**31), "-2147483648"),
    ],
)
def test_pixels_without_data_take_no_part_in_the_range(
    kind: type[np.generic], value: float, nodata: str, tmp_path: Path
) -> None:
    stored = SCENE.astype(kind)
    stored[CORNER] = value
    with_nodata(tmp_path / "a.tif", stored, nodata)
    expected = PLAIN.copy()
    expected[CORNER] = 0
    assert np.array_equal(grey(tmp_path / "a.tif"), expected)
    _, remarks = read_with_remarks(tmp_path / "a.tif")
    assert "values without data, shown black: 96" in remarks
    image = open_image(tmp_path / "a.tif")
    assert image.range == (1750, 2060)
    tiles = [Image.open(BytesIO(image.tile(0, 0, 0, *window).content)) for window in ((), image.range)]
    assert np.array_equal(*tiles)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "zstd"])
def test_pixels_without_data_are_found_whatever_the_compression(
    compression: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stored = SCENE.astype(np.float32)
    stored[CORNER] = -9999
    Image.fromarray(stored).save(tmp_path / "a.tif", compression=compression, tiffinfo={42113: "-9999"})
    expected = PLAIN.copy()
    expected[CORNER] = 0
    assert np.array_equal(grey(tmp_path / "a.tif"), expected)
    assert capfd.readouterr().err == ""


def test_pixels_without_data_where_large_values_are_dark(tmp_path: Path) -> None:
    stored = SCENE.astype(np.uint16)
    stored[CORNER] = 0
    with_nodata(tmp_path / "a.tif", stored, "0", photometric="miniswhite")
    expected = 255 - PLAIN
    expected[CORNER] = 0
    assert np.abs(grey(tmp_path / "a.tif").astype(int) - expected).max() <= 1
    stored[CORNER] = 65535
    with_nodata(tmp_path / "a.tif", stored, "0", photometric="miniswhite")
    assert not any("without data" in remark for remark in read_with_remarks(tmp_path / "a.tif")[1])


def test_half_floats_and_tiny_ranges(tmp_path: Path) -> None:
    stored = SCENE.astype(np.float16)
    stored[CORNER] = np.inf
    tifffile.imwrite(tmp_path / "a.tif", stored)
    assert grey(tmp_path / "a.tif")[30, 20] == 255
    tifffile.imwrite(tmp_path / "a.tif", (SCENE * -1e-42).astype(np.float32))
    assert grey(tmp_path / "a.tif")[0, 0] == 255
    assert grey(tmp_path / "a.tif")[30, 20] == 0


def test_a_tag_for_missing_data_that_no_pixel_has_changes_nothing(tmp_path: Path) -> None:
    for nodata in ("-9999", "none", ""):
        with_nodata(tmp_path / "a.tif", SCENE.astype(np.uint16), nodata)
        assert np.array_equal(grey(tmp_path / "a.tif"), PLAIN)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.finfo(np.float32).min, np.finfo(np.float32).max])
def test_values_that_are_no_numbers_take_no_part_in_the_range(value: float, tmp_path: Path) -> None:
    stored = SCENE.astype(np.float32)
    stored[CORNER] = value
    tifffile.imwrite(tmp_path / "a.tif", stored)
    inside = np.ones(SCENE.shape, bool)
    inside[CORNER] = False
    assert np.array_equal(grey(tmp_path / "a.tif")[inside], PLAIN[inside])


@pytest.mark.parametrize(("value", "shown"), [(65535, 255), (4095, 255), (0, 0)])
@pytest.mark.parametrize("count", [1, 5])
def test_single_extremes_take_no_part_in_the_range(value: int, shown: int, count: int, tmp_path: Path) -> None:
    stored = SCENE.astype(np.uint16)
    stored[:count, 0] = value
    tifffile.imwrite(tmp_path / "a.tif", stored)
    expected = PLAIN.copy()
    expected[:count, 0] = shown
    pixels, remarks = read_with_remarks(tmp_path / "a.tif")
    assert np.array_equal(pixels[:, :, 0], expected)
    plural = f"values outside that range: {count}"
    assert remarks == ("16 bits per channel: shown from 1750 to 2060", plural)


def test_plain_images_of_16_bits_are_shown_from_their_smallest_to_their_largest_value() -> None:
    rng = np.random.default_rng(0)
    for values in (
        SCENE,
        rng.integers(0, 65536, (64, 96)),
        rng.normal(30_000, 500, (64, 96)).clip(0, 65535),
        rng.exponential(900, (64, 96)).clip(0, 65535),  # the tail of microscopy
        np.where(np.indices((64, 96)).sum(axis=0) < 2, 900, 100),  # three pixels are all there is to see
    ):
        stored = np.asarray(values).astype(np.uint16)
        assert display_range(stored) == (stored.min(), stored.max())


def test_images_of_8_bits_stay_as_they_are() -> None:
    stored = np.full((64, 96), 100, np.uint8)
    stored[0, 0] = 255
    assert np.array_equal(read_image(stored)[:, :, 0], stored)


@given(arrays(np.float32, 1500, elements=st.floats(width=32)))
def test_a_range_is_always_one_of_values_that_are_there(values: np.ndarray) -> None:
    shown = display_range(values)
    finite = values[np.abs(values) < 1e30]
    if shown is None:
        assert not finite.size
    else:
        assert shown == (0, 1) or set(shown) <= set(finite.astype(float).tolist())
        assert shown[0] <= shown[1]


def test_nothing_but_missing_data_is_refused(tmp_path: Path) -> None:
    with_nodata(tmp_path / "a.tif", np.full((4, 5), -9999, np.int16), "-9999")
    with pytest.raises(ImageError, match=r"a\.tif has no value that is finite, or marked as data"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("kind", [np.uint16, np.uint8, np.float32])
@pytest.mark.parametrize(("channels", "shown"), [(2, 1), (4, 3)])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_channels_that_are_not_shown_are_told(
    kind: type[np.generic], channels: int, shown: int, planar: str, tmp_path: Path
) -> None:
    stored = np.stack([SCENE // 16 + place for place in range(channels)], axis=-1).astype(kind)
    written = stored if planar == "contig" else np.moveaxis(stored, -1, 0)
    photometric = "rgb" if channels == 4 else "minisblack"
    options = {"extrasamples": ["unspecified"] * (channels - shown), "planarconfig": planar}
    tifffile.imwrite(tmp_path / "a.tif", written, photometric=photometric, **options)  # pyright: ignore
    pixels, remarks = read_with_remarks(tmp_path / "a.tif")
    assert pixels.shape == (64, 96, 3)
    first = "the first" if shown == 1 else f"the first {shown}"
    assert remarks[0] == f"{first} of {channels} channels"
    assert "transparency is not shown" not in remarks
