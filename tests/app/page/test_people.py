"""Two people with a browser each on one server."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, Route

from support import browser as browsing
from support.app_disks import Disks
from support.browser import EXAMPLES, Person, opened, running
from vpuformer.app.http.routes import news
from vpuformer.app.http.server import create_app
from vpuformer.app.store.tables import layout

pytestmark = browsing.MARKS

NAMES = ("a.jpg", "b.jpg", "c.jpg")


@pytest.fixture(params=["file", "server"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    for name in NAMES:
        shutil.copy(EXAMPLES / "coffee.jpg", tmp_path / name)
    store = None
    if request.param == "server":
        store = request.getfixturevalue("database")
        engine = sa.create_engine(store)
        layout.drop_all(engine)
        engine.dispose()
    with running(create_app(tmp_path, store, Disks())) as address:
        yield address


@contextmanager
def second(person: Person, address: str) -> Iterator[Person]:
    """Somebody else, in a browser of their own."""
    browser = person.page.context.browser
    assert browser is not None
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    errors: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    other = Person(page)
    other.wait(state="idle")
    yield other
    context.close()
    assert not errors, errors


def give_name(person: Person, name: str) -> None:
    if not person.page.locator("#people").is_visible():
        person.page.keyboard.press("F7")
    person.page.locator("#people").get_by_label("Your name").fill(name)
    person.page.keyboard.press("Enter")
    person.page.locator("#people").wait_for(state="hidden")
    assert person.toasts[-1] == f"Your name is now {name}."


def note(page: Page, name: str) -> str:
    return page.locator(".file", has_text=name).locator(".file-note").inner_text()


def test_two_people_see_each_other_and_each_others_work(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "STREAMING", 1.5)
    with opened(address) as ann:
        page = ann.page
        for hidden in ("#me", "#here", "#people-note", "#people"):
            assert not page.locator(hidden).is_visible(), "nobody else is here"
        with second(ann, address) as bob:
            for person in (ann, bob):
                person.page.locator("#people-ask").wait_for()
            bob.page.locator("#people-ask").click()
            give_name(bob, "Bob <b>")
            page.get_by_text("Bob <b> has this image open, too.").wait_for()
            give_name(ann, "Ann")
            assert page.locator("#here").get_attribute("aria-label") == "Bob <b> is here"
            bob.page.get_by_text("Ann has this image open, too.").wait_for()
            assert not bob.page.locator("#people-ask").is_visible()
            bob.page.locator("#people-jump").click()
            assert bob.answered()["image"] == "b.jpg"
            bob.page.locator("#people-note").wait_for(state="hidden")
            page.locator("#people-note").wait_for(state="hidden")
            assert note(page, "b.jpg") == "open: Bob <b>"

            # The next image that needs something is the one that nobody has open.
            ann.press("d")
            assert ann.press("Control+ArrowRight")["image"] == "c.jpg"
            bob.page.locator(".file.done", has_text="a.jpg").wait_for()
            ann.press("d")
            ann.press("Control+ArrowRight")
            assert any("Bob <b> has b.jpg open" in toast for toast in ann.toasts)

            # To open it is possible. Work of others appears at once.
            page.get_by_text("b.jpg").first.click()
            page.get_by_text("Bob <b> has this image open, too.").wait_for()
            bob.click((100, 100))
            page.locator("#objects .object").wait_for()
            bob.press("Enter")
            page.locator("#object-count", has_text="1 of 1 accepted").wait_for()
            page.locator("#objects .object .row").first.click()
            assert page.locator(".step-person").inner_text() == "Bob <b>"
            ann.press("n")
            ann.click((300, 200))
            bob.page.locator("#objects .object").nth(1).wait_for()

            ann.press("F7")
            page.locator("#people").get_by_text("You see at once what others change.").wait_for()
            page.locator("#people").get_by_role("button", name="b.jpg").wait_for()
            page.keyboard.press("Escape")
        page.locator("#here").wait_for(state="hidden")
        page.locator("#toggle-filter").click()
        page.get_by_role("button", name="Counts").click()
        table = page.locator("#counts").get_by_role("table", name="People")
        table.wait_for()
        rows = [row.split("\t")[:4] for row in table.inner_text().splitlines()]
        assert ["Ann", "1", "1", "0"] in rows
        assert ["Bob <b>", "1", "1", "1"] in rows


def test_a_name_is_asked_for_at_once_where_others_may_come(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "coffee.jpg", tmp_path / "a.jpg")
    with (
        running(create_app(tmp_path, None, Disks(), any_host=True)) as address,
        opened(address) as ann,
    ):
        dialog = ann.page.locator("#people")
        dialog.wait_for()
        ann.page.keyboard.press("Escape")
        dialog.wait_for(state="hidden")
        ann.page.reload()
        dialog.wait_for()
        give_name(ann, "Ann")
        ann.page.reload()
        ann.wait(state="idle", image="a.jpg")
        assert not dialog.is_visible()
        own = ann.page.locator("header").get_by_role("button", name="You work as Ann. Click to change your name.")
        assert own.inner_text() == "Ann"
        own.click()
        give_name(ann, "Anne")
        assert ann.page.locator("#own-name").inner_text() == "Anne"


@pytest.mark.parametrize("address", ["file"], indirect=True)
def test_behind_a_proxy_that_holds_streams_back_changes_still_come(address: str) -> None:
    def hold(route: Route) -> None:
        """Never answer, as a proxy that waits for the end of a stream."""

    with opened(address) as ann, second(ann, address) as bob:
        for person in (ann, bob):
            person.page.context.route("**/api/news/stream*", hold)
            person.page.reload()
            person.wait(state="idle")
        bob.click((100, 100))
        ann.page.locator("#objects .object").wait_for(timeout=20_000)
        ann.press("F7")
        ann.page.locator("#people").get_by_text("holds back its messages").wait_for()
        ann.page.keyboard.press("Escape")
