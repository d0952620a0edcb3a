"""What can be said of a file before its pixels are read: how many images it holds, and whether it may hold one."""

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from vpuformer.errors import ImageError
from vpuformer.images import image_endings, read_image
from vpuformer.images.heads import contents_of
from vpuformer.images.loading import Loaded, load
from vpuformer.images.reading import to_rgb

RGB = np.arange(36, dtype=np.uint8).reshape(3, 4, 3) * 7


@pytest.mark.parametrize("ending", ["gif", "webp", "png", "tif"])
def test_frames_of_an_animation_or_pages_are_counted(tmp_path, ending):
    frames = [Image.new("RGB", (5, 4), (60 * number, 9, 9)) for number in range(3)]
    path = tmp_path / f"a.{ending}"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert contents_of(path).frames == 3
    frames[0].save(path)
    assert contents_of(path).frames == 1


@pytest.mark.parametrize("ending", ["png", "jpg", "bmp", "tif", "webp", "gif", "ppm"])
def test_most_files_hold_one_image(tmp_path, ending):
    Image.fromarray(RGB).save(tmp_path / f"a.{ending}")
    assert contents_of(tmp_path / f"a.{ending}").frames == 1


def test_a_stack_of_deep_pages(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((12, 6, 5), np.uint16))
    tifffile.imwrite(tmp_path / "big.tif", np.zeros((2, 6, 5), np.float32), bigtiff=True)
    assert contents_of(tmp_path / "a.tif").frames == 12
    assert contents_of(tmp_path / "big.tif").frames == 2


def test_a_stack_of_very_many_pages(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((1200, 2, 2), np.uint8))
    assert contents_of(tmp_path / "a.tif").frames == 1200


def test_smaller_copies_in_a_tiff_are_no_frames(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        for step in (1, 2, 4):
            tiff.write(np.zeros((64 // step, 64 // step), np.uint8), subfiletype=int(step > 1), metadata=None)
    assert contents_of(tmp_path / "a.tif").frames == 1


def test_what_cameras_put_behind_a_photograph_is_no_frame(tmp_path):
    photograph, gain = Image.new("RGB", (16, 8), "red"), Image.new("RGB", (8, 4), "blue")
    photograph.save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[gain])
    with Image.open(tmp_path / "a.jpg") as image:
        assert getattr(image, "n_frames", None) == 2
    assert contents_of(tmp_path / "a.jpg").frames == 1
    assert read_image(tmp_path / "a.jpg").shape == (8, 16, 3)


def test_a_file_that_is_broken_behind_its_first_frame(tmp_path):
    frames = [Image.effect_noise((50, 40), 90) for _ in range(3)]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    content = (tmp_path / "a.tif").read_bytes()
    for length in range(2100, len(content), 97):
        (tmp_path / "a.tif").write_bytes(content[:length])
        try:
            assert 1 <= contents_of(tmp_path / "a.tif").frames <= 3
        except ImageError as error:
            assert "broken, cut short" in str(error)  # noqa: PT017


def test_what_is_no_image_has_no_frames(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    for name, expected in (
        ("empty.png", "empty file"),
        ("text.png", "cannot be read as an image"),
        ("missing.png", "no file"),
    ):
        with pytest.raises(ImageError, match=expected):
            contents_of(tmp_path / name)


def test_endings():
    endings = image_endings()
    assert {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".jp2", ".pgm"} <= endings
    assert not endings & {".pdf", ".eps", ".txt", ".svg", ".mp4", ".json", "", "."}
    assert all(ending == ending.lower() and ending.startswith(".") for ending in endings)


def test_a_large_jpeg_may_come_smaller_and_others_do_not(tmp_path):
    smooth = cv2.resize(np.arange(12, dtype=np.uint8).reshape(3, 4) * 20, (1600, 1200))
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("a.jpg", "a.png"):
        Image.fromarray(smooth).convert("RGB").save(tmp_path / name, exif=exif)
    small = load(tmp_path / "a.jpg", least=200)
    assert isinstance(small, Image.Image)
    assert small.size == (300, 400)  # a quarter; of an eighth, one side would be below 200
    whole = load(tmp_path / "a.png", least=200)
    assert isinstance(whole, Image.Image)
    assert whole.size == (1200, 1600)
    expected = cv2.resize(to_rgb(Loaded(whole), "a"), small.size, interpolation=cv2.INTER_AREA)
    assert np.abs(to_rgb(Loaded(small), "a").astype(int) - expected).max() <= 6
    tiny = load(tmp_path / "a.jpg", least=5000)
    assert isinstance(tiny, Image.Image)
    assert tiny.size == (1200, 1600)
