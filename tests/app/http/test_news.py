"""Several people: who is here, who changed what, and news of it."""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from starlette.testclient import TestClient

from support.app_disks import Disks
from support.browser import running
from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.change_feed import LENGTH, ChangeFeed
from vpuformer.app.annotation.presence import MAX_WINDOWS, Here, Person, Presence
from vpuformer.app.http.person import COOKIE, read_person
from vpuformer.app.http.server import create_app
from vpuformer.app.store.person import MAX_NAME

ANN, BOB = Person("a" * 16, "Ann"), Person("b" * 16, "Bob")
CLICK = {"type": "click", "point": [50, 50]}


def cookie(person: Person) -> str:
    return f"{COOKIE}={person.browser}.{quote(person.name or '')}"


def headers(person: Person, window: str) -> dict[str, str]:
    return {"X-VPUFormer": window, "Cookie": cookie(person)}


def news(client: TestClient, person: Person, window: str, **more: Any) -> dict[str, Any]:
    answer = client.get("/api/news", params={"window": window, **more}, headers=headers(person, window))
    assert answer.status_code == 200, answer.text
    return answer.json()


def outline(client: TestClient, person: Person, window: str, key: str = "the-key-1") -> int:
    sent = headers(person, window)
    identity = client.post("/api/images/1/objects", json={"key": key}, headers=sent).json()["id"]
    step = {"key": f"{key}-step", "revision": 0, "step": CLICK}
    assert client.post(f"/api/objects/{identity}/steps", json=step, headers=sent).status_code == 200
    return identity


def test_others_are_here_until_their_windows_are_silent() -> None:
    now = 0.0
    presence = Presence(lambda: now)
    presence.note("ann", ANN, 1, 10)
    presence.note("bob", BOB, 2, 10)
    presence.note("nameless", Person("c" * 16), None, 10)
    presence.note("program", Person(), 3, 10)
    assert presence.others("ann") == [Here("Bob", 2), Here(None, None), Here(None, 3)]
    presence.note("bob", BOB, None, 20)
    presence.note("bob", BOB, 3, 5)
    now = 15
    presence.note("ann", ANN, None, 10)
    assert presence.others("ann") == [Here("Bob", 3)]
    assert presence.others("bob") == [Here("Ann", 1)]
    for number in range(MAX_WINDOWS + 9):
        presence.note(f"window-{number}", Person("c" * 16), number, 10)
    assert len(presence._windows) == MAX_WINDOWS


def test_windows_of_one_person_are_not_others() -> None:
    presence = Presence()
    presence.note("desk", ANN, 1, 10)
    presence.note("second", Person(ANN.browser), 2, 10)
    presence.note("tablet", Person("d" * 16, "Ann"), 3, 10)
    assert presence.others("desk") == []


def test_changes_are_reported_to_all_other_windows_while_they_are_known() -> None:
    feed = ChangeFeed()
    start = feed.number
    feed.add("ann", 1, 7)
    feed.add("ann", 1, 7)
    feed.add("bob", 2)
    number, changes = feed.since(start, "bob")
    assert (number, [(each.image, each.object) for each in changes or ()]) == (start + 3, [(1, 7)])
    assert feed.since(number, "bob") == (number, [])
    assert feed.since(start + 4, "bob")[1] is None, "a number of another run of the server"
    for _ in range(LENGTH):
        feed.add(None)
    assert feed.since(start, "bob")[1] is None


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("Ann Lee", "Ann Lee"),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        (" Ann\n\x00\N{RIGHT-TO-LEFT OVERRIDE}Lee ", "Ann Lee"),
        ("x" * 300, "x" * MAX_NAME),
        ("\N{DEVANAGARI LETTER QA}" * 80, "\N{DEVANAGARI LETTER KA}\N{DEVANAGARI SIGN NUKTA}" * (MAX_NAME // 2)),
        ("\n", None),
        ("", None),
    ],
)
def test_a_name_is_one_short_line(name: str, read: str | None) -> None:
    assert read_person(f"{'a' * 16}.{quote(name)}").name == read


