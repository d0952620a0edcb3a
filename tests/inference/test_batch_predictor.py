"""Several objects in one pass: the same answers as one after the other, and no more work than is needed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from vpuformer.encoding.batch import MAX_PROMPTS
from vpuformer.errors import ConfigError, ImageError, InputError, MaskError, PromptError, SessionError
from vpuformer.geometry import Crop
from vpuformer.inference.batch_predictor import BatchPredictor, Request
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.session import Session
from vpuformer.inference.views import Prediction, View, ViewSettings
from vpuformer.inference.zoom import RULES
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click, Prompt, Scribble

SIZES = [(300, 400), (250, 250), (260, 220)]
PROMPTS: list[list[Prompt]] = [
    [Click(200, 150), Click(20, 20, positive=False), Box(150, 100, 250, 200)],
    [Box(50, 50, 200, 200), Scribble([(60, 60), (190, 180)]), Click(70, 80)],
    [Scribble([(30, 30), (100, 200)]), Click(110, 130), Click(5, 5, positive=False)],
]


def network(**changes: Any) -> VPUFormer:
    torch.manual_seed(0)
    model = VPUFormer(VPUFormerConfig(input_size=64, dim=32, decoder_dim=16, **changes)).eval()
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def three_images() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in SIZES]


def next_requests(step: int, answers: Sequence[Prediction] | None) -> list[Request]:
    """With masks made by hand from the second prompt on, since what an untrained network finds is everywhere."""
    shown = [prompts[: step + 1] for prompts in PROMPTS]
    if answers is None:
        return [Request(place, prompts) for place, prompts in enumerate(shown)]
    masks = [np.zeros(size, np.float32) for size in SIZES]
    for mask in masks:
        mask[40:120, 40 : 100 + 20 * step] = 0.9
    return [
        Request(place, prompts, mask, answer.crop)
        for place, (prompts, mask, answer) in enumerate(zip(shown, masks, answers, strict=True))
    ]


@pytest.mark.parametrize("changes", [{}, {"mask_fusion": "early", "dense_prompts": "late"}, {"dense_prompts": "early"}])
@pytest.mark.parametrize(
    "views",
    [
        ViewSettings(),
        ViewSettings(zoom=None),
        ViewSettings(zoom=RULES["ritm"], flip=True, input_size=96),
        ViewSettings(flip=True),
    ],
    ids=["usual", "whole", "ritm", "flip"],
)
def test_the_answers_are_those_of_one_after_the_other(changes: dict[str, Any], views: ViewSettings) -> None:
    model = network(**changes)
    together, alone = BatchPredictor(model, views=views), [Predictor(model, views=views) for _ in SIZES]
    together.set_images(three_images())
    for predictor, image in zip(alone, three_images(), strict=True):
        predictor.set_image(image)
    answers = None
    for step in range(3):
        requests = next_requests(step, answers)
        answers = together.predict(requests)
        for predictor, request, answer in zip(alone, requests, answers, strict=True):
            wanted = predictor.predict(request.prompts, mask=request.mask, crop=request.crop)
            assert answer.crop == wanted.crop
            np.testing.assert_allclose(answer.probability, wanted.probability, atol=2e-5)
    assert answers is not None
    assert any(answer.crop != Crop.whole(size) for answer, size in zip(answers, SIZES, strict=True)) == bool(views.zoom)


def test_some_of_the_objects_may_be_asked_for() -> None:
    predictor = BatchPredictor(network())
    predictor.set_images(three_images())
    both = predictor.predict([Request(2, PROMPTS[2][:1]), Request(0, PROMPTS[0][:1])])
    assert [answer.mask.shape for answer in both] == [SIZES[2], SIZES[0]]


def test_a_image_is_encoded_once_and_a_crop_again_only_when_it_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    model, encoded = network(), []
    encode = model.encode
    monkeypatch.setattr(model, "encode", lambda image, *rest: encoded.append(len(image)) or encode(image, *rest))
    predictor = BatchPredictor(model, views=ViewSettings(zoom=None))
    first, second, _ = three_images()
    predictor.set_images([first, first.copy(), second])
    assert encoded == [2]
    for _ in range(2):
        predictor.predict([Request(place, [Click(100, 100)]) for place in range(3)])
    assert encoded == [2]

    # What an untrained network finds is anywhere; here the crop is to follow the given mask alone.
    monkeypatch.setattr(View, "after", lambda *_: None)
    closer = BatchPredictor(model)
    closer.set_images([first])
    mask = np.zeros(SIZES[0], np.float32)
    mask[100:150, 100:150] = 1
    around = Crop(85, 85, 80, 80)
    for crop in (None, around, around):
        [answer] = closer.predict([Request(0, [Click(120, 120)], mask, crop)])
    assert answer.crop == around
    assert encoded == [2, 1, 1]


def test_what_becomes_of_the_callers_array_changes_nothing() -> None:
    predictor = BatchPredictor(network())
    mask = np.zeros(SIZES[0], np.float32)
    mask[90:110, 90:110] = 1
    answers = []
    for painted_over in (False, True):
        given = three_images()[0]
        predictor.set_images([given])
        if painted_over:
            given[:] = 0
        answers += predictor.predict([Request(0, [Click(100, 100)], mask)])
    assert answers[0].crop != Crop.whole(SIZES[0])
    np.testing.assert_array_equal(answers[0].probability, answers[1].probability)


def test_the_channels_stay_last(monkeypatch: pytest.MonkeyPatch) -> None:
    model, layouts = network(), []
    decode = model.decode

    def watched(features: Any, *rest: Any) -> Any:
        layouts.append(features.lateral.quarter.is_contiguous(memory_format=torch.channels_last))
        return decode(features, *rest)

    monkeypatch.setattr(model, "decode", watched)
    predictor = BatchPredictor(model)
    predictor.set_images(three_images())
    predictor.predict([Request(0, [Click(1, 1)]), Request(1, [Click(1, 1)])])
    assert layouts == [True]


def test_what_does_not_fit_is_refused() -> None:
    predictor = BatchPredictor(network())
    with pytest.raises(SessionError, match="no image 0"):
        predictor.predict([Request(0, [Click(1, 1)])])
    predictor.set_images(three_images())
    with pytest.raises(SessionError, match="no image 3"):
        predictor.predict([Request(3, [Click(1, 1)])])
    with pytest.raises(PromptError, match="outside"):
        predictor.predict([Request(0, [Click(900, 1)])])
    with pytest.raises(MaskError, match="300"):
        predictor.predict([Request(0, [Click(1, 1)], np.zeros((5, 5), np.float32))])


SIZE = SIZES[0]


@pytest.mark.parametrize(
    ("prompts", "mask", "crop", "error"),
    [
        ([], None, None, PromptError),
        (Click(1, 1), None, None, PromptError),
        (None, None, None, PromptError),
        ([(1, 1)], None, None, PromptError),
        ([Click(900, 1)], None, None, PromptError),
        ([Scribble([(-9, 40), (-9, -9), (40, -9)])], None, None, PromptError),
        ([Click(1, 1)], np.zeros((1, 64, 64)), None, MaskError),
        ([Click(1, 1)], "mask.png", None, MaskError),
        ([Click(1, 1)], [[1, 2], [3]], None, MaskError),
        ([Click(1, 1)], np.full(SIZE, np.nan), None, MaskError),
        ([Click(1, 1)], np.indices(SIZE)[1] % 3, None, MaskError),
        ([Click(1, 1)], None, (0, 0, 9, 9), InputError),
    ],
)
def test_both_predictors_refuse_the_same_in_the_same_words(
    prompts: Any, mask: Any, crop: Any, error: type[Exception]
) -> None:
    one, several = Predictor(network()), BatchPredictor(network())
    one.set_image(three_images()[0])
    several.set_images(three_images()[:1])
    with pytest.raises(error) as first:
        one.predict(prompts, mask=mask, crop=crop)
    with pytest.raises(error) as second:
        several.predict([Request(0, prompts, mask, crop)])
    assert str(first.value) == str(second.value)


def test_a_mask_alone_and_masks_of_every_kind_are_taken_by_both() -> None:
    one, several = Predictor(network()), BatchPredictor(network())
    one.set_image(three_images()[0])
    several.set_images(three_images()[:1])
    mask = np.zeros(SIZE, np.float32)
    mask[90:200, 90:200] = 1
    tensors = [torch.tensor(mask, requires_grad=True), torch.tensor(mask).bfloat16(), torch.tensor(mask).bool()]
    wanted = one.predict(mask=mask)
    for given in (mask, mask.astype(np.uint8), (255 * mask).astype(np.int64), mask.tolist(), *tensors):
        for answer in (one.predict(mask=given), several.predict([Request(0, [], given)])[0]):  # type: ignore[arg-type]
            np.testing.assert_allclose(answer.probability, wanted.probability, atol=2e-5)


def test_no_request_has_no_answer_and_requests_that_are_none_are_refused() -> None:
    predictor = BatchPredictor(network())
    predictor.set_images(three_images())
    assert predictor.predict([]) == []
    with pytest.raises(SessionError, match="the same image"):
        predictor.predict([Request(0, [Click(1, 1)]), Request(0, [Click(9, 9)])])
    with pytest.raises(InputError, match="a request is a Request"):
        predictor.predict([(0, [Click(1, 1)])])  # type: ignore[list-item]
    for none in (Request(0, [Click(1, 1)]), None, 5):
        with pytest.raises(InputError, match="requests are a list of Request"):
            predictor.predict(none)  # type: ignore[arg-type]
    for place in (-1, 0.0, 0.5, "0", None):
        with pytest.raises(SessionError, match="no image"):
            predictor.predict([Request(place, [Click(1, 1)])])  # type: ignore[arg-type]


@pytest.mark.parametrize("place", [np.int64(1), torch.tensor(1)])
def test_a_place_is_any_whole_number(place: Any) -> None:
    predictor = BatchPredictor(network())
    predictor.set_images(three_images())
    (answer,) = predictor.predict(Request(each, [Click(1, 1)]) for each in [place])
    assert answer.mask.shape == SIZES[1]


@pytest.mark.parametrize("images", [[], "photo.jpg", np.zeros((9, 9, 3), np.uint8), None, np.zeros((0, 9, 9, 3))])
def test_images_come_in_a_list(images: Any) -> None:
    predictor = BatchPredictor(network())
    predictor.set_images(three_images())
    with pytest.raises(ImageError, match="a list of at least one image"):
        predictor.set_images(images)
    assert predictor.predict([Request(2, [Click(1, 1)])])  # the former ones stay


def test_a_network_that_is_being_trained_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model.eval\(\)"):
        BatchPredictor(network().train())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_network_of_other_numbers_than_float32_is_refused_by_both(dtype: torch.dtype) -> None:
    for make in (Predictor, BatchPredictor):
        with pytest.raises(ConfigError, match=r"call model.float\(\) first"):
            make(network().to(dtype))


def test_a_warning_points_at_the_line_that_gave_too_many_prompts() -> None:
    one, several = Predictor(network()), BatchPredictor(network())
    one.set_image(three_images()[0])
    several.set_images(three_images()[:1])
    clicks = [Click(x, 5) for x in range(MAX_PROMPTS + 1)]
    for give in (
        lambda: one.predict(clicks),
        lambda: several.predict([Request(0, clicks)]),
        lambda: Session(one).add(*clicks),
    ):
        with pytest.warns(UserWarning, match="the oldest are left out") as caught:
            give()
        assert {warning.filename for warning in caught} == {__file__}
