"""Functions for CVAT, with the real SDK: its interfaces, its driver, and the way its command loads functions."""

import importlib
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.boxed import Boxed
from support.real_package import real_package
from vpuformer.errors import PromptError
from vpuformer.integrations.cvat import BoxMasks, Interactor, create

cvat = real_package("cvat_sdk.auto_annotation")
masks = real_package("cvat_sdk.masks")
models = real_package("cvat_sdk.models")

IMAGE = Image.new("RGB", (60, 40))


class Prompts(cvat.InteractionPrompts):
    """What a person has drawn."""

    def __init__(self, pos_points: Any = (), neg_points: Any = (), bounding_box: Any = None) -> None:
        self._given = pos_points, neg_points, bounding_box

    pos_points = property(lambda self: self._given[0])
    neg_points = property(lambda self: self._given[1])
    bounding_box = property(lambda self: self._given[2])


class Context(cvat.InteractionFunctionContext):
    pass


def shown(shapes: list[Any]) -> np.ndarray:
    (shape,) = shapes
    assert (type(shape), shape.type) == (cvat.InteractionResultShape, "mask")
    return masks.decode_mask(shape.points, image_width=60, image_height=40)


def test_the_interactor_takes_points_of_both_kinds_and_a_box() -> None:
    segmenter = Boxed()
    interactor = Interactor(segmenter)
    assert isinstance(interactor.spec, cvat.InteractionFunctionSpec)
    image = interactor.preprocess_image(Context(), IMAGE)
    boxed = shown(interactor.detect(Context(), image, Prompts(bounding_box=((10, 5), (20, 9)))))
    assert (boxed.sum(), boxed[5:9, 10:20].all()) == (40, True)
    clicked = shown(interactor.detect(Context(), image, Prompts([(10.5, 5.5), (20.5, 9.5)], [(15.5, 7.5)])))
    assert (clicked.sum(), clicked[7, 15]) == (54, False)
    assert segmenter.encodings == 1
    assert interactor.detect(Context(), image, Prompts(neg_points=[(3, 3)])) == []
    with pytest.raises(PromptError, match="nothing to go by"):
        interactor.detect(Context(), image, Prompts())


def test_the_command_loads_the_interactor() -> None:
    """As `cvat-cli function run-agent --function-module` does it: a module with `create`."""
    module = importlib.import_module("vpuformer.integrations.cvat")
    interactor = module.create(model="default", device="cpu")
    image = interactor.preprocess_image(Context(), IMAGE)
    assert isinstance(interactor.detect(Context(), image, Prompts([(30, 20)])), list)
    assert module.create is create


class Server:
    """What the driver asks a client for; it keeps what is uploaded."""

    def __init__(self) -> None:
        self.uploaded: Any = None
        self.logger = SimpleNamespace(info=lambda *_: None, warning=lambda *_: None)
        self.tasks = SimpleNamespace(api=SimpleNamespace(partial_update_annotations=self._upload))

    def _upload(self, action: str, task: int, *, patched_labeled_data_request: Any) -> None:
        self.uploaded = action, task, patched_labeled_data_request


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A task of two frames and two labels; the first frame has two rectangles and a polygon."""

    def shape(kind: str, label: int, points: list[float]) -> Any:
        return models.LabeledShape(type=models.ShapeType(kind), label_id=label, frame=0, points=points)

    shapes = [
        shape("rectangle", 7, [10, 5, 20, 9]),
        shape("rectangle", 7, [30, 30, 34, 34]),
        shape("polygon", 8, [0, 0, 9, 0, 9, 9]),
    ]
    samples = [
        SimpleNamespace(
            frame_index=index,
            frame_name=f"{index}.png",
            annotations=SimpleNamespace(shapes=shapes if index == 0 else []),
            media=SimpleNamespace(load_image=lambda: IMAGE),
        )
        for index in range(2)
    ]
    labels = [
        models.Label(id=number, name=name, type="any", attributes=[], sublabels=[])
        for number, name in ((7, "cup"), (8, "cat"))
    ]
    dataset = SimpleNamespace(samples=samples, labels=labels)
    monkeypatch.setattr("cvat_sdk.auto_annotation.driver.TaskDataset", lambda *_, **__: dataset)
    return dataset


def test_rectangles_of_a_task_become_masks(task: SimpleNamespace) -> None:
    server = Server()
    cvat.annotate_task(server, 5, BoxMasks(task, Boxed()), conf_threshold=0.5)
    action, number, data = server.uploaded
    assert (action, number) == ("create", 5)
    assert [(shape.label_id, shape.frame, shape.type.value, shape.source) for shape in data.shapes] == [
        (7, 0, "mask", "auto"),
        (7, 0, "mask", "auto"),
    ]
    mask = masks.decode_mask(data.shapes[0].points, image_width=60, image_height=40)
    assert (mask.sum(), mask[5:9, 10:20].all()) == (40, True)


def test_rectangles_of_a_task_become_polygons(task: SimpleNamespace) -> None:
    server = Server()
    cvat.annotate_task(server, 5, BoxMasks(task, Boxed()), conv_mask_to_poly=True)
    first, _ = server.uploaded[2].shapes
    assert (first.type.value, first.points) == ("polygon", [10, 5, 20, 5, 20, 9, 10, 9])
