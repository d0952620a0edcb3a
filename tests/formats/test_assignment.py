"""Images in files find those of a folder, and nothing is guessed."""

import pytest

from vpuformer.formats.assignment import assign
from vpuformer.formats.found import FoundImage

NAMES = ["a/x.jpg", "a/x.png", "b/x.jpg", "only.tif"]


def entry(name: str | None, *, stem: bool = False, mask: bool = False, alias: str | None = None) -> FoundImage:
    return FoundImage(name, lambda *_: iter(()), stem=stem, mask=mask, alias=alias)


@pytest.mark.parametrize(
    ("found", "image"),
    [
        (entry("a/x.jpg"), "a/x.jpg"),
        (entry(r"C:\set\b\x.jpg"), "b/x.jpg"),
        (entry("only.tif"), "only.tif"),
        (entry("images/only.tif"), "only.tif"),
        (entry("x.png"), "a/x.png"),
        (entry("../x.png"), "a/x.png"),
        (entry("b/x", stem=True), "b/x.jpg"),
        (entry("train/only", stem=True), "only.tif"),
        (entry("a/x.png", stem=True), "a/x.png"),
        (entry("0a1b2c3d-only.tif", alias="only.tif"), "only.tif"),
        (entry(None), "only.tif"),
    ],
)
def test_a_name_finds_its_image(found: FoundImage, image: str) -> None:
    result = assign([found], NAMES, "only")
    assert result.of_image == {image: [found]}
    assert result.missing == result.ambiguous == []


def test_what_fits_no_image_or_several_is_listed() -> None:
    entries = [entry(name) for name in ("x.jpg", "c/x.jpg", "X.jpg", "../../etc/passwd", "x")]
    result = assign([*entries, entry("a/x", stem=True)], NAMES)
    assert result.of_image == {}
    assert result.ambiguous == ["x.jpg", "a/x"]
    assert result.missing == ["c/x.jpg", "X.jpg", "../../etc/passwd", "x"]


def test_two_names_for_one_image_are_refused_unless_one_is_its_path() -> None:
    train, val = entry("train/only.tif"), entry("val/only.tif")
    result = assign([train, val], NAMES)
    assert (result.of_image, result.ambiguous) == ({}, ["train/only.tif", "val/only.tif"])
    exact = entry("only.tif")
    result = assign([train, exact], NAMES)
    assert (result.of_image, result.ambiguous) == ({"only.tif": [exact]}, ["train/only.tif"])


def test_one_image_in_several_files() -> None:
    first, second = entry("a/x.png"), entry("a/x.png")
    assert assign([first, second], NAMES).of_image == {"a/x.png": [first, second]}


def test_stems_of_an_export_where_two_images_share_one() -> None:
    first, second = entry("a/x", stem=True), entry("a/x.png", stem=True)
    assert assign([first, second], NAMES).of_image == {"a/x.jpg": [first], "a/x.png": [second]}


def test_several_masks_of_an_image_are_found_by_what_their_names_share() -> None:
    names = ["1.png", "2.png", "x.jpg", "x_1.jpg", "a/y.jpg"]

    def assigned(*stems: str) -> tuple[dict[str, list[str | None]], list[str], list[str]]:
        result = assign([entry(stem, stem=True, mask=True) for stem in stems], names)
        found = {image: [each.name for each in entries] for image, entries in result.of_image.items()}
        return found, result.missing, result.ambiguous

    objects = ["1/1", "1/2", "x_1", "x_2", "x_cup_3", "a/y/7", "a/y_8", "z_1"]
    images = {"1.png": ["1/1", "1/2"], "x.jpg": ["x_2", "x_cup_3"], "x_1.jpg": ["x_1"], "a/y.jpg": ["a/y/7", "a/y_8"]}
    assert assigned(*objects) == (images, ["z_1"], [])
    in_folders = {image: [f"set/masks/{name}" for name in found] for image, found in images.items()}
    assert assigned(*(f"set/masks/{name}" for name in objects))[0] == in_folders
    assert assigned("2", "2_1", "2/1") == ({"2.png": ["2"]}, [], ["2_1", "2/1"])
    assert assigned("y_1", "a/y_2") == ({}, [], ["y_1", "a/y_2"])
