"""Sessions: every way back and forth through the answers, with a predictor that draws its prompts."""

import copy
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.networks import predictor_of
from vpuformer.errors import MaskError, PromptError, SessionError
from vpuformer.geometry import Crop
from vpuformer.inference import session as session_module
from vpuformer.inference.corrections import corrected
from vpuformer.inference.looks import OBJECT_THRESHOLD, Look, Seen
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.protocol import Encoded, Query
from vpuformer.inference.session import Session, _Packed
from vpuformer.inference.zoom import ZoomRule, next_crop
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click

SIZE = (30, 40)


class Noise:
    """Answers with noise that differs from prompt to prompt and from mask to mask; records what it was asked."""

    name, sha256 = "noise", ""

    def __init__(self, *, with_logits: bool = True) -> None:
        self.with_logits = with_logits
        self.asked: list[Query] = []

    def encode(self, image: npt.NDArray[np.uint8]) -> Encoded:
        return Encoded(image)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        return [self._answer(query) for query in queries]

    def _answer(self, query: Query) -> Prediction:
        self.asked.append(query)
        size, mask, prompts = query.encoded.size, query.mask, query.prompts
        around = None if mask is None else Crop.around(mask > OBJECT_THRESHOLD)
        look = next_crop(size, around, prompts, query.crop, ZoomRule(min_side=8)) if query.zoom else Crop.whole(size)
        seed = [len(prompts), *(int(4 * abs(value)) for prompt in prompts for value in prompt.bounds)]
        logits = np.random.default_rng(seed).normal(0, 3, (16, 16)).astype(np.float32)
        answer = Prediction.from_logits(logits if mask is None else logits + mask.mean(), look, size)
        return answer if self.with_logits else Prediction(answer.probability, answer.crop)


def drawing(*, with_logits: bool = True) -> tuple[Predictor, Noise]:
    noise = Noise(with_logits=with_logits)
    predictor = Predictor(noise)
    predictor.set_image(np.zeros((*SIZE, 3), np.uint8))
    return predictor, noise


def new_session(*arguments: Any, **options: Any) -> Session:
    return Session(drawing()[0], *arguments, **options)


def state(session: Session) -> tuple[object, ...]:
    """Everything that can be seen of a session."""
    prediction = session.prediction
    answer = None if prediction is None else (prediction.probability.tobytes(), prediction.crop)
    return session.prompts, answer, session.mask.tobytes()


def test_a_session_begins_empty() -> None:
    session = new_session()
    assert session.prompts == ()
    assert session.prediction is None
    assert session.mask.shape == SIZE
    assert not session.mask.any()
    assert not session.can_undo
    assert not session.can_redo


def test_each_prompt_is_asked_with_all_former_ones_and_the_former_answer() -> None:
    predictor, noise = drawing()
    session = Session(predictor)
    first = session.add(Click(20, 15))
    second = session.add(Box(2, 3, 9, 9), Click(1, 1, False))
    assert session.prompts == (Click(20, 15), Box(2, 3, 9, 9), Click(1, 1, False))
    assert session.prediction is second
    assert np.array_equal(session.mask, second.mask)
    earlier, later = noise.asked
    assert (earlier.prompts, earlier.mask, earlier.crop) == ((Click(20, 15),), None, None)
    assert later.prompts == session.prompts
    assert later.mask is first.probability
    assert later.crop == first.crop


@pytest.mark.parametrize("with_logits", [True, False])
def test_undo_restores_the_very_answer_without_the_network(with_logits: bool) -> None:
    predictor, noise = drawing(with_logits=with_logits)
    session = Session(predictor)
    states = [state(session)]
    for prompt in (Click(20, 15), Click(5, 5, False), Box(10, 10, 30, 20)):
        session.add(prompt)
        states.append(state(session))
    for expected in states[-2::-1]:
        session.undo()
        assert state(session) == expected
    for expected in states[1:]:
        session.redo()
        assert state(session) == expected
    assert len(noise.asked) == 3


def test_the_prompt_after_an_undo_sees_the_restored_answer() -> None:
    predictor, noise = drawing()
    session = Session(predictor)
    first = session.add(Click(20, 15))
    session.add(Click(5, 5, False))
    session.undo()
    session.add(Click(30, 20))
    query = noise.asked[-1]
    assert query.prompts == (Click(20, 15), Click(30, 20))
    assert query.mask is not None
    assert np.array_equal(query.mask, first.probability)
    assert query.crop == first.crop


