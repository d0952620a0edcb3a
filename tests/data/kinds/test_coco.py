"""COCO folders and their split, on sets of a few images that are written here."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as rle

from vpuformer.data.kinds.coco import CocoFolder
from vpuformer.data.split import Split, ValidationObject, find_split, open_folders, training_images, validation_samples
from vpuformer.errors import DatasetError

SIZE = (20, 30)


def compressed(mask: np.ndarray) -> dict[str, Any]:
    encoded = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": encoded["counts"].decode()}


def square(top: int, left: int, side: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top : top + side, left : left + side] = True
    return mask


def write_set(root: Path, segmentations: list[list[Any]], **extra: Any) -> Path:
    """One image for each list of segmentations; annotation ids count from 10."""
    (root / "images").mkdir(parents=True)
    images, annotations = [], []
    for i, found in enumerate(segmentations):
        name = f"images/{i:03d}.png"
        Image.fromarray(np.full((*SIZE, 3), i, np.uint8)).save(root / name)
        images.append({"id": i + 1, "file_name": name, "height": SIZE[0], "width": SIZE[1], "exhaustive": i == 0})
        for segmentation in found:
            number = 10 + len(annotations)
            annotations.append({"id": number, "image_id": i + 1, "iscrowd": 0, "segmentation": segmentation, **extra})
    content = {"images": images, "annotations": annotations, "categories": []}
    (root / "annotations.json").write_text(json.dumps(content))
    return root


def edit(root: Path, change: Any) -> None:
    path = root / "annotations.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_every_kind_of_segmentation_gives_the_same_mask(tmp_path: Path) -> None:
    mask = square(2, 3, 5)
    runs = [3 * 20 + 2, *([5, 15] * 5)]
    runs[-1] = 20 * 30 - sum(runs[:-1])
    polygon = [[3, 2, 8, 2, 8, 7, 3, 7]]
    folder = CocoFolder(write_set(tmp_path / "s", [[compressed(mask), {"size": list(SIZE), "counts": runs}, polygon]]))
    masks = folder.masks(0)
    assert masks.shape == (3, *SIZE)
    assert masks.dtype == np.uint8
    for found in masks:
        np.testing.assert_array_equal(found, mask)
    assert folder.areas(0).tolist() == [25, 25, 25]


def test_parts_of_a_polygon_are_one_object_and_too_short_parts_do_not_count(tmp_path: Path) -> None:
    parts = [[0, 0, 4, 0, 4, 4, 0, 4], [10, 10, 12, 10, 12, 12, 10, 12], [1, 1, 2, 2]]
    folder = CocoFolder(write_set(tmp_path / "s", [[parts]]))
    np.testing.assert_array_equal(folder.masks(0)[0], square(0, 0, 4) | square(10, 10, 2))


def test_images_objects_and_samples(tmp_path: Path) -> None:
    a, b, c = (compressed(square(1, i, 3)) for i in (1, 10, 20))
    folder = CocoFolder(write_set(tmp_path / "toy", [[a, b], [], [c]]))
    assert len(folder) == 3
    assert folder.images == ["images/000.png", "images/001.png", "images/002.png"]
    assert [folder.objects(i) for i in range(3)] == [[10, 11], [], [12]]
    assert [folder.fully_annotated(i) for i in range(3)] == [True, False, False]
    assert folder.masks(1).shape == (0, *SIZE)
    assert folder.image(2).shape == (*SIZE, 3)
    assert (folder.image(2) == 2).all()
    np.testing.assert_array_equal(folder.masks(0, [11])[0], square(1, 10, 3))
    np.testing.assert_array_equal(folder.union(0), square(1, 1, 3) | square(1, 10, 3))
    assert not folder.union(1).any()
    samples = folder.samples()
    assert [sample.name for sample in samples] == [
        "toy/images/000.png/10",
        "toy/images/000.png/11",
        "toy/images/002.png/12",
    ]
    assert samples[1].object_id == 11
    assert samples[1].truth().dtype == np.int8
    np.testing.assert_array_equal(samples[1].truth(), square(1, 10, 3))
    assert (samples[2].image() == 2).all()


def test_objects_need_not_lie_in_the_order_of_the_images(tmp_path: Path) -> None:
    root = write_set(tmp_path / "s", [[compressed(square(0, 0, 2))], [compressed(square(5, 5, 3))]])
    edit(root, lambda content: content["annotations"].reverse())
    folder = CocoFolder(root)
    np.testing.assert_array_equal(folder.masks(0)[0], square(0, 0, 2))
    np.testing.assert_array_equal(folder.masks(1)[0], square(5, 5, 3))


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    mask = compressed(square(0, 0, 2))
    root = write_set(tmp_path / "s", [[mask, [], [[1, 1, 2, 2]], compressed(np.zeros(SIZE)), mask, None, mask]])
    edit(root, lambda content: content["annotations"][4].update(iscrowd=1))
    folder = CocoFolder(root)
    assert folder.objects(0) == [10, 16]
    crowds, no_outline, empty = folder.notes
    assert crowds.startswith(f"1 annotation in {root / 'annotations.json'} left out: crowds (iscrowd is 1)")
    assert no_outline.startswith("3 annotations in ")
    assert empty.startswith("1 annotation in ")
    assert empty.endswith("left out: without a pixel")
    assert not CocoFolder(write_set(tmp_path / "t", [[mask]])).notes


@pytest.mark.parametrize(
    "segmentation",
    [[[[3, 2], [8, 2], [8, 7], [3, 7]]], [[3, 2], [8, 2], [8, 7], [3, 7]], [3, 2, 8, 2, 8, 7, 3, 7.0]],
    ids=["pairs", "pairs of one polygon", "one polygon"],
)
def test_polygons_in_other_brackets(tmp_path: Path, segmentation: Any) -> None:
    folder = CocoFolder(write_set(tmp_path / "s", [[segmentation, [[1, 1, 2, 2], [[3, 2], [8, 2], [8, 7], [3, 7]]]]]))
    np.testing.assert_array_equal(folder.masks(0), [square(2, 3, 5)] * 2)
    assert not folder.notes


@pytest.mark.parametrize("name", ["../secret.png", "/etc/secret.png", "images/../../x.png", "C:\\x.png", "..\\x.png"])
def test_no_file_outside_the_folder_is_opened(tmp_path: Path, name: str) -> None:
    Image.new("RGB", SIZE[::-1]).save(tmp_path / "secret.png")
    root = write_set(tmp_path / "s", [[compressed(square(0, 0, 2))]])
    edit(root, lambda content: content["images"][0].update(file_name=name))
    with pytest.raises(DatasetError, match="which is not a path within its folder"):
        CocoFolder(root)


def test_names_from_other_systems_find_their_file(tmp_path: Path) -> None:
    root = write_set(tmp_path / "s", [[compressed(square(0, 0, 2))], []])
    (root / "images" / "000.png").rename(root / "images" / "u\u0308.png")
    edit(root, lambda content: content["images"][0].update(file_name="images\\\u00fc.png"))
    assert (CocoFolder(root).image(0) == 0).all()


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "y" * 300 + "/x.png", "a/" * 3000 + "x.png"])
def test_an_image_whose_name_no_system_takes_is_one_that_is_missing(tmp_path: Path, name: str) -> None:
    root = write_set(tmp_path / "s", [[compressed(square(0, 0, 2))], [compressed(square(0, 0, 3))]])
    edit(root, lambda c: c["images"][1].update(file_name=name))
    folder = CocoFolder(root)
    assert folder.unusable() == [1]
    with pytest.raises(DatasetError, match="lists the image"):
        folder.image(1)


def test_annotations_elsewhere(tmp_path: Path) -> None:
    root = write_set(tmp_path / "s", [[compressed(square(0, 0, 2))]])
    (root / "annotations").mkdir()
    moved = (root / "annotations.json").rename(root / "annotations" / "instances.json")
    content = json.loads(moved.read_text())
    content["images"][0]["file_name"] = "000.png"
    moved.write_text(json.dumps(content))
    assert CocoFolder(root, moved).image(0).shape == (*SIZE, 3)
    assert CocoFolder(tmp_path, moved, images=root / "images").path(0) == root / "images" / "000.png"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c: c.pop("images"), "is not a COCO file: it needs the keys 'images' and 'annotations'"),
        (lambda c: c["images"][0].pop("height"), "gives images/000.png the size 30 x None; wanted whole numbers"),
        (lambda c: c["images"].append(c["images"][0]), "gives two images the same id"),
        (lambda c: c["annotations"].append(c["annotations"][0]), "gives two annotations the same id"),
        (
            lambda c: c["annotations"][0].update(image_id=7),
            "annotation 10 in .* belongs to image 7, which is not under",
        ),
        (
            lambda c: c["images"][0].update(width=31),
            r"annotation 10 in .*: the size of the mask is \[20, 30\], that of its image \[20, 31\]",
        ),
        (
            lambda c: c["annotations"][0].update(segmentation={"size": list(SIZE), "counts": [3, 4]}),
            "run lengths add up to 7, not to 30x20",
        ),
        (lambda c: c["annotations"][0].update(segmentation=[[1, 2, 3, 4, 5, 6, 7]]), "a polygon is numbers x, y, x, y"),
        (lambda c: c["annotations"][0].update(segmentation="0101"), "run lengths or a list of polygons"),
        (
            lambda c: c["annotations"][0].update(segmentation=[[1, 2, float("nan"), 4, 5, 6]]),
            "has finite numbers near its image",
        ),
        (
            lambda c: c["annotations"][0].update(segmentation=[[1, 2, 10**400, 4, 5, 6]]),
            "has finite numbers near its image",
        ),
        (lambda c: c["annotations"][0].update(segmentation=[[1, 2, True, 4, 5, 6]]), "a polygon is numbers"),
        (lambda c: c["annotations"][0].update(segmentation=[[1, 2, "3", 4, 5, 6]]), "a polygon is numbers"),
        (lambda c: c["annotations"][0].update(segmentation={"size": [20, 30], "counts": [700, -100]}), "from 0 to"),
        (lambda c: c["annotations"][0].update(segmentation={"size": [20, 30], "counts": [2**70]}), "from 0 to"),
        (lambda c: c["images"][0].update(width=10**9), "gives images/000.png the size"),
        (lambda c: c["images"][0].update(height=float("nan")), "gives images/000.png the size"),
        (lambda c: c["images"][0].update(height=True), "gives images/000.png the size"),
        (lambda c: c["images"][0].update(id=[1]), "'id' is a whole number or a text"),
        (lambda c: c["images"][0].update(file_name="\ud800"), "every image needs a 'file_name'"),
        (lambda c: c["images"][0].update(file_name="a\0"), "every image needs a 'file_name'"),
        (lambda c: c["images"][0].update(id=None), "'id' is a whole number or a text"),
        (lambda c: c["annotations"][0].update(id=2**70), "the id of an annotation is a whole number"),
        (lambda c: c["annotations"][0].update(id="first"), "the id of an annotation is a whole number"),
        (lambda c: c["annotations"].append(3), "'annotations' is a list of objects"),
    ],
)
def test_a_broken_file_is_named_with_its_fault(tmp_path: Path, change: Any, sentence: str) -> None:
    root = write_set(tmp_path / "s", [[compressed(square(0, 0, 2))]])
    edit(root, change)
    with pytest.raises(DatasetError, match=sentence) as caught:
        CocoFolder(root)
    assert str(root / "annotations.json") in str(caught.value)


@pytest.mark.parametrize(
    "counts", [compressed(np.ones((5, 5)))["counts"], compressed(np.ones((50, 50)))["counts"], "0o"]
)
def test_run_lengths_that_do_not_fill_the_image(tmp_path: Path, counts: str) -> None:
    good = compressed(square(1, 1, 7))
    root = write_set(tmp_path / "s", [[good, {"size": list(SIZE), "counts": counts}, good]])
    with pytest.raises(
        DatasetError, match=r"annotation 11 in .*: its run lengths do not fill an image of 30x20 pixels"
    ):
        CocoFolder(root)


def test_run_lengths_that_add_up_and_leave_the_image(tmp_path: Path) -> None:
    """1, 599 + 500, -500: pycocotools writes 500 pixels behind the mask."""
    counts = written([1, 1099, -500])
    root = write_set(tmp_path / "s", [[{"size": list(SIZE), "counts": counts}]])
    with pytest.raises(DatasetError, match="its run lengths do not fill"):
        CocoFolder(root)


def written(numbers: list[int]) -> str:
    """Run lengths in COCO's code, up to the third."""
    text = ""
    for number in numbers:
        while True:
            digit, number = number & 0x1F, number >> 5
            more = number != (-1 if digit & 0x10 else 0)
            text += chr(48 + digit + 0x20 * more)
            if not more:
                break
    return text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["size", "counts", "id", "images"]), inner)
    ),
    max_leaves=8,
)
PLACES = [
    (key, field)
    for key, fields in {
        "images": ("id", "file_name", "height", "width", "exhaustive"),
        "annotations": ("id", "image_id", "category_id", "iscrowd", "segmentation"),
        "categories": ("id", "name"),
    }.items()
    for field in (None, *fields)
]


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PLACES), VALUES)
def test_whatever_a_field_holds_is_read_or_refused(tmp_path: Path, place: tuple[str, str | None], value: Any) -> None:
    content: dict[str, Any] = {
        "images": [{"id": 1, "file_name": "a.png", "height": 20, "width": 30}],
        "annotations": [{"id": 1, "image_id": 1, "segmentation": [[3, 2, 8, 2, 8, 7, 3, 7]]}],
        "categories": [{"id": 1, "name": "cup"}],
    }
    key, field = place
    content |= {key: value} if field is None else {key: [content[key][0] | {field: value}]}
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    try:
        folder = CocoFolder(tmp_path)
    except DatasetError:
        return
    for image in range(len(folder)):
        assert folder.masks(image).shape[1:] == folder.size(image)
        np.testing.assert_array_equal(folder.masks(image).sum(axis=(1, 2)), folder.areas(image))


