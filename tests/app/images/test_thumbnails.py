"""Small images for a list, whatever the image."""

import io
import time

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image

from vpuformer.app.images import thumbnails
from vpuformer.app.images.thumbnails import thumbnail
from vpuformer.errors import ImageError
from vpuformer.images import read_image

# Three colours from left to right, dark below: not symmetric.
COLOURS = np.zeros((600, 900, 3), np.uint8)
COLOURS[:, :300], COLOURS[:, 300:600], COLOURS[:, 600:] = (230, 40, 40), (40, 200, 60), (60, 70, 220)
COLOURS[400:] //= 4


def decoded(content: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "JPEG"
        return np.array(image.convert("RGB"))


def write(path, pixels=COLOURS):
    if path.suffix == ".tif":
        tifffile.imwrite(path, (pixels.astype(np.uint16) * 200), photometric="rgb")
    elif path.stem == "grey":
        Image.fromarray(pixels[:, :, 1]).save(path)
    elif path.stem == "cmyk":
        Image.fromarray(pixels).convert("CMYK").save(path, quality=95)
    elif path.stem == "turned":
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(pixels).save(path, exif=exif, quality=95)
    elif path.stem == "deep":
        cv2.imwrite(str(path), pixels.astype(np.uint16) * 257)
    else:
        Image.fromarray(pixels).save(path)


KINDS = [
    "a.png",
    "a.jpg",
    "a.webp",
    "grey.png",
    "grey.jpg",
    "cmyk.jpg",
    "turned.jpg",
    "turned.png",
    "deep.png",
    "a.tif",
]


@pytest.mark.parametrize("name", KINDS)
def test_a_thumbnail_is_the_image_made_small(tmp_path, name):
    path = tmp_path / name
    write(path)
    whole = read_image(path)
    turned = name.startswith("turned")
    expected = cv2.resize(whole, (128, 192) if turned else (192, 128), interpolation=cv2.INTER_AREA)
    small = decoded(thumbnail(path))
    assert small.shape == expected.shape
    error = np.abs(small.astype(int) - expected)
    assert error.mean() < 3
    assert np.median(error) <= 3


def test_a_side_may_be_given(tmp_path):
    write(tmp_path / "a.png")
    assert decoded(thumbnail(tmp_path / "a.png", side=31)).shape == (21, 31, 3)
    assert len(thumbnail(tmp_path / "a.png")) < 10_000


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
@pytest.mark.parametrize("size", [(1, 1), (192, 100), (30, 20)])
def test_a_small_image_stays_as_it_is(tmp_path, name, size):
    Image.new("RGB", size, (200, 100, 50)).save(tmp_path / name)
    small = decoded(thumbnail(tmp_path / name))
    assert small.shape == (size[1], size[0], 3)
    assert np.abs(small.astype(int) - (200, 100, 50)).max() <= 3


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
@pytest.mark.parametrize(("size", "expected"), [((1, 5000), (1, 192)), ((5000, 1), (192, 1)), ((5000, 3), (192, 1))])
def test_very_long_images(tmp_path, name, size, expected):
    Image.new("RGB", size, (200, 100, 50)).save(tmp_path / name)
    small = decoded(thumbnail(tmp_path / name))
    assert small.shape == (expected[1], expected[0], 3)
    assert np.abs(small.astype(int) - (200, 100, 50)).max() <= 4


def test_a_jpeg_is_decoded_at_a_fraction_of_its_size(tmp_path, monkeypatch):
    Image.fromarray(np.broadcast_to(COLOURS[:1, :1], (4500, 6000, 3))).save(tmp_path / "a.jpg")
    sizes: list[tuple[int, int]] = []
    load = thumbnails.load_shown

    def watched(*args, **options):
        loaded = load(*args, **options)
        sizes.append(loaded.stored.size)
        return loaded

    monkeypatch.setattr(thumbnails, "load_shown", watched)
    start = time.perf_counter()
    assert decoded(thumbnail(tmp_path / "a.jpg")).shape == (144, 192, 3)
    assert time.perf_counter() - start < 5  # 0.05 s on an idle machine
    assert sizes == [(750, 563)]


def test_what_cannot_be_read(tmp_path):
    write(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:3000])
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "empty.png").touch()
    bomb = bytearray((tmp_path / "whole.jpg").read_bytes())
    at = bomb.index(b"\xff\xc0") + 5
    bomb[at : at + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "bomb.jpg").write_bytes(bomb)
    for name, expected in (
        ("cut.jpg", "broken, cut short"),
        ("text.jpg", "cannot be read as an image"),
        ("empty.png", "empty file"),
        ("bomb.jpg", "65535x65535, 4295 million pixels"),
        ("missing.png", "there is no file"),
    ):
        with pytest.raises(ImageError, match=expected):
            thumbnail(tmp_path / name)