def test_a_prompt_after_an_undo_gives_up_what_was_undone() -> None:
    session = new_session()
    session.add(Click(20, 15))
    session.add(Click(5, 5))
    session.undo()
    assert session.can_redo
    session.add(Click(30, 20))
    assert not session.can_redo
    with pytest.raises(SessionError, match="nothing to redo: no step has been undone since the last prompt"):
        session.redo()
    session.undo()
    assert session.prompts == (Click(20, 15),)


def test_nothing_to_undo() -> None:
    session = new_session()
    with pytest.raises(SessionError, match="nothing to undo: this session has no prompts yet"):
        session.undo()


def test_reset_begins_again() -> None:
    session = new_session()
    begin = state(session)
    session.add(Click(20, 15))
    session.reset()
    assert state(session) == begin
    assert not session.can_undo
    assert not session.can_redo


def test_a_start_from_an_empty_mask_is_told() -> None:
    with pytest.warns(UserWarning, match="the mask is 0 everywhere: no pixel is object") as caught:
        new_session(np.zeros(SIZE))
    assert caught[0].filename == __file__


@pytest.mark.parametrize("with_logits", [True, False])
def test_a_session_may_start_from_an_answer(with_logits: bool) -> None:
    predictor, noise = drawing(with_logits=with_logits)
    first = predictor.predict([Click(20, 15)])
    session = Session(predictor, first)
    assert np.array_equal(session.mask, first.mask)
    session.add(Click(18, 7))
    query = noise.asked[-1]
    assert query.mask is not None
    assert np.array_equal(query.mask, first.probability)
    session.undo()
    assert session.prediction is not None
    assert np.array_equal(session.prediction.probability, first.probability)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_in_0_to_1_are_probabilities_for_sessions_and_queries(dtype: Any) -> None:
    mask = np.zeros(SIZE, dtype)
    mask[5:10, 5:20] = 0.3
    predictor, _ = drawing()
    start, query = Session(predictor, mask).prediction, Query(predictor.encoded, mask=mask)
    assert start is not None
    assert query.mask is not None
    wanted = mask.astype(np.float32)
    np.testing.assert_array_equal(start.probability, wanted)
    np.testing.assert_array_equal(query.mask, wanted)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda whole: pickle.loads(pickle.dumps(whole))], ids=["copy", "pickle"]
)
def test_a_session_with_its_image_can_be_copied(copied: Callable[[Session], Session]) -> None:
    predictor = Predictor.from_pretrained("default", "cpu", runtime="onnx", threads=1)
    predictor.set_image(np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8))
    session = Session(predictor)
    session.add(Click(20, 15))
    other = copied(session)
    assert state(other) == state(session)
    one, two = session.add(Click(5, 5)), other.add(Click(5, 5))
    np.testing.assert_array_equal(one.mask, two.mask)
    with pytest.raises(ValueError, match="read-only"):
        other._encoded.image[0, 0] = 1


def test_a_session_may_start_from_a_mask() -> None:
    mask = np.zeros(SIZE, bool)
    mask[5:10, 5:20] = True
    predictor, noise = drawing()
    session = Session(predictor, mask)
    begin = state(session)
    assert np.array_equal(session.mask, mask)
    assert session.prompts == ()
    session.add(Click(18, 7, False))
    query = noise.asked[0]
    assert query.mask is not None
    assert np.array_equal(query.mask, mask)
    assert query.crop == Crop.whole(SIZE)  # it speaks of every pixel
    mask[:] = False
    session.undo()
    assert state(session) == begin
    session.add(Click(1, 1))
    session.reset()
    assert state(session) == begin


def test_a_mask_that_somebody_made_changes_near_every_prompt_alone() -> None:
    logits = np.full((30, 40), -6, np.float32)  # they say that there is no second block
    logits[5:15, 2:12] = 4
    mask = np.zeros(SIZE, bool)
    mask[5:15, 2:10] = mask[5:25, 20:38] = True

    class Insisting(Noise):
        def _answer(self, query: Query) -> Prediction:
            before = Prediction(query.previous) if isinstance(query.previous, np.ndarray) else query.previous
            return corrected(query, before and Seen(before), [Look(logits, Crop.whole(SIZE), SIZE)])

    predictor = Predictor(Insisting())
    predictor.set_image(np.zeros((*SIZE, 3), np.uint8))
    session, network = Session(predictor, mask), Session(predictor, mask * np.float32(0.9))
    for x in (11, 5, 6, 7):
        answer = session.add(Click(x, 9))
        network.add(Click(x, 9))
        assert np.array_equal(answer.mask[:, 15:], mask[:, 15:])
        assert answer.probability[9, 25] > 0.99
    assert session.mask[9, 11]
    assert not network.mask[9, 25]


