"""Real work in a real browser, with the bundled weights, on the bundled photographs."""

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from support import browser as browsing
from support.app_disks import Disks
from support.browser import Person, opened, served
from vpuformer.formats import read_coco_masks
from vpuformer.images import read_mask
from vpuformer.metrics import iou

EXAMPLES = Path(__file__).parents[3] / "examples"

pytestmark = browsing.MARKS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "holiday"
    root.mkdir()
    for name in ("coffee.jpg", "astronaut.jpg", "chelsea.jpg"):
        shutil.copy(EXAMPLES / name, root)
    return root


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    with served(folder) as address:
        yield address


def open_coffee(person: Person) -> None:
    person.page.get_by_text("coffee.jpg").first.click()
    person.page.get_by_role("heading", name="coffee.jpg").wait_for()
    person.answered()


def exported(person: Person, folder: Path) -> list[tuple[str | None, np.ndarray]]:
    """The objects in the COCO file that the page gives: label and mask."""
    person.page.keyboard.press("Control+s")
    with person.page.expect_download() as download:
        person.page.get_by_role("link", name="COCO JSON").click()
    path = folder.parent / "export.zip"
    download.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        return read_coco_masks(archive.read("annotations.json"), "coffee.jpg")


def test_a_photograph_from_the_first_prompt_to_the_export(address: str, folder: Path) -> None:
    truth = read_mask(EXAMPLES / "coffee_truth.png") > 0.5
    with opened(address) as person:
        open_coffee(person)
        assert person.status["object"] == ""

        # A click, a negative scribble, a box, a negative click: each is answered with another mask.
        areas = [0]
        person.click((290, 200))
        areas.append(person.area)
        person.scribble([(110, 150), (105, 200), (120, 250)], positive=False)
        areas.append(person.area)
        person.drag([(170, 16), (410, 310)])
        areas.append(person.area)
        told = person.click((370, 290), positive=False)
        areas.append(person.area)
        assert told["steps"] == "4"
        assert len(set(areas)) == 5

        # Back to the beginning and forth again, through the same masks.
        for area in areas[-2::-1]:
            person.press("Control+z")
            assert person.area == area
        for area in areas[1:]:
            person.press("Control+Shift+z")
            assert person.area == area

        # A label, accepted; a second object, undone in part, then the page is loaded anew.
        person.page.get_by_placeholder("New label").fill("cup")
        person.page.keyboard.press("Enter")
        person.answered()
        person.page.locator("#stage").focus()
        person.press("1")
        first = person.status["object"]
        person.press("Enter")
        assert person.status["object"] != first
        person.click((520, 330))
        person.click((500, 350), positive=False)
        before = person.press("Control+z")
        assert before["steps"] == "1"
        person.page.reload()
        person.wait(state="idle", image=before["image"])
        assert person.page.locator("#image-name").inner_text() == "coffee.jpg"
        assert person.status["object"] == "", "a first prompt would begin an object"
        person.press("Tab")
        person.wait(object=before["object"], area=before["area"], steps="1")
        person.press("Control+Shift+z")
        assert person.status["steps"] == "2"
        person.press("Enter")

        masks = exported(person, folder)
    assert len(masks) == 2
    (label, mask), _ = masks
    assert label == "cup"
    assert mask.sum() == areas[-1]
    assert iou(mask, truth.astype(np.int8)) > 0.8


def test_late_replies_overwrite_nothing(address: str) -> None:
    with opened(address) as person:
        open_coffee(person)
        person.click((290, 200))
        alone = person.area
        # The next reply is held up; before it comes the person has changed her mind.
        person.page.route("**/steps", lambda route: (person.page.wait_for_timeout(600), route.continue_()))
        person.page.mouse.click(*person.place((520, 330)))
        person.page.keyboard.press("Control+z")
        assert person.status["state"] == "busy"
        person.answered()
        assert (person.area, person.status["steps"]) == (alone, "1")
        # The same while another image is opened.
        person.page.mouse.click(*person.place((520, 330)))
        person.page.keyboard.press("PageUp")
        person.answered()
        assert person.page.locator("#image-name").inner_text() == "chelsea.jpg"
        assert person.status["steps"] == "0"


def test_brush_lasso_removal_and_deletion(address: str) -> None:
    with opened(address) as person:
        open_coffee(person)
        person.press("b")
        person.drag([(100, 100), (200, 100)])
        painted = person.area
        assert painted > 100
        person.press("e")
        person.drag([(100, 100), (150, 100)])
        assert person.area < painted
        person.press("c")
        assert person.area == 0
        person.press("l")
        person.drag([(170, 20), (400, 20), (400, 300), (170, 300), (170, 20)])
        assert person.area > 1000
        person.press("s")
        person.click((290, 200))
        steps = int(person.status["steps"])
        person.page.locator("#steps li").last.click()
        person.press("Delete")
        assert int(person.status["steps"]) == steps + 1
        person.page.locator("#side [data-act=deleteObject]").click()
        person.answered()
        assert person.status["object"] == ""


def test_the_list_is_searched_and_says_what_is_accepted(folder: Path) -> None:
    with served(folder, Disks()) as address, opened(address) as person:
        note = person.page.locator(".file", has_text="coffee.jpg").locator(".file-note")
        assert note.inner_text() == "no objects"
        open_coffee(person)
        person.click((290, 200))
        assert note.inner_text() == "1 object not accepted"
        person.press("Enter")
        assert note.inner_text() == "1 object"
        person.click((520, 330))
        assert note.inner_text() == "1 of 2 objects accepted"
        # Of astronaut, chelsea and coffee the search leaves out the one in the middle.
        person.page.locator("#search").fill("o jpg")
        assert person.page.locator("#progress-text").inner_text() == "2 of 3 images shown"
        assert person.page.locator(".file-name").all_inner_texts() == ["astronaut.jpg", "coffee.jpg"]
        person.page.locator("#stage").focus()
        person.press("ArrowLeft")
        assert person.page.locator("#image-name").inner_text() == "astronaut.jpg"
        person.press("ArrowRight")
        assert person.page.locator("#image-name").inner_text() == "coffee.jpg"
        person.press("ArrowRight")
        assert person.page.locator("#image-name").inner_text() == "coffee.jpg"
        assert person.page.get_by_text("The search finds no image after this one.").is_visible()


def test_work_that_the_server_missed_is_sent_again(folder: Path) -> None:
    with served(folder) as address, opened(address, cut_off=True) as person:
        open_coffee(person)
        person.page.route("**/api/objects/**", lambda route: route.abort())
        person.page.mouse.click(*person.place((290, 200)))
        person.wait(state="offline")
        person.page.unroute("**/api/objects/**")
        person.wait(state="idle", steps="1")
        assert person.area > 0
