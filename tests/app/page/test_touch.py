"""A day's work with fingers alone, on a tablet of 768 pixels."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from support import browser as browsing
from support.app_disks import Disks
from support.browser import EXAMPLES, Person, Point, opened, served

pytestmark = browsing.MARKS


class Fingers:
    """A person without mouse and keys."""

    def __init__(self, person: Person) -> None:
        self.person, self.page = person, person.page
        self._touch = person.page.context.new_cdp_session(person.page)

    def tap(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name, exact=True).filter(visible=True).first.tap()
        self.person.answered()

    def touch(self, *path: Point) -> None:
        """Draw, or tap if the path is a point."""
        first, *others = self._places(path)
        self._send("touchStart", first)
        for place in others:
            self.page.wait_for_timeout(40)  # else the browser takes the next tap as the end of a fling
            self._send("touchMove", place)
        self._send("touchEnd", None)
        self.person.answered()

    def rest(self, point: Point) -> None:
        """Press for long."""
        self._send("touchStart", *self._places([point]))
        self.page.wait_for_timeout(700)
        self._send("touchEnd", None)
        self.person.answered()

    def more(self, name: str) -> None:
        """Choose an entry of the menu."""
        self.tap("More")
        self.page.locator("#more-menu").get_by_text(name).tap()

    @property
    def objects(self) -> int:
        return self.page.locator("#objects .object").count()

    def _places(self, path: Sequence[Point]) -> list[Point]:
        return [self.person.place(point) for point in path]

    def _send(self, kind: str, place: Point | None) -> None:
        points = [] if place is None else [{"x": place[0], "y": place[1]}]
        self._touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.fixture
def fingers(tmp_path: Path) -> Iterator[Fingers]:
    for name in ("coffee", "chelsea"):
        shutil.copy(EXAMPLES / f"{name}.jpg", tmp_path)
    size = {"width": 768, "height": 1024}
    with served(tmp_path, Disks()) as address, opened(address, viewport=size, has_touch=True, is_mobile=True) as person:
        person.page.set_default_timeout(5000)
        yield Fingers(person)


def test_every_prompt_undo_and_the_brush(fingers: Fingers) -> None:
    person, page = fingers.person, fingers.page
    fingers.touch((100, 100))
    for positive, tool, path in (
        (False, "Click", [(105, 100)]),
        (True, "Box", [(50, 50), (150, 150)]),
        (False, "Scribble", [(60, 60), (80, 80), (90, 60)]),
        (True, "Lasso", [(50, 50), (150, 50), (150, 150)]),
    ):
        fingers.tap(tool)
        fingers.tap("Positive: belongs to the object" if positive else "Negative: does not belong to the object")
        fingers.touch(*path)
    fingers.tap("Brush")
    radius = page.locator("#brush-text").inner_text()
    fingers.tap("Larger brush")
    assert page.locator("#brush-text").inner_text() != radius
    fingers.touch((200, 100), (220, 100))
    kinds = ["Positive click", "Negative click", "Box", "Negative scribble", "Lasso", "Brush"]
    shown = page.locator("#steps .step-name").all_text_contents()
    assert [text.strip() for text in shown] == kinds
    fingers.tap("Undo")
    assert person.status["steps"] == "5"
    fingers.tap("Redo")
    assert person.status["steps"] == "6"


def test_objects_are_selected_merged_labelled_accepted_and_exported(fingers: Fingers) -> None:
    person, page = fingers.person, fingers.page
    fingers.tap("Side panel")
    page.get_by_placeholder("New label").fill("cup")
    fingers.tap("Add label")
    fingers.tap("Side panel")
    for point in ((100, 100), (200, 100), (150, 200)):
        fingers.touch(point)
        fingers.tap("Accept")
    fingers.rest((100, 100))
    assert (person.status["object"], fingers.objects) == ("1", 3)
    fingers.more("Merge another object in")
    fingers.tap("Cancel")
    fingers.more("Merge another object in")
    fingers.touch((200, 100))
    assert fingers.objects == 2
    fingers.more("Split into its parts")
    fingers.tap("Undo")
    page.locator("#quick-label").select_option("No label")
    person.answered()
    fingers.more("Begin a new object")
    assert person.status["object"] == ""

    fingers.tap("Done")
    assert page.locator("#done").get_attribute("aria-pressed") == "true"
    fingers.tap("List of images")
    fingers.tap("Filter and order")
    fingers.tap("Review")
    fingers.tap("Reject")
    assert page.locator("#review-state").inner_text() == "rejected"
    page.locator("#review").get_by_role("button", name="Close").tap()
    fingers.tap("Next image")
    person.wait(state="idle", image="coffee.jpg")

    fingers.tap("Import annotations")
    assert page.get_by_role("button", name="Choose files…").is_visible()
    page.locator("#import-dialog").get_by_role("button", name="Close").tap()
    fingers.tap("Export")
    with page.expect_download() as download:
        page.locator("#export-menu").get_by_text("COCO JSON").tap()
    assert download.value.path().stat().st_size > 0