def test_a_mask_that_does_not_fit() -> None:
    with pytest.raises(MaskError):
        new_session(np.zeros((3, 3), bool))


def test_without_a_image() -> None:
    predictor, _ = drawing()
    predictor.reset_image()
    with pytest.raises(SessionError, match="call set_image"):
        Session(predictor)


def test_a_refused_prompt_changes_nothing() -> None:
    session = new_session()
    session.add(Click(20, 15))
    session.add(Click(10, 10))
    session.undo()
    before = state(session), session.can_undo, session.can_redo
    with pytest.raises(PromptError, match="outside the image"):
        session.add(Click(20, 99))
    with pytest.raises(PromptError, match="nothing to add"):
        session.add()
    assert (state(session), session.can_undo, session.can_redo) == before


def test_a_session_stays_on_its_image() -> None:
    predictor, _ = drawing()
    session, stays = Session(predictor), Session(predictor)
    session.add(Click(20, 15))
    stays.add(Click(20, 15))
    predictor.set_image(np.zeros((8, 8, 3), np.uint8))
    assert state(session) == state(stays)
    assert session.add(Click(35, 25)).mask.shape == SIZE
    session.undo()
    assert state(session) == state(stays)


def test_sessions_do_not_know_each_other() -> None:
    predictor, _ = drawing()
    one, two = Session(predictor), Session(predictor)
    one.add(Click(20, 15))
    before = state(one)
    two.add(Click(5, 5))
    assert state(one) == before
    assert two.prompts == (Click(5, 5),)


def test_without_zoom_every_answer_is_about_the_whole_image() -> None:
    session = new_session(np.eye(*SIZE), zoom=False)
    assert session.add(Click(20, 15)).crop == Crop.whole(SIZE)
    assert session.add(Click(21, 15)).crop == Crop.whole(SIZE)


def test_the_oldest_steps_can_no_longer_be_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "MAX_STEPS", 3)
    session = new_session()
    states = []
    for x in range(5):
        session.add(Click(x, 0))
        states.append(state(session))
    assert len(session.prompts) == 5
    for expected in states[-2:-5:-1]:
        session.undo()
        assert state(session) == expected
    assert not session.can_undo
    with pytest.raises(SessionError, match="nothing to undo: only the last 3 steps are kept"):
        session.undo()


def test_a_step_keeps_little_whatever_the_image() -> None:
    session = new_session()
    session.add(Click(20, 15))
    step = session._history[1]
    assert isinstance(step.kept, _Packed)
    assert step.kept.logits.shape == (16, 16)
    assert len(step.kept.mask) < 200


prompts = st.builds(Click, st.integers(0, 39), st.integers(0, 29), st.booleans())
actions = st.lists(st.one_of(st.tuples(st.just("add"), prompts), st.sampled_from([("undo",), ("redo",), ("reset",)])))


@settings(max_examples=60, deadline=None)
@given(actions)
def test_a_session_is_a_list_of_states_and_a_place_in_it(todo: list[tuple[Any, ...]]) -> None:
    session = new_session()
    states, at = [state(session)], 0
    for name, *arguments in todo:
        if (name, at) == ("undo", 0) or (name, at) == ("redo", len(states) - 1):
            with pytest.raises(SessionError):
                getattr(session, name)()
            continue
        getattr(session, name)(*arguments)
        if name == "add":
            states, at = [*states[: at + 1], state(session)], at + 1
        elif name == "reset":
            states, at = states[:1], 0
        else:
            at += 1 if name == "redo" else -1
        assert state(session) == states[at]
        assert (session.can_undo, session.can_redo) == (at > 0, at < len(states) - 1)


def test_with_the_real_predictor() -> None:
    config = VPUFormerConfig(input_size=64, dim=32, heads=2, ffn_dim=32, decoder_dim=16, pue_hidden=16)
    predictor = predictor_of(VPUFormer(config))
    predictor.set_image(np.random.default_rng(0).integers(0, 255, (300, 500, 3), dtype=np.uint8))
    mask = np.zeros((300, 500), bool)
    mask[100:160, 100:180] = True
    session = Session(predictor, mask)
    states = [state(session)]
    for prompt in (Click(120, 120), Box(90, 90, 190, 170), Click(110, 150, False)):
        session.add(prompt)
        states.append(state(session))
    assert len(set(states)) == 4
    while session.can_undo:
        session.undo()
        assert state(session) == states[len(session.prompts)]
