"""Answers of the network that become probabilities only where that is needed."""

import numpy as np
import pytest

from vpuformer.geometry import Crop
from vpuformer.inference import looks, raster
from vpuformer.inference.looks import Look
from vpuformer.inference.prediction import Prediction

SIZE = (1500, 2000)
CROP = Crop(100, 200, 1800, 1200)


@pytest.fixture
def logits() -> np.ndarray:
    """Smooth logits with one object, and noise."""
    rows, columns = np.mgrid[:112, :112]
    noise = np.random.default_rng(0).normal(0, 0.3, (112, 112))
    return (6 - np.hypot(rows - 50, columns - 60) / 4 + noise).astype(np.float32)


@pytest.mark.parametrize("crop", [Crop(500, 400, 1000, 800), Crop(0, 0, 1600, 1400), Crop.whole(SIZE)])
def test_a_large_crop_gives_nearly_the_same_without_its_pixels(
    logits: np.ndarray, crop: Crop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raster, "SMALL", SIZE[0] * SIZE[1])
    exact, coarse = Look(logits, CROP, SIZE), Look(logits, CROP, SIZE)
    around, seen = exact.object_around(), exact.probability_in(crop, 448)
    monkeypatch.setattr(raster, "SMALL", 1000)
    monkeypatch.setattr(looks, "_COARSE", 500_000)
    nearly = coarse.object_around()
    assert around is not None
    assert nearly is not None
    assert np.abs(np.subtract(around.edges, nearly.edges)).max() <= 4
    found = coarse.probability_in(crop, 448)
    assert "prediction" not in vars(coarse), "no pixel was made"
    assert np.abs(found - seen).mean() < 0.003
    assert np.quantile(np.abs(found - seen), 0.99) < 0.05
    assert (found[seen == 0] < 0.5).all()


def test_no_object_has_no_rectangle(logits: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = np.full_like(logits, -3)
    monkeypatch.setattr(raster, "SMALL", SIZE[0] * SIZE[1])
    assert Look(nothing, CROP, SIZE).object_around() is None
    monkeypatch.setattr(raster, "SMALL", 1000)
    assert Look(nothing, CROP, SIZE).object_around() is None


def test_the_mask_is_the_same_whether_pixels_outside_the_crop_are_read_or_not(logits: np.ndarray) -> None:
    prediction = Look(logits, CROP, SIZE).prediction
    assert (prediction.mask == Prediction(prediction.probability).mask).all()
    kept = np.zeros(SIZE, bool)
    kept[:10, :10] = True
    assert Prediction.from_logits(logits, CROP, SIZE, kept).mask[:10, :10].all(), "an earlier mask outside the crop"
