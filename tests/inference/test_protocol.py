"""One segmenter of fifteen lines, held by everything that holds a segmenter; and what queries and predictions check."""

import inspect
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from support.commands import vpuformer
from vpuformer.app.http.server import create_app
from vpuformer.app.images.folder import Folder
from vpuformer.app.store.store import Store
from vpuformer.data.sample import Sample
from vpuformer.errors import ImageError, InputError, MaskError
from vpuformer.evaluation.run import evaluate
from vpuformer.evaluation.simulated_user import SimulatedUser
from vpuformer.geometry import Crop
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.protocol import Encoded, Query, Segmenter
from vpuformer.inference.resample import stretch
from vpuformer.inference.session import Session
from vpuformer.inference.sigmoid import sigmoid_
from vpuformer.integrations.sam import SamPredictor
from vpuformer.prompts import Box, Click, Scribble
from vpuformer.training.validate import validate


class Paint:
    name, sha256 = "paint", ""

    def encode(self, image):
        return Encoded(image)

    def segment(self, queries):
        return [Prediction(self.painted(query)) for query in queries]

    def painted(self, query):
        mask = np.zeros(query.encoded.size) if query.mask is None else query.mask.copy()
        for prompt in query.prompts:
            x0, y0, x1, y1 = (round(value) for value in prompt.bounds)
            mask[max(0, y0 - 5) : y1 + 6, max(0, x0 - 5) : x1 + 6] = prompt.positive
        return mask


@pytest.fixture
def sample(image: np.ndarray, truth: np.ndarray) -> Sample:
    return Sample("toy/ellipse", 1, lambda: image, lambda: truth)


def test_it_has_fifteen_lines() -> None:
    assert len([line for line in inspect.getsource(Paint).splitlines() if line.strip()]) <= 15
    segmenter: Segmenter = Paint()
    assert segmenter.name == "paint"


def test_predictor_and_session(image: np.ndarray) -> None:
    predictor = Predictor(Paint())
    predictor.set_image(image)
    first = predictor.predict([Click(30, 20)])
    assert (first.mask.sum(), first.crop, first.logits) == (11 * 11, Crop.whole((48, 64)), None)
    session = Session(predictor)
    assert np.array_equal(session.add(Click(30, 20)).mask, first.mask)
    session.add(Click(30, 20, positive=False))
    assert not session.mask.any()
    session.undo()
    assert np.array_equal(session.mask, first.mask)


def test_the_interface_of_segment_anything(image: np.ndarray) -> None:
    predictor = SamPredictor(Paint())
    predictor.set_image(image)
    masks, scores, _ = predictor.predict([[30, 20]], [1], multimask_output=False)
    assert (masks.shape, masks.sum(), scores.tolist()) == ((1, 48, 64), 11 * 11, [1.0])


@pytest.mark.parametrize("batch", [1, 8])
def test_evaluation(sample: Sample, batch: int) -> None:
    [record] = evaluate([sample], Paint(), SimulatedUser(first_kind="box", max_interactions=3), batch=batch)
    assert record.ious[0] > 0.3


