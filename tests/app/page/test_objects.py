"""Objects in a real browser: accepting, undoing that, marking an image as done, labels."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import browser as browsing
from support.app_disks import Disks
from support.browser import Person, opened, served_examples

pytestmark = browsing.MARKS


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with served_examples(tmp_path, Disks()) as address:
        yield address


def counted(person: Person) -> str:
    """What the list of objects says of itself, once it is painted."""
    assert person.status
    return person.page.locator("#object-count").inner_text()


def is_done(person: Person) -> bool:
    assert person.status
    return person.page.locator("#done").get_attribute("aria-pressed") == "true"


def answer(person: Person, button: str) -> None:
    dialog = person.page.get_by_role("dialog")
    dialog.get_by_role("button", name=button).click()
    dialog.wait_for(state="hidden")
    person.answered()


def test_done_asks_about_objects_that_are_not_accepted(address: str) -> None:
    with opened(address) as person:
        for x in (100, 200):
            person.click((x, 100))
            person.press("n")
        person.page.keyboard.press("d")
        dialog = person.page.get_by_role("dialog", name="2 objects not accepted")
        assert "kept, but not exported" in dialog.inner_text()
        answer(person, "Cancel")
        assert (is_done(person), counted(person)) == (False, "0 of 2 accepted")

        person.page.locator("#done").click()
        answer(person, "Mark as done only")
        assert (is_done(person), counted(person)) == (True, "0 of 2 accepted")
        person.press("d")
        assert not is_done(person), "to take the mark back asks nothing"

        person.page.mouse.move(*person.place((100, 100)))
        person.press("v")
        person.page.keyboard.press("d")
        assert "includes 1 hidden object." in person.page.get_by_role("dialog").inner_text()
        answer(person, "Accept and mark as done")
        assert (is_done(person), counted(person)) == (True, "2 of 2 accepted")
        assert person.toasts[-1] == "2 objects accepted, 1 of them hidden"
        person.page.get_by_role("button", name="Undo").last.click()
        person.answered()
        assert (is_done(person), counted(person)) == (False, "0 of 2 accepted")

        person.page.keyboard.press("d")
        answer(person, "Accept and mark as done")
        person.press("d")
        person.press("d")
        assert is_done(person), "with nothing left over there is nothing to ask"


def test_accepting_is_taken_back_by_undo_by_a_key_and_by_a_button(address: str) -> None:
    with opened(address) as person:
        person.click((100, 100))
        person.press("Delete")
        assert person.toasts == ["Object deleted"]
        person.press("Control+z")
        assert (person.toasts, counted(person)) == ([], "0 of 1 accepted")
        person.press("Enter")
        assert (person.status["object"], counted(person)) == ("", "1 of 1 accepted")
        person.press("Control+z")
        assert (person.status["object"], person.status["steps"], counted(person)) == ("1", "1", "0 of 1 accepted")

        person.press("Enter")
        person.page.reload()
        person.wait(state="idle")
        person.page.locator("#objects .row").click()
        person.page.locator("#stage").focus()
        person.press("Shift+Enter")
        assert counted(person) == "0 of 1 accepted"

        person.press("Enter")
        person.page.locator("#objects .row").click()
        person.page.locator("#side").get_by_role("button", name="Take back").click()
        person.answered()
        assert counted(person) == "0 of 1 accepted"
        person.page.reload()
        person.wait(state="idle")
        assert counted(person) == "0 of 1 accepted"


def test_the_chosen_label_outlives_a_reload(address: str) -> None:
    chosen = "#labels [aria-pressed=true] .ellipsis"
    with opened(address) as person:
        for name in ("cat", "cup", "dog"):
            person.page.get_by_placeholder("New label").fill(name)
            person.page.keyboard.press("Enter")
            person.page.locator("#labels .chosen", has_text=name).wait_for()
        person.page.locator("#stage").focus()
        person.press("2")
        person.page.reload()
        person.wait(state="idle")
        assert person.page.locator(chosen).inner_text() == "cup"
        person.click((100, 100))
        assert person.page.locator("#objects .row .ellipsis").inner_text() == "cup"
        person.press("Enter")
        person.press("0")
        person.page.reload()
        person.wait(state="idle")
        assert person.page.locator(chosen).inner_text() == "No label"


def test_ten_labels_and_objects_without_one_have_colours_of_their_own(address: str) -> None:
    with opened(address) as person:
        for number in range(10):
            person.page.get_by_placeholder("New label").fill(f"label {number}")
            person.page.keyboard.press("Enter")
            person.page.locator("#labels .chosen", has_text=f"label {number}").wait_for()
        colours = person.page.locator("#labels input[type=color]").evaluate_all("all => all.map(each => each.value)")
        assert len(set(colours)) == 10
        person.page.locator("#stage").focus()
        person.press("0")
        person.click((100, 100))
        shown = person.page.locator("#objects .swatch").evaluate("each => getComputedStyle(each).backgroundColor")
        assert shown == "rgb(255, 0, 255)"
        assert "#ff00ff" not in colours


def test_undo_gives_the_former_label_back(address: str) -> None:
    with opened(address) as person:
        for name in ("cat", "cup"):
            person.page.get_by_placeholder("New label").fill(name)
            person.page.keyboard.press("Enter")
            person.answered()
        person.page.locator("#stage").focus()
        person.click((100, 100))
        area = person.area
        row = person.page.locator("#objects .object")
        person.press("1")
        assert "cat" in row.inner_text()
        person.press("2")
        assert "cup" in row.inner_text()
        person.press("Control+z")
        assert ("cat" in row.inner_text(), person.area) == (True, area)
        person.press("Control+z")
        assert person.area == 0


def test_tab_goes_on_after_the_object_that_was_accepted(address: str) -> None:
    with opened(address) as person:
        for x in (60, 160, 260):
            person.click((x, 100))
            person.press("n")
        person.press("Tab")
        seen = []
        for _ in range(3):
            seen.append(person.status["object"])
            person.press("Enter")
            assert person.status["object"] == ""
            person.press("Tab")
        assert sorted(seen) == ["1", "2", "3"]


def test_the_export_menu_says_how_many_objects_are_left_out(address: str) -> None:
    with opened(address) as person:
        person.click((60, 100))
        person.press("Enter")
        person.click((160, 100))
        person.page.keyboard.press("Control+s")
        assert "1 object not accepted yet, and left out." in person.page.locator("#export-menu").inner_text()
