"""Copies, and annotations of a whole folder, in a real browser."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from support import browser as browsing
from support.app_disks import Disks
from support.browser import EXAMPLES, opened, served

pytestmark = browsing.MARKS

NAMES = ("astronaut.jpg", "chelsea.jpg")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in NAMES:
        Image.open(EXAMPLES / "astronaut.jpg").resize((400, 300)).save(folder / name)
    return folder


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    with served(folder, Disks()) as address:
        yield address


def coco(tmp_path: Path) -> Path:
    """Two boxes on the first image, one on the second, and one on an unknown image."""
    file = tmp_path / "boxes.json"
    images = [{"id": i, "file_name": name, "width": 400, "height": 300} for i, name in enumerate((*NAMES, "gone.jpg"))]
    boxes = [
        {"id": i, "image_id": image, "category_id": 1, "bbox": [40 + 60 * i, 50, 50, 40], "iscrowd": 0}
        for i, image in enumerate((0, 0, 1, 2))
    ]
    file.write_text(json.dumps({"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cup"}]}))
    return file


def test_boxes_of_a_folder_are_imported_and_become_masks(address: str, tmp_path: Path) -> None:
    with opened(address) as person:
        page = person.page
        person.page.keyboard.press("i")
        dialog = page.get_by_role("dialog", name="Import annotations")
        with page.expect_file_chooser() as chooser:
            dialog.get_by_role("button", name="Choose files…").click()
        chooser.value.set_files(coco(tmp_path))
        dialog.get_by_text("3 objects will be new").wait_for()
        assert dialog.get_by_text("not in the folder").inner_text().startswith("1 image: not in the folder (gone.jpg)")
        assert page.locator("#objects .object").count() == 0, "nothing is stored yet"
        dialog.get_by_role("button", name="Import", exact=True).click()
        dialog.get_by_text("3 objects new").wait_for()
        page.keyboard.press("Escape")
        person.wait(state="idle")
        page.locator("#objects .object").nth(1).wait_for()
        page.wait_for_function(
            "() => [...document.querySelectorAll('#objects .number')].every((each) => !each.textContent.includes('…'))"
        )
        assert page.locator("#labels .label").first.inner_text().split() == ["cup", "1"]
        person.press("ArrowRight")
        page.locator("#boxes").wait_for(state="hidden")
        assert page.locator("#objects .object").count() == 1
        page.get_by_role("button", name="Next object not accepted").click()
        page.locator("#mask-text", has_text="pixels").wait_for()
        assert int(person.status["area"]) > 100
        assert not page.locator("#resume").is_visible()

        page.keyboard.press("i")
        with page.expect_file_chooser() as chooser:
            dialog.get_by_role("button", name="Choose files…").click()
        chooser.value.set_files(coco(tmp_path))
        dialog.get_by_text("3 objects already here").wait_for()
        assert dialog.get_by_role("button", name="Import", exact=True).count() == 0


def test_a_folder_of_annotations_is_imported(address: str, tmp_path: Path) -> None:
    data = tmp_path / "set"
    (data / "labels").mkdir(parents=True)
    for name in NAMES:
        (data / "labels" / f"{Path(name).stem}.txt").write_text("0 0.5 0.5 0.2 0.2\n")
        (data / name).write_bytes(b"a photograph")
    (data / "data.yaml").write_text("names: [cat]\n")
    with opened(address) as person:
        person.page.keyboard.press("i")
        dialog = person.page.get_by_role("dialog", name="Import annotations")
        with person.page.expect_file_chooser() as chooser:
            dialog.get_by_role("button", name="Choose a folder…").click()
        chooser.value.set_files(data)
        dialog.get_by_text("2 objects will be new").wait_for()
        dialog.get_by_role("button", name="Import", exact=True).click()
        dialog.get_by_text("2 objects new").wait_for()
        dialog.get_by_role("button", name="Close").click()
        person.wait(state="idle")
        person.page.locator("#labels", has_text="cat").wait_for()


def test_what_is_no_annotation_is_said(address: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.json").write_text('{"a": 1}')
    with opened(address, cut_off=True) as person:
        person.page.keyboard.press("i")
        dialog = person.page.get_by_role("dialog", name="Import annotations")
        with person.page.expect_file_chooser() as chooser:
            dialog.get_by_role("button", name="Choose files…").click()
        chooser.value.set_files(tmp_path / "wrong.json")
        dialog.locator(".import-report p", has_text="wrong.json").wait_for()


def test_objects_are_copied_pasted_and_taken_to_the_next_image(address: str) -> None:
    with opened(address) as person:
        page = person.page
        person.click((100, 100))
        area = person.area
        person.press("Control+d")
        assert (person.status["object"], person.area) == ("2", area)
        person.press("Control+z")
        assert page.locator("#objects .object").count() == 1

        person.press("n")
        person.press("Control+c")
        person.press("ArrowRight")
        person.press("Control+v")
        assert (person.status["object"], person.area, person.status["steps"]) == ("1", area, "1")
        person.press("Control+z")
        assert page.locator("#objects .object").count() == 0

        person.press("ArrowLeft")
        page.keyboard.press("Shift+PageDown")
        page.get_by_role("button", name="Copy boxes").click()
        person.wait(image=NAMES[1], state="idle")
        person.press("Tab")
        page.locator("#steps .step", has_text="Box").wait_for()
        page.wait_for_function("() => document.querySelector('#mask-text').textContent.includes('pixels')")
        assert page.locator("#objects .object").count() == 1
