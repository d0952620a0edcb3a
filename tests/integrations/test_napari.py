"""The plugin of napari, with the real package: the manifest, layers in, labels out, the widget."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from support.boxed import Boxed
from support.real_package import real_package
from vpuformer.integrations.napari import SIGNS, Outliner, outline_widget
from vpuformer.prompts import Box, Click, Scribble

napari = real_package("napari")
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"
)

MANIFEST = Path(__file__).parents[2] / "src/vpuformer/integrations/napari.yaml"


@pytest.fixture
def viewer() -> Any:
    """Layers and sliders, without a window."""
    return real_package("napari.components").ViewerModel()


@pytest.fixture
def window() -> Iterator[Any]:
    """A viewer with its window."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        pytest.skip("there is no display for napari's window; xvfb-run gives one")
    viewer = napari.Viewer(show=False)
    yield viewer
    viewer.close()


@pytest.fixture
def segmenter() -> Boxed:
    return Boxed()


@pytest.fixture
def outliner(viewer: Any, segmenter: Boxed) -> Outliner:
    """On an image of 60 x 40 pixels, each of 0.5 micrometres."""
    image = viewer.add_image(np.zeros((40, 60), np.uint16), name="cells", scale=(0.5, 0.5))
    return Outliner(viewer, image, segmenter)


def last_notification() -> str:
    return real_package("napari.utils.notifications").notification_manager.records[-1].message


def test_the_manifest_names_a_widget() -> None:
    manifest = real_package("npe2").PluginManifest.from_file(MANIFEST)
    (widget,) = manifest.contributions.widgets
    (command,) = manifest.contributions.commands
    assert widget.command == command.id
    module, _, name = command.python_name.partition(":")
    assert (module, name) == (outline_widget.__module__, outline_widget.__name__)


def test_prompts_of_all_kinds_outline_an_object(outliner: Outliner, segmenter: Boxed) -> None:
    outliner.clicks.add([10, 20])  # row, column
    outliner.sign = "background"
    outliner.clicks.add([5, 5])
    outliner.sign = "object"
    outliner.shapes.add_rectangles([[8, 18], [8, 30], [14, 30], [14, 18]])
    outliner.shapes.add_paths([[8, 18], [9, 40], [20, 40]])
    last = segmenter.queries[-1]
    assert last.prompts == (
        Click(20, 10),
        Click(5, 5, False),
        Box(18, 8, 30, 14),
        Scribble(((18, 8), (40, 9), (40, 20))),
    )
    assert last.new == 1
    assert outliner.objects.scale.tolist() == [0.5, 0.5]
    assert np.argwhere(outliner.objects.data == 1).min(axis=0).tolist() == [8, 18]
    assert np.argwhere(outliner.objects.data == 1).max(axis=0).tolist() == [20, 40]
    assert segmenter.encodings == 1


class MouseEvent(SimpleNamespace):
    """An event of the mouse as napari's layers get it from its canvas."""

    def __init__(self, kind: str, position: tuple[float, float]) -> None:
        super().__init__(
            type=kind, position=position, pos=np.array(position), is_dragging=kind == "mouse_move", button=1
        )
        self.modifiers, self.handled, self.native = (), False, None
        self.view_direction = self.up_direction = None
        self.dims_displayed, self.dims_point = [0, 1], np.zeros(2)


def drag(layer: Any, *positions: tuple[float, float]) -> None:
    """Press the button at the first position, (row, column), and release it at the last one."""
    interactions = real_package("napari.utils.interactions")
    wrapped = real_package("napari.utils._proxies").ReadOnlyWrapper
    steps = ("press", positions[0]), *(("move", each) for each in positions[1:]), ("release", positions[-1])
    for name, position in steps:
        event = wrapped(MouseEvent(f"mouse_{name}", position), exceptions=("handled",))
        getattr(interactions, f"mouse_{name}_callbacks")(layer, event)


def test_prompts_are_drawn_and_moved_with_the_mouse(viewer: Any, segmenter: Boxed) -> None:
    outliner = Outliner(viewer, viewer.add_image(np.zeros((40, 60), np.uint8)), segmenter)
    drag(outliner.clicks, (30, 30))
    outliner.shapes.mode = "add_rectangle"
    drag(outliner.shapes, (5, 5), (10, 12), (20, 30))
    outliner.shapes.mode = "add_path"
    drag(outliner.shapes, (1, 1), (2, 8), (3, 15), (8, 15), (20, 15))
    *first, scribble = segmenter.queries[-1].prompts
    assert first == [Click(30, 30), Box(5, 5, 30, 20)]
    assert isinstance(scribble, Scribble)
    assert scribble.bounds == (1, 1, 15, 20)
    assert len(segmenter.queries) == 3
    outliner.shapes.mode = "select"
    drag(outliner.shapes, (15, 25), (17, 29))
    assert Box(9, 7, 34, 22) in segmenter.queries[-1].prompts


