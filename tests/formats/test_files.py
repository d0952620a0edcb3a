"""Exported files hold the masks they were made of, and say so where they cannot."""

import base64
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pycocotools import mask as rle
from pycocotools.coco import COCO

from vpuformer.data.kinds.coco import CocoFolder
from vpuformer.data.kinds.masks import MaskFolder
from vpuformer.errors import InputError, MaskError
from vpuformer.formats import FORMATS, AnnotatedImage, LabelledMask, Written
from vpuformer.formats.bridges import joined
from vpuformer.formats.coco import write as write_coco
from vpuformer.formats.contours import parts_of
from vpuformer.formats.labelme import write as write_labelme
from vpuformer.formats.naming import UniqueNames, wanted_stems
from vpuformer.formats.output import Output
from vpuformer.formats.yolo import drawn_agreement
from vpuformer.images import read_labels, read_mask
from vpuformer.images.palette import voc_colours

HEIGHT, WIDTH = 9, 14
LABELS = ["cup", "big dog", "no/one"]
# pycocotools 2.0 hands NumPy 2 an array in a way that is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")
MASKS = arrays(bool, (7, 10))


def block(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    """Rows `top` to `bottom - 1`, columns `left` to `right - 1`."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top:bottom, left:right] = True
    return mask


SQUARE = block(1, 2, 5, 7)
RING = block(2, 5, 8, 12) & ~block(4, 7, 6, 10)
TWO_PARTS = block(0, 0, 2, 2) | block(6, 3, 9, 4)
NOTHING = block(0, 0, 0, 0)


def annotated(
    name: str, *objects: tuple[np.ndarray, str | None], first: int = 1, number: int | None = None
) -> AnnotatedImage:
    found = [LabelledMask(mask, label, first + i) for i, (mask, label) in enumerate(objects)]
    height, width = objects[0][0].shape if objects else (HEIGHT, WIDTH)
    return AnnotatedImage(name, width, height, found, first if number is None else number)


def scene() -> Iterator[AnnotatedImage]:
    yield annotated("a/x.jpg", (SQUARE, "cup"), (RING, "big dog"), first=11)
    yield annotated("b/x.png", (TWO_PARTS, "cup"), (SQUARE, "no/one"), (block(2, 3, 3, 4), None), first=21)
    yield annotated("b/none.png", first=31)


def write(name: str, images: Any, folder: Path, labels: list[str] = LABELS, **options: Any) -> Written:
    written = FORMATS[name].write(images, folder, labels, **options)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == set(written.files)
    assert len(there) == len(written.files)
    return written


def even_odd(outline: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Every pixel centre asks every edge of the closed outline whether a ray to the right meets it."""
    inside = np.zeros(shape, bool)
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    for (xa, ya), (xb, yb) in zip(outline.tolist(), np.roll(outline, -1, axis=0).tolist(), strict=True):
        if ya != yb:
            between = (rows > min(ya, yb)) & (rows <= max(ya, yb))
            inside ^= between & (columns < xa + (rows - ya) * (xb - xa) / (yb - ya))
    return inside


# --- png ----------------------------------------------------------------------------------------------------------


def test_png_has_a_file_for_every_object_with_its_very_pixels(tmp_path: Path) -> None:
    written = write("png", scene(), tmp_path)
    assert written.files == (
        "a/x/0001_cup.png",
        "a/x/0002_big_dog.png",
        "b/x/0001_cup.png",
        "b/x/0002_no_one.png",
        "b/x/0003.png",
        "objects.json",
    )
    assert (written.images, written.objects, written.notes) == (3, 5, ())
    for file, mask in zip(written.files[:-1], [SQUARE, RING, TWO_PARTS, SQUARE, block(2, 3, 3, 4)], strict=True):
        assert np.array_equal(read_mask(tmp_path / file), mask.astype(np.float32))
    index = json.loads((tmp_path / "objects.json").read_bytes())
    assert index[3] == {"file": "b/x/0002_no_one.png", "picture": "b/x.png", "id": 22, "label": "no/one"}


def test_png_is_what_training_reads(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("one.jpg", "two.png"):
        Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "images" / name)
    images = [annotated("one.jpg", (SQUARE, "cup"), (RING, None)), annotated("two.png", (TWO_PARTS, "cup"), first=5)]
    write("png", images, tmp_path / "masks")
    folder = MaskFolder(tmp_path)
    assert np.array_equal(folder.masks(0), [SQUARE, RING])
    assert np.array_equal(folder.masks(1), [TWO_PARTS])


# --- label maps ---------------------------------------------------------------------------------------------------


def test_a_label_map_has_the_numbers_of_the_labels_and_tells_what_overlaps(tmp_path: Path) -> None:
    written = write("labels", scene(), tmp_path)
    first = read_labels(tmp_path / "a/x.png")
    assert np.array_equal(first == 2, RING)
    assert np.array_equal(first == 1, SQUARE & ~RING)
    second = read_labels(tmp_path / "b/x.png")
    assert second[2, 3] == 4
    assert (second == 3).sum() == SQUARE.sum() - 1
    assert not read_labels(tmp_path / "b/none.png").any()
    assert (tmp_path / "labels.txt").read_text() == "0 background\n1 cup\n2 big dog\n3 no/one\n4 object\n"
    overlap = (SQUARE & RING).sum() + (TWO_PARTS & SQUARE).sum() + 1
    assert written.notes == (
        "1 object has no label and is written as 'object': b/x.png.",
        f"Where objects of different labels overlap, {overlap} pixels went to the later one: a/x.jpg, b/x.png.",
    )


def test_objects_of_one_label_do_not_take_from_one_another_but_are_no_longer_told_apart(tmp_path: Path) -> None:
    written = write("labels", [annotated("x.png", (SQUARE, "cup"), (RING, "cup"), (RING, "cup"))], tmp_path)
    assert np.array_equal(read_labels(tmp_path / "x.png") == 1, SQUARE | RING)
    (note,) = written.notes
    assert note.startswith("2 objects shared the label of another one on the same image")
    assert note.endswith(": x.png.")


@pytest.mark.parametrize(("number", "mode"), [(253, "P"), (254, "I;16"), (300, "I;16")])
def test_more_labels_than_a_palette_has_make_a_map_of_16_bits(tmp_path: Path, number: int, mode: str) -> None:
    labels = [f"label {i}" for i in range(number)]
    write("labels", [annotated("x.png", (SQUARE, labels[-1]), (RING, None))], tmp_path, labels)
    with Image.open(tmp_path / "x.png") as image:
        assert image.mode == mode
    values = read_labels(tmp_path / "x.png")
    assert np.array_equal(values == number + 1, RING)
    assert np.array_equal(values == number, SQUARE & ~RING)


def test_the_palette_is_that_of_pascal_voc() -> None:
    colours = voc_colours()
    # aeroplane, bicycle, ..., and the ends of the list as the development kit gives them
    assert colours[:5].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]]
    assert colours[8].tolist() == [64, 0, 0]
    assert colours[16].tolist() == [0, 64, 0]
    assert colours[20].tolist() == [0, 64, 128]
    assert colours[255].tolist() == [224, 224, 192]
    assert len(np.unique(colours, axis=0)) == 256


