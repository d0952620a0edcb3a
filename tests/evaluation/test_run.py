"""The measuring: curves that are known beforehand, the same twice, and nothing of the truth in the method's hands."""

import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from support.measured import Loop, measure, without_times
from vpuformer.arrays import RGB, FloatMap
from vpuformer.data.sample import Sample
from vpuformer.errors import ConfigError, DatasetError, MaskError
from vpuformer.evaluation.run import evaluate
from vpuformer.evaluation.simulated_user import SimulatedUser, object_rng
from vpuformer.geometry import Crop
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.zoom import RULES, ViewSettings
from vpuformer.metrics import IGNORE, MASK_THRESHOLD, noc
from vpuformer.prompts import Box, Prompt
from vpuformer.simulation.boxes import repeats

SIZE = (10, 40)


def bar_truth() -> np.ndarray:
    """20 columns of ten pixels each."""
    truth = np.zeros(SIZE, np.int8)
    truth[:, 10:30] = 1
    return truth


def sample(truth: np.ndarray, number: int = 1, image: np.ndarray | None = None, name: str = "toy/bar") -> Sample:
    image = np.zeros((*truth.shape, 3), np.uint8) if image is None else image
    return Sample(name, number, lambda: image, lambda: truth)


def test_a_name_that_is_no_text_has_its_random_stream() -> None:
    assert object_rng(0, ("toy/b\udc81r", 1)).integers(1000) != object_rng(0, ("toy/bar", 1)).integers(1000)


class Stripes(Loop):
    """After prompt k it finds k columns of the bar more than `start`, so that the IoU is (start + k) / 20.

    With a `width`, it finds so many columns with each prompt.
    """

    name = "stripes"

    def __init__(self, start: int = 0, width: int = 1) -> None:
        self.start, self.width = start, width
        self.calls: list[tuple[tuple[Prompt, ...], FloatMap | None]] = []
        self.images: list[RGB] = []

    def encode(self, image: RGB) -> Encoded:
        self.images.append(image)
        return super().encode(image)

    def answer(self, query: Query) -> FloatMap:
        self.calls.append((query.prompts, None if query.mask is None else query.mask.copy()))
        probability = np.zeros(SIZE, np.float32)
        probability[:, 10 : 10 + min(20, self.start + self.width * len(query.prompts))] = 0.9
        return probability


class Constant(Loop):
    """Answers the same map, whatever it is shown."""

    name = "constant"

    def __init__(self, probability: Any) -> None:
        self.probability = probability

    def answer(self, query: Query) -> Any:  # noqa: ARG002
        return self.probability


def test_the_curve_is_the_one_of_the_method() -> None:
    [record] = measure([sample(bar_truth())], Stripes())
    assert record.ious == pytest.approx([k / 20 for k in range(1, 21)])
    assert noc(record.ious, 0.85) == 17
    assert noc(record.ious, 0.90) == 18
    assert record.size == SIZE
    assert all(step.seconds >= 0 for step in record.interactions)


def test_a_run_does_not_stop_at_a_target_unless_it_is_told_to() -> None:
    assert len(measure([sample(bar_truth())], Stripes())[0].ious) == 20
    [record] = measure([sample(bar_truth())], Stripes(), stop_at_iou=0.85)
    assert record.ious[-1] == pytest.approx(0.85)
    assert len(record.ious) == 17


def test_an_object_ends_when_nothing_is_wrong_any_more() -> None:
    [record] = measure([sample(bar_truth())], Stripes(start=17))
    assert record.ious == (0.9, 0.95, 1.0)


def test_the_threshold_is_the_one_of_the_field() -> None:
    truth = bar_truth()
    at = np.where(truth == 1, np.float32(MASK_THRESHOLD), np.float32(0))
    [record] = measure([sample(truth)], Constant(at), max_interactions=1)
    assert record.ious == (0.0,)
    [record] = measure([sample(truth)], Constant(np.nextafter(at, np.float32(1))), max_interactions=1)
    assert record.ious == (1.0,)


def test_ignored_pixels_count_for_nothing() -> None:
    truth = bar_truth()
    truth[:, 30:] = IGNORE
    everything_right_of_the_edge = np.zeros(SIZE, np.float32)
    everything_right_of_the_edge[:, 10:] = 1
    [record] = measure([sample(truth)], Constant(everything_right_of_the_edge))
    assert record.ious == (1.0,)


