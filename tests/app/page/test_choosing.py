"""Prompts that are moved, polygons and previews, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import browser as browsing
from support.app_disks import Disks
from support.browser import Person, opened, served_examples
from vpuformer.prompts import Box, Click

pytestmark = browsing.MARKS


@pytest.fixture
def segmenter() -> Disks:
    return Disks()


@pytest.fixture
def address(tmp_path: Path, segmenter: Disks) -> Iterator[str]:
    with served_examples(tmp_path, segmenter) as address:
        yield address


def open_coffee(person: Person) -> None:
    person.page.get_by_text("coffee.jpg").first.click()
    person.page.get_by_role("heading", name="coffee.jpg").wait_for()
    person.answered()


def rounded(prompt: Click | Box) -> list[int]:
    return [round(each) for each in ((prompt.x, prompt.y) if isinstance(prompt, Click) else prompt.bounds)]


def test_prompts_are_dragged_resized_and_moved_by_keys(address: str, segmenter: Disks) -> None:
    with opened(address) as person:
        open_coffee(person)

        def asked() -> list[list[int]]:
            return [rounded(each) for each in segmenter.asked[-1] if isinstance(each, Click | Box)]

        person.drag([(100, 100), (200, 180)])
        person.click((300, 300))
        area = person.area
        person.drag([(300, 300), (350, 320)])
        assert (asked(), person.area) == ([[100, 100, 200, 180], [350, 320]], area)
        assert person.status["steps"] == "3"
        person.drag([(200, 180), (240, 200)])
        assert asked() == [[100, 100, 240, 200], [350, 320]]
        assert person.area > area
        person.drag([(100, 150), (90, 150)])  # the box is still selected, so its edges are gripped too
        assert asked()[0] == [90, 100, 240, 200]
        person.press("Escape")
        rows = person.page.locator("#steps button.row")
        rows.nth(1).click()
        steps = int(person.status["steps"])
        for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp"):
            person.page.keyboard.press(key)
        person.page.wait_for_timeout(300)  # the page waits for the keys to rest
        person.answered()
        assert (asked()[1], person.status["steps"]) == ([352, 310], str(steps + 1))
        assert rows.nth(1).inner_text().endswith("352, 310")
        person.press("Control+z")
        person.press("Control+z")
        assert [row.split("\n")[-1] for row in rows.all_inner_texts()] == [
            "140 \N{MULTIPLICATION SIGN} 100",
            "350, 320",
        ]
        person.press("ArrowRight")
        assert person.status["image"] == "coffee.jpg"  # there is no next image; nothing is selected, so nothing moved
        assert len(person.toasts) == 0


def test_a_finger_moves_a_click(address: str, segmenter: Disks) -> None:
    with opened(address, has_touch=True, viewport={"width": 768, "height": 1024}) as person:
        point = person.place((100, 100))
        person.page.touchscreen.tap(*point)
        person.answered()
        to = person.place((160, 140))
        session = person.page.context.new_cdp_session(person.page)
        for kind, at in (("touchStart", [point]), ("touchMove", [to]), ("touchEnd", [])):
            points = [{"x": x, "y": y} for x, y in at]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        person.answered()
        assert [rounded(each) for each in segmenter.asked[-1] if isinstance(each, Click)] == [[160, 140]]
