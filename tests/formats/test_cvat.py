"""What CVAT exports is read as it was drawn there."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from vpuformer.errors import MaskError
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.found import Found, FoundObject, FoundTags, TargetImage
from vpuformer.formats.reading import read_annotations
from vpuformer.prompts import Box

SIZE = (20, 30)


def xml(*shapes: str, name: str = "sub/x.jpg", width: int = 30, height: int = 20) -> bytes:
    return f"""<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><labels>
    <label><name>car</name><attributes/></label><label><name>Straße</name></label>
  </labels></task></meta>
  <image id="0" name="{name}" width="{width}" height="{height}">{"".join(shapes)}</image>
</annotations>""".encode()


def read(content: bytes | Path) -> list[Found]:
    title, annotations = read_annotations(Bundle(content))
    assert title == "CVAT"
    (image,) = annotations.images
    return list(image.objects(TargetImage("sub/x.jpg", SIZE), lambda _: None))


def mask_of(found: Found) -> np.ndarray:
    assert isinstance(found, FoundObject)
    assert isinstance(found.shape, np.ndarray)
    return found.shape


def block(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[top:bottom, left:right] = True
    return mask


def test_boxes_and_masks() -> None:
    tags, box, polygon, runs = read(
        xml(
            '<box label="car" xtl="2.5" ytl="3" xbr="10" ybr="40" z_order="0"><attribute name="a">1</attribute></box>',
            '<polygon label="Straße" points="4,5;9,5;9,8;4,8" z_order="0"/>',
            '<mask label="car" rle="1, 2, 2, 1" left="3" top="4" width="3" height="2" z_order="0"/>',
            '<tag label="day"/>',
        )
    )
    assert tags == FoundTags(["day"])
    assert box == FoundObject("car", Box(2, 2.5, 9.5, 19.5), attributes={"a": "1"})
    assert isinstance(polygon, FoundObject)
    assert polygon.label == "Straße"
    assert np.array_equal(mask_of(polygon), block(5, 4, 8, 9))
    expected = np.zeros(SIZE, bool)
    expected[4, 4:6] = expected[5, 5] = True
    assert np.array_equal(mask_of(runs), expected)


def test_attributes_are_numbers_where_the_task_says_so() -> None:
    content = xml(
        '<box label="car" occluded="1" xtl="1" ytl="1" xbr="5" ybr="5"><attribute name="doors">4</attribute>'
        '<attribute name="colour">red</attribute><attribute name="note"/></box>'
    )
    defined = b"<attributes><attribute><name>doors</name><input_type>number</input_type></attribute></attributes>"
    (box,) = read(content.replace(b"<attributes/>", defined))
    assert isinstance(box, FoundObject)
    assert box.attributes == {"occluded": "true", "doors": 4.0, "colour": "red"}


def test_turned_boxes_and_ellipses_are_masks() -> None:
    turned, ellipse = read(
        xml(
            '<box label="car" xtl="10" ytl="8" xbr="20" ybr="12" rotation="90"/>',
            '<ellipse label="car" cx="15" cy="10" rx="8" ry="4"/>',
        )
    )
    assert np.array_equal(mask_of(turned), block(5, 13, 15, 17))
    assert abs(int(mask_of(ellipse).sum()) - np.pi * 32) < 4


def test_the_topmost_shape_comes_last() -> None:
    found = read(
        xml(
            '<box label="top" xtl="1" ytl="1" xbr="5" ybr="5" z_order="2"/>',
            '<box label="low" xtl="1" ytl="1" xbr="5" ybr="5" z_order="-1"/>',
            '<box label="middle" xtl="1" ytl="1" xbr="5" ybr="5" z_order="0"/>',
        )
    )
    assert [each.label for each in found if isinstance(each, FoundObject)] == ["low", "middle", "top"]


def test_an_archive_and_a_folder_are_read_as_the_file_is(tmp_path: Path) -> None:
    content = xml('<box label="car" xtl="1" ytl="1" xbr="5" ybr="5"/>')
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("annotations.xml", content)
        archive.writestr("images/sub/x.jpg", b"pixels")
    (tmp_path / "annotations.xml").write_bytes(content)
    assert read(buffer.getvalue()) == read(tmp_path) == read(tmp_path / "annotations.xml") == read(content)
    assert read_annotations(Bundle(content))[1].labels == ["car", "Straße"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (xml('<polygon points="1,2;3"/>'), r"shape 1 of image 'sub/x\.jpg' of the file: points are x,y;x,y;"),
        (xml('<box xtl="1" ytl="1" xbr="a" ybr="2"/>'), "'xbr' is a number, got 'a'"),
        (xml('<box xtl="nan" ytl="1" xbr="4" ybr="2"/>'), "'xtl' is a number, got 'nan'"),
        (xml('<mask rle="9" left="0" top="0" width="2" height="2"/>'), "run lengths do not fit a mask of 2x2"),
        (xml('<mask rle="-1, 5" left="0" top="0" width="2" height="2"/>'), "run lengths do not fit a mask of 2x2"),
        (xml('<mask rle="x" left="0" top="0" width="2" height="2"/>'), "run lengths are whole numbers"),
        (xml('<mask rle="4" left="29" top="0" width="2" height="2"/>'), "leaves the image of 30x20"),
        (xml(width=20, height=30), "is 20x30 pixels, and it is 30x20"),
        (b"<annotations><track/></annotations>", "holds tracks of a video"),
        (b"<annotations>", "is not XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><annotations/>', "XML with the root|holds a declaration|no format"),
    ],
)
def test_what_is_broken_is_one_sentence(content: bytes, message: str) -> None:
    with pytest.raises(MaskError, match=message):
        read(content)
