"""The weights that are shipped: what they must be able to do on the bundled photographs."""

import re
from pathlib import Path

import numpy as np
import pytest

from vpuformer.images import read_mask
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.session import Session
from vpuformer.metrics import iou
from vpuformer.model.config import VARIANTS
from vpuformer.model.manifest import describe, read_manifest
from vpuformer.prompts import Box, Click

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.from_pretrained("default", device="cpu")


def test_they_fit_into_16_mib_and_say_what_they_are() -> None:
    files = list((ROOT / "src/vpuformer/weights/default").iterdir())
    graphs = {"encode.onnx", "decode.onnx", "graphs.json"}
    assert {file.name for file in files} == {"model.safetensors", "config.json", "README.md", *graphs}
    assert sum(file.stat().st_size for file in files) <= 16 * 2**20
    assert describe("default")["sha256"] in (ROOT / "src/vpuformer/weights/default/README.md").read_text()
    assert read_manifest("default").config.dense_prompts == VARIANTS["default"].dense_prompts


def test_the_cup_of_the_demo(predictor: Predictor) -> None:
    truth = (read_mask(EXAMPLES / "coffee_truth.png") > 0.5).astype(np.int8)
    rows, columns = np.nonzero(truth)
    box = Box(columns.min() - 0.5, rows.min() - 0.5, columns.max() + 0.5, rows.max() + 0.5)
    predictor.set_image(EXAMPLES / "coffee.jpg")
    assert iou(predictor.predict([box]).mask, truth) > 0.75


def test_prompts_of_several_kinds_may_be_given_at_once(predictor: Predictor) -> None:
    truth = (read_mask(EXAMPLES / "coffee_truth.png") > 0.5).astype(np.int8)
    predictor.set_image(EXAMPLES / "coffee.jpg")
    demo = [Box(170, 16, 410, 310), Click(270, 255), Click(370, 290, positive=False)]
    assert iou(predictor.predict(demo).mask, truth) > 0.9


def test_the_sign_of_a_click_turns_the_mask_over(predictor: Predictor) -> None:
    predictor.set_image(EXAMPLES / "coffee.jpg")
    inside, outside = (predictor.predict([Click(290, 200, sign)]).mask for sign in (True, False))
    assert inside[200, 290]
    assert not outside[200, 290]
    assert (inside & outside).sum() < 0.5 * inside.sum()


def test_the_readmes_python_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert code is not None
    names: dict[str, object] = {}
    exec(compile(code[1], "README.md", "exec"), names)
    session = names["session"]
    assert isinstance(session, Session)
    assert len(session.prompts) == 1