def test_no_pixel_is_clicked_twice() -> None:
    [record] = measure([sample(bar_truth())], Constant(np.zeros(SIZE, np.float32)))
    assert len({step.prompt for step in record.interactions}) == 20


@pytest.mark.parametrize("kinds", [("box",), ("scribble",), ("click", "box"), ("click", "box", "scribble")])
def test_no_prompt_of_an_object_is_given_twice(kinds: Any) -> None:
    probability = np.zeros(SIZE, np.float32)
    probability[2:8, 1:8], probability[3:6, 33:38] = 1, 1
    [record] = measure([sample(bar_truth())], Constant(probability), kinds=kinds)
    prompts = [step.prompt for step in record.interactions]
    assert len(set(prompts)) == 20
    assert not any(isinstance(prompt, Box) and repeats(prompt, prompts[:k]) for k, prompt in enumerate(prompts))


def test_each_prompt_comes_with_all_earlier_ones_and_the_last_answer() -> None:
    segmenter = Stripes()
    measure([sample(bar_truth()), sample(bar_truth(), 2)], segmenter, max_interactions=3)
    assert [len(prompts) for prompts, _ in segmenter.calls] == [1, 2, 3, 1, 2, 3]
    assert [previous is None for _, previous in segmenter.calls] == [True, False, False] * 2
    (first, _), (second, previous), *_ = segmenter.calls
    assert second[: len(first)] == first
    assert previous is not None
    assert (previous > 0.5).sum() == 10


def test_objects_on_one_image_share_it() -> None:
    other = np.full((*SIZE, 3), 9, np.uint8)
    samples = [sample(bar_truth(), 1), sample(bar_truth(), 2), sample(bar_truth(), 1, other), sample(bar_truth(), 3)]
    segmenter = Stripes()
    records = measure(samples, segmenter, max_interactions=1)
    assert len(segmenter.images) == 3
    assert records[0].image_seconds == records[1].image_seconds


@pytest.mark.parametrize("kind", ["click", "box", "scribble"])
def test_one_kind_of_prompt_is_kept_to(kind: Any) -> None:
    [record] = measure([sample(bar_truth())], Stripes(width=4), kinds=(kind,), max_interactions=4)
    assert [step.prompt.kind for step in record.interactions] == [kind] * 4


def test_a_box_that_would_nearly_repeat_one_is_recorded_as_the_click_that_it_became() -> None:
    [record] = measure([sample(bar_truth())], Stripes(), kinds=("box",), max_interactions=4)
    # Each prompt mends one of twenty columns: the next box is as wide as nine tenths of the last one, until it is not.
    assert [step.prompt.kind for step in record.interactions] == ["box", "click", "click", "box"]


@pytest.mark.parametrize("kind", ["box", "scribble"])
def test_the_first_kind_may_be_another(kind: Any) -> None:
    [record] = measure([sample(bar_truth())], Stripes(), first_kind=kind, max_interactions=3)
    assert [step.prompt.kind for step in record.interactions] == [kind, "click", "click"]


def test_the_first_box_is_the_one_around_the_object() -> None:
    [record] = measure([sample(bar_truth())], Stripes(), kinds=("box",), max_interactions=1)
    assert record.interactions[0].prompt == Box(9.5, -0.5, 29.5, 9.5)


def test_a_stroke_without_room_is_recorded_as_the_click_that_it_became() -> None:
    truth = np.zeros(SIZE, np.int8)
    truth[5, 5] = 1
    [record] = measure([sample(truth)], Constant(np.zeros(SIZE, np.float32)), kinds=("scribble",), max_interactions=1)
    assert record.interactions[0].prompt.kind == "click"


