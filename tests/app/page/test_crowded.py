"""Images with many objects in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import browser as browsing
from support.app_disks import Disks
from support.browser import Person, opened, served_examples

pytestmark = browsing.MARKS

PLACES = ((100, 100), (200, 100), (300, 100))
"""Centres of three objects, far from each other."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with served_examples(tmp_path, Disks()) as address:
        yield address


def outline_three(person: Person) -> None:
    for place in PLACES:
        person.click(place)
        person.press("Enter")


def pixel(person: Person, point: tuple[float, float]) -> list[int]:
    """Red, green, blue and alpha of the masks at a point of the image."""
    assert person.status
    x, y = person.place(point)
    return person.page.evaluate(
        """([x, y]) => {
          const canvas = document.getElementById("overlay");
          const box = canvas.getBoundingClientRect();
          const [left, top] = [(x - box.left) * canvas.width / box.width, (y - box.top) * canvas.height / box.height];
          return [...canvas.getContext("2d").getImageData(left, top, 1, 1).data];
        }""",
        [x, y],
    )


def row(person: Person, number: int):
    return person.page.locator("#objects .object").nth(number - 1)


def hovered(person: Person) -> list[str]:
    """Numbers of the rows that are lit up."""
    assert person.status
    return person.page.locator("#objects .hovered .swatch").all_inner_texts()


def test_the_object_under_the_pointer_lights_up_its_row_and_the_row_its_object(address: str) -> None:
    with opened(address) as person:
        outline_three(person)
        tag = person.page.locator("#under")
        person.page.mouse.move(*person.place((200, 104)))
        assert hovered(person) == ["2"]
        assert tag.inner_text().split("\n") == ["2", "Alt+click selects"]
        lit, usual = pixel(person, PLACES[1]), pixel(person, PLACES[0])
        assert lit[3] > usual[3] + 40

        person.page.mouse.move(*person.place((250, 200)))
        assert (hovered(person), tag.is_visible()) == ([], False)

        row(person, 1).hover()
        assert (hovered(person), tag.is_visible()) == (["1"], False)
        assert pixel(person, PLACES[0])[3] == lit[3]
        assert pixel(person, PLACES[1])[3] == usual[3]

        person.page.get_by_placeholder("New label").fill("cup")
        person.page.keyboard.press("Enter")
        person.page.locator("#labels .chosen", has_text="cup").wait_for()
        person.click((100, 250))
        person.page.mouse.move(*person.place((100, 254)))
        assert (hovered(person), tag.is_visible()) == ([], False), "the current object is left as it is"
        person.press("Enter")
        assert tag.inner_text().split("\n") == ["4", "cup", "Alt+click selects"]


def dark_line(person: Person, centre: tuple[float, float]) -> int:
    """Pixels of the dark line around an object."""
    (left, top), (right, bottom) = (person.place((centre[0] + by, centre[1] + by)) for by in (-26, 26))
    return person.page.evaluate(
        """([left, top, right, bottom]) => {
          const canvas = document.getElementById("overlay");
          const box = canvas.getBoundingClientRect();
          const scale = canvas.width / box.width;
          const [x, y] = [(left - box.left) * scale, (top - box.top) * scale];
          const { data } = canvas.getContext("2d").getImageData(x, y, (right - left) * scale, (bottom - top) * scale);
          const isDark = (i) => data[i + 3] > 128 && !data[i] && !data[i + 1] && !data[i + 2];
          let dark = 0;
          for (let i = 0; i < data.length; i += 4) dark += isDark(i);
          return dark;
        }""",
        [left, top, right, bottom],
    )


def test_objects_that_are_not_accepted_have_a_dashed_outline(address: str) -> None:
    with opened(address) as person:
        outline_three(person)
        row(person, 2).locator(".row").click()
        person.press("Shift+Enter")
        person.press("n")
        person.page.mouse.move(*person.place((250, 200)))
        for mode in ("tint", "outline"):
            accepted, not_accepted, _ = (dark_line(person, place) for place in PLACES)
            assert accepted > 100, mode
            assert 0.35 * accepted < not_accepted < 0.7 * accepted, mode
            person.press("m")
        person.press("m")
        row(person, 2).locator(".row").click()
        person.page.mouse.move(*person.place((250, 200)))
        person.press("Enter")
        person.page.mouse.move(*person.place((250, 210)))
        assert abs(dark_line(person, PLACES[1]) - dark_line(person, PLACES[0])) < 12


def test_objects_that_are_selected_together_are_labelled_at_once(address: str) -> None:
    with opened(address) as person:
        page = person.page
        page.get_by_placeholder("New label").fill("cup")
        page.keyboard.press("Enter")
        page.locator("#labels .chosen", has_text="cup").wait_for()
        page.locator("#stage").focus()
        person.press("0")
        outline_three(person)
        names = lambda: page.locator("#objects .object .ellipsis").all_inner_texts()  # noqa: E731
        row(person, 1).locator(".row").click()
        row(person, 3).locator(".row").click(modifiers=["Shift"])
        row(person, 2).locator(".row").click(modifiers=["Control"])
        page.locator("#current-state", has_text="2 objects selected").wait_for()
        pressed = page.locator("#objects [aria-pressed=true].row .swatch")
        assert pressed.all_inner_texts() == ["1", "3"]
        page.locator("#stage").focus()
        person.press("1")
        assert names() == ["cup", "no label", "cup"]
        person.press("Control+z")
        assert names() == ["no label"] * 3
        person.press("Delete")
        assert (page.locator("#objects .object").count(), person.toasts[-1]) == (1, "2 objects deleted")
        person.press("Control+z")
        assert page.locator("#objects .object").count() == 3

        # The same without a mouse.
        person.press("Escape")
        row(person, 1).locator(".row").focus()
        page.keyboard.press("Enter")
        row(person, 2).locator(".row").focus()
        page.keyboard.press("Control+Space")
        row(person, 3).locator(".row").focus()
        page.keyboard.press("Shift+Space")
        assert person.status
        assert pressed.all_inner_texts() == ["2", "3"]
        page.locator("#stage").focus()
        person.press("Escape")
        assert (pressed.count(), page.locator("#current-state").inner_text()) == (0, "new")


