"""Mishaps in a real browser: refused exports, another tab, images that change."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Route

from support import browser as browsing
from support.app_disks import Disks
from support.browser import Person, opened, served_examples
from vpuformer.formats import FORMATS

pytestmark = browsing.MARKS


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "Küste (Süd)"
    folder.mkdir()
    with served_examples(folder, Disks()) as address:
        yield address


def labels(person: Person) -> list[str]:
    return person.page.locator("#labels .row > span").all_inner_texts()


def add_label(person: Person, name: str) -> None:
    person.page.get_by_placeholder("New label").fill(name)
    person.page.keyboard.press("Enter")
    person.page.locator("#labels .chosen", has_text=name).wait_for()
    person.page.locator("#stage").focus()


def beside(person: Person) -> Person:
    """The same person at the same folder in another tab, without news of changes."""
    other = Person(person.page.context.new_page())
    other.page.route("**/api/news*", lambda route: route.abort())
    other.page.route("**/api/news/**", lambda route: route.abort())
    other.page.goto(person.page.url)
    other.wait(state="idle")
    return other


def test_an_export_that_is_refused_says_why_and_one_that_is_not_has_its_name(address: str) -> None:
    refusal = "VOC holds 254 objects an image; export as COCO"
    shown: list[str] = []

    def refuse(route: Route) -> None:
        shown.append(person.page.locator("#export").inner_text())
        route.fulfill(status=422, content_type="application/json", body=json.dumps({"error": refusal}))

    with opened(address, cut_off=True) as person:
        downloads: list[str] = []
        person.page.on("download", lambda download: downloads.append(download.suggested_filename))
        person.page.route("**/api/export?format=voc", refuse)
        person.page.keyboard.press("Control+s")
        menu = person.page.locator("#export-menu a")
        assert menu.locator("strong").all_inner_texts() == [entry.title for entry in FORMATS.values()]
        assert menu.locator("span").all_inner_texts() == [entry.summary for entry in FORMATS.values()]
        person.page.get_by_role("link", name="PASCAL VOC").click()
        person.page.locator(".toast").wait_for()
        assert person.toasts == [f"Not exported as PASCAL VOC. {refusal}"]
        assert shown == ["Preparing…"]
        assert person.page.locator("#export").inner_text() == "Export"

        person.page.keyboard.press("Control+s")
        with person.page.expect_download() as download:
            person.page.get_by_role("link", name="COCO JSON").click()
        assert download.value.path().read_bytes().startswith(b"PK")
        assert downloads == ["Küste (Süd)_coco.zip"]


def test_labels_that_come_and_go_in_another_tab(address: str) -> None:
    with opened(address, cut_off=True) as person:
        add_label(person, "cat")
        add_label(person, "cup")
        other = beside(person)
        other.page.locator("#labels").get_by_text("cat").click()

        person.page.get_by_role("button", name="Delete label cat").click()
        person.page.locator("#labels").get_by_text("cat").wait_for(state="detached")
        other.click((200, 200))
        assert (other.status["steps"], labels(other)) == ("1", ["cup", "No label"])
        assert other.toasts == ["Somebody deleted the label of this object. The object is kept without a label."]
        other.press("Enter")
        other.click((300, 300))
        assert other.status["steps"] == "1"
        assert len(other.toasts) == 1

        add_label(person, "dog")
        other.press("n")
        add_label(other, "dog")
        assert labels(other) == ["cup", "dog", "No label"]
        assert len(other.toasts) == 1


def test_a_name_that_is_being_typed_outlives_what_another_tab_does(address: str) -> None:
    with opened(address) as person:
        add_label(person, "cat")
        other = beside(person)
        person.page.get_by_role("button", name="Rename cat").click()
        person.page.keyboard.type("black")
        add_label(other, "dog")
        with person.page.expect_response("**/api/project*"):
            person.page.evaluate("window.dispatchEvent(new Event('focus'))")
        person.answered()
        person.page.keyboard.type(" cat")
        person.page.keyboard.press("Enter")
        person.page.locator("#labels").get_by_text("black cat").wait_for()
        assert labels(person) == ["black cat", "dog", "No label"]
        assert person.page.locator("[data-key]:focus").inner_text().split() == ["black", "cat", "1"]


def test_whoever_leaves_is_warned_while_a_change_is_on_its_way_or_about_to_be_sent(address: str) -> None:
    leave = "dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    with opened(address) as person:
        page = person.page
        person.click((100, 100))
        assert page.evaluate(leave)
        page.keyboard.press("y")
        slider = page.locator("#tidy").get_by_label("Smooth")
        slid = f"slider => (slider.value = 3, slider.dispatchEvent(new Event('input')), {leave})"
        assert not slider.evaluate(slid)
        person.answered()
        assert page.evaluate(leave)
        page.route("**/api/labels", lambda _: None)
        page.get_by_placeholder("New label").fill("cat")
        page.keyboard.press("Enter")
        assert not page.evaluate(leave)
        page.unroute_all(behavior="ignoreErrors")


def test_a_dialog_stays_while_text_is_selected_out_of_it(address: str) -> None:
    with opened(address) as person:
        page = person.page
        person.press("?")
        heading = page.locator("#keys h2")
        box = heading.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 5, box["y"] + 5)
        page.mouse.down()
        page.mouse.move(5, 5, steps=3)
        page.mouse.up()
        assert heading.is_visible()
        page.mouse.click(5, 5)
        heading.wait_for(state="hidden")


@pytest.mark.parametrize("tool", ["s", "w", "b"])
def test_what_is_drawn_while_the_image_changes_is_no_prompt(address: str, tool: str) -> None:
    with opened(address) as person:
        person.press(tool)
        person.page.mouse.move(*person.place((100, 100)))
        person.page.mouse.down()
        person.page.mouse.move(*person.place((200, 200)), steps=4)
        person.page.keyboard.press("PageDown")
        person.page.get_by_role("heading", name="coffee.jpg").wait_for()
        person.answered()
        person.page.mouse.move(*person.place((250, 250)), steps=4)
        person.page.mouse.up()
        person.answered()
        assert (person.status["object"], person.status["steps"]) == ("", "0")
        assert person.drag([(100, 100), (200, 200)])["steps"] == "1"


def test_the_arrow_keys_go_round_the_tools_and_past_buttons_that_are_off(address: str) -> None:
    focused = "document.activeElement.getAttribute('data-act')"
    with opened(address) as person:
        page = person.page
        assert page.locator("#undo").is_disabled()
        page.locator("#tools .negative").focus()
        page.keyboard.press("ArrowDown")
        assert page.evaluate(focused) == "tool:smart"
        page.keyboard.press("ArrowUp")
        assert page.evaluate(focused) == "negativeSign"
        for key, act in (("ArrowUp", "negativeSign"), ("ArrowDown", "tool:smart")):
            page.locator("#tools").focus()  # as after a click between the buttons
            page.keyboard.press(key)
            assert page.evaluate(focused) == act


def test_the_page_keeps_no_measurements_and_no_marks_for_tests(address: str) -> None:
    entries = "['mark', 'measure'].map((type) => performance.getEntriesByType(type).length)"
    with opened(address) as person:
        for x in (100, 150, 200):
            person.click((x, 200))
        assert person.status["steps"] == "3"
        assert person.page.evaluate(entries) == [0, 0]
        assert person.page.evaluate("Object.keys(document.documentElement.dataset)") == []
