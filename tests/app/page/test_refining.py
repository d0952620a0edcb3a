"""Only here, candidates, tidying and a network that is still loading, in a real browser."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from support import browser as browsing
from support.app_disks import Disks
from support.browser import EXAMPLES, Person, opened, served, served_examples
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Query

pytestmark = browsing.MARKS


class Recorded(Disks):
    """Disks that keep the queries, and that may have no candidates."""

    def __init__(self, *, candidates: bool = True) -> None:
        super().__init__()
        self.queries: list[Query] = []
        self.candidates = candidates

    def answer(self, query: Query) -> Prediction:
        self.queries.append(query)
        prediction = super().answer(query)
        return prediction if self.candidates else Prediction(prediction.probability, logits=prediction.logits)


@pytest.fixture
def segmenter() -> Recorded:
    return Recorded()


@pytest.fixture
def address(tmp_path: Path, segmenter: Recorded) -> Iterator[str]:
    with served_examples(tmp_path, segmenter) as address:
        yield address


def slide(person: Person, title: str, presses: int) -> int:
    """The area after a slider was moved with the arrow keys."""
    slider = person.page.get_by_label(title)
    slider.focus()
    for _ in range(presses):
        person.page.keyboard.press("ArrowRight")
    person.page.wait_for_timeout(300)  # the page waits for the slider to rest
    person.answered()
    return person.area


def test_only_here_is_a_switch_that_ends_with_the_object(address: str, segmenter: Recorded) -> None:
    with opened(address) as person:
        switch = person.page.locator("#only-here")
        assert switch.is_disabled()
        person.click((100, 100))
        person.press("o")
        assert switch.get_attribute("aria-pressed") == "true"
        assert "near them alone" in person.page.locator("#hint").inner_text()
        person.click((200, 200))
        switch.click()
        person.click((300, 300))
        person.press("o")
        person.press("Enter")
        assert switch.get_attribute("aria-pressed") == "false"
        person.click((400, 400))
        assert [query.only_here for query in segmenter.queries] == [False, True, False, False]


def test_a_button_lies_on_no_pixel_of_an_image_that_fits_the_screen(address: str, segmenter: Recorded) -> None:
    with opened(address) as person:
        person.page.get_by_text("astronaut.jpg").first.click()
        person.page.get_by_role("heading", name="astronaut.jpg").wait_for()
        person.answered()
        corners = [(1, 510), (510, 510), (510, 1), (1, 1)]
        for corner in corners:
            person.click(corner)
        assert [tuple(prompt.points[0].round()) for prompt in segmenter.queries[-1].prompts] == corners


def test_a_key_and_a_button_go_round_the_candidates(address: str) -> None:
    with opened(address) as person:
        button = person.page.locator("#choose")
        assert (button.is_disabled(), button.inner_text()) == (True, "Candidates")
        person.click((100, 100))
        disk = person.area
        person.press("a")
        assert (button.inner_text(), person.status["steps"]) == ("2 of 3, score 0.50", "2")
        part = person.area
        assert part < disk
        button.click()
        person.answered()
        assert button.inner_text() == "3 of 3, score 0.25"
        assert person.area > disk
        person.press("a")
        assert (button.inner_text(), person.area) == ("1 of 3, score 0.75", disk)
        person.press("a")
        person.press("Control+z")
        assert (button.inner_text(), person.area, person.status["steps"]) == ("Candidates", disk, "1")
        person.press("Control+Shift+z")
        assert (button.inner_text(), person.area) == ("2 of 3, score 0.50", part)


def test_a_method_without_candidates_says_so(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "coffee.jpg", tmp_path)
    with served(tmp_path, Recorded(candidates=False)) as address, opened(address, cut_off=True) as person:
        person.click((100, 100))
        area = person.area
        person.press("a")
        assert (person.area, person.status["steps"]) == (area, "1")
        assert "no candidates" in person.toasts[0]


def test_sliders_tidy_the_mask_and_leave_one_step(address: str) -> None:
    with opened(address) as person:
        person.click((100, 100))
        for x, y in ((250, 250), (250, 280)):
            person.press("b")
            person.drag([(x, y), (x + 1, y)])
        person.press("e")
        person.press("[")
        person.press("s")
        person.click((300, 100))
        person.click((300, 100), positive=False)
        untidy = person.area
        person.page.keyboard.press("y")
        panel = person.page.locator("#tidy")
        card, opener = panel.bounding_box(), person.page.locator("#toggle-tidy").bounding_box()
        assert card is not None
        assert opener is not None
        assert 0 <= opener["y"] - card["y"] - card["height"] <= 20, "the panel stands above its button"
        assert card["x"] <= opener["x"] <= card["x"] + card["width"]
        panel.wait_for()
        steps = int(person.status["steps"])
        assert slide(person, "Threshold", 45) < untidy  # 94 %: only the prompts are left
        assert int(person.status["steps"]) == steps + 1
        panel.get_by_role("button", name="Reset").click()
        person.answered()
        assert (person.area, int(person.status["steps"])) == (untidy, steps)
        panel.get_by_role("button", name="As last time").click()
        assert int(person.answered()["steps"]) == steps + 1
        person.press("Control+z")
        assert person.area == untidy
        person.press("n")
        assert not panel.is_visible(), "it closes when no object is selected"


def test_a_network_that_is_loading_keeps_the_prompts_that_are_given_meanwhile(
    address: str, segmenter: Recorded
) -> None:
    state: dict[str, Any] = {"state": "loading", "progress": 0.4, "message": None}
    loaded = Event()
    segmenter.before = loaded.wait
    with opened(address) as person:
        page = person.page
        page.route("**/api/network", lambda route: route.fulfill(json=state))
        page.reload()
        bar = page.locator("#loading")
        bar.wait_for()
        assert page.locator("#loading-progress").evaluate("bar => bar.value") == 0.4
        for x in (100, 200):
            page.mouse.click(*person.place((x, 100)))
        person.wait(state="busy", steps="2")
        assert page.locator("#connection-text").inner_text() == "Loading the network"
        assert page.locator("#mask-text").inner_text() == ""
        state.update(state="ready", progress=1)
        loaded.set()
        bar.wait_for(state="hidden")
        assert person.answered()["steps"] == "2"
        assert page.locator("#connection-text").inner_text() == "Saved"


def test_a_network_that_cannot_be_loaded_says_why(address: str) -> None:
    state = {"state": "failed", "progress": 0, "message": "the network 'default' cannot be loaded; mend that"}
    with opened(address) as person:
        page = person.page
        page.route("**/api/network", lambda route: route.fulfill(body=json.dumps(state)))
        page.reload()
        page.locator("#alarm").wait_for()
        assert page.locator("#alarm").inner_text() == "The network 'default' cannot be loaded; mend that"
        page.unroute("**/api/network")
        page.locator("#alarm").wait_for(state="hidden")
