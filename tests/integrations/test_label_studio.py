"""The backend of Label Studio, with the real package's server: requests of its smart tools, and their answers."""

import json
import re
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.boxed import Boxed
from support.real_package import real_package
from vpuformer.errors import MaskError, PromptError
from vpuformer.formats.label_studio_brush import brush_mask
from vpuformer.formats.outlines import filled
from vpuformer.integrations.label_studio import (
    KEPT_IMAGES,
    _Images,
    create_app,
    prompts_from_results,
    results_from_mask,
)
from vpuformer.prompts import Box, Click, Scribble

RECORDED = Path(__file__).with_name("label_studio_request.json")
"""A request of Label Studio 1.23.2, with a box and a negative point on an image of 600 x 400 pixels."""
SIZE = (40, 60)
CONFIGURATION = """
<View>
  <Image name="image" value="$image" zoom="true"/>
  <{0}Labels name="mask" toName="image"><Label value="cup"/><Label value="cat"/></{0}Labels>
  <KeyPointLabels name="points" toName="image" smart="true"><Label value="cup" smart="true"/></KeyPointLabels>
  <RectangleLabels name="boxes" toName="image" smart="true"><Label value="cup" smart="true"/></RectangleLabels>
</View>
"""


def region(kind: str, *, positive: bool = True, **value: Any) -> dict[str, Any]:
    """A region as the smart tools of Label Studio send it."""
    return {
        "id": "kVe0aV1zQq",
        "type": kind,
        "from_name": {"keypointlabels": "points", "rectanglelabels": "boxes"}.get(kind, "mask"),
        "to_name": "image",
        "original_width": SIZE[1],
        "original_height": SIZE[0],
        "image_rotation": 0,
        "origin": "manual",
        "is_positive": positive,
        "value": {kind: ["cup"], **value},
    }


POINT = region("keypointlabels", x=50, y=25, width=0.4)
BOX = region("rectanglelabels", x=25, y=25, width=50, height=50, rotation=0)


def test_regions_become_prompts() -> None:
    stroke = np.zeros(SIZE, bool)
    stroke[10:13, 5:30] = True
    (painted,) = results_of_brush(stroke)
    prompts = prompts_from_results([POINT, BOX, {**painted, "is_positive": False}], SIZE)
    assert prompts[:2] == [Click(29.5, 9.5), Box(14.5, 9.5, 44.5, 29.5)]
    assert isinstance(prompts[2], Scribble)
    assert not prompts[2].positive
    assert prompts_from_results([{**POINT, "is_positive": False}], SIZE) == [Click(29.5, 9.5, False)]


def results_of_brush(mask: np.ndarray) -> list[dict[str, Any]]:
    real_package("label_studio_sdk")
    return results_from_mask(mask, "brushlabels", from_name="mask", to_name="image", score=0.5, label="cup")


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (region("ellipselabels", x=5, y=5), "type ellipselabels is not a prompt"),
        ({**BOX, "value": BOX["value"] | {"rotation": 30}}, "upright rectangles"),
    ],
)
def test_other_regions_are_refused(result: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PromptError, match=sentence):
        prompts_from_results([result], SIZE)


def test_a_brush_of_another_image_is_refused() -> None:
    (painted,) = results_of_brush(np.ones((4, 4), bool))
    with pytest.raises(MaskError, match="not one of 60x40 pixels"):
        prompts_from_results([painted], SIZE)


def test_a_mask_becomes_polygons() -> None:
    mask = np.zeros(SIZE, bool)
    mask[5:15, 10:30], mask[8:10, 12:14], mask[20:30, 40:50] = True, False, True
    common = {"from_name": "mask", "to_name": "image", "score": 0.5}
    results = results_from_mask(mask, "polygonlabels", label=None, **common)
    assert [set(each["value"]) for each in results] == [{"points", "closed"}] * 2
    whole = np.zeros(SIZE, bool)
    for each in results:
        whole |= filled(np.array(each["value"]["points"]) * (0.6, 0.4), SIZE, "here")
    mask[8:10, 12:14] = True  # polygons have no holes
    assert np.array_equal(whole, mask)
    assert results_from_mask(np.zeros(SIZE, bool), "polygonlabels", label=None, **common) == []


