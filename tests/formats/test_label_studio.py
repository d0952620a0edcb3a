"""What Label Studio exports is read as it was drawn there."""

import contextlib
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vpuformer.errors import MaskError
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.found import Found, FoundImage, FoundObject, FoundTags, LeftOut, TargetImage
from vpuformer.formats.label_studio_brush import brush_mask
from vpuformer.formats.reading import read_annotations
from vpuformer.prompts import Box

SIZE = (20, 40)
BOX = {"x": 25, "y": 50, "width": 50, "height": 25, "rotation": 0, "rectanglelabels": ["cup"]}


def result(kind: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "a1", "type": kind, "value": value, "original_width": 40, "original_height": 20, **more}


def task(*results: dict[str, Any], image: str = "/data/upload/3/0a1b2c3d-x.jpg", **more: Any) -> dict[str, Any]:
    return {"id": 7, "data": {"image": image}, "annotations": [{"id": 1, "result": list(results)}], **more}


def images(content: Any) -> list[FoundImage]:
    title, annotations = read_annotations(Bundle(json.dumps(content).encode()))
    assert title == "Label Studio"
    return list(annotations.images)


def read(content: Any) -> list[Found]:
    (image,) = images(content)
    return list(image.objects(TargetImage("x.jpg", SIZE), lambda _: None))


def packed(values: np.ndarray, lengths: int = 5) -> list[int]:
    """Bytes packed as Label Studio does: equal neighbours as one block, all others as blocks of different bytes."""
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{width - 1:04b}" for width in (3, lengths, 8, 16))
    begin = 0
    while begin < len(values):
        end = begin + 1
        same = end < len(values) and values[end] == values[begin]
        while end < min(len(values), begin + 2**lengths) and (values[end] == values[end - 1]) == same:
            end += 1
        block = values[begin:end]
        bits += f"{int(same)}01{len(block) - 1:0{lengths}b}"
        bits += "".join(f"{value:08b}" for value in (block[:1] if same else block))
        begin = end
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def test_rectangles_polygons_and_ellipses() -> None:
    tags, box, polygon, ellipse, turned = read(
        [
            task(
                result("rectanglelabels", BOX),
                result("polygonlabels", {"points": [[0, 0], [25, 0], [25, 50], [0, 50]], "polygonlabels": ["dog"]}),
                result("ellipselabels", {"x": 50, "y": 50, "radiusX": 20, "radiusY": 20, "ellipselabels": ["dog"]}),
                result("rectanglelabels", {**BOX, "width": 10, "height": 40, "rotation": -90}, id="a2"),
                result("choices", {"choices": ["day"]}, id="a3"),
            )
        ]
    )
    assert box == FoundObject("dog", Box(9.5, 9.5, 29.5, 14.5), "a1")  # the last label of the same region
    assert isinstance(polygon, FoundObject)
    assert isinstance(polygon.shape, np.ndarray)
    assert np.argwhere(polygon.shape).max(axis=0).tolist() == [9, 9]
    assert isinstance(ellipse, FoundObject)
    assert isinstance(ellipse.shape, np.ndarray)
    assert abs(int(ellipse.shape.sum()) - np.pi * 8 * 4) < 5
    assert isinstance(turned, FoundObject)
    assert isinstance(turned.shape, np.ndarray)
    assert np.argwhere(turned.shape)[[0, -1]].tolist() == [[6, 10], [9, 17]]
    assert tags == FoundTags(["day"])


def test_results_of_a_region_are_attributes_and_those_of_the_image_are_left_out() -> None:
    box, other = read(
        [
            task(
                result("rectanglelabels", BOX),
                result("choices", {"choices": ["red", "shiny"]}, from_name="look"),
                result("number", {"number": 4}, from_name="doors"),
                result("rating", {"rating": 3}, from_name="quality"),
                result("textarea", {"text": ["parked"]}, from_name="note"),
                result("textarea", {"text": ["of the image"]}, id="a3"),
            )
        ]
    )
    assert isinstance(box, FoundObject)
    assert box.attributes == {"look": "red, shiny", "doors": 4.0, "quality": 3.0, "note": "parked"}
    assert other == LeftOut("result of type textarea", "rectangles, ellipses, polygons and brush masks are read")


