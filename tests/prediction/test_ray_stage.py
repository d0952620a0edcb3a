"""Masks as a stage of Ray Data: the same as those of `predict`, from two workers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.app_disks import Disks
from vpuformer import Box, Predictor, PromptedImage, PromptedObject, predict
from vpuformer.errors import MissingDependencyError
from vpuformer.extras import missing
from vpuformer.formats.coco_masks import encode
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.prediction.ray_stage import Stage, predict_dataset

EXAMPLES = Path(__file__).parents[2] / "examples"
BOXES = {"coffee.jpg": (165, 15, 410, 325), "chelsea.jpg": (100, 20, 400, 280), "astronaut.jpg": (100, 1, 300, 500)}
LINES = [
    {"image": name, "objects": [{"prompts": [{"type": "box", "box": list(box)}], "label": name[:3], "id": 7}]}
    for name, box in BOXES.items()
]
CLUSTER = """
import json, sys
import ray
from vpuformer.prediction.ray_stage import predict_dataset

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
lines = ray.data.from_items(json.loads(sys.argv[1]), override_num_blocks=4)
print(json.dumps(predict_dataset(lines, sys.argv[2], device="cpu", workers=2).take_all()))
"""


def expected() -> dict[str, list[str]]:
    """Run lengths of the masks of each image."""
    segmenter = Predictor.from_pretrained(device="cpu", threads=1).segmenter
    images = [PromptedImage(name, [PromptedObject([Box(*box)])]) for name, box in BOXES.items()]
    return {
        image.image: [encode(thing.mask).decode() for thing in image.masks()]
        for image in predict(images, segmenter, folder=EXAMPLES)
    }


def test_a_worker_answers_as_predict() -> None:
    stage = Stage(str(EXAMPLES), "default", "cpu", None)
    rows = [stage(line) for line in LINES]
    assert {row["image"]: [each["counts"] for each in row["objects"]] for row in rows} == expected()
    assert [(each["id"], each["label"]) for row in rows for each in row["objects"]] == [
        (7, "cof"),
        (7, "che"),
        (7, "ast"),
    ]
    left_out = {"prompts": [{"type": "click", "point": [9000, 1]}]}
    assert stage({"image": "../../gone.jpg", "objects": [left_out]}) == {
        "image": "gone.jpg",
        "height": 0,
        "width": 0,
        "objects": [],
        "left_out": [f"there is no image gone.jpg in {EXAMPLES}"],
    }
    # Arrow gives every object the fields of all.
    prompts = [
        {"type": "box", "box": [165, 15, 410, 325], "point": None, "positive": None},
        {"type": "click", "box": None, "point": [290, 150], "positive": True},
    ]
    row = stage({"image": "coffee.jpg", "prompts": prompts, "label": None, "objects": None})
    assert (len(row["objects"]), row["left_out"]) == (1, [])
    row = stage({"image": "coffee.jpg", **left_out})
    assert (row["height"], row["width"], row["objects"]) == (0, 0, [])
    assert row["left_out"][0].startswith("a click at (9000, 1) lies outside the image")


def test_an_image_whose_objects_are_all_unusable_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VPUFormerSegmenter, "from_pretrained", lambda *_, **__: Disks(5))
    row = Stage(str(EXAMPLES), "default", "cpu", None)({"image": "coffee.jpg", "objects": [{"prompts": []}]})
    assert (row["height"], row["width"], row["objects"]) == (0, 0, [])
    assert row["left_out"][1:] == ["each of its objects is left out"]


@pytest.mark.skipif(bool(missing("ray")), reason="needs Ray")
def test_a_cluster_of_two_workers_answers_as_predict() -> None:
    command = [sys.executable, "-W", "ignore", "-c", CLUSTER, json.dumps(LINES), str(EXAMPLES)]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"RAY_DATA_DISABLE_PROGRESS_BARS": "1"}
    )
    assert ran.returncode == 0, ran.stderr
    rows = json.loads(ran.stdout.splitlines()[-1])
    assert {row["image"]: [each["counts"] for each in row["objects"]] for row in rows} == expected()


@pytest.mark.skipif(not missing("ray"), reason="needs an installation without Ray")
def test_without_ray_its_extra_is_named() -> None:
    with pytest.raises(MissingDependencyError, match=r"pip install 'vpuformer\[ray\]'"):
        predict_dataset(None, "examples")