def test_evaluation_on_the_command_line(grabcut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "import numpy as np\nfrom vpuformer.inference.protocol import Encoded, Prediction\n\n"
    (tmp_path / "my_paint.py").write_text(source + inspect.getsource(Paint))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    words = ["--dataset", "grabcut", "--root", grabcut, "--max-prompts", 2, "-o", "run"]
    result = vpuformer("evaluate", *words, "--baseline", "my_paint:Paint")
    assert result.exit_code == 0, result.output
    assert "paint" in result.stdout


def test_validation(sample: Sample) -> None:
    result = validate(Paint(), [sample])
    assert result.scores["box@1"] > 0.3
    assert len(result.panels) == 1


def test_the_annotation_server(image_folder: Path, tmp_path: Path) -> None:
    app = create_app(Folder(image_folder), Store(tmp_path / "paint.sqlite"), Paint())
    with TestClient(app, "http://127.0.0.1", headers={"X-VPUFormer": "1"}) as client:
        state = client.post("/api/images/1/objects", json={"key": "key-10000000"}).json()
        for number, point in enumerate(([30, 20], [80, 60])):
            step = {"type": "click", "point": point, "positive": True}
            sent = {"key": f"key-2000000{number}", "revision": state["revision"], "step": step}
            answer = client.post(f"/api/objects/{state['id']}/steps", json=sent)
            assert answer.status_code == 200, answer.text
            state = answer.json()
        assert state["area"] == 2 * 11 * 11


# --- queries and predictions --------------------------------------------------------------------------------------


def test_prompts_are_clipped_to_the_image(image: np.ndarray) -> None:
    query = Query(Encoded(image), [Box(-9, -9, 20, 20), Scribble([(-9, 5), (9, 5)])])
    assert query.prompts[0] == Box(-0.5, -0.5, 20, 20)
    assert query.prompts[1].bounds[0] == -0.5


def test_the_crop_is_that_of_the_answer(image: np.ndarray) -> None:
    answer, other = Prediction(np.zeros((48, 64)), Crop(3, 5, 30, 20)), Crop(0, 0, 40, 40)
    assert Query(Encoded(image), mask=answer).crop == answer.crop
    assert Query(Encoded(image), mask=answer, crop=other).crop == other
    assert Query(Encoded(image), mask=answer.probability).crop is None


def test_an_answer_is_taken_as_it_is_and_other_masks_mean_what_they_mean_in_files(image: np.ndarray) -> None:
    answer = np.full((48, 64), 0.3, np.float32)
    assert Query(Encoded(image), mask=answer).mask is answer
    labels = np.zeros((48, 64), np.uint8)
    labels[5:9] = 7
    assert np.array_equal(Query(Encoded(image), mask=labels).mask, (labels == 7).astype(np.float32))  # pyright: ignore
    for wrong in (np.full((48, 64), 2.5, np.float32), np.full((48, 64), np.nan, np.float32), np.zeros((9, 9), bool)):
        with pytest.raises(MaskError):
            Query(Encoded(image), mask=wrong)
    with pytest.raises(InputError, match="crop must be the crop of the last Prediction"):
        Query(Encoded(image), [Click(1, 1)], crop=(0, 0, 9, 9))  # type: ignore[arg-type]


def test_an_encoded_image_is_its_own(image: np.ndarray) -> None:
    encoded = Encoded(image)
    assert encoded.nbytes == image.nbytes
    image[:] = 0
    assert encoded.image.any()
    with pytest.raises(ValueError, match="read-only"):
        encoded.image[0, 0] = 1
    with pytest.raises(ImageError):
        Encoded(np.zeros((3, 4, 7, 2), np.uint8))


@pytest.mark.parametrize("values", [np.eye(3), np.eye(3, dtype=bool), np.eye(3, dtype=np.uint8), np.eye(3).tolist()])
def test_a_prediction_is_made_from_any_map(values: Any) -> None:
    prediction = Prediction(values)
    assert prediction.probability.dtype == np.float32
    assert prediction.mask.tolist() == np.eye(3, dtype=bool).tolist()
    assert prediction.crop == Crop.whole((3, 3))
    with pytest.raises(ValueError, match="read-only"):
        prediction.probability[0, 0] = 1
    with pytest.raises(MaskError, match=r"the shape \(1, 3, 3\); give a probability for each pixel"):
        Prediction([values])


@pytest.mark.parametrize(
    ("values", "came"), [([[-5.0, 5.0]], "-5 to 5"), ([[np.nan, 0.5]], "nan to nan"), ([[0, 255]], "0 to 255")]
)
def test_a_prediction_refuses_what_is_not_a_probability(values: Any, came: str) -> None:
    with pytest.raises(MaskError, match=f"the answer holds values from {came}, wanted probabilities in 0..1"):
        Prediction(values)


def test_a_prediction_and_the_array_of_its_maker_do_not_change_each_other() -> None:
    made = np.zeros((2, 3), np.float32)
    prediction = Prediction(made)
    made[0, 0] = 1
    assert not prediction.probability.any()
    fixed = np.ones((2, 3), np.float32)
    fixed.setflags(write=False)
    assert Prediction(fixed).probability is fixed


@pytest.mark.parametrize("crop", [Crop(3, 5, 30, 20), Crop(0, 0, 64, 48), Crop(40, 0, 24, 7), Crop(2, 2, 16, 16)])
@pytest.mark.parametrize("known", [False, True])
def test_an_answer_is_that_of_the_whole_map_at_once(crop: Crop, known: bool, rng: np.random.Generator) -> None:
    logits, mask = rng.normal(0, 1, (16, 16)).astype(np.float32), rng.random((48, 64)) < 0.5
    inside = stretch(logits, crop.size).copy()
    sigmoid_(inside)
    probability = np.zeros(mask.shape, np.float32)
    probability[crop.slices] = inside
    if known:
        weakly = np.abs(probability - 0.49) < 0.25
        agreeing = np.where(weakly, np.where(mask, 0.51, 0.47), mask)
        probability = np.where((probability > 0.49) != mask, agreeing, probability).astype(np.float32)
    answer = Prediction.from_logits(logits, crop, mask.shape, mask if known else None)
    np.testing.assert_array_equal(answer.probability, probability)


def test_an_answer_is_restored_to_the_bit(rng: np.random.Generator) -> None:
    logits, crop = rng.normal(0, 4, (16, 16)).astype(np.float32), Crop(3, 5, 30, 20)
    first, again = (Prediction.from_logits(logits, crop, (48, 64)) for _ in range(2))
    assert np.array_equal(first.probability, again.probability)
    assert first.logits is logits
    outside = first.probability.copy()
    outside[crop.slices] = 0
    assert not outside.any()
