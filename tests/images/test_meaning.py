"""One rule says what a mask is, from its values: a binary mask, probabilities, or labels."""

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from vpuformer.errors import MaskError
from vpuformer.images import check_mask, read_mask, read_meaning, write_mask
from vpuformer.images.meaning import coverage, meaning_of
from vpuformer.metrics import MASK_THRESHOLD

SIZE = (64, 96)
ROWS, COLUMNS = np.indices(SIZE)
ONE = (ROWS - 30) ** 2 + (COLUMNS - 30) ** 2 < 14**2
TWO = (ROWS - 40) ** 2 + (COLUMNS - 75) ** 2 < 10**2
EITHER = ONE | TWO
SOFT = np.asarray(cv2.GaussianBlur(ONE.astype(np.float32), (0, 0), 6))
TILES = ROWS // 8 * 12 + COLUMNS // 8 + 1  # 96 labels side by side, numbered as a page is read


def labels(one: int, two: int, background: int = 0) -> np.ndarray:
    return np.where(ONE, one, np.where(TWO, two, background))


def save(path: Path, values: np.ndarray, **options: Any) -> Path:
    if path.suffix == ".tif":
        tifffile.imwrite(path, values, **options)
    else:
        Image.fromarray(values).save(path, **options)
    return path


# --- files and arrays alike ---------------------------------------------------------------------------------------

KINDS = [np.uint8, np.uint16, np.int16, np.int32, np.uint32, np.int64, np.float32, np.float64]


@pytest.mark.parametrize("scale", [1, 2, 100, 127])
@pytest.mark.parametrize("kind", [np.bool_, *KINDS])
def test_two_values_of_which_one_is_0_are_a_binary_mask(kind: Any, scale: int, tmp_path: Path) -> None:
    stored = (EITHER * scale).astype(kind)
    assert np.array_equal(check_mask(stored, SIZE), EITHER)
    assert np.array_equal(read_mask(save(tmp_path / "a.tif", stored), SIZE), EITHER)


@pytest.mark.parametrize(("one", "two"), [(1, 2), (1, 300), (7, 5), (128, 255), (100, 200), (254, 255), (1000, 65535)])
@pytest.mark.parametrize("kind", KINDS)
def test_few_integers_are_labels(kind: Any, one: int, two: int, tmp_path: Path) -> None:
    if np.dtype(kind).kind != "f" and two > np.iinfo(kind).max:
        return
    stored = labels(one, two).astype(kind)
    told = f"holds 2 labels: {min(one, two)}, {max(one, two)}; choose one of them"
    with pytest.raises(MaskError, match=told):
        check_mask(stored, SIZE)
    path = save(tmp_path / "a.tif", stored)
    with pytest.raises(MaskError, match=told):
        read_mask(path, SIZE)
    assert np.array_equal(read_mask(path, SIZE, label=two), TWO)
    assert [(label, mask.sum()) for label, mask in read_meaning(path).objects()] == sorted(
        [(one, ONE.sum()), (two, TWO.sum())]
    )
    with pytest.raises(MaskError, match="has no label 9, it holds 2 labels"):
        read_mask(path, SIZE, label=9)


@pytest.mark.parametrize(
    "values",
    [
        TILES,
        TILES * 2 + 60,
        np.where(EITHER, TILES, 0),
        np.where(ROWS % 4 < 3, ROWS // 4 * 15 + 3, 0),  # lines three pixels high
        np.where(ONE, 1, np.where(TWO, 20, 255)),  # a border of 255 around objects
    ],
)
def test_many_labels_are_labels_too(values: np.ndarray) -> None:
    found = meaning_of(values.astype(np.uint8))
    assert found.kind == "labels"
    assert found.labels == tuple(np.unique(values[values > 0]).tolist())


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64, np.float32])
def test_values_below_0_are_background(kind: Any, tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", labels(3, 3, background=-1).astype(kind))
    assert np.array_equal(read_mask(path), EITHER)
    assert read_meaning(path).taken == "one label, 3 (values below 0 are background)"
    path = save(tmp_path / "a.tif", labels(3, 4, background=-1).astype(kind))
    assert np.array_equal(read_mask(path, label=4), TWO)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_in_the_unit_range_are_probabilities(kind: Any, tmp_path: Path) -> None:
    stored = SOFT.astype(kind)
    assert np.allclose(check_mask(stored, SIZE), SOFT, atol=1e-3)
    assert np.allclose(read_mask(save(tmp_path / "a.tif", stored)), SOFT, atol=1e-3)


def soft_masks() -> dict[str, np.ndarray]:
    thick = cv2.resize(EITHER.astype(np.uint8) * 255, (960, 640), interpolation=cv2.INTER_LINEAR)
    logits = cv2.resize(SOFT, (960, 640)) * 16 - 8
    network = 1 / (1 + np.exp(-logits))
    _, jpeg = cv2.imencode(".jpg", EITHER.astype(np.uint8) * 255, [cv2.IMWRITE_JPEG_QUALITY, 80])
    ramp = np.broadcast_to(np.linspace(0, 255, 2000), (500, 2000))
    return {
        "small": cv2.resize(EITHER.astype(np.uint8) * 255, (24, 16), interpolation=cv2.INTER_AREA),
        "large": np.asarray(thick),
        "blurred": np.rint(SOFT * 255).astype(np.uint8),
        "network": np.rint(network * 255).astype(np.uint8),
        "network of 16 bits": np.rint(network * 65535).astype(np.uint16),
        "JPEG": np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE)),
        "gradient": np.rint(ramp).astype(np.uint8),
        "noise": np.random.default_rng(0).integers(0, 256, SIZE).astype(np.uint8),
    }