def test_a_mixed_run_is_the_same_every_time_and_its_objects_do_not_depend_on_each_other() -> None:
    samples = [sample(bar_truth(), number) for number in range(1, 7)]
    kinds: Any = ("click", "box", "scribble")
    one, two = (measure(samples, Stripes(), kinds=kinds) for _ in range(2))
    assert without_times(one) == without_times(two)
    backwards = measure(samples[::-1], Stripes(), kinds=kinds[::-1])
    assert without_times(one) == without_times(backwards[::-1])
    drawn = {tuple(step.prompt.kind for step in record.interactions) for record in one}
    assert len(drawn) > 1
    assert {kind for kinds in drawn for kind in kinds} == {"click", "box", "scribble"}
    assert without_times(one) != without_times(measure(samples, Stripes(), kinds=kinds, seed=1))


def reachable(thing: Any, seen: dict[int, Any]) -> dict[int, Any]:
    """All objects that somebody who holds `thing` can get at, without digging into the interpreter."""
    if id(thing) in seen or isinstance(thing, type | types.ModuleType):
        return seen
    seen[id(thing)] = thing
    if isinstance(thing, np.ndarray):
        parts: list[Any] = [thing.base]
    elif isinstance(thing, dict):
        parts = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        parts = list(thing)
    elif isinstance(thing, types.FunctionType):
        parts = [cell.cell_contents for cell in thing.__closure__ or ()]
    else:
        slots = [name for each in type(thing).__mro__ for name in getattr(each, "__slots__", ())]
        parts = [*getattr(thing, "__dict__", {}).values(), *(getattr(thing, name, None) for name in slots)]
    for part in parts:
        reachable(part, seen)
    return seen


def test_the_truth_never_reaches_the_method() -> None:
    truth = bar_truth()
    received: list[Any] = []

    class Spy(Stripes):
        def encode(self, image: RGB) -> Encoded:
            received.append(image)
            return super().encode(image)

        def answer(self, query: Query) -> FloatMap:
            received.append(query)
            return super().answer(query)

    measure([sample(truth)], Spy(), first_kind="scribble", kinds=("click", "box"))
    arrays = [thing for thing in reachable(received, {}).values() if isinstance(thing, np.ndarray)]
    assert arrays
    for array in arrays:
        assert array.dtype in (np.uint8, np.float32)
        assert not np.shares_memory(array, truth)
        assert array.ndim == 3 or not np.array_equal(array > 0.5, truth == 1)


def test_a_method_that_changes_what_it_is_handed_changes_no_number() -> None:
    class Vandal(Stripes):
        def encode(self, image: RGB) -> Encoded:
            image[:] = 77
            return super().encode(image)

        def answer(self, query: Query) -> FloatMap:
            answer = super().answer(query)
            if query.mask is not None:
                query.mask[:] = 0
            return answer

    samples = [sample(bar_truth(), 1), sample(bar_truth(), 2)]
    assert without_times(measure(samples, Vandal())) == without_times(measure(samples, Stripes()))


def test_none_that_is_done_is_done_again() -> None:
    samples = [sample(bar_truth(), number) for number in range(1, 6)]
    seen: list[tuple[int, int]] = []
    done = {("toy/bar", 2)}
    records = evaluate(samples[:4], Stripes(), batch=1, skip=done, on_progress=lambda *counts: seen.append(counts))
    assert [record.object_id for record in records] == [1, 3, 4]
    assert seen == [(2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kinds": ()}, "no kind of prompt"),
        ({"kinds": ("clik",)}, "Did you mean 'click'"),
        ({"first_kind": "lasso"}, "no kind of prompt called 'lasso'"),
        ({"max_interactions": 0}, "at least 1"),
        ({"max_interactions": "5"}, "max_interactions='5' should be a whole number"),
        ({"stop_at_iou": 90}, "such as 0.9"),
        ({"stop_at_iou": float("nan")}, "stop_at_iou=nan should be a number"),
        ({"batch": 0}, "batch"),
        ({"workers": 0}, "workers"),
    ],
)
def test_settings_out_of_range_are_refused_before_anything_runs(settings: dict[str, Any], message: str) -> None:
    options = {name: settings.pop(name) for name in ("batch", "workers") if name in settings}
    with pytest.raises(ConfigError, match=message):
        evaluate([], Stripes(), SimulatedUser(**settings), **options)