def test_steps_objects_and_reviews_have_a_name(client: TestClient) -> None:
    identity = outline(client, ANN, "window-ann")
    client.patch(f"/api/objects/{identity}", json={"accepted": True}, headers=headers(BOB, "window-bob"))
    assert [each["person"] for each in client.get(f"/api/objects/{identity}").json()["steps"]] == ["Ann"]
    client.patch("/api/images/1", json={"review": {"verdict": "rejected"}}, headers=headers(BOB, "window-bob"))
    assert client.get("/api/images/1").json()["review"]["person"] == "Bob"
    people = {row["name"]: (row["objects"], row["accepted"]) for row in client.get("/api/progress").json()["people"]}
    assert people == {"Ann": (0, 0), "Bob": (1, 1)}


def test_news_are_who_is_here_and_what_others_have_changed(client: TestClient) -> None:
    project = client.get("/api/project").json()
    assert project["shared"] is False
    start = project["news"]
    assert news(client, ANN, "window-ann", since=start, image=1) == {"number": start, "people": [], "changes": []}
    identity = outline(client, ANN, "window-ann")
    for method, path, body in (
        ("PATCH", f"/api/objects/{identity}", {"accepted": True}),
        ("POST", f"/api/objects/{identity}/undo", {"revision": 2}),
        ("PATCH", "/api/images/2", {"done": True}),
        ("POST", "/api/labels", {"name": "cup"}),
        ("POST", "/api/images/3/copies", {"key": "the-copies", "objects": [identity]}),
    ):
        client.request(method, path, json=body, headers=headers(ANN, "window-ann"))
    seen = news(client, BOB, "window-bob", since=start)
    assert seen["people"] == [{"name": "Ann", "image": 1}]
    changes = [(each["image"], each["object"]) for each in seen["changes"]]
    assert changes[:3] == [(1, identity), (2, None), (None, None)]
    assert news(client, ANN, "window-ann", since=start)["changes"] == []
    client.put("/api/place", json={"image": 3}, headers=headers(BOB, "window-bob"))
    assert news(client, ANN, "window-ann")["people"] == [{"name": "Bob", "image": 3}]
    assert news(client, ANN, "window-ann", since=1)["changes"] is None


@contextmanager
def stream(address: str, person: Person, window: str) -> Iterator[Iterator[dict[str, Any]]]:
    """The messages of a stream of news."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=20)
    connection.request("GET", f"/api/news/stream?window={window}", headers=headers(person, window))
    answer = connection.getresponse()
    assert answer.getheader("content-type", "").startswith("text/event-stream")
    lines = (line.decode() for line in iter(answer.readline, b""))
    try:
        yield (json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: "))
    finally:
        answer.close()
        connection.close()


def test_news_are_streamed_at_once_and_the_stream_ends_with_the_server(image_folder: Path, tmp_path: Path) -> None:
    app = create_app(image_folder, tmp_path / "a.sqlite", Disks())
    with running(app) as address, stream(address, BOB, "window-bob") as messages:
        assert next(messages)["people"] == []
        with stream(address, ANN, "window-ann") as others:
            assert next(others)["people"] == [{"name": "Bob", "image": None}]
            assert next(messages)["people"] == [{"name": "Ann", "image": None}]
            begun = time.monotonic()
            annotator: Annotator = app.state.annotator
            annotator.changes.add("window-ann", 1, 7)
            assert next(messages)["changes"] == [{"image": 1, "object": 7}]
            assert time.monotonic() - begun < 5
        # A window that was closed is known a little longer: it may be loading the page again.
        app.state.ends = lambda: True
        assert list(messages) == []


def test_news_require_the_token(image_folder: Path, tmp_path: Path) -> None:
    app = create_app(image_folder, tmp_path / "a.sqlite", Disks(), token="the-secret")
    with TestClient(app, "http://127.0.0.1", headers=headers(ANN, "window-ann")) as client:
        for path in ("/api/news?window=window-ann", "/api/news/stream?window=window-ann"):
            assert client.get(path).status_code == 401
        assert client.put("/api/place", json={"image": 1}).status_code == 401


def test_a_server_for_other_machines_is_shared(image_folder: Path, tmp_path: Path) -> None:
    app = create_app(image_folder, tmp_path / "a.sqlite", Disks(), any_host=True)
    with TestClient(app, "http://example.org") as client:
        assert client.get("/api/project").json()["shared"] is True
