"""Every format that is written is read again, instance by instance; what one loses is stated here to the pixel."""

import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from vpuformer.errors import MaskError
from vpuformer.formats import FORMATS, AnnotatedImage, LabelledMask, read_objects
from vpuformer.formats.contours import parts_of
from vpuformer.formats.found import LabelAndMask
from vpuformer.formats.matching import match_image, match_stem
from vpuformer.formats.outlines import filled
from vpuformer.formats.output import Written

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")

SIZE = (60, 100)
LABELS = ["cup", "big dog", "no/one"]
IMAGES = ["dogs/rex.jpg", "cats/tom.png"]


def block(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


def scene() -> list[tuple[np.ndarray, str | None]]:
    """Twenty objects: plain, with a hole, in two parts, touching at a corner, of one pixel, over one another."""
    grid = [
        block(2 + 12 * row, 3 + 19 * column, 11 + 12 * row, 17 + 19 * column) for row in range(4) for column in range(5)
    ]
    grid[3] &= ~block(5, 62, 9, 66)
    grid[7] = block(14, 41, 18, 45) | block(20, 50, 22, 54)
    grid[8] = block(15, 60, 18, 64) | block(18, 64, 21, 68)
    grid[11] = block(30, 30, 31, 31)
    grid[16] = block(30, 10, 46, 40)  # over others
    return [(mask, [*LABELS, None][number % 4]) for number, mask in enumerate(grid)]


def things(first: int = 1) -> list[LabelledMask]:
    return [LabelledMask(mask, label, number) for number, (mask, label) in enumerate(scene(), first)]


def archive(name: str, folder: Path, **options: object) -> bytes:
    """An export of two images, of which the second has one object more, as the page gives it."""
    extra = LabelledMask(block(55, 90, 58, 95), "cup", 99)
    images = [
        AnnotatedImage(IMAGES[0], SIZE[1], SIZE[0], things(), 1),
        AnnotatedImage(IMAGES[1], SIZE[1], SIZE[0], [*things(30), extra], 2),
    ]
    return zipped(FORMATS[name].write(images, folder, LABELS, **options), folder)


def zipped(written: Written, folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for path in written.files:
            file.write(folder / path, path)
        file.writestr("NOTES.txt", "said")
    return buffer.getvalue()


def read(content: bytes, image: str = IMAGES[0], **options: object) -> tuple[list[LabelAndMask], list[str]]:
    notes: list[str] = []
    given = {"labels": LABELS, "others": IMAGES, **options}
    found = list(read_objects(content, image, SIZE, on_note=notes.append, **given))  # pyright: ignore
    return found, notes


def same(found: Sequence[LabelAndMask], expected: Sequence[tuple[np.ndarray, str | None]]) -> None:
    assert [label for label, _ in found] == [label for _, label in expected]
    assert all(np.array_equal(mask, wanted) for (_, mask), (wanted, _) in zip(found, expected, strict=True))


def named(label: str | None) -> str:
    """Formats that want a label call an object without one so."""
    return label or "object"


def topmost() -> list[np.ndarray]:
    """What is left of each object where the later one wins."""
    left, above = [], np.zeros(SIZE, bool)
    for mask, _ in reversed(scene()):
        left.append(mask & ~above)
        above |= mask
    return left[::-1]


def test_png_gives_every_object_back(tmp_path: Path) -> None:
    content = archive("png", tmp_path)
    found, notes = read(content)
    same(found, scene())
    assert notes == []
    assert len(read(content, IMAGES[1])[0]) == 21
    # A single file is one object; what it is stands in the list beside it.
    ((label, mask),), _ = read((tmp_path / "dogs/rex/0004.png").read_bytes(), name="0004.png")
    assert label is None
    assert np.array_equal(mask, scene()[3][0])


@pytest.mark.parametrize("polygons", [False, True])
def test_coco_gives_every_object_back(polygons: bool, tmp_path: Path) -> None:
    content = archive("coco", tmp_path, polygons=polygons)
    wanted = [(mask, named(label)) for mask, label in scene()]
    for given_file in (content, (tmp_path / "annotations.json").read_bytes()):
        found, notes = read(given_file)
        same(found, wanted)
        assert notes == []
    assert len(read(content, IMAGES[1])[0]) == 21


@pytest.mark.parametrize("polygons", [False, True])
def test_labelme_gives_every_object_back(polygons: bool, tmp_path: Path) -> None:
    content = archive("labelme", tmp_path, polygons=polygons)
    wanted = [(mask, named(label)) for mask, label in scene()]
    for given_file in (content, (tmp_path / "dogs/rex.json").read_bytes()):
        found, notes = read(given_file)
        same(found, wanted)
        assert notes == []
    assert len(read(content, IMAGES[1])[0]) == 21


def test_yolo_gives_every_object_back(tmp_path: Path) -> None:
    content = archive("yolo", tmp_path)
    wanted = [(mask, named(label)) for mask, label in scene()]
    found, notes = read(content)
    same(found, wanted)
    assert notes == []
    assert len(read(content, IMAGES[1])[0]) == 21
    # Alone, the file numbers its classes; the label of objects without one is no label of the folder.
    found, notes = read((tmp_path / "labels/dogs/rex.txt").read_bytes(), name="rex.txt")
    same(found, [(mask, label or "class 3") for mask, label in scene()])
    assert notes == ["20 objects with a number for a class, taken as the labels of this folder in their order"]


def test_voc_gives_every_object_back_but_for_what_lies_under_a_later_one(tmp_path: Path) -> None:
    content = archive("voc", tmp_path)
    wanted = [(mask, named(label)) for mask, (_, label) in zip(topmost(), scene(), strict=True)]
    found, notes = read(content)
    hidden = [index for index, (mask, _) in enumerate(wanted) if not mask.any()]
    same(found, [pair for index, pair in enumerate(wanted) if index not in hidden])
    assert any("was read as 2" in note or "was read as 1" in note for note in notes)
    assert len(hidden) == 1
    assert "1 box left out: without a pixel" in notes
    assert sum(int((mask ^ whole).sum()) for (mask, _), (whole, _) in zip(wanted, scene(), strict=True)) == 92
    # The map of objects alone has every object, and no names.
    found, _ = read((tmp_path / "SegmentationObject/dogs/rex.png").read_bytes(), name="rex.png")
    same(found, [(mask, None) for index, (mask, _) in enumerate(wanted) if index not in hidden])


def test_labels_give_the_pixels_of_every_label_back(tmp_path: Path) -> None:
    content = archive("labels", tmp_path)
    shown = list(zip(topmost(), scene(), strict=True))
    merged = []
    for label in [*LABELS, None]:
        merged.append((np.any([mask for mask, (_, own) in shown if own == label], axis=0), named(label)))
    same(read(content)[0], merged)
    found, notes = read((tmp_path / "dogs/rex.png").read_bytes(), name="rex.png")
    same(found, [(mask, None) for mask, _ in merged])
    assert notes == ["rex.png was read as 4 labels: 1, 2, 3, 4 (indices of a palette)"]


def test_a_label_map_of_twenty_values_is_twenty_objects(tmp_path: Path) -> None:
    values = np.zeros(SIZE, np.uint8)
    for number, mask in enumerate(topmost(), 1):
        values[mask] = number
    Image.fromarray(values).save(tmp_path / "a.png")
    found, _ = read((tmp_path / "a.png").read_bytes())
    same(found, [(mask, None) for mask in topmost() if mask.any()])


@pytest.mark.parametrize("name", FORMATS)
def test_one_object_alone_comes_back(name: str, tmp_path: Path) -> None:
    image = AnnotatedImage("x.png", SIZE[1], SIZE[0], [LabelledMask(block(5, 6, 20, 30), "big dog", 1)], 1)
    written = FORMATS[name].write([image], tmp_path, LABELS)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for path in written.files:
            file.write(tmp_path / path, f"below/{path}")
    found, _ = read(buffer.getvalue(), "x.png", others=["x.png"])
    same(found, [(block(5, 6, 20, 30), "big dog")])


@settings(deadline=None)
@given(arrays(bool, (9, 14)))
def test_outlines_are_filled_to_the_mask_they_were_made_of(mask: np.ndarray) -> None:
    found = np.zeros(mask.shape, bool)
    for part in parts_of(mask):
        for contour in part.contours:
            found ^= filled(contour, mask.shape, "here")
    assert np.array_equal(found, mask)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-20, 40), st.floats(-20, 40)), min_size=3, max_size=9))
