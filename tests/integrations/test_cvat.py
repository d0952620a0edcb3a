"""Functions for CVAT, with the real SDK and the real agent, on a server that answers as CVAT does."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.boxed import Boxed
from support.cvat_server import TASK, CvatServer, running
from support.real_package import real_package
from vpuformer.errors import PromptError
from vpuformer.integrations.cvat import BoxMasks, Interactor

cvat = real_package("cvat_sdk.auto_annotation")
masks = real_package("cvat_sdk.masks")

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


# --- a server -----------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[CvatServer]:
    """A task of one image with two rectangles and a polygon."""

    def shape(kind: str, label: int, points: list[float]) -> dict[str, Any]:
        return {"type": kind, "label_id": label, "frame": 0, "points": points, "occluded": False, "attributes": []}

    shapes = [
        shape("rectangle", 7, [10, 5, 20, 9]),
        shape("rectangle", 7, [30, 30, 34, 34]),
        shape("polygon", 8, [0, 0, 9, 0, 9, 9]),
    ]
    with running(CvatServer(IMAGE, {7: "cup", 8: "cat"}, shapes)) as server:
        yield server


def test_an_agent_serves_people_s_requests(server: CvatServer) -> None:
    """`cvat-cli` creates the function, and its agent answers what is waiting."""
    real_package("cvat_cli")
    prompts = {"pos_points": [[30, 20]], "neg_points": [], "obj_bbox": [[10, 5], [50, 35]]}
    server.requests = [
        {"ar_id": "one", "ar_params": {"type": "interact", "task": TASK, "frame": 0, **prompts}},
        {"ar_id": "two", "ar_params": {"type": "interact", "task": TASK, "frame": 0, **prompts, "obj_bbox": []}},
    ]
    command = [sys.executable, "-m", "cvat_cli", "--server-host", server.address, "function"]
    module = ["--function-module", "vpuformer.integrations.cvat", "-p", "model=str:default", "-p", "device=str:cpu"]
    for words in (["create-native", "vpuformer", *module], ["run-agent", "1", "--burst", *module]):
        subprocess.run([*command, *words], env=os.environ | {"CVAT_ACCESS_TOKEN": "none"}, check=True)
    assert (server.function["kind"], server.function["startswith_box_optional"]) == ("interactor", True)
    assert [set(each) for each in server.completed] == [{"agent_id", "shapes"}] * 2
    assert all(shape["type"] == "mask" for each in server.completed for shape in each["shapes"])
    assert server.images_sent == 1


@pytest.fixture
def client(server: CvatServer, tmp_path: Path) -> Iterator[Any]:
    sdk = real_package("cvat_sdk")
    with sdk.make_client(server.address, access_token="none") as client:
        client.config.cache_dir = tmp_path
        yield client


def test_rectangles_of_a_task_become_masks(server: CvatServer, client: Any) -> None:
    dataset = real_package("cvat_sdk.datasets").TaskDataset(client, TASK)
    cvat.annotate_task(client, TASK, BoxMasks(dataset, Boxed()), conf_threshold=0.5)
    first, second = server.uploaded["shapes"]
    assert (first["label_id"], first["frame"], first["type"], first["source"]) == (7, 0, "mask", "auto")
    mask = masks.decode_mask(first["points"], image_width=60, image_height=40)
    assert (mask.sum(), mask[5:9, 10:20].all()) == (40, True)
    assert masks.decode_mask(second["points"], image_width=60, image_height=40).sum() == 16


def test_a_turned_rectangle_is_the_box_around_it(server: CvatServer, client: Any) -> None:
    server.shapes[0] |= {"points": [10, 5, 20, 9], "rotation": 90.0}
    dataset = real_package("cvat_sdk.datasets").TaskDataset(client, TASK)
    cvat.annotate_task(client, TASK, BoxMasks(dataset, Boxed()))
    mask = masks.decode_mask(server.uploaded["shapes"][0]["points"], image_width=60, image_height=40)
    assert (mask.sum(), mask[2:12, 13:17].all()) == (40, True)


def test_rectangles_of_a_task_become_polygons(server: CvatServer, client: Any) -> None:
    dataset = real_package("cvat_sdk.datasets").TaskDataset(client, TASK)
    cvat.annotate_task(client, TASK, BoxMasks(dataset, Boxed()), conv_mask_to_poly=True)
    first, _ = server.uploaded["shapes"]
    assert (first["type"], first["points"]) == ("polygon", [10, 5, 20, 5, 20, 9, 10, 9])