# --- coco ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("polygons", [False, True])
def test_coco_is_read_by_pycocotools_and_by_our_own_reader(tmp_path: Path, polygons: bool) -> None:
    written = write("coco", scene(), tmp_path, polygons=polygons)
    assert (written.images, written.objects) == (3, 5)
    theirs = COCO(tmp_path / "annotations.json")
    assert [theirs.imgs[number]["file_name"] for number in (11, 21, 31)] == ["a/x.jpg", "b/x.png", "b/none.png"]
    ours = CocoFolder(tmp_path)
    for annotation, mask in {11: SQUARE, 12: RING, 21: TWO_PARTS, 22: SQUARE, 23: block(2, 3, 3, 4)}.items():
        (entry,) = theirs.loadAnns([annotation])
        assert np.array_equal(theirs.annToMask(entry), mask)
        assert entry["area"] == mask.sum()
        assert np.array_equal(ours.masks(annotation // 10 - 1, [annotation])[0], mask)
    assert theirs.anns[11]["bbox"] == [2, 1, 5, 4]
    assert [theirs.cats[theirs.anns[i]["category_id"]]["name"] for i in (11, 12, 22, 23)] == [*LABELS, "object"]
    assert isinstance(theirs.anns[11]["segmentation"], list) == polygons
    assert isinstance(theirs.anns[12]["segmentation"], dict)  # COCO's polygons have no holes
    assert len(theirs.anns[21]["segmentation"]) == 2
    assert any(note.endswith("were written as run lengths: a/x.jpg.") for note in written.notes) == polygons


@settings(deadline=None)
@given(st.lists(MASKS, min_size=1, max_size=3), st.booleans())
def test_coco_gives_every_mask_back_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory, masks: list[np.ndarray], polygons: bool
) -> None:
    folder = tmp_path_factory.mktemp("coco")
    write_coco([annotated("x.png", *((mask, "cup") for mask in masks))], folder, ["cup"], polygons=polygons)
    drawn = [mask for mask in masks if mask.any()]  # what has no pixel is left out, and counted
    assert np.array_equal(CocoFolder(folder).masks(0), np.reshape(drawn, (-1, *masks[0].shape)))


@settings(deadline=None)
@given(MASKS)
def test_cocos_polygons_hold_every_mask_without_holes(mask: np.ndarray) -> None:
    parts = parts_of(mask)
    if parts and not any(part.holes for part in parts):
        encoded: Any = rle.merge(rle.frPyObjects([part.outer.ravel().tolist() for part in parts], *mask.shape))
        same: Any = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert encoded["counts"] == same["counts"]


def test_two_objects_of_one_id_are_refused(tmp_path: Path) -> None:
    twice = [annotated("a.png", (SQUARE, "cup")), annotated("b.png", (SQUARE, "cup"), number=2)]
    with pytest.raises(InputError, match=r"two objects have the id 1, the second one on b\.png"):
        write("coco", twice, tmp_path)
    with pytest.raises(InputError, match=r"b\.png has the id 1 of another image"):
        write("coco", [annotated("a.png"), annotated("b.png")], tmp_path)


# --- yolo ---------------------------------------------------------------------------------------------------------


def outlines(file: Path, width: int = WIDTH, height: int = HEIGHT) -> list[tuple[int, np.ndarray]]:
    found = []
    for line in file.read_text().splitlines():
        label, *numbers = line.split()
        shares = np.array(numbers, float).reshape(-1, 2)
        assert shares.min() >= 0
        assert shares.max() <= 1
        found.append((int(label), shares * (width, height)))
    return found


def test_yolo_has_an_outline_an_object_that_encloses_its_very_pixels(tmp_path: Path) -> None:
    written = write("yolo", scene(), tmp_path)
    masks = [SQUARE, RING], [TWO_PARTS, SQUARE, block(2, 3, 3, 4)], []
    for name, wanted in zip(("a/x", "b/x", "b/none"), masks, strict=True):
        found = outlines(tmp_path / "labels" / f"{name}.txt")
        assert len(found) == len(wanted)
        for (_, outline), mask in zip(found, wanted, strict=True):
            assert np.array_equal(even_odd(outline, mask.shape), mask)
    assert [label for label, _ in outlines(tmp_path / "labels/b/x.txt")] == [0, 2, 3]
    content = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert content == {"train": "images", "val": "images", "names": dict(enumerate([*LABELS, "object"]))}
    assert written.notes[1].startswith("2 objects with holes or several parts became one outline each")
    assert written.notes[1].endswith(": a/x.jpg, b/x.png.")
    # A pixel whose outline is painted too is four pixels.
    assert "at least 0.250 (object 23 of b/x.png)" in written.notes[2]


@settings(deadline=None)
@given(MASKS)
def test_bridges_enclose_nothing(mask: np.ndarray) -> None:
    contours = [contour for part in parts_of(mask) for contour in part.contours]
    if contours:
        outline = joined(contours)
        assert np.array_equal(even_odd(outline, mask.shape), mask)
        assert len(outline) == sum(map(len, contours)) + 2 * (len(contours) - 1)
        # Rounded as it is written, for an image of which this is a part.
        assert np.array_equal(even_odd(np.round(outline / 31997, 7) * 31997, mask.shape), mask)


def test_the_shortest_bridge_is_taken() -> None:
    far, near, first = (block(0, left, 3, left + 2) for left in (11, 6, 1))
    outline = joined([contour for mask in (first, far, near) for contour in parts_of(mask)[0].contours])
    steps = np.abs(np.roll(outline, -1, axis=0) - outline).sum(axis=1)
    assert sorted(steps[steps == 3].tolist()) == [3] * (6 + 4)  # upright sides, and two bridges to and fro


def test_the_agreement_is_that_of_what_opencv_draws() -> None:
    mask = block(2, 3, 6, 8)
    drawn = np.zeros(mask.shape, np.uint8)
    cv2.fillPoly(drawn, [parts_of(mask)[0].outer], (1,))
    wanted = (drawn.astype(bool) & mask).sum() / (drawn.astype(bool) | mask).sum()
    assert wanted == 20 / 30
    assert drawn_agreement(parts_of(mask)[0].outer.astype(float), mask) == wanted
    everything = np.ones((4, 5), bool)
    assert drawn_agreement(parts_of(everything)[0].outer.astype(float), everything) == 1


def test_yolo_says_which_images_it_would_take_for_one(tmp_path: Path) -> None:
    pair = [annotated("x.jpg", (block(0, 0, HEIGHT, WIDTH), "cup")), annotated("x.png", first=2)]
    written = write("yolo", pair, tmp_path)
    assert written.files == ("labels/x.txt", "labels/x.png.txt", "data.yaml")
    assert any(note.endswith("or it is given the labels of the other: x.png.") for note in written.notes)


# --- labelme ------------------------------------------------------------------------------------------------------


def mask_of(shape: dict[str, Any]) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    with Image.open(io.BytesIO(base64.b64decode(shape["mask"]))) as image:
        assert image.mode == "1"  # LabelMe 5.4 indexes with it as it is
        pixels = np.array(image)
    (left, top), (right, bottom) = shape["points"]
    mask[top : bottom + 1, left : right + 1] = pixels
    return mask


def test_labelme_has_polygons_and_masks_where_there_are_holes(tmp_path: Path) -> None:
    written = write("labelme", scene(), tmp_path)
    content = json.loads((tmp_path / "a/x.json").read_bytes())
    square, contour = content["shapes"]
    assert (square["label"], square["shape_type"], square["group_id"]) == ("cup", "polygon", None)
    assert square["points"] == [[2, 1], [7, 1], [7, 5], [2, 5]]
    assert (contour["label"], contour["shape_type"]) == ("big dog", "mask")
    assert np.array_equal(mask_of(contour), RING)
    assert {key: content[key] for key in ("imagePath", "imageData", "imageHeight", "imageWidth")} == {
        "imagePath": "x.jpg",
        "imageData": None,
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
    }
    one, other, *_ = json.loads((tmp_path / "b/x.json").read_bytes())["shapes"]
    assert one["group_id"] == other["group_id"] == 21
    parts = even_odd(np.array(one["points"]), SQUARE.shape) | even_odd(np.array(other["points"]), SQUARE.shape)
    assert np.array_equal(parts, TWO_PARTS)
    assert "paints the outline too" in written.notes[1]
    assert written.notes[2].startswith("1 object with holes came as a shape of the type 'mask'")
    assert written.notes[2].endswith(": a/x.jpg.")


def test_labelme_can_hold_all_as_masks_and_point_to_the_images(tmp_path: Path) -> None:
    written = write("labelme", scene(), tmp_path, polygons=False, images_at="../photos")
    content = json.loads((tmp_path / "b/x.json").read_bytes())
    assert content["imagePath"] == "../../photos/b/x.png"
    found = [mask_of(shape) for shape in content["shapes"]]
    assert np.array_equal(found, [TWO_PARTS, SQUARE, block(2, 3, 3, 4)])
    assert len(written.notes) == 1


@pytest.mark.parametrize("at", ["/", "/tmp"])
def test_labelme_points_to_the_images_wherever_it_is_called(
    at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(at)
    write("labelme", scene(), tmp_path / "l", images_at="../../data/photos")
    assert json.loads((tmp_path / "l/b/x.json").read_bytes())["imagePath"] == "../../../data/photos/b/x.png"
    write("labelme", scene(), tmp_path / "m", images_at="/data/photos")
    assert json.loads((tmp_path / "m/b/x.json").read_bytes())["imagePath"] == "/data/photos/b/x.png"


# --- voc ----------------------------------------------------------------------------------------------------------


def test_voc_has_two_maps_boxes_and_a_list(tmp_path: Path) -> None:
    written = write("voc", scene(), tmp_path)
    assert (tmp_path / "ImageSets/Segmentation/all.txt").read_text() == "a/x\nb/x\nb/none\n"
    classes = read_labels(tmp_path / "SegmentationClass/a/x.png")
    objects = read_labels(tmp_path / "SegmentationObject/b/x.png")
    assert np.array_equal(classes == 2, RING)
    assert np.array_equal(objects == 3, block(2, 3, 3, 4))
    assert np.array_equal(objects == 1, TWO_PARTS & ~SQUARE)
    with Image.open(tmp_path / "SegmentationClass/a/x.png") as image:
        assert image.mode == "P"
        assert image.getpalette() == voc_colours().ravel().tolist()
    root = ElementTree.parse(tmp_path / "Annotations/a/x.xml").getroot()
    assert (root.findtext("folder"), root.findtext("filename")) == ("a", "x.jpg")
    assert (root.findtext("size/width"), root.findtext("size/height")) == (str(WIDTH), str(HEIGHT))
    boxes = [[int(side.text or 0) for side in box] for box in root.iter("bndbox")]
    assert boxes == [[3, 2, 7, 5], [6, 3, 12, 8]]  # from 1, the last pixel included
    assert [thing.findtext("name") for thing in root.iter("object")] == ["cup", "big dog"]
    lost = (SQUARE & RING).sum() + (TWO_PARTS & SQUARE).sum() + 1
    assert written.notes[1:] == (f"Where objects overlap, {lost} pixels went to the later one: a/x.jpg, b/x.png.",)


def test_voc_says_which_objects_are_wholly_covered(tmp_path: Path) -> None:
    small = block(2, 3, 3, 4)
    written = write("voc", [annotated("x.png", (small, "cup"), (SQUARE, "cup"), (small, "cup"))], tmp_path)
    assert written.notes == (
        "Where objects overlap, 2 pixels went to the later one: x.png.",
        "1 object lay wholly under later ones, and only the box is left: x.png.",
    )


def test_voc_refuses_what_its_maps_cannot_number(tmp_path: Path) -> None:
    many = [(block(0, 0, 1, 1), "cup")] * 255
    with pytest.raises(InputError, match=r"hold 254 of a kind, and there are more objects on x\.png"):
        write("voc", [annotated("x.png", *many)], tmp_path)
    labels = [f"label {i}" for i in range(255)]
    with pytest.raises(InputError, match="there are 255 labels; use the format coco"):
        write("voc", [annotated("x.png", (SQUARE, labels[-1]))], tmp_path, labels)


def test_a_name_that_xml_cannot_hold_is_written_without_it(tmp_path: Path) -> None:
    write("voc", [annotated("a\x01<&>.png", (SQUARE, "cup"))], tmp_path)
    root = ElementTree.parse(tmp_path / "Annotations/a_<&>.xml").getroot()
    assert root.findtext("filename") == "a_<&>.png"


# --- all of them --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_images_of_one_name_do_not_overwrite_each_other(name: str, tmp_path: Path) -> None:
    alike = ("a/x.jpg", "a/x.png", "a/X.png", "b/x.jpg", "x.jpg")
    images = [annotated(one, (SQUARE, "cup"), first=10 * i) for i, one in enumerate(alike, 1)]
    written = write(name, images, tmp_path)
    assert (written.images, written.objects) == (5, 5)
    assert len({file.casefold() for file in written.files}) == len(written.files)
    told = (
        "2 images had the name of another one but for the ending, which the files of the later one keep:"
        " a/x.png, a/X.png."
    )
    assert (told in written.notes) == (name != "coco")


def test_two_images_that_would_write_one_file_after_all_are_refused(tmp_path: Path) -> None:
    # A folder called like the file of another image's object.
    pair = [annotated("a.jpg", (SQUARE, "cup")), annotated("a/0001_cup.png/b.jpg", (SQUARE, "cup"), first=2)]
    with pytest.raises(InputError, match=r"a/0001_cup\.png/b/0001_cup\.png cannot be written"):
        write("png", pair, tmp_path)
    output = Output(tmp_path / "twice")
    output.write("a.txt", b"one")
    with pytest.raises(InputError, match=r"two images would both write a\.txt; rename one of them"):
        output.write("a.txt", b"other")
    assert (tmp_path / "twice/a.txt").read_bytes() == b"one"


@pytest.mark.parametrize("name", ["labels", "voc", "yolo", "labelme"])
def test_an_object_without_pixels_leaves_nothing(name: str, tmp_path: Path) -> None:
    written = write(name, [annotated("x.png", (NOTHING, "cup"), (SQUARE, "cup"))], tmp_path)
    assert written.objects == 1
    assert written.notes[-1] == "1 object without a pixel could not be written: x.png."


@pytest.mark.parametrize("name", ["labels", "voc", "yolo", "labelme"])
def test_a_note_names_ten_images_on_one_line(name: str, tmp_path: Path) -> None:
    odd = annotated("a\nb.png", (NOTHING, "cup"))
    others = [annotated(f"{number:02}.png", (NOTHING, "cup"), first=number) for number in range(2, 14)]
    written = write(name, [odd, *others], tmp_path)
    names = ", ".join(f"{number:02}.png" for number in range(2, 11))
    assert written.notes[0] == f"13 objects without a pixel could not be written: 'a\\nb.png', {names} and 3 more."
    assert all(note.isprintable() for note in written.notes)


@pytest.mark.parametrize("name", FORMATS)
def test_only_one_mask_is_asked_for_at_a_time(name: str, tmp_path: Path) -> None:
    import gc
    import weakref

    alive: weakref.WeakSet[LabelledMask] = weakref.WeakSet()
    most = 0

    def objects() -> Iterator[LabelledMask]:
        nonlocal most
        for number in range(5):
            thing = Weak(SQUARE.copy(), "cup", number)
            alive.add(thing)
            gc.collect()
            most = max(most, len(alive))
            yield thing
            del thing

    write(name, [AnnotatedImage("x.png", WIDTH, HEIGHT, objects, id=1)], tmp_path)
    assert most <= 2  # the one that is made, and the one that the loop still holds


class Weak(LabelledMask):
    """With a `__dict__` and a `__weakref__`."""


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (lambda: [annotated("x.png", (SQUARE, "cupp"))], LABELS, "no label called 'cupp'.*Did you mean 'cup'?"),
        (lambda: [annotated("x.png")], ["cup", "cup"], "two labels are called 'cup'"),
        (lambda: [annotated("x.png")], ["a\nb"], r"the label 'a\\nb' is blank or holds a character"),
        (lambda: [annotated("x.png")], [" "], "is blank"),
    ],
)
def test_labels_that_make_no_sense_are_refused(
    name: str, images: Callable[[], Any], labels: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        write(name, images(), tmp_path, labels)


@pytest.mark.parametrize("path", ["", "/x.png", "a//x.png", "../x.png", "a/../../x.png", "./x.png", "a/"])
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(InputError, match="named by its path within its folder"):
        AnnotatedImage(path, 1, 1, [], id=1)


def test_a_image_that_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="is 0x1 pixels"):
        AnnotatedImage("x.png", 0, 1, [], id=1)
    with pytest.raises(InputError, match="not text in UTF-8"):
        AnnotatedImage("x\udcff.png", 1, 1, [], id=1)


