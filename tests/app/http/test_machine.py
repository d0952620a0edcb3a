"""Steps of two people on the same objects, in any order, with restarts in between."""

import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from PIL import Image

from support.app_disks import Disks
from support.app_ledger import SIZE, Ledger, mask_of
from support.app_states import whole
from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.images.folder import Folder
from vpuformer.app.schemas import ClientState, NewStep, ObjectState
from vpuformer.app.store import rle
from vpuformer.app.store.store import Store
from vpuformer.errors import ConflictError, PromptError

_numbers = itertools.count(10_000_000)

points = st.tuples(st.integers(0, SIZE[1] - 1), st.integers(0, SIZE[0] - 1)).map(list)
paths = st.lists(points, min_size=1, max_size=4)
boxes = st.tuples(points, points).filter(lambda two: two[0][0] < two[1][0] and two[0][1] < two[1][1])
signs = st.booleans()
areas = st.sampled_from([0, 5, 500])


def _mask(corners: tuple[list[int], list[int]]) -> dict[str, Any]:
    (x0, y0), (x1, y1) = corners
    mask = np.zeros(SIZE, bool)
    mask[y0:y1, x0:x1] = True
    return rle.to_message(rle.encode(mask), SIZE).model_dump()


contents = st.one_of(
    st.fixed_dictionaries({"type": st.just("click"), "point": points, "positive": signs}),
    st.fixed_dictionaries({"type": st.just("click"), "point": points, "positive": signs}),
    st.fixed_dictionaries({"type": st.just("box"), "box": boxes.map(lambda two: two[0] + two[1]), "positive": signs}),
    st.fixed_dictionaries({"type": st.just("scribble"), "path": paths, "positive": signs}),
    st.fixed_dictionaries(
        {"type": st.just("brush"), "path": paths, "radius": st.sampled_from([0.5, 3, 11]), "positive": signs}
    ),
    st.fixed_dictionaries({"type": st.just("lasso"), "path": paths}),
    st.fixed_dictionaries({"type": st.just("mask"), "mask": boxes.map(_mask)}),
    st.fixed_dictionaries({"type": st.just("remove"), "step": st.integers(0, 8)}),
    st.just({"type": "clear"}),
    st.fixed_dictionaries({"type": st.just("choose"), "index": st.integers(0, 4)}),
    st.fixed_dictionaries(
        {"type": st.just("tidy"), "holes": areas, "specks": areas, "smooth": st.sampled_from([0, 1, 4])}
    ),
)
mostly = st.sampled_from([True, True, True, False])
people = st.sampled_from(["Ann", "Bob"])


