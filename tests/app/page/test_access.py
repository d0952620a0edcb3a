"""Accessibility of the page: axe-core, screen sizes, colour schemes, touch."""

import itertools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import axe
from support import browser as browsing
from support.app_disks import Disks
from support.browser import Person, opened, running, served
from vpuformer.app.http.server import create_app
from vpuformer.app.images.examples import copy_examples

ROOT = Path(__file__).parents[3]
SIZES = ((1280, 800), (820, 1180), (390, 844))
FINGER = {"has_touch": True, "is_mobile": True}

pytestmark = browsing.MARKS


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    for name in ("astronaut", "coffee"):
        shutil.copy(ROOT / f"examples/{name}.jpg", tmp_path / f"{name}, an image with quite a long name.jpg")
    with served(tmp_path, Disks()) as address:
        yield address


def work(person: Person) -> None:
    """One object accepted on an image that is done, another with a prompt undone, two labels."""
    for name in ("cup", "dog"):
        person.page.get_by_placeholder("New label").fill(name)
        person.page.keyboard.press("Enter")
        person.page.locator("#labels .chosen", has_text=name).wait_for()
    person.page.locator("#stage").focus()
    person.click((100, 100))
    person.press("Enter")
    person.press("d")
    person.press("0")
    person.click((200, 200))
    person.click((220, 200), positive=False)
    person.press("Control+z")


