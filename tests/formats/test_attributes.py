"""Attributes of objects and tags of images are written where a format can hold them, and read again."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpuformer.formats import FORMATS, AnnotatedImage, LabelledMask
from vpuformer.formats.attributes import Value
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.found import FoundObject, FoundTags, TargetImage
from vpuformer.formats.labelme_attributes import as_description, shape_attributes
from vpuformer.formats.reading import objects_of
from vpuformer.formats.registry import export, write_files

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")

SIZE = (20, 30)
VALUES: dict[str, Value] = {"colour": "dark red", "doors": 4.0, "length": 3.25, "plate": "007", "note": "a: b\nc"}


def images() -> list[AnnotatedImage]:
    mask = np.zeros(SIZE, bool)
    mask[2:8, 3:9] = True
    things = [LabelledMask(mask, "car", 1, VALUES), LabelledMask(mask[::-1], "car", 2)]
    return [
        AnnotatedImage("x.jpg", SIZE[1], SIZE[0], things, 1, ("night", "fog")),
        AnnotatedImage("y.jpg", SIZE[1], SIZE[0], (), 2, ("fog",)),
    ]


def found(folder: Path, image: str) -> list[FoundObject | FoundTags]:
    return list(objects_of(Bundle(folder), TargetImage(image, SIZE, ["car"]), lambda _: None))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_what_a_format_holds_is_read_again_and_what_not_is_noted(name: str, tmp_path: Path) -> None:
    holds = FORMATS[name].holds
    written = export(name, images(), tmp_path / "out", ["car"])
    read = found(tmp_path / "out", "x.jpg")
    tags = [each.tags for each in read if isinstance(each, FoundTags)]
    attributes = [each.attributes for each in read if isinstance(each, FoundObject)]
    assert tags == ([["night", "fog"]] if "tags" in holds else [])
    assert attributes[0] == (VALUES if "attributes" in holds else {})
    assert not any(attributes[1:])
    notes = [note for note in written.notes if "cannot hold" in note]
    assert [("attributes" in note, "tags" in note) for note in notes] == [
        (what == "attributes", what == "tags") for what in ("attributes", "tags") if what not in holds
    ]
    if "attributes" not in holds:
        assert notes[0].startswith("1 object with attributes")
    if "tags" not in holds:
        assert notes[-1] == "2 images with tags, which this format cannot hold and which are left out: x.jpg, y.jpg."


def test_coco_is_written_as_cvat_does_and_read_from_it(tmp_path: Path) -> None:
    write_files(FORMATS["coco"], images(), tmp_path, ["car"])
    path = tmp_path / "annotations.json"
    content = json.loads(path.read_text())
    first, second = content["annotations"]
    assert first["attributes"] == VALUES
    assert isinstance(first["attributes"]["doors"], int)
    assert "attributes" not in second
    assert [image["tags"] for image in content["images"]] == [["night", "fog"], ["fog"]]

    first["attributes"] = {"occluded": False, "rotation": 0.0, "parked": True, "speed": 1.5, "path": [1]}
    second["attributes"] = {"occluded": True}
    path.write_text(json.dumps(content))
    things = [each for each in found(tmp_path, "x.jpg") if isinstance(each, FoundObject)]
    assert [each.attributes for each in things] == [{"parked": "true", "speed": 1.5}, {"occluded": "true"}]


names = st.text('abc é-:"\\', min_size=1).map(str.strip).filter(bool)
texts = st.text('a01.-e:"\\ \n\r\x85é', min_size=1, max_size=20).map(str.strip).filter(bool)


@given(st.dictionaries(names, texts | st.floats(-1e9, 1e9)))
def test_a_description_of_labelme_gives_attributes_back(values: dict[str, Value]) -> None:
    assert shape_attributes({"description": as_description(values)}) == values


def test_shapes_of_others_have_flags_and_attributes() -> None:
    shape = {"description": None, "flags": {"parked": False}, "attributes": {"colour": "red"}}
    assert shape_attributes(shape) == {"parked": "false", "colour": "red"}
    assert shape_attributes({"description": '"a" b: 1\n "c" : 2'}) == {'"a" b': 1.0, "c": 2.0}
    assert shape_attributes({"description": "true: 1\n: x", "flags": [1]}) == {"true": 1.0, "description": ": x"}
