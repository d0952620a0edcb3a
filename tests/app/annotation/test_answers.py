"""Cost of an answer after a long history: bytes, database statements, threads."""

import itertools
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from support.app_disks import Disks
from support.app_states import State, whole
from vpuformer.app.annotation import answering
from vpuformer.app.store import rle

STROKES = 40
OWN = 1000
"""Bytes of an answer besides its mask and the step that it answers."""

_numbers = itertools.count(10_000_000)


def stroke(number: int) -> dict[str, Any]:
    """A stroke of two hundred points, as a hand draws it."""
    path = [[20.125 + point * 0.25, 10.25 + number + point / 7] for point in range(200)]
    return {"type": "brush", "path": path, "radius": 2.5, "positive": True}


def click(number: int) -> dict[str, Any]:
    return {"type": "click", "point": [10 + number, 20], "positive": True}


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Every statement that is sent to the database."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield sent
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def long(client: TestClient) -> State:
    """An object with many strokes and some clicks."""
    state = client.post("/api/images/1/objects", json={"key": f"key-{next(_numbers)}"}).json()
    for number in range(STROKES):
        state = step(client, state, stroke(number))[0]
    return step(client, state, click(0))[0]


def step(client: TestClient, state: State, content: dict[str, Any]) -> tuple[State, int]:
    """The whole state after a step, and the bytes of the answer."""
    sent = {"key": f"key-{next(_numbers)}", "revision": state["revision"], "step": content}
    answer = client.post(f"/api/objects/{state['id']}/steps", json=sent)
    assert answer.status_code == 200, answer.text
    return whole(state, answer.json()), len(answer.content)


def size_of(content: object) -> int:
    return len(json.dumps(content, separators=(",", ":")))


@pytest.mark.parametrize("content", [click(9), stroke(STROKES), {"type": "clear"}, {"type": "remove", "step": STROKES}])
def test_a_step_after_many_costs_what_it_changes(
    client: TestClient, statements: list[str], content: dict[str, Any]
) -> None:
    former = long(client)
    statements.clear()
    state, received = step(client, former, content)
    assert size_of(former["steps"]) > 100_000
    assert received <= size_of(state["mask"]) + size_of(content) + OWN
    assert len(statements) <= 17, statements
    assert state == client.get(f"/api/objects/{state['id']}").json()


def test_back_and_forth_after_many_steps_costs_the_mask(client: TestClient, statements: list[str]) -> None:
    state = long(client)
    for turn in ("undo", "undo", "redo", "undo"):
        statements.clear()
        answer = client.post(f"/api/objects/{state['id']}/{turn}", json={"revision": state["revision"]})
        state = whole(state, answer.json())
        assert len(answer.content) <= size_of(state["mask"]) + OWN
        assert len(statements) <= 13, statements
        assert state == client.get(f"/api/objects/{state['id']}").json()


@pytest.mark.parametrize("change", [{"accepted": True}, {"label": 1}, {"deleted": True}])
def test_a_change_of_an_object_costs_neither_steps_nor_mask(
    client: TestClient, statements: list[str], change: dict[str, Any]
) -> None:
    client.post("/api/labels", json={"name": "cup"})
    former = long(client)
    statements.clear()
    known = {"revision": former["revision"], "answered": former["answered"]}
    answer = client.patch(f"/api/objects/{former['id']}", json={**change, "known": known})
    assert len(answer.content) <= OWN
    assert len(statements) <= 10, statements
    state = whole(former, answer.json())
    assert state == client.get(f"/api/objects/{former['id']}").json()
    assert state == {**former, **change, "revision": former["revision"] + 1}


def test_who_does_not_have_the_present_state_gets_all_of_it(client: TestClient) -> None:
    former = step(client, long(client), click(1))[0]
    path = f"/api/objects/{former['id']}"
    for known in (None, {"revision": former["revision"] - 1, "answered": former["answered"]}):
        answer = client.patch(path, json={"accepted": True, "known": known}).json()
        assert (len(answer["steps"]), answer["since"], answer["mask"]) == (len(former["steps"]), 0, former["mask"])
    present = client.get(path).json()
    # One who saw the steps before the last of them was answered has another mask.
    known = {"revision": present["revision"], "answered": present["answered"] - 1}
    answer = client.patch(path, json={"accepted": False, "known": known}).json()
    assert (answer["steps"], answer["since"], answer["mask"]) == ([], len(former["steps"]), former["mask"])


def test_only_the_networks_own_part_is_done_by_its_thread(
    client: TestClient, disks: Disks, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: dict[str, set[str]] = {}

    def noted(name: str, work: Any) -> Any:
        def call(*args: Any, **more: Any) -> Any:
            used.setdefault(name, set()).add(threading.current_thread().name)
            return work(*args, **more)

        return call

    for module, name in ((answering, "painted"), (answering, "encode_logits"), (rle, "encode"), (rle, "decode")):
        monkeypatch.setattr(module, name, noted(name, getattr(module, name)))
    disks.before = noted("predict", disks.before)
    state = step(client, long(client), click(3))[0]
    step(client, state, {"type": "remove", "step": STROKES})
    assert used.pop("predict") == {"network"}
    assert set(used) == {"painted", "encode", "decode", "encode_logits"}
    assert all("network" not in threads for threads in used.values())


def test_a_stroke_does_not_wait_for_the_network(client: TestClient, disks: Disks) -> None:
    first = long(client)
    second = client.post("/api/images/1/objects", json={"key": f"key-{next(_numbers)}"}).json()
    go, begun = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        go.wait(20)

    disks.before = wait
    asking = threading.Thread(target=step, args=(client, first, click(5)))
    asking.start()
    assert begun.wait(20)
    try:
        assert step(client, second, stroke(1))[0]["area"] > 0
        assert asking.is_alive()
    finally:
        go.set()
        asking.join()