def test_the_last_images_are_kept() -> None:
    segmenter = Boxed()
    images = _Images(segmenter)
    pixels = np.zeros((*SIZE, 3), np.uint8)
    for number in (*range(KEPT_IMAGES), 0, KEPT_IMAGES, 0, 1):
        images.encoded(f"{number}.jpg", lambda: pixels)
    assert segmenter.encodings == KEPT_IMAGES + 2


# --- the server ---------------------------------------------------------------------------------------------------


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of an image on a web server."""
    Image.fromarray(np.zeros((*SIZE, 3), np.uint8)).save(tmp_path / "a.png")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/a.png"
        server.shutdown()


def asked(client: Any, photo: str, results: list[dict[str, Any]], control: str = "Brush") -> list[dict[str, Any]]:
    """The predictions for a request as Label Studio sends it while a person draws."""
    request = json.loads(RECORDED.read_text(encoding="utf-8"))
    request["tasks"][0]["data"]["image"] = photo
    request["label_config"] = CONFIGURATION.format(control)
    request["params"]["context"] = {"result": results} if results else None
    answer = client.post("/predict", json=request)
    assert answer.status_code == 200, answer.text
    return answer.json["results"]


@pytest.fixture
def segmenter() -> Boxed:
    return Boxed()


@pytest.fixture
def client(segmenter: Boxed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("MODEL_DIR", str(tmp_path))  # where the package keeps its settings
    real_package("label_studio_ml.api")
    monkeypatch.setattr(
        "vpuformer.integrations.label_studio.VPUFormerSegmenter.from_pretrained", lambda *_, **__: segmenter
    )
    return create_app().test_client()


pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::ResourceWarning")


def test_the_server_is_up_and_set_up(client: Any) -> None:
    assert client.get("/health").json == {"status": "UP", "model_class": "VPUFormerBackend"}
    setup = {"project": "3.1760000000", "schema": CONFIGURATION.format("Brush"), "extra_params": None}
    assert client.post("/setup", json=setup).json == {"model_version": "vpuformer-boxed"}


def test_points_and_a_box_become_a_brush_mask(client: Any, photo: str, segmenter: Boxed) -> None:
    (prediction,) = asked(client, photo, [BOX])
    (result,) = prediction["result"]
    assert (result["from_name"], result["to_name"], result["type"]) == ("mask", "image", "brushlabels")
    assert result["value"]["brushlabels"] == ["cup"]
    assert re.fullmatch(r"vpuformer-.*", prediction["model_version"])
    mask = brush_mask(result["value"]["rle"], SIZE, "here")
    assert (mask.sum(), mask[10:30, 15:45].all()) == (600, True)
    (prediction,) = asked(client, photo, [BOX, region("keypointlabels", positive=False, x=51, y=51, width=0.4)])
    mask = brush_mask(prediction["result"][0]["value"]["rle"], SIZE, "here")
    assert (mask.sum(), mask[20, 30]) == (599, False)
    assert segmenter.encodings == 1


def test_the_recorded_regions_are_prompts() -> None:
    regions = json.loads(RECORDED.read_text(encoding="utf-8"))["params"]["context"]["result"]
    box, point = prompts_from_results(regions, (400, 600))
    assert box.bounds == pytest.approx((164.5, 14.5, 409.3, 324.5))
    assert point == Click(119.5, 199.5, False)


def test_a_configuration_with_polygons_gets_polygons(client: Any, photo: str) -> None:
    (prediction,) = asked(client, photo, [BOX], "Polygon")
    (result,) = prediction["result"]
    assert (result["type"], result["value"]["polygonlabels"]) == ("polygonlabels", ["cup"])
    assert sorted(result["value"]["points"]) == [[25, 25], [25, 75], [75, 25], [75, 75]]


def test_before_anything_is_drawn_there_is_nothing(client: Any, photo: str) -> None:
    assert asked(client, photo, []) == []