def test_a_way_to_and_fro_encloses_nothing(corners: list[tuple[float, float]]) -> None:
    assert not filled([*corners, *reversed(corners)], (20, 30), "here").any()


# --- which image ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "names", "others", "index", "guessed"),
    [
        ("p.png", ["p.png", "q.png"], ["p.png", "q.png"], 0, False),
        ("p.png", ["images\\p.png", "images\\q.png"], ["p.png", "q.png"], 0, True),
        ("p.png", ["images\\p.png", "images\\q.png"], ["p.png", "sub/p.png"], 0, True),
        ("images/p.png", ["images\\p.png", "q.png"], ["images/p.png", "p.png"], 0, False),
        ("u\u0308.png", ["\u00fc.png", "x.png"], ["u\u0308.png"], 0, False),
        ("sub/p.png", ["p.png", "q.png"], ["sub/p.png"], 0, True),
        ("a/p.png", ["set/a/p.png", "set/b/p.png"], ["a/p.png", "b/p.png"], 0, True),
        ("p.png", ["old.png"], ["p.png"], 0, True),
        ("p.png", ["./p.png"], ["p.png"], 0, False),
    ],
)
def test_the_image_of_a_file_is_found(
    image: str, names: list[str], others: list[str], index: int, guessed: bool
) -> None:
    found, note = match_image(image, names, "the file", others)
    assert found == index
    assert (note is not None) is guessed
    if note:
        assert note == f"the file has no image {image}; these are the masks of {names[index]}"