@pytest.mark.parametrize("name", soft_masks())
def test_a_grey_ramp_is_probabilities(name: str) -> None:
    stored = soft_masks()[name]
    found = meaning_of(stored)
    assert found.kind == "probabilities"
    assert np.allclose(found.values, stored / np.iinfo(stored.dtype).max, atol=1e-6)


def test_what_is_written_is_read_as_the_same_kind(tmp_path: Path) -> None:
    write_mask(tmp_path / "a.png", SOFT)
    assert np.abs(read_mask(tmp_path / "a.png") - SOFT).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([[0.5, np.nan]]), "replace what is not a number"),
        (np.array([[-8.5, 4.0]]), "pass logits through a sigmoid"),
        (np.array([[0.5, 3.0]]), "pass logits through a sigmoid"),
        (np.array([[0.5, 254.5]]), "divide by 254.5, or by the full scale"),
        (np.array([[1 + 1j]]), "of type complex128"),
    ],
)
def test_values_of_no_mask_are_refused(values: np.ndarray, message: str) -> None:
    with pytest.raises(MaskError, match=message):
        meaning_of(values)


@pytest.mark.parametrize("values", [np.array([[0, 3]]), np.array([[-1, 3]]), np.array([[0, 3]], np.float32)])
def test_a_label_that_is_alone_may_be_chosen(values: np.ndarray) -> None:
    assert meaning_of(values).probability("it", 3).tolist() == [[0, 1]]
    with pytest.raises(MaskError, match="it has no label 4, it holds "):
        meaning_of(values).probability("it", 4)


# --- no pixel, and every pixel ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "remark"), [(0, "no pixel is object"), (7, "every pixel is object")])
@pytest.mark.parametrize("kind", [np.bool_, *KINDS])
def test_no_pixel_and_every_pixel_are_told(kind: Any, value: int, remark: str, tmp_path: Path) -> None:
    stored = np.full((4, 5), value).astype(kind)
    if value:
        with pytest.warns(UserWarning, match=remark) as caught:
            check_mask(stored, (4, 5))
        assert caught[0].filename == __file__
    found = read_meaning(save(tmp_path / "a.tif", stored))
    assert coverage(found.foreground) == remark


def test_values_of_which_none_is_object_are_told() -> None:
    with pytest.warns(UserWarning, match=r"the mask is no label \(values below 0 are background\): no pixel is object"):
        check_mask(np.array([[-1, 0]]), (1, 2))


# --- values as they are stored ------------------------------------------------------------------------------------


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.uint16])
def test_tiff_says_how_to_show_values_and_they_are_taken_as_they_are(
    photometric: str, compression: str | None, kind: Any, tmp_path: Path
) -> None:
    stored = EITHER if kind is np.bool_ else labels(1, 2).astype(kind)
    path = save(tmp_path / "a.tif", stored, photometric=photometric, compression=compression)
    found = read_meaning(path, SIZE)
    assert found.labels == (() if kind is np.bool_ else (1, 2))
    assert np.array_equal(found.values, stored)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "group3", "group4"])
