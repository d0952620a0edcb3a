"""The page in Chromium, which reaches no computer but the one that serves the files."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Route

from support import axe
from support import browser as browsing
from support.static_site import NEEDS_PACKAGE, PACKAGE, Visitor, opened_site, served_folder
from vpuformer import Box, Click, Predictor, Session
from vpuformer.formats.coco_reading import read_coco_masks
from vpuformer.web.exporting import export_page

pytestmark = [*browsing.MARKS, NEEDS_PACKAGE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, below the folder that is served."""
    return export_page("default", tmp_path_factory.mktemp("site") / "some" / "where", runtime=PACKAGE)


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served_folder(folder.parents[1]) as served:
        yield served + "some/where/"


@pytest.fixture
def visitor(address: str) -> Iterator[Visitor]:
    with opened_site(address) as visitor:
        visitor.wait()
        yield visitor


def test_it_outlines_the_example_offline_and_undoes(visitor: Visitor) -> None:
    visitor.page.context.set_offline(True)
    first = visitor.click((290, 200))
    second = visitor.click((110, 200), positive=False)
    assert 30_000 < second < first < 130_000
    visitor.page.keyboard.press("Control+z")
    assert visitor.area == first
    visitor.press("Redo")
    assert visitor.area == second
    visitor.press("New object")
    assert visitor.wait().startswith("Click the object")
    visitor.press("Scribble")
    assert visitor.drag((335, 270), (345, 300), (350, 310)) < 20_000
    visitor.press("Clear")
    for key in ("Delete", "Backspace", "c"):
        visitor.page.keyboard.press(key)  # nothing is selected: the first object stays
    visitor.page.keyboard.down("Alt")
    visitor.click((290, 200))
    visitor.page.keyboard.up("Alt")
    assert visitor.area == second


def test_its_masks_are_those_of_python(folder: Path, tmp_path: Path) -> None:
    """In several threads, which a browser allows on an isolated page."""
    image = tmp_path / "cat.png"
    with Image.open(browsing.EXAMPLES / "chelsea.jpg") as photograph:
        photograph.save(image)  # browsers decode a JPEG with other rounding
    with served_folder(folder, isolated=True) as served, opened_site(served) as visitor:
        visitor.wait()
        assert len(visitor.page.workers) == min(2, os.cpu_count() or 1)
        compare(visitor, image, tmp_path)


def compare(visitor: Visitor, image: Path, tmp_path: Path) -> None:
    """Outline the cat on the page and in Python."""
    visitor.page.set_input_files("#file", image)
    visitor.page.get_by_text("cat.png").wait_for()
    visitor.wait()
    visitor.drag((100, 20), (400, 280))
    visitor.click((60, 250), positive=False)
    with Image.open(visitor.downloaded("Mask as PNG", tmp_path)) as saved:
        mask = np.asarray(saved.convert("L")) > 0
    predictor = Predictor.from_pretrained("default", runtime="onnx")
    predictor.set_image(image)
    session = Session(predictor)
    session.add(Box(100, 20, 400, 280))
    assert (session.add(Click(60, 250, positive=False)).mask == mask).mean() > 0.995  # a mouse stops at screen pixels
    ((_, read),) = read_coco_masks(visitor.downloaded("All as COCO", tmp_path), "cat.png")
    assert np.array_equal(read, mask)


def test_the_example_does_not_replace_an_image_that_was_chosen_before(address: str) -> None:
    with opened_site(address) as visitor:
        visitor.wait()
        held: list[Route] = []
        visitor.page.route("**/coffee.jpg", lambda route: held.append(route))
        visitor.page.reload()
        visitor.page.set_input_files("#file", browsing.EXAMPLES / "chelsea.jpg")
        visitor.page.get_by_text("chelsea.jpg").wait_for()
        held[0].continue_()
        visitor.wait()
        visitor.page.wait_for_timeout(300)
        assert visitor.page.get_by_text("chelsea.jpg").is_visible()


def test_a_file_that_is_no_image_is_refused(visitor: Visitor, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    visitor.page.set_input_files("#file", broken)
    visitor.page.get_by_text("broken.png is not an image that this browser reads").wait_for()
    assert visitor.click((290, 200)) > 30_000


def test_an_image_that_the_network_cannot_read_gets_no_masks_of_the_former_one(visitor: Visitor) -> None:
    (worker,) = visitor.page.workers
    worker.evaluate("() => { self.createImageBitmap = () => Promise.reject(new Error('no room')); }")
    visitor.page.set_input_files("#file", browsing.EXAMPLES / "chelsea.jpg")
    visitor.page.get_by_text("no room").wait_for()
    visitor.page.mouse.click(*visitor.place((200, 200)))
    visitor.page.get_by_text("there is no image").wait_for()


def test_without_its_network_it_says_so(tmp_path: Path) -> None:
    export_page("default", tmp_path, runtime=PACKAGE)
    shutil.rmtree(tmp_path / "model")
    with served_folder(tmp_path) as served, opened_site(served) as visitor:
        assert "cannot be fetched: 404" in visitor.wait()


@pytest.mark.skipif(not axe.wanted(), reason="axe-core is missing; run make page")
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_serious(address: str, width: int) -> None:
    with opened_site(address, viewport={"width": width, "height": 700}, bypass_csp=True) as visitor:
        axe.start(visitor)
        assert not axe.faults(visitor)
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