def test_masks_of_any_shape_fill_their_image(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    masks = [rng.random(SIZE) < share for share in (0.001, 0.01, 0.1, 0.5, 0.99, 1)]
    folder = CocoFolder(write_set(tmp_path / "s", [[compressed(mask) for mask in masks]]))
    np.testing.assert_array_equal(folder.masks(0), masks)
    assert folder.areas(0).tolist() == [mask.sum() for mask in masks]


def test_files_that_are_missing_or_no_json(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"annotations.json cannot be read: No such file"):
        CocoFolder(tmp_path)
    (tmp_path / "annotations.json").write_text("{")
    with pytest.raises(DatasetError, match=r"annotations.json is not JSON"):
        CocoFolder(tmp_path)
    root = write_set(tmp_path / "s", [[]])
    (root / "images" / "000.png").unlink()
    with pytest.raises(DatasetError, match=r"lists the image images/000.png, which is neither"):
        CocoFolder(root).image(0)
    Image.new("RGB", (5, 4)).save(root / "images" / "000.png")
    with pytest.raises(DatasetError, match=r"000.png is 5x4 pixels, .* says 30x20"):
        CocoFolder(root).image(0)


def test_asking_for_what_is_not_there(tmp_path: Path) -> None:
    folder = CocoFolder(write_set(tmp_path / "s", [[compressed(square(0, 0, 2))]]))
    with pytest.raises(DatasetError, match="has no object 99"):
        folder.masks(0, [99])


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """Two sets of three images with one object each, and a split above them."""
    root = tmp_path / "train"
    for name in ("birds", "boats"):
        write_set(root / name, [[compressed(square(2, 2, 4 + i))] for i in range(3)])
    split = {
        "drop": ["boats/images/001.png"],
        "pictures": {"birds": ["images/000.png", "images/002.png"], "absent": ["a.png"]},
        "objects": [
            {"set": "birds", "file": "images/002.png", "annotation": 12},
            {"set": "absent", "file": "a.png", "annotation": 1},
        ],
    }
    (tmp_path / "split.json").write_text(json.dumps(split))
    return root


def test_the_split_keeps_validation_and_dropped_images_out(collection: Path) -> None:
    folders, split = open_folders(collection), find_split(collection)
    assert list(folders) == ["birds", "boats"]
    assert training_images(folders["birds"], split) == [1]
    assert training_images(folders["boats"], split) == [0, 2]
    assert [sample.name for sample in validation_samples(folders, split)] == ["birds/images/002.png/12"]
    assert training_images(folders["birds"], Split()) == [0, 1, 2]


def test_where_a_split_is_looked_for(collection: Path, tmp_path: Path) -> None:
    assert find_split(collection).objects
    assert find_split(collection / "birds") == find_split(collection), "one of the sets has the split of all"
    (tmp_path / "split.json").rename(tmp_path / "mine.json")
    assert find_split(collection) == find_split(collection / "birds") == Split()
    assert find_split(collection, tmp_path / "mine.json").drop == {"boats/images/001.png"}
    with pytest.raises(DatasetError, match=r"other.json cannot be read: No such file"):
        find_split(collection, tmp_path / "other.json")
    (tmp_path / "other.json").write_text('{"pictures": {}}')
    with pytest.raises(DatasetError, match=r"other.json is not a split .*`objects`"):
        Split.load(tmp_path / "other.json")


def test_a_split_of_other_data_is_refused(collection: Path) -> None:
    folders, split = open_folders(collection), find_split(collection)
    other = Split(objects=(split.objects[0]._replace(file="images/009.png"),))
    with pytest.raises(DatasetError, match=r"the split names birds/images/009.png"):
        validation_samples(folders, other)
    with pytest.raises(DatasetError, match="has no object 99"):
        validation_samples(folders, Split(objects=(split.objects[0]._replace(annotation=99),)))


def test_images_of_validation_objects_are_held_out(collection: Path) -> None:
    split = Split(objects=find_split(collection).objects)
    assert training_images(open_folders(collection)["birds"], split) == [0, 1]


@pytest.mark.parametrize(
    "split",
    [
        Split(images={"birds": frozenset({"002.png"})}),
        Split(drop=frozenset({"birds/002.png"})),
        Split(objects=(ValidationObject("birds", "002.png", 12),)),
    ],
)
def test_a_split_with_an_image_that_is_not_there_is_refused(split: Split, collection: Path) -> None:
    with pytest.raises(DatasetError, match=r"the split names 1 image that the set birds lacks: 002.png; files are"):
        training_images(open_folders(collection)["birds"], split)
    assert training_images(open_folders(collection)["boats"], split) == [0, 1, 2]


def test_one_set_alone_and_none(collection: Path, tmp_path: Path) -> None:
    assert list(open_folders(collection / "boats")) == ["boats"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="holds no data set; wanted"):
        open_folders(tmp_path / "empty")
