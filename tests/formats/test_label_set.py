import json
from pathlib import Path
from typing import Any

import pytest

from vpuformer.errors import ConfigError
from vpuformer.formats.attributes import Attribute
from vpuformer.formats.label_set import LabelDefinition, LabelSet, read_label_set

CVAT = [
    {
        "name": "car",
        "id": 7,
        "color": "#FF6037",
        "type": "any",
        "attributes": [
            {"id": 1, "name": "model", "input_type": "select", "mutable": False, "values": ["vw", "bmw"]},
            {"id": 2, "name": "parked", "input_type": "checkbox", "mutable": True, "values": ["false"]},
            {"id": 3, "name": "age", "input_type": "number", "mutable": False, "values": ["0", "90", "1"]},
            {"id": 4, "name": "plate", "input_type": "text", "mutable": False, "values": [""]},
        ],
    },
    {"name": "person", "attributes": []},
]


def read(tmp_path: Path, content: Any) -> LabelSet:
    path = tmp_path / "labels.json"
    path.write_text(json.dumps(content))
    return read_label_set(path)


def test_the_labels_of_cvat_are_read_as_they_are(tmp_path: Path) -> None:
    car, person = read(tmp_path, CVAT).labels
    assert (car.name, car.colour, person) == ("car", "#ff6037", LabelDefinition("person"))
    assert car.attributes == (
        Attribute("model", "choice", ("vw", "bmw")),
        Attribute("parked", "choice", ("true", "false")),
        Attribute("age", "number"),
        Attribute("plate", "text"),
    )


def test_a_set_has_groups_tags_and_attributes_of_all_labels(tmp_path: Path) -> None:
    note = {"name": "note", "input_type": "text"}
    given = {"labels": ["cup", {"name": "cat", "group": "animals"}], "tags": ["night"], "attributes": [note]}
    labels = (LabelDefinition("cup"), LabelDefinition("cat", group="animals"))
    assert read(tmp_path, given | {"label_required": True}) == LabelSet(labels, (Attribute("note"),), ("night",), True)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (3, "not a label set"),
        ({"labels": "cat"}, "not a label set"),
        ({"label": []}, "unknown key 'label'"),
        ([{"color": "#ffffff"}], "with a 'name'"),
        (["cat", "cat"], "two labels are called 'cat'"),
        ([{"name": "cat", "color": "red"}], "write it as #rrggbb"),
        ([{"name": 3}], "a name is a text"),
        ([{"name": "cat", "attributes": {"a": 1}}], "'attributes' is a list"),
        ([{"name": "cat", "attributes": [{"name": "a", "input_type": "slider"}]}], "no input_type called 'slider'"),
        ([{"name": "cat", "attributes": [{"name": "a", "input_type": []}]}], "no input_type"),
        ({"labels": [], "label_required": "yes"}, "true or false"),
    ],
)
def test_what_is_no_label_set_is_refused(tmp_path: Path, content: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read(tmp_path, content)