@settings(deadline=None)
@given(arrays(bool, (5, 7)), st.booleans(), st.integers(1, 9))
def test_brush_masks_are_unpacked(mask: np.ndarray, equal: bool, lengths: int) -> None:
    pixels = np.zeros((*mask.shape, 4), np.uint8)
    pixels[mask] = 255 if equal else (255, 10, 33, 120)
    assert np.array_equal(brush_mask(packed(pixels.ravel(), lengths), mask.shape, "here"), mask)


@settings(deadline=None)
@given(st.lists(st.integers(0, 255), max_size=40))
def test_no_bytes_whatsoever_break_the_brush(content: list[int]) -> None:
    with contextlib.suppress(MaskError):
        assert brush_mask([0, 0, 0, 80, *content], (4, 5), "here").shape == (4, 5)


@pytest.mark.parametrize(
    ("address", "name", "alias"),
    [
        ("/data/upload/3/0a1b2c3d-x.jpg", "data/upload/3/0a1b2c3d-x.jpg", "data/upload/3/x.jpg"),
        ("/data/local-files/?d=set%2Fx%20y.jpg", "set/x y.jpg", None),
        ("s3://bucket/set/x.jpg", "set/x.jpg", None),
        ("https://host/a/x.jpg?signature=1", "a/x.jpg", None),
    ],
)
def test_the_image_of_a_task(address: str, name: str, alias: str | None) -> None:
    (image,) = images([task(image=address)])
    assert (image.name, image.alias) == (name, alias)


def test_one_annotation_of_a_task_is_read() -> None:
    content = task(result("rectanglelabels", BOX))
    content["annotations"].append({"result": [result("rectanglelabels", {**BOX, "x": 0})]})
    content["annotations"].append({"result": [], "was_cancelled": True})
    first, last = read([content])
    assert first == LeftOut("annotation", "of a task that has several: the ground truth is read, else the last")
    assert isinstance(last, FoundObject)
    assert last.shape == Box(-0.5, 9.5, 19.5, 14.5)
    content["annotations"][0]["ground_truth"] = True
    assert read(content)[1] == FoundObject("cup", Box(9.5, 9.5, 29.5, 14.5), "a1")  # a task alone is a file as well
    prediction = {"result": [result("rectanglelabels", BOX)]}
    assert len(read([{"data": content["data"], "annotations": [], "predictions": [prediction]}])) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([task(result("rectanglelabels", {**BOX, "x": "a"}))], r"points are pairs|'x' is a number in percent"),
        ([task(result("rectanglelabels", {**BOX, "width": 1e300}))], "'width' is a number in percent"),
        ([task(result("polygonlabels", {"points": 3}))], r"points are pairs \[x, y\] in percent of the image, got 3"),
        ([task(result("polygonlabels", {"points": [[1, 2]]}))], "an outline has at least three corners"),
        ([task(result("brushlabels", {"format": "rle", "rle": [300]}))], "a brush mask is a list of bytes"),
        ([task(result("brushlabels", {"format": "rle", "rle": [0, 0, 0, 9]}))], "is not one of 40x20 pixels"),
        ([task(result("brushlabels", {"format": "rle", "rle": [0, 0, 12, 128]}))], "is cut short"),
        ([task(result("brushlabels", {"format": "png"}))], "has the format 'rle', got 'png'"),
        ([task(result("rectanglelabels", BOX, original_width=50))], "is 50x20 pixels, and it is 40x20"),
        ([task(result("rectanglelabels", 5))], "has no 'value'"),
        ([task(), {"id": 3}], "task 2 of the file has no 'data'"),
    ],
)
def test_what_is_broken_is_one_sentence(content: Any, message: str) -> None:
    with pytest.raises(MaskError, match=message):
        read(content)


def test_shapes_without_an_id_keep_their_own_labels() -> None:
    shapes = [result("rectanglelabels", BOX | {"rectanglelabels": [name]}) for name in ("cat", "dog")]
    for identity in (None, ["a"]):
        found = read([task(*({**shape, "id": identity} for shape in shapes))])
        assert [each.label for each in found if isinstance(each, FoundObject)] == ["cat", "dog"]


def test_a_text_that_begins_like_an_address_is_no_image() -> None:
    content = task(result("rectanglelabels", BOX))
    content["data"] = {"text": "//[draft", "image": "x.jpg"}
    assert images([content])[0].name == "x.jpg"