def overlapping(person: Person, selector: str) -> list[tuple[str, str]]:
    """Pairs of visible elements that share a part of the screen."""
    boxes = person.page.locator(selector).evaluate_all(
        """all => all.filter((each) => each.offsetParent !== null).map((each) => {
          const {left, top, right, bottom} = each.getBoundingClientRect();
          return [each.id || each.dataset.act, left, top, right, bottom];
        })"""
    )
    width = person.page.viewport_size["width"]  # type: ignore[index]
    assert all(left >= 0 and right <= width for _, left, _, right, _ in boxes), boxes
    return [
        (a[0], b[0])
        for a, b in itertools.combinations(boxes, 2)
        if min(a[3], b[3]) - max(a[1], b[1]) > 0 and min(a[4], b[4]) - max(a[2], b[2]) > 0
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(address: str, scheme: str) -> None:
    if not axe.wanted():
        pytest.skip("axe-core is not installed; `make page` does it")
    with opened(address, color_scheme=scheme, reduced_motion="reduce") as person:
        page = person.page
        axe.start(person)
        work(person)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            assert (axe.faults(person), width) == ([], width)
        page.locator("#toggle-side").click()
        assert person.status
        assert page.locator("#side").is_visible()
        assert axe.faults(person) == []
        page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
        page.locator("#stage").focus()
        person.press("a")
        person.press("y")
        assert page.locator("#tidy").is_visible()
        assert axe.faults(person) == []
        person.press("F9")
        page.get_by_text(re.compile(r"corners, IoU")).wait_for()
        assert axe.faults(person) == []
        page.locator("#toggle-files").click()
        page.locator("#toggle-filter").click()
        person.press("F8")
        assert page.locator("#filter").is_visible()
        assert page.locator("#review").is_visible()
        assert axe.faults(person) == []
        page.get_by_role("button", name="Counts").click()
        page.locator("#counts table").first.wait_for()
        assert axe.faults(person) == []
        page.keyboard.press("Escape")
        page.locator("#review-reject").click()
        page.locator("#stage").focus()
        person.press("F8")
        assert page.locator("#review-note").is_visible()
        assert axe.faults(person) == []
        person.press("y")
        page.locator("#label-setup").click()
        page.get_by_label("Name of a new attribute").fill("colour")
        page.keyboard.press("Enter")
        page.get_by_label("Tags of images").fill("night")
        page.get_by_label("Choices of colour").fill("red, blue")
        page.get_by_label("A label is required").focus()
        assert person.answered()
        assert (axe.faults(person), "setup") == ([], "setup")
        page.keyboard.press("Escape")
        for shown in ("#attributes", "#tags-card"):
            page.locator(shown).wait_for()
        assert (axe.faults(person), "attributes and tags") == ([], "attributes and tags")
        page.locator("#stage").focus()
        page.locator("#side").get_by_role("button", name="More").click()
        assert page.locator("#more-menu").is_visible()
        assert axe.faults(person) == []
        page.keyboard.press("Escape")
        for key, shown in (
            ("d", "#ask"),
            ("?", "#keys"),
            ("i", "#import-dialog"),
            ("F7", "#people"),
            ("Control+s", "#export-menu"),
        ):
            page.keyboard.press(key)
            page.locator(shown).wait_for()
            assert (axe.faults(person), shown) == ([], shown)
            page.keyboard.press("Escape")
            page.locator(shown).wait_for(state="hidden")
        page.keyboard.press("?")
        page.get_by_role("button", name="Change keys…").click()
        page.locator("[data-changes-key='tool:box']").click()
        assert (axe.faults(person), "keys that change") == ([], "keys that change")
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        page.goto(f"{address}docs")
        page.locator("details").first.wait_for()
        axe.start(person)
        assert axe.faults(person) == []


def test_axe_finds_nothing_serious_in_the_first_minute_and_in_a_read_only_view(tmp_path: Path) -> None:
    if not axe.wanted():
        pytest.skip("axe-core is not installed; `make page` does it")
    copy_examples(tmp_path)
    for segmenter in (Disks(), None):
        with running(create_app(tmp_path, None, segmenter, hints=True)) as address:
            for scheme in ("light", "dark"):
                with opened(address, color_scheme=scheme) as person:
                    axe.start(person)
                    assert person.page.locator("#first-hint").is_visible() == (segmenter is not None)
                    person.page.wait_for_timeout(300)
                    assert (axe.faults(person), scheme, segmenter) == ([], scheme, segmenter)


@pytest.mark.parametrize("finger", [{}, FINGER], ids=["mouse", "finger"])
def test_no_button_of_the_header_lies_on_another(address: str, finger: dict[str, Any]) -> None:
    with opened(address, **finger) as person:
        for width in (320, 390, 599, 600, 768, 899, 900, 1179, 1180, 1280):
            person.page.set_viewport_size({"width": width, "height": 844})
            assert person.status
            assert (overlapping(person, ".bar button, .bar h1, #folder"), width) == ([], width)
            assert (overlapping(person, ".quick > *"), width) == ([], width)
            assert (overlapping(person, "#hint, .group"), width) == ([], width)


def test_on_a_phone_an_object_is_outlined_labelled_and_accepted(address: str) -> None:
    with opened(address, viewport={"width": 390, "height": 844}, **FINGER) as person:
        page = person.page
        assert "Tap the object" in page.locator("#hint").inner_text()
        assert page.locator("#hint").is_visible()
        page.locator("#toggle-side").tap()
        page.get_by_placeholder("New label").fill("cup")
        page.get_by_role("button", name="Add label").tap()
        page.locator("#labels .chosen", has_text="cup").wait_for()
        page.locator("#toggle-side").tap()
        assert person.status
        assert overlapping(person, ".quick > *") == []

        page.touchscreen.tap(*person.place((200, 200)))
        assert person.answered()["steps"] == "1"
        label = page.locator("#quick-label")
        assert label.evaluate("each => each.selectedOptions[0].text") == "cup"
        label.select_option("No label")
        person.answered()
        label.select_option("cup")
        person.answered()
        page.locator("#quick").get_by_role("button", name="Accept").tap()
        assert person.answered()["object"] == ""
        row = page.locator("#objects .row")
        assert "cup" in (row.text_content() or "")
        assert "accepted" in (row.text_content() or "")
        page.locator("#undo").tap()
        assert person.answered()["object"] == "1"
        assert "not accepted yet" in (row.text_content() or "")


def test_on_a_phone_a_candidate_is_chosen_and_the_mask_tidied(address: str) -> None:
    with opened(address, viewport={"width": 390, "height": 844}, **FINGER) as person:
        page = person.page
        page.touchscreen.tap(*person.place((200, 200)))
        person.answered()
        page.locator("#choose").tap()
        person.answered()
        assert page.locator("#choose").inner_text() == "2 of 3, score 0.50"
        assert overlapping(person, "#choose, #toggle-tidy, .zoom, #hint") == []
        page.locator("#toggle-tidy").tap()
        assert page.get_by_label("Threshold").is_enabled()
        page.locator("#tidy").get_by_role("button", name="Close").tap()
        page.locator("#tidy").wait_for(state="hidden")


def test_accept_and_the_label_stay_where_the_side_panel_is_hidden_or_folds_away(address: str) -> None:
    with opened(address) as person:
        quick = person.page.locator("#quick")
        assert not quick.is_visible()
        person.press("Control+e")
        assert person.status
        assert quick.is_visible()
        person.press("Control+e")
        person.page.set_viewport_size({"width": 820, "height": 1180})
        quick.wait_for()
        person.page.set_viewport_size({"width": 1280, "height": 800})
        quick.wait_for(state="hidden")
        assert person.page.locator("#side").is_visible()


def test_a_message_on_a_phone_has_the_width_of_the_image(address: str) -> None:
    with opened(address, viewport={"width": 390, "height": 844}, cut_off=True, **FINGER) as person:
        person.page.set_input_files("#import-file", __file__)
        box = person.page.locator(".toast").bounding_box()
        assert box is not None
        assert box["width"] > 300
        assert (box["x"], box["x"] + box["width"]) == (60, 382)


@pytest.mark.parametrize("size", [(1280, 800), (1000, 600), (820, 1180), (390, 844)])
def test_messages_lie_over_no_object_list_or_button_in_use(address: str, size: tuple[int, int]) -> None:
    with opened(address, viewport={"width": size[0], "height": size[1]}) as person:
        person.click((60, 60))
        person.page.keyboard.press("Control+c")
        toast = person.page.locator(".toast")
        toast.wait_for()
        assert person.page.locator("[role=status][aria-live=polite]").filter(has=toast).count() == 1
        used = "#quick, #choose, #toggle-tidy, .zoom, #objects, #file-list, .tool, header button, .toast"
        assert overlapping(person, used) == []
        box, top, bottom = toast.bounding_box(), person.place((0, 0)), person.place((0, 300))
        assert box is not None
        assert box["y"] + box["height"] <= top[1] or box["y"] >= bottom[1], "the image is seen as a whole"


def test_f6_goes_round_all_parts_of_the_page(address: str) -> None:
    with opened(address) as person:
        page = person.page
        for width, parts in ((1280, ["stage", "side", "files", "tools"]), (820, ["stage", "quick", "tools"])):
            page.set_viewport_size({"width": width, "height": 1000})
            assert person.status
            page.locator("#stage").focus()
            reached = []
            for _ in parts:
                reached.append(
                    page.evaluate("document.activeElement.closest('#stage, #quick, #side, #files, #tools')?.id")
                )
                page.keyboard.press("F6")
            assert (reached, page.evaluate("document.activeElement.id")) == (parts, "stage")
