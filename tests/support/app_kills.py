"""A server that is killed again and again while people work with it.

Each person draws on objects of their own and keeps a ledger of the expected state, computed here from the steps alone.
The ledger holds every request that was answered; the request under way during a kill may have succeeded or not. After
a restart, every object is compared with the ledger.
"""

import http.client
import json
import random
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.app_ledger import SIZE, Ledger
from support.app_process import Nursery, ServerProcess
from support.app_states import State, whole
from vpuformer.app.annotation.history import active_prompts

_PEOPLE = 3
_LONGEST = 0.3
"""Seconds of work at most before the server dies."""


@dataclass
class Tally:
    """Results. All but the first three must be 0."""

    kills: int = 0
    steps_acknowledged: int = 0
    under_way_and_kept: int = 0
    under_way: int = 0
    """Requests that were under way when the server died; of these `under_way_and_kept` had been stored already."""
    lost: int = 0
    """Objects that differed from what the server had acknowledged."""
    doubled: int = 0
    """Requests that were sent a second time and counted twice."""
    half: int = 0
    """Requests that were neither wholly there nor not at all."""
    refused: int = 0
    """Requests that were sent a second time and not accepted."""
    broken: int = 0
    """Databases that SQLite finds fault with."""
    faults: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not (self.lost or self.doubled or self.half or self.refused or self.broken)


@dataclass
class Request:
    kind: str
    method: str
    path: str
    body: dict[str, Any]
    identity: int | None = None

    def done(self, ledger: Ledger) -> Ledger:
        """The ledger of an object on which this has happened."""
        return ledger.after(self.kind, self.body.get("step"))


