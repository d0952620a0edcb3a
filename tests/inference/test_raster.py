"""Large images, of which answers are compared and corrected on a reduced raster."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vpuformer.errors import MaskError
from vpuformer.geometry import Crop
from vpuformer.inference import raster
from vpuformer.inference.encoded import EncodedImage
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.protocol import Query
from vpuformer.inference.raster import Raster, level_of, snapped
from vpuformer.inference.session import Session
from vpuformer.metrics import iou
from vpuformer.prompts import Box, Click, Scribble

SIZE = (3001, 4002)
ROWS, COLUMNS = np.ogrid[: SIZE[0], : SIZE[1]]
LOGITS = np.asarray(6 - np.hypot(*np.mgrid[-20:44, -30:34]) / 3, np.float32)


def disk(x: float, y: float, radius: float) -> np.ndarray:
    return np.hypot(ROWS - y, COLUMNS - x) < radius


@given(st.integers(0, 3900), st.integers(0, 2900), st.integers(1, 4002), st.integers(1, 3001))
def test_cells_hold_the_part_and_lie_within_the_image(left: int, top: int, width: int, height: int) -> None:
    part = Crop(left, top, min(width, SIZE[1] - left), min(height, SIZE[0] - top))
    cells = Raster.over(part, SIZE)
    assert cells.part.union(part) == cells.part
    assert cells.part.union(Crop.whole(SIZE)) == Crop.whole(SIZE)
    assert cells.pixels(Crop.whole(cells.size)) == cells.part
    inside = cells.cells(part)
    assert inside.union(Crop.whole(cells.size)) == Crop.whole(cells.size)
    assert cells.pixels(inside).union(part) == cells.pixels(inside)


@pytest.mark.parametrize("crop", [Crop.whole(SIZE), Crop(800, 400, 2400, 1600), Crop(803, 411, 2399, 1603)])
@pytest.mark.parametrize("part", [Crop.whole(SIZE), Crop(1000, 600, 2500, 2000)])
def test_cells_have_the_probability_of_their_pixels(crop: Crop, part: Crop) -> None:
    prediction, cells = Prediction.from_logits(LOGITS, crop, SIZE), Raster.over(part, SIZE)
    assert cells.factor > 1
    inside = cells.cells(crop)
    found, wanted = prediction.on(cells), cells.sampled(prediction.probability)
    kept = np.zeros(cells.size, bool)
    kept[
        max(inside.top + 1, 0) : inside.top + inside.height - 1,
        max(inside.left + 1, 0) : inside.left + inside.width - 1,
    ] = 1
    assert np.abs(found - wanted)[kept].max() < 0.01, "half a pixel lies between the centres"


def test_an_answer_does_not_depend_on_what_was_made_of_it() -> None:
    mask, cells = disk(2000, 1500, 900), Raster.over(Crop.whole(SIZE), SIZE)
    one, other = (Prediction.from_logits(LOGITS, Crop(800, 400, 2400, 1600), SIZE, mask) for _ in range(2))
    assert other.probability.any()
    assert np.array_equal(one.on(cells), other.on(cells))


def test_only_pixels_of_changed_cells_and_of_their_neighbours_change() -> None:
    before, cells = disk(1500, 1500, 700), Raster.over(Crop.whole(SIZE), SIZE)
    unchanged = np.where(cells.sampled(before), np.float32(0.9), np.float32(0.1))
    assert np.array_equal(cells.lifted(before, unchanged), before), "an outline that is finer than the cells stays"
    values, factor = unchanged.copy(), cells.factor
    values[: 2 + 1200 // factor, : 1500 // factor] = 0.1
    after = cells.lifted(before, values)
    assert np.array_equal(after[1200 + 4 * factor :], before[1200 + 4 * factor :])
    assert np.array_equal(after[:, 1500 + 2 * factor :], before[:, 1500 + 2 * factor :])
    assert not after[:1200, : 1500 - 2 * factor].any()


def test_a_lifted_outline_is_as_smooth_as_the_probabilities() -> None:
    cells = Raster.over(Crop.whole(SIZE), SIZE)
    rows, columns = (cells.factor * (np.arange(count) + 0.5) - 0.5 for count in cells.size)
    distance = np.hypot(rows[:, None] - 1500, columns - 2000).astype(np.float32)
    values = 1 / (1 + np.exp((distance - 1000) / 50, dtype=np.float32))
    lifted = cells.lifted(np.zeros(SIZE, bool), values)
    assert iou(lifted, disk(2000, 1500, 1002).astype(np.int8)) > 0.999


def test_prompts_of_a_raster_lie_in_its_cells() -> None:
    cells = Raster.over(Crop(800, 400, 2400, 1600), SIZE)
    left, top = cells.part.left, cells.part.top
    shown = [
        Click(left + 9 * cells.factor, top),
        Click(0, 0, False),
        Box(left, top, 5000, top + 80),
        Scribble([(2000, 900)]),
    ]
    click, box, stroke = cells.prompts(shown)
    assert np.allclose(click.points, [[9, 0]], atol=0.5)
    assert box.bounds[2] == cells.size[1] - 0.5
    assert stroke.kind == "scribble"


@pytest.mark.parametrize(("side", "factor", "level"), [(256, 8, 4), (448, 4, 4), (1024, 2, 1)])
def test_a_network_that_sees_more_pixels_gets_them(side: int, factor: int, level: int) -> None:
    size = (4000, 6000)
    assert Raster.over(Crop.whole(size), size, side=side).factor == factor
    assert level_of(Crop.whole(size), size, side) == level


def test_small_images_are_worked_on_as_they_are() -> None:
    size, crop = (1000, 1600), Crop(101, 203, 700, 600)
    cells = Raster.over(crop, size)
    assert (cells.part, cells.factor, cells.whole) == (Crop.whole(size), 1, True)
    assert snapped(crop, size) == crop
    assert level_of(Crop.whole(size), size, 64) == 1


@pytest.mark.parametrize("crop", [Crop(0, 0, 4000, 3000), Crop(1200, 400, 1040, 1200), Crop(1201, 400, 1040, 1200)])
def test_the_network_sees_nearly_the_same_pixels_of_a_reduced_image(
    crop: Crop, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    image = np.kron(noise, np.ones((51, 51, 1), np.uint8))[: SIZE[0], : SIZE[1]]
    reduced = EncodedImage(image).pixels(crop, 256).astype(int)
    monkeypatch.setattr(raster, "SMALL", SIZE[0] * SIZE[1])
    assert np.abs(reduced - EncodedImage(image).pixels(crop, 256)).mean() < 1, "edges alone differ"


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.from_pretrained("default", device="cpu")


def scene() -> np.ndarray:
    """Two bright disks on a dark ground, with some noise."""
    image = np.random.default_rng(0).integers(20, 60, (750, 1000, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    image[disk(1300, 1500, 800)[:3000, :4000]] += np.uint8(150)
    image[disk(3000, 1300, 500)[:3000, :4000]] += np.uint8(120)
    return image


def test_corrections_of_a_large_image_follow_their_prompts_and_what_is_stored(predictor: Predictor) -> None:
    predictor.set_image(scene())
    session, again = Session(predictor), Session(predictor)
    prompts = [
        Click(1300, 1500),
        Click(3001, 1302),
        Click(1303, 1207, positive=False),
        Scribble([(900, 1800), (1500, 1900)]),
    ]
    for number, prompt in enumerate(prompts):
        former = session.mask
        answer = session.add(prompt)
        again.add(prompt)
        again.undo()
        again.redo()  # the next answer then starts from what is kept
        assert np.array_equal(again.mask, answer.mask)
        for shown in session.prompts[: number + 1]:
            x, y = shown.points[0].astype(int)
            assert answer.mask[y, x] == shown.positive
        if number:
            assert not (answer.mask ^ former)[:, :300].any(), "far from all prompts"
    assert np.array_equal(session.prediction.probability, again.prediction.probability)


def test_a_large_answer_is_the_same_as_on_all_pixels_but_for_its_outline(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, prompts = scene(), [Click(1300, 1500), Click(3000, 1300)]
    predictor.set_image(image)
    first = predictor.predict(prompts[:1])
    reduced = predictor.predict(prompts, mask=first.probability, crop=first.crop)
    monkeypatch.setattr(raster, "SMALL", image.shape[0] * image.shape[1])
    predictor.set_image(image)
    exact = predictor.predict(prompts, mask=first.probability, crop=first.crop)
    assert iou(reduced.mask, exact.mask.astype(np.int8)) > 0.97


def test_the_previous_answer_is_taken_as_it_is(predictor: Predictor) -> None:
    predictor.set_image(np.zeros((40, 60, 3), np.uint8))
    answer = predictor.predict([Click(20, 20)])
    query = Query(predictor.encoded, [Click(20, 20), Click(30, 30)], answer)
    assert query.previous is answer
    assert query.mask is answer.probability


def test_an_answer_to_another_image_is_refused(predictor: Predictor) -> None:
    predictor.set_image(np.zeros((40, 60, 3), np.uint8))
    other = Prediction.from_logits(LOGITS, Crop(0, 0, 50, 50), (50, 50))
    with pytest.raises(MaskError, match="50x50 pixels, the image 60x40"):
        predictor.predict([Click(20, 20)], mask=other)