@pytest.mark.parametrize("mask", [np.zeros((WIDTH, HEIGHT), bool), np.zeros((HEIGHT, WIDTH), np.uint8)])
@pytest.mark.parametrize("name", FORMATS)
def test_a_mask_that_does_not_fit_its_image_is_refused(name: str, mask: np.ndarray, tmp_path: Path) -> None:
    wrong = AnnotatedImage("a/x.png", WIDTH, HEIGHT, [LabelledMask(mask, "cup", 7)], id=1)
    with pytest.raises(MaskError, match=r"object 7 of a/x\.png is (bool|uint8) of shape .* bool of shape \(9, 14\)"):
        write(name, [wrong], tmp_path)


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_is_one_sentence(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="cannot be written: the disk is full; make room and try again"):
        FORMATS[name].write(scene(), tmp_path, LABELS)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_writer_of_labelme_needs_no_label_for_a_image_without_objects(tmp_path: Path) -> None:
    write_labelme([annotated("x.png")], tmp_path, [])
    assert json.loads((tmp_path / "x.json").read_bytes())["shapes"] == []


@pytest.mark.parametrize("name", FORMATS)
def test_names_that_a_file_cannot_have_are_changed_and_told(name: str, tmp_path: Path) -> None:
    long, long_too = f"a/{'x' * 251}.png", f"a/{'x' * 250}y.png"
    images = [
        annotated(path, (SQUARE, "cup"), first=number)
        for number, path in enumerate(["back\\slash.png", long, long_too, "b/\N{GREEK SMALL LETTER ALPHA}.png"], 1)
    ]
    written = write(name, images, tmp_path)
    assert written.objects == 4
    notes = " ".join(written.notes)
    if name == "coco":  # whose one file holds the names as they are
        return
    assert "back\\slash.png as back_slash" in notes
    assert f"{long} as a/xxx" in notes
    assert f"of another one but for the ending, which the files of the later one keep: {long_too}" in notes
    assert "\N{GREEK SMALL LETTER ALPHA}" not in notes


def test_long_names_of_slices_keep_the_slice():
    names = UniqueNames()
    slices = [f"{'x' * 240}.nii.gz@z{number:03}" for number in range(3)]
    stems = [names.of(name) for name in slices]
    assert stems == [wanted_stems(name)[0] for name in slices]
    assert [stem[-5:] for stem in stems] == ["@z000", "@z001", "@z002"]
    assert max(map(len, stems)) == 250
    assert not names.renamed
