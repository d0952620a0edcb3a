"""Several queries in one pass: the same answers as one after the other, and no more work than is needed."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

from support.networks import predictor_of, segmenter_of
from vpuformer.encoding.batch import MAX_PROMPTS
from vpuformer.errors import ConfigError, ImageError, InputError, MaskError, PromptError
from vpuformer.geometry import Crop
from vpuformer.inference import segment as segment_module
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query
from vpuformer.inference.session import Session
from vpuformer.inference.torch_network import TorchNetwork
from vpuformer.inference.zoom import RULES, View, ViewSettings, ZoomRule
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click, Prompt, Scribble

SIZES = [(300, 400), (250, 250), (260, 220)]
PROMPTS: list[list[Prompt]] = [
    [Click(200, 150), Click(20, 20, positive=False), Box(150, 100, 250, 200)],
    [Box(50, 50, 200, 200), Scribble([(60, 60), (190, 180)]), Click(70, 80)],
    [Scribble([(30, 30), (100, 200)]), Click(110, 130), Click(5, 5, positive=False)],
]

AT_THE_BORDER = ZoomRule(inner_margin=-1)
"""What an untrained network finds is everywhere; this rule keeps a crop all the same."""


def network(**changes: Any) -> VPUFormer:
    torch.manual_seed(3)
    model = VPUFormer(VPUFormerConfig(input_size=64, dim=32, decoder_dim=16, **changes)).eval()
    return model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def three_images() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in SIZES]


def next_queries(step: int, encoded: Sequence[Encoded], answers: Sequence[Prediction] | None) -> list[Query]:
    """With masks made by hand from the second prompt on, since what an untrained network finds is everywhere."""
    shown = [prompts[: step + 1] for prompts in PROMPTS]
    if answers is None:
        return [Query(*each) for each in zip(encoded, shown, strict=True)]
    masks = [np.zeros(size, np.float32) for size in SIZES]
    for mask in masks:
        mask[40:120, 40 : 100 + 20 * step] = np.linspace(0.8, 0.9, 60 + 20 * step)
    crops = [answer.crop for answer in answers]
    return [Query(*each) for each in zip(encoded, shown, masks, crops, strict=True)]


@pytest.mark.parametrize("changes", [{}, {"mask_fusion": "early"}, {"dense_prompts": "early"}])
@pytest.mark.parametrize(
    "views",
    [
        ViewSettings(),
        ViewSettings(zoom=None),
        ViewSettings(zoom=RULES["ritm"], flip=True, input_size=96),
        ViewSettings(AT_THE_BORDER, flip=True),
        ViewSettings(AT_THE_BORDER),
    ],
    ids=["usual", "whole", "ritm", "flip", "border"],
)
@pytest.mark.parametrize("most", [64, 2])
def test_the_answers_are_those_of_one_after_the_other(
    changes: dict[str, Any], views: ViewSettings, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment_module, "MAX_BATCH", most)
    together, alone = segmenter_of(network(**changes), views), predictor_of(network(**changes), views)
    encoded = [together.encode(image) for image in three_images()]
    answers = None
    for step in range(3):
        queries = next_queries(step, encoded, answers)
        answers = together.segment(queries)
        for image, query, answer in zip(three_images(), queries, answers, strict=True):
            alone.set_image(image)
            wanted = alone.predict(query.prompts, mask=query.mask, crop=query.crop)
            assert answer.crop == wanted.crop
            np.testing.assert_allclose(answer.probability, wanted.probability, atol=2e-5)
    assert answers is not None
    if views.zoom is None:
        assert [answer.crop for answer in answers] == [Crop.whole(size) for size in SIZES]


def test_queries_may_be_about_one_image_and_zoom_or_not() -> None:
    segmenter = segmenter_of(network())
    encoded = segmenter.encode(three_images()[0])
    queries = [
        Query(encoded, prompts[:1], zoom=zoom) for prompts, zoom in zip(PROMPTS, (True, False, True), strict=True)
    ]
    together = segmenter.segment(queries)
    for query, answer in zip(queries, together, strict=True):
        [wanted] = segmenter.segment([query])
        assert answer.crop == wanted.crop
        np.testing.assert_allclose(answer.probability, wanted.probability, atol=2e-5)
    assert together[1].crop == Crop.whole(SIZES[0])
    assert segmenter.segment([]) == []


@pytest.mark.parametrize("flip", [False, True])
def test_an_answer_keeps_its_own_logits_alone(flip: bool) -> None:
    segmenter = segmenter_of(network(), ViewSettings(flip=flip))
    encoded = segmenter.encode(three_images()[0])
    for answer in segmenter.segment([Query(encoded, prompts[:1]) for prompts in PROMPTS]):
        assert answer.logits is not None
        owner = answer.logits if answer.logits.base is None else answer.logits.base
        assert owner.size == answer.logits.size


def test_a_crop_is_encoded_again_only_when_it_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    model, passes = network(), []
    encode = model.encode
    monkeypatch.setattr(model, "encode", lambda image, *rest: passes.append(len(image)) or encode(image, *rest))
    whole = segmenter_of(model, ViewSettings(zoom=None))
    images = [whole.encode(image) for image in three_images()[:2]]
    for _ in range(2):
        whole.segment([Query(image, [Click(100, 100)]) for image in (*images, images[0])])
    assert passes == [1, 1]

    # What an untrained network finds is anywhere; here the crop is to follow the given mask alone.
    monkeypatch.setattr(View, "refine", lambda *_: None)
    mask = np.zeros(SIZES[0], np.float32)
    mask[100:150, 100:150] = 1
    around = Crop(85, 85, 80, 80)
    closer = segmenter_of(model)
    image = closer.encode(three_images()[0])
    for crop in (None, around, around):
        [answer] = closer.segment([Query(image, [Click(120, 120)], mask, crop)])
    assert answer.crop == around
    assert passes == [1, 1, 1, 1]


def test_features_of_one_image_do_not_keep_those_of_the_batch() -> None:
    network_of = TorchNetwork(network())
    features = network_of.encode(np.zeros((4, 64, 64, 3), np.uint8), np.zeros((4, 64, 64), np.float32), [])
    for each in features:
        for part in (each.semantic, *(part for part in each.lateral if part is not None)):
            assert part.untyped_storage().nbytes() == part.nbytes


def test_threads_may_share_an_image() -> None:
    segmenter = segmenter_of(network())
    encoded = segmenter.encode(three_images()[0])

    def answer(i: int) -> list[np.ndarray]:
        mask = np.zeros(SIZES[0], np.float32)
        mask[20:60, 20 + 10 * i : 60 + 10 * i] = 1
        return [segmenter.segment([Query(encoded, [Click(40 + 10 * i, 40)], mask)])[0].probability for _ in range(3)]

    wanted = [answer(i) for i in range(12)]
    with ThreadPoolExecutor(4) as threads:
        for ours, theirs in zip(threads.map(answer, range(12)), wanted, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_what_becomes_of_the_callers_array_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # What an untrained network finds is anywhere; here the crop is to follow the given mask alone.
    monkeypatch.setattr(View, "refine", lambda *_: None)
    segmenter, around = segmenter_of(network()), Crop(85, 85, 80, 80)
    mask = np.zeros(SIZES[0], np.float32)
    mask[100:150, 100:150] = 1
    answers = []
    for painted_over in (False, True):
        given = three_images()[0]
        encoded = segmenter.encode(given)
        if painted_over:
            given[:] = 0
        answers += segmenter.segment([Query(encoded, [Click(120, 120)], mask)])
    assert answers[0].crop == around
    np.testing.assert_array_equal(answers[0].probability, answers[1].probability)


def test_the_channels_stay_last(monkeypatch: pytest.MonkeyPatch) -> None:
    model, layouts = network(), []
    decode = model.decode

    def watched(features: Any, *rest: Any) -> Any:
        layouts.append(features.lateral.quarter.is_contiguous(memory_format=torch.channels_last))
        return decode(features, *rest)

    monkeypatch.setattr(model, "decode", watched)
    segmenter = segmenter_of(model, ViewSettings(zoom=None))
    images = [segmenter.encode(image) for image in three_images()]
    segmenter.segment([Query(image, [Click(1, 1)]) for image in images])
    assert layouts == [True]


def test_an_image_of_another_segmenter_is_refused() -> None:
    with pytest.raises(InputError, match="encode the image with the segmenter that is asked"):
        segmenter_of(network()).segment([Query(Encoded(three_images()[0]), [Click(1, 1)])])
    small, large = (segmenter_of(network(), ViewSettings(input_size=size)) for size in (64, 96))
    with pytest.raises(InputError, match="the image was encoded by another segmenter"):
        small.segment([Query(large.encode(three_images()[0]), [Click(1, 1)])])
    with pytest.raises(ImageError):
        segmenter_of(network()).encode(np.zeros((0, 9, 3), np.uint8))


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
def test_queries_are_checked(prompts: Any, mask: Any, crop: Any, error: type[Exception]) -> None:
    predictor = predictor_of(network())
    predictor.set_image(three_images()[0])
    with pytest.raises(error) as first:
        Query(predictor.encoded, prompts, mask, crop)
    with pytest.raises(error) as second:
        predictor.predict(prompts, mask=mask, crop=crop)
    assert str(first.value) == str(second.value)


def test_a_mask_alone_and_masks_of_every_kind_are_taken() -> None:
    predictor = predictor_of(network())
    predictor.set_image(three_images()[0])
    mask = np.zeros(SIZE, np.float32)
    mask[90:200, 90:200] = 1
    tensors = [torch.tensor(mask, requires_grad=True), torch.tensor(mask).bfloat16(), torch.tensor(mask).bool()]
    wanted = predictor.predict(mask=mask)
    for given in (mask, mask.astype(np.uint8), (255 * mask).astype(np.int64), mask.tolist(), *tensors):
        np.testing.assert_array_equal(predictor.predict(mask=given).probability, wanted.probability)  # type: ignore[arg-type]


def test_a_network_that_is_being_trained_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model.eval\(\)"):
        TorchNetwork(network().train())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_network_of_other_numbers_than_float32_is_refused(dtype: torch.dtype) -> None:
    with pytest.raises(ConfigError, match=r"call model.float\(\) first"):
        TorchNetwork(network().to(dtype))


def test_a_warning_points_at_the_line_that_gave_too_many_prompts() -> None:
    predictor = predictor_of(network())
    predictor.set_image(three_images()[0])
    clicks = [Click(x, 5) for x in range(MAX_PROMPTS + 1)]
    for give in (lambda: predictor.predict(clicks), lambda: Session(predictor).add(*clicks)):
        with pytest.warns(UserWarning, match="the oldest of the most frequent kinds are left out") as caught:
            give()
        assert {warning.filename for warning in caught} == {__file__}