def test_a_prompt_is_taken_back(outliner: Outliner, segmenter: Boxed) -> None:
    outliner.clicks.add([10, 20])
    outliner.clicks.add([30, 50])
    outliner.clicks.selected_data = {1}
    outliner.clicks.remove_selected()
    assert np.argwhere(outliner.objects.data).tolist() == [[10, 20]]
    assert segmenter.queries[-1].mask is None
    outliner.clicks.selected_data = {0}
    outliner.clicks.remove_selected()
    assert not outliner.objects.data.any()


def test_the_next_object_leaves_the_others_alone(outliner: Outliner) -> None:
    outliner.shapes.add_rectangles([[8, 18], [8, 30], [14, 30], [14, 18]])
    before = outliner.objects.data == 1
    outliner.sign = "background"
    outliner.accept()
    assert (len(outliner.shapes.data), outliner.sign, outliner.objects.selected_label) == (0, "object", 2)
    outliner.shapes.add_rectangles([[0, 0], [0, 59], [39, 59], [39, 0]])
    assert np.array_equal(outliner.objects.data == 1, before)
    assert (outliner.objects.data[~before] == 2).all()


def test_prompts_that_outlined_nothing_are_removed_too(outliner: Outliner) -> None:
    outliner.sign = "background"
    outliner.clicks.add([10, 20])
    outliner.accept()
    assert (len(outliner.clicks.data), outliner.objects.selected_label, outliner.sign) == (0, 1, "object")


def test_an_object_that_is_there_is_refined(outliner: Outliner, segmenter: Boxed) -> None:
    outliner.objects.data[5:9, 5:9] = 3
    outliner.objects.selected_label = 3
    outliner.sign = "background"
    outliner.clicks.add([6, 6])
    assert segmenter.queries[-1].mask is not None
    assert np.count_nonzero(outliner.objects.data == 3) == 15


def test_a_prompt_outside_the_image_is_reported(outliner: Outliner) -> None:
    outliner.clicks.add([100, 20])
    assert "outside the image" in last_notification()
    assert not outliner.objects.data.any()


def test_every_slice_of_a_stack_is_an_image(viewer: Any, segmenter: Boxed) -> None:
    stack = np.zeros((3, 40, 60), np.float32)
    stack[1] = np.linspace(0, 1000, 60)
    outliner = Outliner(viewer, viewer.add_image(stack, contrast_limits=(0, 500)), segmenter)
    viewer.dims.set_point(0, 1)
    outliner.clicks.add([1, 10, 20])
    viewer.dims.set_point(0, 2)
    outliner.clicks.add([2, 30, 40])
    assert [query.prompts for query in segmenter.queries] == [(Click(20, 10),), (Click(40, 30),)]
    assert np.argwhere(outliner.objects.data).tolist() == [[1, 10, 20], [2, 30, 40]]
    shown = segmenter.queries[0].encoded.image
    assert shown[0, -1].tolist() == [255, 255, 255]
    assert 120 < shown[0, 15, 0] < 135


def test_a_photograph_is_shown_as_it_is(viewer: Any, segmenter: Boxed, image: np.ndarray) -> None:
    outliner = Outliner(viewer, viewer.add_image(image, rgb=True), segmenter)
    outliner.clicks.add([10, 20])
    assert np.array_equal(segmenter.queries[0].encoded.image, image)


@pytest.mark.filterwarnings("ignore")  # an exception inside a callback of Qt ends the process
def test_the_widget_starts_an_outliner(window: Any, model: Path) -> None:
    container = outline_widget(window)
    window.window.add_dock_widget(container)
    choose, weights, start, sign, accept = container
    start.changed.emit(True)
    assert "no image layer" in last_notification()
    window.add_image(np.zeros((40, 60), np.uint8), name="cells")
    choose.reset_choices()
    weights.value = str(model)
    start.changed.emit(True)
    clicks, objects = window.layers["clicks"], window.layers["objects of cells"]
    sign.value = SIGNS[1]
    clicks.add([6, 6])
    assert clicks.features["sign"].tolist() == ["background"]
    clicks.selected_data = {0}
    clicks.remove_selected()
    sign.value = SIGNS[0]
    window.layers["boxes and scribbles"].add_rectangles([[5, 5], [5, 30], [30, 30], [30, 5]])
    label = int(objects.data.max()) + 1
    accept.changed.emit(True)
    assert (sign.value, len(clicks.data), objects.selected_label) == (SIGNS[0], 0, label)