class Steps(RuleBasedStateMachine):
    """Each person acts on the revision that they saw last, which may be outdated."""

    @initialize()
    def start(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._root = Path(self._folder.name)
        Image.new("RGB", (SIZE[1], SIZE[0])).save(self._root / "a.png")
        self._annotator = self._opened()
        self._ledgers: dict[int, Ledger] = {}
        self._states: dict[int, dict[str, Any]] = {}
        self._seen: dict[tuple[str, int], int] = {}
        self._last: tuple[int, NewStep] | None = None

    def _opened(self) -> Annotator:
        return Annotator(Folder(self._root), Store(self._root / "kept.sqlite"), Disks())

    def teardown(self) -> None:
        self._annotator.close()
        self._folder.cleanup()

    def _object(self, draw: int) -> int:
        return sorted(self._ledgers)[draw % len(self._ledgers)]

    def _revision(self, who: str, identity: int, looks: bool) -> int:
        """Revision that the person sends: the current one if they look first."""
        if looks:
            self._seen[who, identity] = self._annotator.state(identity).revision
        return self._seen.get((who, identity), 0)

    def _note(self, who: str, identity: int, state: ObjectState, ledger: Ledger) -> None:
        """The full state after an answer to a request that named the current revision."""
        self._states[identity] = whole(self._states[identity], state.model_dump(mode="json"))
        self._ledgers[identity] = ledger
        self._seen[who, identity] = state.revision
        assert ledger.fits(self._states[identity]) is None

    def _refused(self, identity: int) -> None:
        assert self._ledgers[identity].fits(self._annotator.state(identity).model_dump(mode="json")) is None

    @precondition(lambda self: len(self._ledgers) < 3)
    @rule(who=people)
    def begin(self, who: str) -> None:
        made = self._annotator.store.add_object(1, f"key-{next(_numbers)}")
        assert made.id not in self._ledgers
        state = self._annotator.state(made.id)
        self._states[made.id] = state.model_dump(mode="json")
        self._note(who, made.id, state, Ledger())

    @precondition(lambda self: self._ledgers)
    @rule(who=people, which=st.integers(0, 9), given=st.lists(contents, min_size=1, max_size=5), looks=mostly)
    def steps(self, who: str, which: int, given: list[dict[str, Any]], looks: bool) -> None:
        identity = self._object(which)
        seen = self._revision(who, identity, looks)
        for content in given:
            self._step(who, identity, content, seen)
            seen = self._seen.get((who, identity), 0)

    def _step(self, who: str, identity: int, content: dict[str, Any], seen: int) -> None:
        ledger = self._ledgers[identity]
        new = NewStep.model_validate({"key": f"key-{next(_numbers)}", "revision": seen, "step": content})
        try:
            state = self._annotator.step(identity, new)
        except ConflictError:
            assert seen != ledger.revision
            self._refused(identity)
        except PromptError:
            assert content["type"] in ("remove", "choose", "tidy")
            self._refused(identity)
        else:
            assert seen == ledger.revision
            self._note(who, identity, state, ledger.after("step", content))
            self._last = identity, new

    @precondition(lambda self: self._last is not None)
    @rule()
    def send_the_last_step_again(self) -> None:
        assert self._last is not None
        identity, new = self._last
        state = self._annotator.step(identity, new)
        assert self._ledgers[identity].fits(state.model_dump(mode="json")) is None

    @precondition(lambda self: self._ledgers)
    @rule(who=people, which=st.integers(0, 9), kind=st.sampled_from(["undo", "redo"]), looks=mostly)
    def turn(self, who: str, which: int, kind: str, looks: bool) -> None:
        identity = self._object(which)
        ledger = self._ledgers[identity]
        seen = self._revision(who, identity, looks)
        offset = -1 if kind == "undo" else 1
        possible = ledger.at > 0 if kind == "undo" else ledger.at < len(ledger.steps)
        if seen != ledger.revision or not possible:
            with pytest.raises(ConflictError):
                self._annotator.undo_redo(identity, seen, offset)
            self._refused(identity)
            return
        state = self._annotator.undo_redo(identity, seen, offset)
        self._note(who, identity, state, ledger.after(kind))
        before = ledger.masks[ledger.at + offset]
        assert (mask_of(self._states[identity]["mask"]) == before).all()

    @precondition(lambda self: self._ledgers)
    @rule(who=people, which=st.integers(0, 9))
    def accept_or_not_and_delete_and_take_back(self, who: str, which: int) -> None:
        identity = self._object(which)
        ledger = self._ledgers[identity].after("accept")
        former = self._states[identity]
        known = ClientState(revision=former["revision"], answered=former["answered"])
        changed = self._annotator.change(identity, known, accepted=ledger.accepted)
        assert (changed.steps, changed.mask, changed.mask_known) == ([], None, True)
        self._note(who, identity, changed, ledger)
        self._annotator.change(identity, known, deleted=True)
        assert identity not in [row.id for row in self._annotator.store.objects_of(1)]
        state = self._annotator.change(identity, deleted=False)
        self._note(who, identity, state, ledger.after("accept").after("accept"))

    @precondition(lambda self: self._ledgers)
    @rule(who=people)
    def look(self, who: str) -> None:
        for state in self._annotator.open(1).objects:
            self._note(who, state.id, state, self._ledgers[state.id])

    @precondition(lambda self: self._ledgers)
    @rule()
    def end_and_start_again(self) -> None:
        before = [self._annotator.state(identity) for identity in sorted(self._ledgers)]
        self._annotator.close()
        self._annotator = self._opened()
        assert [self._annotator.state(identity) for identity in sorted(self._ledgers)] == before

    @invariant()
    def accepted_objects_are_counted(self) -> None:
        (image,) = self._annotator.store.images()
        assert image.objects == sum(ledger.accepted and bool(ledger.steps) for ledger in self._ledgers.values())


TestSteps = Steps.TestCase
TestSteps.settings = settings(
    max_examples=12, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