def test_a_segmenter_that_gives_too_few_answers_is_refused() -> None:
    class Lazy(Stripes):
        name = "lazy"

        def segment(self, queries: Sequence[Query]) -> list[Prediction]:
            return super().segment(queries)[1:]

    with pytest.raises(MaskError, match="lazy gave 1 answers to 2 queries"):
        measure([sample(bar_truth()), sample(bar_truth(), 2)], Lazy(), batch=2)


@pytest.mark.parametrize(
    "answer",
    [np.zeros((3, 4), np.float32), np.full(SIZE, np.nan, np.float32), np.full(SIZE, 5, np.float32)],
    ids=["size", "nan", "range"],
)
def test_an_answer_that_is_no_probability_map_is_refused(answer: np.ndarray) -> None:
    with pytest.raises(MaskError, match=r"constant answered|the answer holds"):
        measure([sample(bar_truth())], Constant(answer))


@pytest.mark.parametrize("truth", [np.zeros(SIZE, np.int8), np.ones((4, 4), np.int8)], ids=["empty", "size"])
def test_a_truth_that_cannot_be_is_named(truth: np.ndarray) -> None:
    broken = sample(truth, 7, np.zeros((*SIZE, 3), np.uint8))
    with pytest.raises(DatasetError, match="object 7 of toy/bar"):
        measure([broken], Stripes())


def test_a_segmenter_is_handed_its_own_last_mask_and_crop_of_the_same_object() -> None:
    class Looking(Stripes):
        def segment(self, queries: Sequence[Query]) -> list[Prediction]:
            crops.extend(query.crop for query in queries)
            return [Prediction(self.answer(query), Crop(len(crops), 0, 9, 9)) for query in queries]

    crops: list[Crop | None] = []
    segmenter = Looking()
    measure([sample(bar_truth()), sample(bar_truth(), 2)], segmenter, max_interactions=2)
    assert crops == [None, Crop(1, 0, 9, 9), None, Crop(3, 0, 9, 9)]
    assert [mask is None for _, mask in segmenter.calls] == [True, False, True, False]


@pytest.fixture
def make_network() -> Callable[[], VPUFormerSegmenter]:
    def make() -> VPUFormerSegmenter:
        import torch

        from support.networks import segmenter_of
        from vpuformer.model.config import VPUFormerConfig
        from vpuformer.model.vpuformer import VPUFormer

        torch.manual_seed(0)
        return segmenter_of(VPUFormer(VPUFormerConfig(input_size=64, dim=32, decoder_dim=16)))

    return make


def test_the_real_network_gives_the_same_records_to_the_bit(
    make_network: Callable[[], VPUFormerSegmenter], image: np.ndarray, truth: np.ndarray
) -> None:
    samples = [sample(truth, 1, image, "toy/ellipse")]
    runs = [measure(samples, make_network(), first_kind="box", max_interactions=3) for _ in range(2)]
    assert without_times(runs[0]) == without_times(runs[1])


@pytest.mark.parametrize("prompts", [("click",), ("box",), ("scribble",)])
def test_the_fields_protocol_is_one_pass_a_prompt_and_the_networks_own_answer(
    make_network: Callable[[], VPUFormerSegmenter], prompts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a network that has learned nothing leaves prompts on the wrong side of its outline."""
    network = make_network().network
    answered: list[FloatMap] = []
    decode = network.decode

    def decoded(*arguments: Any) -> FloatMap:
        logits = decode(*arguments)
        answered.append((logits[:1] + logits[1:, :, ::-1]) / np.float32(2))
        return logits

    monkeypatch.setattr(network, "decode", decoded)

    class Raw(VPUFormerSegmenter):
        def segment(self, queries: Sequence[Query]) -> list[Prediction]:
            (answer,) = answers = super().segment(queries)
            expected = Prediction.from_logits(answered[-1][0], answer.crop, queries[0].encoded.size)
            np.testing.assert_array_equal(answer.probability, expected.probability)
            return answers

    segmenter = Raw(network, views=ViewSettings(RULES["ritm"], flip=True, input_size=96, steady=False))
    truth = np.zeros((260, 300), np.int8)
    truth[:150, 180:] = 1
    [record] = measure([sample(truth)], segmenter, kinds=prompts, max_interactions=5)
    assert len(answered) == len(record.interactions) == 5
    assert [step.corrected for step in record.interactions] == [0] * 5