@pytest.mark.parametrize(
    ("image", "names", "others", "message"),
    [
        ("sub/p.png", ["p.png", "q.png"], ["p.png", "sub/p.png"], "which may be p.png of this folder just as well"),
        ("sub/p.png", ["images\\p.png"], ["p.png", "sub/p.png"], "which may be p.png of this folder just as well"),
        ("a/p.png", ["p.png"], ["a/p.png", "b/p.png"], "which may be b/p.png of this folder just as well"),
        ("p.png", ["q.png"], ["p.png", "q.png"], "which may be q.png of this folder"),
        ("p.png", ["a/p.png", "b/p.png"], ["p.png"], "several images"),
        ("p.png", ["x.png", "y.png"], ["p.png"], "none of them alone is called p.png"),
        ("p.png", [], ["p.png"], "lists no image"),
        ("p.png", ["p.png", "p.png"], ["p.png"], "several images"),
    ],
)
def test_a_guess_that_may_mean_another_image_is_refused(
    image: str, names: list[str], others: list[str], message: str
) -> None:
    with pytest.raises(MaskError, match=message):
        match_image(image, names, "the file", others)


def test_files_that_are_called_as_their_image_but_for_the_ending() -> None:
    others = ["a/x.jpg", "a/x.png", "b/x.jpg"]
    assert match_stem("a/x.jpg", ["a/x", "a/x.png", "b/x"], "it", others) == (0, None)
    assert match_stem("a/x.png", ["a/x", "a/x.png", "b/x"], "it", others) == (1, None)
    assert match_stem("back\\slash.png", ["back_slash"], "it", [])[0] == 0
    assert match_stem("a/x.jpg", ["a/x"], "it", others) == (0, "a/x of it may be of a/x.png just as well as of a/x.jpg")


# --- what is broken -------------------------------------------------------------------------------------------------


def labelme(*shapes: dict[str, object], **extra: object) -> bytes:
    return json.dumps({"shapes": shapes, "imagePath": "rex.jpg", **extra}).encode()


