"""Without the program that it is for, an adapter names what to install."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from support.boxed import Boxed
from vpuformer.errors import MissingDependencyError
from vpuformer.integrations import cvat, fiftyone, label_studio, napari, supervision

CALLS: dict[str, Callable[[], Any]] = {
    "supervision": lambda: supervision.detections_from_predictions([]),
    "fiftyone": lambda: fiftyone.add_masks([], Boxed(), prompts="boxes", into="masks"),
    "cvat_sdk": lambda: cvat.Interactor(Boxed()),
    "magicgui": lambda: napari.outline_widget(None),
    "label_studio_ml": lambda: label_studio.backend(Boxed()),
}
INSTALL = {
    "supervision": "vpuformer[supervision]",
    "fiftyone": "vpuformer[fiftyone]",
    "cvat_sdk": "vpuformer[cvat]",
    "magicgui": "vpuformer[napari]",
    "label_studio_ml": "git+https://github.com/HumanSignal/label-studio-ml-backend",
}


@pytest.mark.parametrize("package", CALLS)
def test_what_is_missing_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (package, "napari", *(each for each in sys.modules if each.startswith(f"{package}."))):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError) as caught:
        CALLS[package]()
    assert f"pip install {INSTALL[package]}" in str(caught.value).replace("'", "")
