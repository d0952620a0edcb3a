"""Prompts that are moved, polygons and previews, in a real browser."""

import re
import time
from collections.abc import Callable, Iterator
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
        person.drag([(200, 180), (210, 190)])  # draws a box: no prompt is selected
        assert asked()[2] == [200, 180, 210, 190]
        person.press("Control+z")
        rows = person.page.locator("#steps button.row")
        rows.nth(1).click()
        person.drag([(300, 300), (350, 320)])
        assert (asked(), person.area) == ([[100, 100, 200, 180], [350, 320]], area)
        assert person.status["steps"] == "3"
        rows.nth(0).click()
        person.drag([(200, 180), (240, 200)])
        assert asked() == [[100, 100, 240, 200], [350, 320]]
        assert person.area > area
        person.drag([(100, 150), (90, 150)])  # the box is still selected, so its edges are gripped too
        assert asked()[0] == [90, 100, 240, 200]
        person.press("Escape")
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
        session = person.page.context.new_cdp_session(person.page)

        def touch(kind: str, *places: tuple[float, float]) -> None:
            points = [{"x": x, "y": y} for x, y in places]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", point)
        person.page.wait_for_timeout(600)  # a long press selects
        touch("touchEnd")
        touch("touchStart", point)
        touch("touchMove", person.place((160, 140)))
        touch("touchEnd")
        person.answered()
        assert [rounded(each) for each in segmenter.asked[-1] if isinstance(each, Click)] == [[160, 140]]


def corners_of(person: Person) -> list[list[list[float]]]:
    """The outlines of the only object, as the server has them."""
    return person.page.request.get(person.page.url.split("?")[0] + "api/objects/1/polygon").json()["outlines"]


def shown(person: Person) -> tuple[int, float]:
    """Number of corners and IoU in the panel."""
    person.page.wait_for_timeout(300)
    person.answered()
    found = re.fullmatch(r"(\d+) corners, IoU ([.\d]+)", person.page.locator("#polygon-text").inner_text())
    assert found is not None
    return int(found[1]), float(found[2])


def test_a_mask_is_simplified_and_its_corners_are_edited(address: str) -> None:
    with opened(address) as person:
        open_coffee(person)
        person.click((300, 200))
        area = person.area
        assert not person.page.locator("#polygon").is_visible()
        person.press("F9")
        corners, iou = shown(person)
        slider = person.page.get_by_label("Simplify")
        slider.focus()
        for _ in range(4):
            person.page.keyboard.press("ArrowRight")
        fewer, costs = shown(person)
        assert (fewer < corners, costs < iou, person.area, person.status["steps"]) == (True, True, area, "1")
        person.page.get_by_role("button", name="Make this the mask").click()
        assert shown(person) == (fewer, 1.0)
        (outline,) = corners_of(person)
        assert (len(outline), person.status["steps"], person.area < area) == (fewer, "2", True)

        # A corner is dragged, one is added on an edge, and it is deleted.
        person.drag([tuple(outline[0]), (300, 60)])
        assert person.area > area
        outline[0] = [300, 60]
        assert corners_of(person)[0][0] == pytest.approx([300, 60], abs=0.5)
        middle = ((outline[0][0] + outline[1][0]) / 2, (outline[0][1] + outline[1][1]) / 2)
        person.click(middle)
        assert shown(person)[0] == fewer + 1
        assert corners_of(person)[0][1] == pytest.approx(middle, abs=0.5)
        person.press("Delete")
        assert (shown(person)[0], person.status["steps"]) == (fewer, "5")

        # The keyboard does the same: Tab selects, the arrows move.
        before = corners_of(person)[0]
        person.page.locator("#stage").focus()
        person.press("Tab")
        for key in ("ArrowUp", "ArrowUp", "Shift+ArrowLeft"):
            person.page.keyboard.press(key)
        person.page.wait_for_timeout(300)
        person.answered()
        moved = [
            [round(a - b) for a, b in zip(*pair, strict=True)]
            for pair in zip(corners_of(person)[0], before, strict=True)
        ]
        assert sorted(moved)[0] == [-10, -2]
        assert sum(each != [0, 0] for each in moved) == 1
        assert person.status["steps"] == "6"
        person.page.get_by_role("button", name="Add corner").click()
        assert shown(person)[0] == fewer + 1
        person.press("Control+z")
        person.press("Control+z")
        assert corners_of(person)[0] == before

        person.click((20, 20), positive=False)
        person.press("Escape")
        person.press("Shift+ArrowLeft")
        person.press(".")
        assert "only its corners change" in person.toasts[-1]
        assert (person.status["steps"], corners_of(person)[0]) == ("5", before)
        person.press("Escape")
        assert not person.page.locator("#polygon").is_visible()
        person.click((100, 100))
        assert person.status["steps"] == "6"

        person.press("F9")
        person.press("Enter")
        assert not person.page.locator("#polygon").is_visible(), "it closes with its object"


def test_a_resting_pointer_shows_what_a_click_would_select(address: str, segmenter: Disks) -> None:
    with opened(address) as person:
        open_coffee(person)
        switch = person.page.get_by_label("Preview of a click")
        assert not switch.is_checked()
        person.page.mouse.move(*person.place((300, 200)))
        person.page.wait_for_timeout(400)
        assert segmenter.asked == []
        switch.check()
        person.page.evaluate(PATIENT)
        person.page.mouse.move(*person.place((320, 200)), steps=3)
        wait_for(lambda: drawn(person) > 0)
        assert len(segmenter.asked) == 1
        assert (person.status["object"], person.status["state"]) == ("", "idle")
        person.page.mouse.move(*person.place((340, 200)))
        wait_for(lambda: len(segmenter.asked) == 2)
        person.click((340, 200))  # the outline goes with the prompt, and the resting pointer asks for no other one
        person.page.wait_for_timeout(400)
        assert len(segmenter.asked) == 3
        person.page.evaluate("() => { window.setTimeout = window.realTimeout; }")
        segmenter.before = lambda: time.sleep(0.5)
        person.page.mouse.move(*person.place((200, 100)))
        wait_for(lambda: "took longer" in " ".join(person.toasts))
        assert person.status["steps"] == "1"
        assert not switch.is_checked()


PATIENT = """() => {
  window.realTimeout = window.setTimeout;
  window.setTimeout = (act, ms) => window.realTimeout(act, ms === 300 ? 60000 : ms);
}"""
"""Lets the page wait a minute for a preview: the machine of a test may be busy."""


def wait_for(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def drawn(person: Person) -> int:
    """Pixels of masks and outlines on the screen."""
    assert person.status
    return person.page.evaluate(
        """() => {
          const canvas = document.getElementById("overlay");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return data.filter((value, index) => index % 4 === 3 && value).length;
        }"""
    )