def packed(**files: bytes | str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return buffer.getvalue()


SQUARE = [[1, 1], [5, 1], [5, 5], [1, 5]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (labelme({"points": SQUARE[:2]}), "at least three corners"),
        (labelme({"points": [[float("nan"), 1], *SQUARE]}), "not a number, or far outside"),
        (labelme({"points": [[1e300, 1], *SQUARE]}), "not a number, or far outside"),
        (labelme({"points": [["a", 1], *SQUARE]}), "a list of corners"),
        (labelme({"points": None}), "an outline"),
        (
            labelme({"points": SQUARE}, imageWidth=5, imageHeight=5),
            "dogs/rex.jpg is 5x5 pixels, and it is 100x60",
        ),
        (labelme({"points": SQUARE[:1], "shape_type": "rectangle"}), "has two points x, y, got"),
        (labelme({"points": [[0, 0], [5, 5]], "shape_type": "mask", "mask": "!"}), "is not base64"),
        (labelme({"points": [[0, 0], [5, 5]], "shape_type": "mask", "mask": "aGVsbG8="}), "cannot be read as a mask"),
        (labelme({"points": [[0, 0], [500, 5]], "shape_type": "mask", "mask": ""}), "whole pixels of its image"),
        (b'{"shapes": 3, "imagePath": "rex.jpg"}', "'shapes' is a list"),
        (labelme({"points": SQUARE}, imagePath="tom.png"), "has masks of tom.png, which may be tom.png of this folder"),
        (b"0 0.1 0.1 0.2 0.2 0.3 x", "line 1 of the file is a class and coordinates"),
        (b"0 0.1 0.1 0.2 0.2 0.3 nan", "line 1 of the file is a class"),
        (b"0.5 0.1 0.1 0.2 0.2 0.3 0.3", "line 1 of the file is a class"),
        (b"0 10 10 20 20 30 10", "as shares of width and height"),
        (b"0 0.1 0.1 0.2 0.2 0.3 3 0.4", "at least three x, y"),
        (b"1e300 0.1 0.1 0.2 0.2 0.3 0.3", "line 1 of the file is a class"),
        (b"<annotation><object><bndbox/></object></annotation>", "object 1 of the file: 'xmin' is a number, got ''"),
        (b"PK\x03\x04 broken", "the archive is broken"),
        (packed(a=b"x"), "the archive holds no annotations that are read"),
        (packed(**{"objects.json": '[{"file": "x.png", "picture": "dogs/rex.jpg"}]'}), "does not hold"),
        (b'[{"file": "x.png", "picture": "rex.jpg"}]', "lists files that are not here"),
        (packed(**{"labels/rex.txt": b"\xff\xfe\x00\xd8", "data.yaml": "{"}), "is not YAML"),
        (b'{"key": 3}', "of no format that is read"),
        (b"[" * 100_000, "nested too deeply"),
        (b"hello", "of no format that is read"),
        (b"%PDF-1.4", "the file is a PDF"),
        (b"<annotations><image/></annotations>", "'height' is a number, got ''"),
        (b"null", "of no format that is read"),
        (packed(), "the archive holds no annotations that are read"),
        (packed(**{"labels/rex.txt": "0", "data.yaml": "names: [" + "a, " * 200_000 + "a]"}), "has more than 300 kB"),
        (labelme({"points": SQUARE}, imageWidth="100", imageHeight=60), "says that dogs/rex.jpg is '100'x60 pixels"),
        (labelme({"points": [[0, 0], [5, 5]], "shape_type": "mask"}), "it holds no mask"),
        (b"", "empty"),
    ],
)
def test_what_is_broken_is_one_sentence(content: bytes, message: str) -> None:
    with pytest.raises(MaskError, match=message):
        read(content)


def test_shapes_of_labelme_that_are_no_polygons() -> None:
    found, notes = read(
        labelme(
            {"label": "cup", "points": [[5, 6], [2, 1]], "shape_type": "rectangle"},
            {"label": "cup", "points": [[20, 20], [25, 20]], "shape_type": "circle"},
            {"label": "cup", "points": [[5, 6]], "shape_type": "point"},
            {"label": "cup", "points": [[5, 6]], "shape_type": "spline"},
            {"label": 7, "points": SQUARE, "group_id": None},
            {"label": "turned", "points": SQUARE, "shape_type": "rotation"},
            {"label": "turned", "points": SQUARE, "shape_type": "rectangle"},
        )
    )
    assert [label for label, _ in found] == ["cup", None, "turned"]
    assert all(np.array_equal(mask, block(1, 1, 5, 5)) for _, mask in found[1:])
    assert abs(int(found[0][1].sum()) - 25 * np.pi) < 4
    assert notes == [
        "1 shape of type point left out: polygons, rectangles, circles and masks are read",
        "1 shape of type spline left out: polygons, rectangles, circles and masks are read",
        "2 boxes left out: without a mask",
    ]


def test_boxes_of_yolo_are_no_masks() -> None:
    content = b"0 0.5 0.5 0.2 0.2\n1 0.1 0.1 0.2 0.1 0.2 0.2\n"
    found, notes = read(content, name="rex.txt")
    assert [label for label, _ in found] == ["big dog"]
    assert notes[-1] == "1 box left out: without a mask"


def test_the_confidence_behind_an_outline_of_yolo_is_told() -> None:
    found, notes = read(b"1 0.1 0.1 0.2 0.1 0.2 0.2 0.87\n", name="rex.txt")
    assert np.array_equal(found[0][1], read(b"1 0.1 0.1 0.2 0.1 0.2 0.2\n")[0][0][1])
    assert notes[-1] == "1 outline with a last number that has no partner, read as a confidence"


@pytest.mark.parametrize("content", [b"# made by hand", b"cup 0.1 0.1 0.2 0.1 0.2 0.2", b"0,0.1,0.1"])
def test_a_text_file_is_named_with_the_line_that_is_wrong(content: bytes) -> None:
    with pytest.raises(MaskError, match=r"line 1 of rex\.txt is a class and coordinates, separated by blanks, got"):
        read(content, name="rex.txt")


