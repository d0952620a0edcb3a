"""The first minute: hints on the bundled photographs, and a read-only view."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator

from support import browser as browsing
from support.app_disks import Disks
from support.browser import EXAMPLES, Person, opened, running, served
from vpuformer.app.http.server import create_app
from vpuformer.app.images.examples import copy_examples

pytestmark = browsing.MARKS

FINGER = {"has_touch": True, "is_mobile": True, "viewport": {"width": 768, "height": 1024}}


@pytest.fixture
def first_time(tmp_path: Path) -> Iterator[str]:
    """The address of a server on the bundled photographs, with the hints."""
    copy_examples(tmp_path)
    with running(create_app(tmp_path, None, Disks(), hints=True)) as address:
        yield address


def hint(person: Person) -> Locator:
    assert person.status
    return person.page.locator("#first-hint")


def test_three_hints_come_one_after_the_other_and_never_again(first_time: str) -> None:
    with opened(first_time) as person:
        assert "Click on an object" in hint(person).inner_text()
        person.click((100, 100))
        assert "Right-click on what does not belong" in hint(person).inner_text()
        person.click((120, 100), positive=False)
        assert "Press Enter to accept" in hint(person).inner_text()
        person.press("Enter")
        assert not hint(person).is_visible()
        person.page.reload()
        person.wait(state="idle")
        person.press("PageDown")
        assert not hint(person).is_visible()


def test_hints_can_be_dismissed_and_speak_to_fingers(first_time: str) -> None:
    with opened(first_time, **FINGER) as person:
        assert "Tap an object" in hint(person).inner_text()
        person.page.get_by_role("button", name="Close the hint").tap()
        assert not hint(person).is_visible()
        person.page.touchscreen.tap(*person.place((100, 100)))
        person.answered()
        assert "tap what does not belong" in hint(person).inner_text()


def test_other_folders_have_no_hints(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "coffee.jpg", tmp_path)
    with served(tmp_path, Disks()) as address, opened(address) as person:
        assert not hint(person).is_visible()


def test_a_read_only_view_shows_all_and_changes_nothing(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "coffee.jpg", tmp_path)
    with served(tmp_path, Disks()) as address, opened(address) as person:
        area = person.click((100, 100))["area"]
        person.press("Enter")
    sent: list[str] = []
    with running(create_app(tmp_path, None, None)) as address, opened(address) as person:
        page = person.page
        page.on("request", lambda request: sent.append(request.method))
        assert page.locator("#connection-text").inner_text() == "Read-only"
        for hidden in ("#tools", "#done", "#import", "#new-label", ".actions", "#objects .icon[title^=Delete]"):
            assert not page.locator(hidden).is_visible(), hidden
        person.click((100, 100))
        assert (person.status["object"], person.status["area"]) == ("1", area)
        left, top = person.place((300, 200))
        page.mouse.move(left, top)
        page.mouse.down()
        page.mouse.move(left + 50, top, steps=3)
        page.mouse.up()
        for key in ("Delete", "Control+z", "b", "i", "1", "Control+v"):
            page.keyboard.press(key)
        assert person.toasts == ["This view is read-only: nothing can be changed here."]
        assert person.status["steps"] == "1"
        assert page.locator("#export").is_visible()
        assert set(sent) <= {"GET"}
