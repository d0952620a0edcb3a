"""COCO files are read to the bit, and whatever else comes is refused in one sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as rle

from vpuformer.errors import MaskError
from vpuformer.formats import AnnotatedImage, LabelledMask, iter_coco_masks, read_coco_masks
from vpuformer.formats.coco import write

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")

MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))
SIZE = (20, 30)
SQUARE = np.zeros(SIZE, bool)
SQUARE[2:7, 3:8] = True
OUTLINE = [3, 2, 8, 2, 8, 7, 3, 7]


def encoded(mask: np.ndarray) -> dict[str, Any]:
    found: Any = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": found["counts"].decode()}


def coco(*segmentations: Any, name: str = "a/x.jpg", **extra: Any) -> dict[str, Any]:
    annotations = [{"id": i, "image_id": 1, "category_id": 1, "segmentation": s} for i, s in enumerate(segmentations)]
    images = [{"id": 1, "file_name": name, "height": SIZE[0], "width": SIZE[1]}]
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cup"}], **extra}


def read(content: Any, image: str = "a/x.jpg", size: tuple[int, int] | None = SIZE) -> Any:
    return read_coco_masks(content if isinstance(content, bytes) else json.dumps(content).encode(), image, size)


@settings(deadline=None)
@given(MASKS)
def test_run_lengths_are_decoded_as_pycocotools_does(mask: np.ndarray) -> None:
    content = coco(encoded(mask))
    content["images"][0] |= {"height": mask.shape[0], "width": mask.shape[1]}
    found = read(content, size=mask.shape)
    assert len(found) == mask.any(), "what has no pixel is left out"
    for label, same in found:
        assert label == "cup"
        assert same.dtype == bool
        assert np.array_equal(same, mask)


@pytest.mark.parametrize("polygons", [False, True])
def test_what_was_written_is_read(polygons: bool, tmp_path: Path, rng: np.random.Generator) -> None:
    things = [LabelledMask(rng.random((50, 70)) < share, "cup", i) for i, share in enumerate((0.001, 0.5, 1))]
    write([AnnotatedImage("x.png", 70, 50, things, 4)], tmp_path, ["dog", "cup"], polygons=polygons)
    found = read_coco_masks(tmp_path / "annotations.json", "x.png", (50, 70))
    assert [label for label, _ in found] == ["cup"] * 3
    assert np.array_equal([mask for _, mask in found], [thing.mask for thing in things])


def test_every_kind_of_segmentation_gives_the_same_mask() -> None:
    runs = [3 * 20 + 2, *([5, 15] * 4), 5, 20 * 30 - 3 * 20 - 2 - 4 * 20 - 5]
    kinds = [encoded(SQUARE), {"size": list(SIZE), "counts": runs}, [OUTLINE], [OUTLINE, [1, 1, 2, 2]]]
    assert all(np.array_equal(mask, SQUARE) for _, mask in read(coco(*kinds)))


def test_crowds_and_annotations_without_a_segmentation_are_left_out() -> None:
    content = coco([OUTLINE], [OUTLINE], [], None)
    content["annotations"][0]["iscrowd"] = 1
    content["annotations"][1]["category_id"] = 9
    ((label, _),) = read(content)
    assert label is None


def test_what_is_guessed_or_left_out_is_told() -> None:
    notes: list[str] = []
    content = coco([OUTLINE], [OUTLINE], [OUTLINE], name="images\\x.jpg")
    content["annotations"][0]["iscrowd"] = 1
    masks = iter_coco_masks(json.dumps(content).encode(), "x.jpg", SIZE, on_note=notes.append)
    assert len(list(masks)) == 2
    assert len(notes) == 2
    assert notes[0] == "the COCO file has no image x.jpg; these are the masks of images\\x.jpg"
    assert notes[1].startswith("1 annotation in the COCO file left out: crowds")


def test_labels_that_are_lost_are_told() -> None:
    notes: list[str] = []
    content = coco([OUTLINE], [OUTLINE], [OUTLINE])
    content["annotations"][0]["category_id"] = 9
    del content["annotations"][1]["category_id"]
    assert len(list(iter_coco_masks(json.dumps(content).encode(), "x.jpg", SIZE, on_note=notes.append))) == 3
    assert notes[1:] == ["1 object in the COCO file without a label: 'categories' lacks their category"]


def test_a_name_of_any_length_makes_a_short_note() -> None:
    notes: list[str] = []
    content = json.dumps(coco([OUTLINE], name="x" * 100_000)).encode()
    assert list(iter_coco_masks(content, "x.jpg", SIZE, on_note=notes.append))
    assert len(notes[0]) < 500
    content = json.dumps({"images": [{"id": i, "file_name": f"{i}" * 90_000} for i in (1, 2)], "annotations": []})
    with pytest.raises(MaskError, match="several images") as caught:
        read_coco_masks(content.encode(), "x.jpg")
    assert len(str(caught.value)) < 1000


def test_names_match_across_systems() -> None:
    notes: list[str] = []
    content = json.dumps(coco([OUTLINE], name="sub\\u\u0308.jpg")).encode("utf-16")
    assert list(iter_coco_masks(content, "sub/\u00fc.jpg", SIZE, on_note=notes.append))
    assert not notes


def test_a_image_is_found_by_its_path_its_name_or_as_the_only_one() -> None:
    content = coco([OUTLINE], name="other/x.jpg")
    assert len(read(content, "x.jpg")) == 1
    assert len(read(content, "something.png")) == 1
    content["images"].append({"id": 2, "file_name": "x.jpg", "height": 20, "width": 30})
    assert len(read(content, "x.jpg")) == 0
    assert len(read(content, "other/x.jpg")) == 1
    with pytest.raises(
        MaskError, match=r"several images \(other/x\.jpg, x\.jpg\), and none of them alone is called y\.jpg"
    ):
        read(content, "y.jpg")
    with pytest.raises(MaskError, match=r"none of them alone is called third/x\.jpg"):
        read(content, "third/x.jpg")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON"),
        (b"[" * 100_000, "is nested too deeply"),
        (b"[]", "is not a COCO file: it needs the keys"),
        (b'{"images": [], "annotations": []}', "lists no image"),
        (b'{"images": 3, "annotations": []}', "is not a COCO file"),
        (b'{"images": [{}], "annotations": []}', "is not a COCO file: every image needs a 'file_name'"),
        (coco({"size": [20, 30], "counts": "12"}), "do not fill an image of 30x20"),
        (coco({"size": [20, 30], "counts": "o"}), "run lengths do not fill"),
        (coco({"size": [20, 30], "counts": "oooooooooo0"}), "run lengths do not fill"),
        (coco({"size": [20, 30], "counts": "\x01"}), "run lengths do not fill"),
        (coco({"size": [20, 30], "counts": "ä"}), "these are not run lengths"),
        (coco({"size": [20, 30], "counts": ""}), "these are not run lengths"),
        (coco({"size": [20, 30], "counts": [700, -100]}), "run lengths are a text, or whole numbers from 0 to"),
        (coco({"size": [20, 30], "counts": [599.5, 0.5]}), "run lengths are a text, or whole numbers from 0 to"),
        (coco({"size": [20, 30], "counts": [True, 599]}), "run lengths are a text, or whole numbers from 0 to"),
        (coco({"size": [20, 30], "counts": [2**70]}), "run lengths are a text, or whole numbers from 0 to"),
        (coco({"size": [20, 30], "counts": [20, 30]}), "run lengths add up to 50, not to 30x20"),
        (coco({"size": [20, 30], "counts": 3}), "run lengths are a text, or whole numbers from 0 to"),
        (coco({"size": [30, 20], "counts": [600]}), "the size of the mask is"),
        (coco({"size": 20, "counts": [600]}), "the size of the mask is"),
        (coco({"counts": [600]}), "the size of the mask is None"),
        (coco([[1, 2, 3, 4, 5]]), "a polygon is numbers x, y"),
        (coco([[1, 2, 3, 4, 5, 1e300]]), "a polygon has finite numbers near its image"),
        (coco([[1, 2, 3, 4, 5, float("nan")]]), "a polygon has finite numbers near its image"),
        (coco([[1, 2, 3, 4, 5, "six"]]), "a polygon is numbers x, y"),
        (coco([[1, 2, 3, 4, 5, False]]), "a polygon is numbers x, y"),
        (coco("text"), "a segmentation is run lengths or a list of polygons"),
        (coco(3), "a segmentation is run lengths or a list of polygons"),
        (coco([[0, 0, 29, 0, 0, 19] * 400_000]), "the outline is longer than"),
        (coco([OUTLINE], images=[{"id": 1, "file_name": "x.jpg", "height": 10**6, "width": 10**6}]), "400,000,000"),
        (coco([OUTLINE], images=[{"id": 1, "file_name": "x.jpg", "height": 30, "width": 20}]), "20x30.*it is 30x20"),
    ],
)
def test_what_is_no_coco_is_refused_in_one_sentence(content: Any, message: str) -> None:
    with pytest.raises(MaskError, match=message):
        read(content, "x.jpg")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MaskError, match=r"none\.json cannot be read: No such file"):
        read_coco_masks(tmp_path / "none.json", "x.jpg")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["size", "counts", "id"]), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(VALUES)
def test_no_segmentation_whatsoever_breaks_the_reader(segmentation: Any) -> None:
    try:
        found = read(coco(segmentation))
    except MaskError:
        return
    assert all(mask.shape == SIZE for _, mask in found)


@settings(deadline=None)
@given(st.text(alphabet=[chr(code) for code in range(48, 112)], max_size=12))
def test_run_lengths_either_fill_the_image_or_are_refused(counts: str) -> None:
    try:
        found = read(coco({"size": list(SIZE), "counts": counts}))
    except MaskError:
        return
    for _, mask in found:
        assert np.array_equal(rle.decode({"size": list(SIZE), "counts": counts}), mask)