@pytest.mark.parametrize("names", ["['tom', rex]", "{1: rex}", "{'1': rex}"])
def test_names_of_classes_in_any_form(names: str) -> None:
    files = {"labels/dogs/rex.txt": "1 0.1 0.1 0.2 0.1 0.2 0.2", "data.yaml": f"names: {names}"}
    assert read(packed(**files))[0][0][0] == "rex"


def test_lists_within_lists_are_no_names() -> None:
    levels = [
        "a0: &a0 [x, x]",
        *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)),
        "names: [*a11]",
    ]
    files = {"labels/dogs/rex.txt": "0 0.1 0.1 0.2 0.1 0.2 0.2", "data.yaml": "\n".join(levels)}
    assert read(packed(**files))[0][0][0] == "class 0"


def test_of_several_coco_files_the_one_of_the_image_is_read() -> None:
    def coco(name: str, side: int) -> str:
        outline = [[1, 1, side, 1, side, side, 1, side]]
        image = {"id": 1, "file_name": name, "width": SIZE[1], "height": SIZE[0]}
        return json.dumps({"images": [image], "annotations": [{"id": 1, "image_id": 1, "segmentation": outline}]})

    found, notes = read(packed(**{"train.json": coco(IMAGES[1], 9), "val.json": coco(IMAGES[0], 7)}))
    assert [int(mask.sum()) for _, mask in found] == [36]
    assert notes == []


def test_a_declaration_in_xml_is_refused_in_any_encoding(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(archive("voc", tmp_path))) as file:
        files = {name: file.read(name) for name in file.namelist()}
    name = next(name for name in files if name.endswith("rex.xml"))
    text = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY x "y">]><annotation><object/></annotation>'
    with pytest.raises(MaskError, match="holds a declaration of XML"):
        read(packed(**{**files, name: text.encode("utf-16")}))


@pytest.mark.parametrize("name", ["png", "coco", "yolo", "voc", "labelme"])
def test_images_in_a_folder_that_is_called_as_one_of_an_export(name: str, tmp_path: Path) -> None:
    names = [
        "x.png", "labels.png", "labels/labels.png", "labels/x.png", "Annotations/x.png",
    ]  # fmt: skip
    images = [
        AnnotatedImage(image, SIZE[1], SIZE[0], [LabelledMask(block(1, 1, 9, 9 + 5 * number), "cup", number)], number)
        for number, image in enumerate(names, 1)
    ]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for path in FORMATS[name].write(images, tmp_path, LABELS).files:
            file.write(tmp_path / path, path)
    for number, image in enumerate(names, 1):
        found, _ = read(buffer.getvalue(), image, others=names)
        same(found, [(block(1, 1, 9, 9 + 5 * number), "cup")])


def test_a_file_of_another_name_is_told() -> None:
    content = b"1 0.1 0.1 0.2 0.1 0.2 0.2\n"
    assert read(content, name="other.txt")[1][0] == ("other.txt has no image rex; these are the masks of other")


def test_an_archive_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpuformer.formats.bundle.MAX_BYTES", 1000)
    with pytest.raises(MaskError, match="has more than"):
        read(packed(**{"labels/rex.txt": " " * 2000}))
    monkeypatch.setattr("vpuformer.formats.bundle.MAX_JSON", 1000)
    with pytest.raises(MaskError, match="JSON files of the archive have more than"):
        read(packed(**{f"{number}.json": " " * 200 for number in range(6)}))


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60), st.sampled_from([b"", b"{", b"<", b"0 ", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b"II*\0"]))
def test_no_content_whatsoever_breaks_the_readers(content: bytes, start: bytes) -> None:
    try:
        found, _ = read(start + content)
    except MaskError:
        return
    assert all(mask.shape == SIZE for _, mask in found)


@pytest.mark.parametrize("name", FORMATS)
def test_slices_of_a_volume_keep_their_masks(name: str, tmp_path: Path) -> None:
    slices = [f"a/scan.nii.gz@z{number:03}" for number in range(3)]
    masks = [block(5, 5 + 10 * number, 15, 20 + 10 * number) for number in range(3)]
    images = [
        AnnotatedImage(image, SIZE[1], SIZE[0], [LabelledMask(mask, "cup", number)], number)
        for number, (image, mask) in enumerate(zip(slices, masks, strict=True), 1)
    ]
    written = FORMATS[name].write(images, tmp_path, LABELS)
    assert not any("called otherwise" in note or "the name of another" in note for note in written.notes)
    content = zipped(written, tmp_path)
    for image, mask in zip(slices, masks, strict=True):
        ((label, found),), _ = read(content, image, others=slices)
        assert label == "cup"
        assert np.array_equal(found, mask)