class Person:
    """Works until the server is gone."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.ledgers: dict[int, Ledger] = {}
        self._states: dict[int, State] = {}
        """As the server showed them last; what is left out of an answer is taken from here."""
        self.pending: Request | None = None
        self.acknowledged = 0
        self.fault: str | None = None

    def work(self, server: ServerProcess) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        try:
            while True:
                self.pending = request = self._next()
                status, state = send(connection, request)
                if status not in (200, 201):
                    self.fault = f"{request.path}: {status} {state}"
                    return
                self._note(request, state)
                self.pending = None
        except (OSError, http.client.HTTPException, ValueError):
            pass  # dead, perhaps in the middle of an answer
        finally:
            connection.close()

    def _note(self, request: Request, state: State) -> None:
        if request.kind == "begin":
            self.ledgers[state["id"]] = Ledger()
            self._states[state["id"]] = state
        else:
            assert request.identity is not None
            state = self._states[request.identity] = whole(self._states[request.identity], state)
            self.ledgers[request.identity] = request.done(self.ledgers[request.identity])
            self.acknowledged += request.kind == "step"
            wrong = self.ledgers[request.identity].fits(state)
            if wrong is not None:
                self.fault = f"the answer to {request.path} is another one: {wrong}"

    def check(self, connection: http.client.HTTPConnection, shown: dict[int, State], tally: Tally) -> None:
        """Compare all that is shown with the ledgers, and send what was under way once more."""
        request, self.pending = self.pending, None
        for identity, ledger in self.ledgers.items():
            state = shown.get(identity)
            if state is not None:
                self._states[identity] = state
            wrong = "it is not there" if state is None else ledger.fits(state)
            if request is None or request.identity != identity:
                if wrong is not None:
                    tally.lost += 1
                    tally.faults.append(f"object {identity}: {wrong}")
                continue
            after = request.done(ledger)
            otherwise = wrong if state is None else after.fits(state)
            kept = otherwise is None
            tally.under_way_and_kept += kept
            if not kept and wrong is not None:
                tally.half += 1
                tally.faults.append(f"object {identity} after {request.kind}: {wrong}, or {otherwise}")
            if kept and request.kind == "accept":
                after.revision += 1  # accepted again, which changes nothing else
            self.ledgers[identity] = self._again(connection, request, identity, after, tally)
        if request is not None:
            tally.under_way += 1
            if request.kind == "begin":
                status, state = send(connection, request)
                if status != 201:
                    tally.refused += 1
                else:
                    self.ledgers[state["id"]] = Ledger()
                    self._states[state["id"]] = state

    def _again(
        self, connection: http.client.HTTPConnection, request: Request, identity: int, after: Ledger, tally: Tally
    ) -> Ledger:
        status, state = send(connection, request)
        if status == 409 and request.kind in ("undo", "redo"):
            status, state = 200, state["state"]  # they have no key: the revision shows that they have happened
        if status != 200:
            tally.refused += 1
            tally.faults.append(f"{request.path} again: {status} {state}")
            return after
        self._states[identity] = state = whole(self._states[identity], state)
        if (wrong := after.fits(state)) is not None:
            tally.doubled += 1
            tally.faults.append(f"{request.path} again: {wrong}")
        return after

    def _next(self) -> Request:
        draw = self._random
        key = f"{draw.getrandbits(64):016x}"
        if not self.ledgers or draw.random() < 0.06:
            return Request("begin", "POST", "/api/images/1/objects", {"key": key})
        identity = draw.choice(list(self.ledgers)[-3:])
        ledger, path = self.ledgers[identity], f"/api/objects/{identity}"
        kind = draw.choices(("step", "undo", "redo", "accept"), (7, 1, 1, 1))[0]
        if kind == "accept":
            return Request(kind, "PATCH", path, {"accepted": not ledger.accepted}, identity)
        if (kind == "undo" and ledger.at) or (kind == "redo" and ledger.at < len(ledger.steps)):
            return Request(kind, "POST", f"{path}/{kind}", {"revision": ledger.revision}, identity)
        point = [draw.randrange(SIZE[1] - 10) + 0.5, draw.randrange(SIZE[0]) / 2]
        step = draw.choice(
            (
                {"type": "click", "point": point, "positive": draw.random() < 0.7},
                {"type": "box", "box": [*point, point[0] + 9, point[1] + 7], "positive": draw.random() < 0.7},
                {"type": "brush", "path": [point], "radius": 4, "positive": draw.random() < 0.5},
                {"type": "tidy", "holes": 9, "specks": 9, "smooth": 1} if ledger.at else {"type": "clear"},
                {"type": "choose", "index": 1} if active_prompts(ledger.steps[: ledger.at]) else {"type": "clear"},
                {"type": "clear"} if draw.random() < 0.2 else {"type": "scribble", "path": [point], "positive": True},
            )
        )
        return Request(
            "step", "POST", f"{path}/steps", {"key": key, "revision": ledger.revision, "step": step}, identity
        )


def send(connection: http.client.HTTPConnection, request: Request) -> tuple[int, Any]:
    headers = {"X-VPUFormer": "1", "Content-Type": "application/json"}
    body = None if request.method == "GET" else json.dumps(request.body)
    connection.request(request.method, request.path, body, headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def kill_again_and_again(folder: Path, store: Path, kills: int, seed: int) -> Tally:
    """Let people work and kill the server with SIGKILL at a random moment, `kills` times.

    Args:
        folder: of images, the first of which is of `SIZE`.
        store: an SQLite file, made anew.
        kills: how often.
        seed: of the work and of the moments.
    """
    tally, people = Tally(), [Person(seed * 1000 + number) for number in range(_PEOPLE)]
    moments = random.Random(seed)
    with Nursery() as nursery:
        server = nursery.start(folder, store)
        for _ in range(kills):
            threads = [threading.Thread(target=person.work, args=(server,)) for person in people]
            for thread in threads:
                thread.start()
            time.sleep(moments.uniform(0.02, _LONGEST))
            server.kill()
            for thread in threads:
                thread.join()
            tally.kills += 1
            server = nursery.start(folder, store)
            _check(server, store, people, tally)
    tally.steps_acknowledged = sum(person.acknowledged for person in people)
    return tally


def _check(server: ServerProcess, store: Path, people: list[Person], tally: Tally) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    _, opened = send(connection, Request("look", "GET", "/api/images/1", {}))
    shown = {state["id"]: state for state in opened["objects"]}
    for identity in [identity for identity, state in shown.items() if state["answered"] < state["at"]]:
        _, shown[identity] = send(connection, Request("look", "GET", f"/api/objects/{identity}", {}))
    for identity in {identity for person in people for identity in person.ledgers} - set(shown):
        status, state = send(connection, Request("look", "GET", f"/api/objects/{identity}", {}))
        if status == 200 and not state["steps"]:  # not listed before its first step, but there
            shown[identity] = state
    for person in people:
        if person.fault is not None:
            tally.lost += 1
            tally.faults.append(person.fault)
            person.fault = None
        person.check(connection, shown, tally)
    connection.close()
    database = sqlite3.connect(store)
    known = sorted(identity for person in people for identity in person.ledgers)
    kept = sorted(identity for (identity,) in database.execute("SELECT id FROM object"))
    if kept != known:
        tally.doubled += 1
        tally.faults.append(f"the objects {kept} instead of {known}")
    if database.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
        tally.broken += 1
    if database.execute("PRAGMA foreign_key_check").fetchall():
        tally.broken += 1
    database.close()
