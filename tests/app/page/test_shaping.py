"""Merging, splitting and ordering of objects in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import browser as browsing
from support.app_disks import Disks
from support.browser import Person, opened, served_examples

pytestmark = browsing.MARKS

PLACES = ((100, 100), (125, 100), (300, 100))
"""Centres of three objects; the first two overlap."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with served_examples(tmp_path, Disks()) as address:
        yield address


def outline_three(person: Person) -> None:
    for place in PLACES:
        person.click(place)
        person.press("Enter")


def row(person: Person, number: int):
    return person.page.locator("#objects .object").nth(number - 1)


def choose(person: Person, text: str) -> None:
    """Press an entry of the menu of the current object."""
    person.page.locator("#side").get_by_role("button", name="More").click()
    person.page.locator("#more-menu").get_by_role("button", name=text).click()


def under(person: Person, point: tuple[float, float]) -> str:
    """The number of the object under the pointer."""
    person.page.mouse.move(*person.place(point))
    assert person.status
    return person.page.locator("#objects .hovered .swatch").inner_text()


def test_objects_are_merged_split_and_subtracted_and_the_steps_are_undone(address: str) -> None:
    with opened(address) as person:
        more = person.page.locator("#side").get_by_role("button", name="More")
        assert not more.is_visible(), "nothing to see at the start"
        outline_three(person)
        row(person, 1).locator(".row").click()
        alone = person.area
        person.page.mouse.move(*person.place(PLACES[2]))
        merged = person.press("j")
        assert (merged["area"], merged["object"]) == (str(2 * alone), "1")
        assert person.page.locator("#objects .object").count() == 2
        assert person.page.locator("#steps .step-name").all_inner_texts()[-1] == "Merged"

        person.page.mouse.move(*person.place((250, 200)))
        choose(person, "Split into its parts")
        assert (person.answered()["area"], person.page.locator("#objects .object").count()) == (str(alone), 3)
        person.press("Control+z")
        person.page.reload()
        person.wait(state="idle")
        row(person, 1).locator(".row").click()
        assert person.press("Control+z")["area"] == str(alone)
        assert person.page.locator("#objects .object").count() == 3

        choose(person, "Subtract another object")
        hint = person.page.locator("#hint", has_text="Click on the object whose pixels")
        hint.wait_for()
        person.press("Escape")
        hint.wait_for(state="hidden")
        choose(person, "Subtract another object")
        row(person, 2).locator(".row").click()
        assert alone / 2 < int(person.answered()["area"]) < alone
        assert person.status["object"] == "1"


def test_an_object_is_cut_along_a_line_with_mouse_and_keyboard(address: str) -> None:
    with opened(address) as person:
        person.click(PLACES[0])
        whole = person.area
        choose(person, "Cut along a line")
        person.drag([(100, 40), (100, 160)])
        assert whole / 2 <= person.area < whole
        assert person.page.locator("#objects .object").count() == 2
        person.press("Control+z")
        assert (person.area, person.page.locator("#objects .object").count()) == (whole, 1)

        person.press("Delete")
        person.click((256, 256))
        choose(person, "Cut along a line")
        for moves, key in ((6, "Shift+ArrowUp"), (12, "Shift+ArrowDown")):
            for _ in range(moves):
                person.page.keyboard.press(key)
            person.press(".")
        assert person.page.locator("#objects .object").count() == 2


def test_the_object_in_front_is_the_one_that_is_seen(address: str) -> None:
    with opened(address) as person:
        outline_three(person)
        assert under(person, (112, 100)) == "2"
        row(person, 1).locator(".row").click()
        person.press("Control+ArrowUp")
        person.press("n")
        assert under(person, (112, 100)) == "1"
        person.page.reload()
        person.wait(state="idle")
        assert under(person, (112, 100)) == "1"
        row(person, 1).locator(".row").click()
        person.press("Control+z")
        person.press("n")
        assert under(person, (112, 100)) == "2"
