"""Slices of volumes on the command line."""

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from support.commands import vpuformer
from support.volumes import oriented, write_nifti
from vpuformer.images import image_size


def segmented(tmp_path, *words: object) -> dict:
    result = vpuformer("segment", *words, "--click", "4,3", "-o", tmp_path / "mask.png", "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_slice_of_a_volume_is_segmented(tmp_path):
    pytest.importorskip("nibabel")
    path = write_nifti(tmp_path / "scan.nii.gz", *oriented("LPS"))
    summary = segmented(tmp_path, path, "--slice", 4, "--window", "40,400")
    assert summary["notes"][0] == (
        f"{path}@z004@window40,400: 16 bits per channel: shown from -160 to 240 (window 40,400)"
    )
    assert image_size(tmp_path / "mask.png") == (10, 12)
    segmented(tmp_path, f"{path}@y002")
    assert image_size(tmp_path / "mask.png") == (6, 12)


def test_a_slice_of_a_later_volume_is_segmented(tmp_path):
    pytest.importorskip("nibabel")
    values, affine = oriented("LPS")
    path = write_nifti(tmp_path / "bold.nii.gz", np.stack([values, values], axis=-1), affine)
    notes = segmented(tmp_path, path, "--slice", 4, "--time", 1)["notes"]
    assert notes[0] == f"{path}@time001@z004: volume 1 of 2, counted from 0"


def test_a_page_of_a_stack_is_segmented(tmp_path):
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, np.arange(3 * 12 * 10, dtype=np.uint16).reshape(3, 12, 10), photometric="minisblack")
    assert "range of the pages" in segmented(tmp_path, path, "--slice", 2)["notes"][0]


def test_the_file_of_a_slice_is_not_overwritten(tmp_path):
    Image.new("I;16", (12, 10)).save(tmp_path / "deep.png")
    Image.new("L", (12, 10)).save(tmp_path / "stack.tif")
    for image, option, file in (
        ("deep.png@window40,400", "-o", "deep.png"),
        ("stack.tif@page000", "--overlay", "stack.tif"),
    ):
        before = (tmp_path / file).read_bytes()
        result = vpuformer("segment", tmp_path / image, "--click", "4,3", option, tmp_path / file)
        assert (result.exit_code, "writing it would overwrite the other" in result.stderr) == (2, True)
        assert (tmp_path / file).read_bytes() == before


def test_a_choice_that_cannot_be_is_refused(tmp_path):
    Image.new("L", (12, 10)).save(tmp_path / "a.png")
    for words, said in (
        (("--slice", 2), "holds one image"),
        (("--axis", "z"), "an axis comes with a slice"),
        (("--window", "40"), "CENTER,WIDTH"),
    ):
        result = vpuformer("segment", tmp_path / "a.png", *words, "--click", "4,3", "--json")
        assert said in result.stderr
