"""`vpuformer precompute`, and the commands that read what it has made."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from support.commands import vpuformer
from vpuformer.app.annotation.background_segmenter import BackgroundSegmenter
from vpuformer.images import read_image
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.model.checkpoint import save_checkpoint
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VPUFORMER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


def precomputed(*words: object) -> str:
    result = vpuformer("precompute", *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_image_is_encoded_once_until_it_changes(image_folder: Path, cache: Path) -> None:
    before = sorted(image_folder.rglob("*"))
    assert precomputed(image_folder).startswith("computed the features of 3 images, found those of 0; 4 MB in ")
    assert precomputed(image_folder).startswith("computed the features of 0 images, found those of 3; 4 MB in ")
    (image_folder / "a.png").rename(image_folder / "z.png")  # the same image
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(image_folder / "b.jpg")  # another one of the same name
    assert precomputed(image_folder).startswith("computed the features of 1 image, found those of 2; 6 MB in ")
    assert len(list(cache.iterdir())) == 4
    assert len(sorted(image_folder.rglob("*"))) == len(before)


def test_other_weights_have_features_of_their_own(image_folder: Path, model: Path, cache: Path) -> None:
    precomputed(image_folder / "a.png")
    assert "computed the features of 1 image, found those of 0" in precomputed(
        image_folder / "a.png", "--model", model, "--device", "cpu"
    )
    assert len(list(cache.iterdir())) == 2


def test_a_cache_that_cannot_be_written_ends_the_command(
    image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VPUFORMER_CACHE", str(tmp_path / "file"))
    result = vpuformer("precompute", image_folder)
    assert result.exit_code == 2
    assert "choose a folder that you may write to" in result.stderr


def test_a_broken_image_is_named_and_the_others_are_encoded(image_folder: Path, cache: Path) -> None:
    (image_folder / "b.jpg").write_bytes(b"no image")
    result = vpuformer("precompute", image_folder)
    assert result.exit_code == 2
    assert "computed the features of 2 images" in result.stdout
    left_out, error = result.stderr.splitlines()
    assert left_out.startswith(f"left out: {image_folder / 'b.jpg'} ")
    assert error == "error: 1 image cannot be read, named above"
    assert len(list(cache.iterdir())) == 2


def test_features_that_would_displace_each_other_are_refused(image_folder: Path, cache: Path) -> None:
    result = vpuformer("precompute", image_folder, "--max-size", "0.003")
    assert result.exit_code == 2
    assert "the features of 3 images take 0.0042 GB, and at most 0.003 GB are kept; raise --max-size" in result.stderr
    assert len(list(cache.iterdir())) == 1
    for size in ("0", "-1", "nan", "inf", "1e+300"):
        result = vpuformer("precompute", image_folder, "--max-size", size)
        assert f"--max-size is a positive number of GB, got {size}" in result.stderr


def test_a_network_that_encodes_prompts_with_the_image_is_refused(image_folder: Path, tmp_path: Path) -> None:
    config = VPUFormerConfig(
        input_size=64, dim=32, heads=2, ffn_dim=32, decoder_dim=16, dense_prompts="early", mask_fusion="early"
    )
    save_checkpoint(VPUFormer(config), tmp_path / "early")
    result = vpuformer("precompute", image_folder, "--model", tmp_path / "early", "--device", "cpu")
    assert result.exit_code == 2
    assert "features depend on the prompts" in result.stderr


def test_annotate_and_segment_read_the_features(
    image_folder: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = image_folder / "a.png"
    precomputed(image)
    (path,) = cache.iterdir()
    os.utime(path, (0, 0))
    result = vpuformer("segment", image, "--click", "20,20", "-o", tmp_path / "mask.png")
    assert result.exit_code == 0, result.output
    assert path.stat().st_mtime > 0  # it was used

    loaded = BackgroundSegmenter().load()
    assert isinstance(loaded, VPUFormerSegmenter)
    monkeypatch.setattr(loaded.network, "encode", lambda *_: pytest.fail("the image encoder ran"))
    loaded.encode(read_image(image))
    assert list(cache.iterdir()) == [path]  # they write none