def test_the_answer_to_a_prompt_is_seen_before_what_lies_under_the_pointer(address: str) -> None:
    with opened(address) as person:
        outline_three(person)
        person.click((100, 250))
        person.scribble(((100, 200), PLACES[0]), positive=False)
        assert hovered(person) == []
        x, y = person.place(PLACES[0])
        person.page.mouse.move(x + 6, y)
        assert hovered(person) == ["1"]


def test_an_object_is_hidden_shown_alone_and_shown_again(address: str) -> None:
    with opened(address) as person:
        person.click(PLACES[0])
        assert row(person, 1).get_by_role("button", name="Hide").count() == 0, "one object needs no switches"
        person.press("Enter")
        for place in PLACES[1:]:
            person.click(place)
            person.press("Enter")
        shown = lambda: [pixel(person, place)[3] > 0 for place in PLACES]  # noqa: E731
        note = person.page.locator("#hidden-objects")

        person.page.mouse.move(*person.place(PLACES[1]))
        person.press("v")
        assert (shown(), note.inner_text().split("\n")[0]) == ([True, False, True], "1 object hidden")
        assert hovered(person) == [], "what is hidden is not under the pointer"
        person.page.mouse.move(*person.place(PLACES[2]))
        person.press("q")
        assert shown() == [False, False, True]
        note.get_by_role("button", name="Show all").click()
        assert (shown(), note.is_visible()) == ([True] * 3, False)

        row(person, 1).hover()
        row(person, 1).get_by_role("button", name="Hide").click()
        person.page.mouse.move(*person.place((250, 200)))
        person.press("ArrowRight")
        person.press("ArrowLeft")
        assert shown() == [False, True, True], "it stays hidden when the image is opened again"
        row(person, 1).locator(".row").click()
        person.page.mouse.move(*person.place((250, 200)))
        assert (shown(), person.status["object"]) == ([True] * 3, "1"), "who selects an object wants to see it"


def test_a_locked_object_is_not_changed_by_accident_and_stays_locked(address: str) -> None:
    with opened(address) as person:
        outline_three(person)
        person.page.mouse.move(*person.place(PLACES[2]))
        person.press("g")
        person.press("Control+z")
        assert (person.status["object"], len(person.toasts)) == ("", 1), "its acceptance is not undone"
        person.press("Control+z")
        assert person.status["object"] == "2"
        person.press("n")

        person.page.reload()
        person.wait(state="idle")
        lock = row(person, 3).get_by_role("button", name="Lock")
        assert lock.get_attribute("aria-pressed") == "true"
        for act in (
            lambda: row(person, 3).locator(".row").click(),
            lambda: row(person, 3).get_by_role("button", name="Delete").click(),
        ):
            act()
            assert person.status["object"] == ""
            assert person.toasts == ["Object 3 is locked. To change it, unlock it in the list or with the key G."]
        assert row(person, 3).count() == 1
        lock.click()
        row(person, 3).locator(".row").click()
        assert person.status["object"] == "3"


def test_an_object_keeps_off_accepted_ones(address: str) -> None:
    with opened(address) as person:
        switch = person.page.get_by_label("Keep off accepted objects")
        alone = int(person.click((100, 100))["area"])
        assert not switch.is_visible(), "one object has nothing to keep off"
        person.press("Enter")
        overlapping = int(person.click((125, 100))["area"])
        assert overlapping == alone
        person.press("Control+z")
        person.press("u")
        assert switch.is_checked()
        assert alone / 2 < int(person.click((125, 100))["area"]) < alone
        assert person.click((105, 100))["steps"] == "1", "a click into the other object is not sent"
        assert person.toasts[-1].startswith("Object 1 has this point")

        person.page.reload()
        person.wait(state="idle")
        person.press("Tab")
        assert switch.is_checked()
        switch.click()
        assert int(person.click((105, 100))["area"]) > alone


def test_objects_have_the_colour_of_their_label_or_one_of_their_own(address: str) -> None:
    with opened(address) as person:
        switch = person.page.get_by_label("A colour for each object")
        assert not switch.is_visible(), "without labels each object has its own colour anyway"
        person.page.get_by_placeholder("New label").fill("cup")
        person.page.keyboard.press("Enter")
        person.page.locator("#labels .chosen", has_text="cup").wait_for()
        outline_three(person)
        person.page.mouse.move(*person.place((250, 200)))
        colours = lambda: {tuple(pixel(person, place)[:3]) for place in PLACES}  # noqa: E731
        assert len(colours()) == 1
        switch.click()
        assert len(colours()) == 3
        swatches = person.page.locator("#objects .swatch")
        shown = swatches.evaluate_all("all => all.map(each => getComputedStyle(each).backgroundColor)")
        assert len(set(shown)) == 3
        person.page.reload()
        person.wait(state="idle")
        assert len(colours()) == 3