@pytest.mark.parametrize("photometric", [0, 1])
def test_what_pillow_alone_can_decode_has_its_values_as_stored_too(
    compression: str, photometric: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(EITHER).save(path, compression=compression)
    assert np.array_equal(read_meaning(path).values, EITHER)
    if not compression.startswith("group"):  # fax is black and white, and has no other values
        with tifffile.TiffFile(path, mode="r+b") as tiff:
            tiff.pages.first.tags[262].overwrite(photometric)  # pyright: ignore
        assert np.array_equal(read_meaning(path).values, EITHER)


@pytest.mark.parametrize("bits", [2, 4])
def test_grey_of_few_bits_is_not_spread(bits: int, tmp_path: Path) -> None:
    stored = labels(1, 2).astype(np.uint8)
    ones = np.unpackbits(stored[:, :, None], axis=2)[:, :, -bits:]
    rows = np.packbits(ones.reshape(SIZE[0], -1), axis=1)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", SIZE[1], SIZE[0], bits, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(np.insert(rows, 0, 0, axis=1).tobytes())),
        (b"IEND", b""),
    ]
    content = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    assert np.array_equal(read_meaning(tmp_path / "a.png").values, stored)


@pytest.mark.parametrize("most", [2, 300])
def test_a_pgm_says_its_largest_value(most: int, tmp_path: Path) -> None:
    stored = labels(1, most).astype(np.uint8 if most < 256 else ">u2")
    (tmp_path / "a.pgm").write_bytes(b"P5 96 64 %d\n" % most + stored.tobytes())
    assert read_meaning(tmp_path / "a.pgm").labels == (1, most)
    assert np.array_equal(read_meaning(tmp_path / "a.pgm").values, labels(1, most))


# --- alpha, palettes, colours -------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", [0, 255, 90])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_mask_in_the_alpha_channel(mode: str, colour: int, tmp_path: Path) -> None:
    image = Image.new("RGB" if mode == "RGBA" else "L", SIZE[::-1], (colour,) * 3 if mode == "RGBA" else colour)
    image.putalpha(Image.fromarray(ONE.astype(np.uint8) * 255))
    image.save(tmp_path / "a.png")
    assert np.array_equal(read_mask(tmp_path / "a.png"), ONE)
    assert read_meaning(tmp_path / "a.png").taken.endswith("in the alpha channel")


def test_a_photograph_that_was_cut_out_is_its_alpha(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    save(tmp_path / "a.png", np.dstack([rgb, ONE.astype(np.uint8) * 255]))
    assert np.array_equal(read_mask(tmp_path / "a.png"), ONE)


def test_an_opaque_alpha_says_nothing_and_labels_may_lie_on_a_transparent_ground(tmp_path: Path) -> None:
    grey = EITHER.astype(np.uint8) * 255
    save(tmp_path / "a.png", np.dstack([grey, grey, grey, np.full(SIZE, 255, np.uint8)]))
    assert np.array_equal(read_mask(tmp_path / "a.png"), EITHER)
    red, green = ONE.astype(np.uint8) * 200, TWO.astype(np.uint8) * 200
    save(tmp_path / "a.png", np.dstack([red, green, np.zeros_like(red), grey]))
    assert np.array_equal(read_mask(tmp_path / "a.png", label=0x00C800), TWO)


def test_indices_of_a_palette_count_whatever_its_colours(tmp_path: Path) -> None:
    for values, names in ((labels(1, 2), (1, 2)), (labels(40, 200), (40, 200))):
        image = Image.fromarray(values.astype(np.uint8))
        image.putpalette([255 - index // 3 for index in range(768)])
        for name in ("a.png", "a.gif", "a.tif", "a.bmp"):
            image.save(tmp_path / name, **({"optimize": False} if name == "a.gif" else {}))
            found = read_meaning(tmp_path / name)
            if name != "a.gif":  # which writes a palette of its own
                assert found.labels == names
            assert np.array_equal(found.foreground, EITHER)


def test_a_colour_photograph_is_no_mask(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8))
    with pytest.raises(MaskError, match=r"the mask .*a\.png has 6,\d\d\d colours, as a photograph"):
        read_meaning(tmp_path / "a.png")


def test_the_second_channel_of_a_tiff_is_no_mask(tmp_path: Path) -> None:
    path = save(
        tmp_path / "a.tif", np.dstack([ONE, TWO]).astype(np.uint8), photometric="minisblack", planarconfig="contig"
    )
    assert np.array_equal(read_mask(path), ONE)


def test_the_threshold_of_a_probability_makes_an_object() -> None:
    ((label, mask),) = meaning_of(SOFT).objects()
    assert label is None
    assert np.array_equal(mask, SOFT > MASK_THRESHOLD)


def test_soft_edges_are_cut_where_predictions_are() -> None:
    ramp = np.linspace(0, 255, 64).astype(np.uint8)[None]
    found = meaning_of(ramp)
    assert found.kind == "probabilities"
    [(_, page)] = found.objects()
    np.testing.assert_array_equal(found.foreground, page)
