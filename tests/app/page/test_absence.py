"""A real browser while the server, disk space or image files are missing."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from support import browser as browsing
from support.app_disks import Disks
from support.browser import Person, opened, served

EXAMPLES = Path(__file__).parents[3] / "examples"

pytestmark = browsing.MARKS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("astronaut.jpg", "coffee.jpg"):
        shutil.copy(EXAMPLES / name, tmp_path)
    return tmp_path


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    with served(folder, Disks()) as address:
        yield address


def alarm(person: Person) -> str:
    assert person.status
    return person.page.locator("#alarm").inner_text()


def test_the_page_goes_on_by_itself_when_the_server_is_back(folder: Path) -> None:
    with ExitStack() as first, ExitStack() as second:
        address = first.enter_context(served(folder, Disks()))
        with opened(address, cut_off=True) as person:
            person.click((100, 100))
            first.close()
            person.page.mouse.click(*person.place((200, 200)))
            person.page.mouse.click(*person.place((300, 300)))
            person.wait(state="offline")
            assert "cannot be reached" in alarm(person)
            person.page.keyboard.press("PageDown")
            person.page.locator("#empty").wait_for()
            assert "cannot be reached" in person.page.locator("#empty-text").inner_text()

            second.enter_context(served(folder, Disks(), port=urlsplit(address).port or 0))
            person.page.locator("#empty").wait_for(state="hidden")
            assert person.wait(state="idle")["image"] == "coffee.jpg"
            assert alarm(person) == ""
            person.page.keyboard.press("PageUp")
            person.wait(state="idle", image="astronaut.jpg")
            assert person.press("Tab")["steps"] == "3"


def test_a_server_that_is_back_with_another_token_is_reached_once_its_address_was_opened(folder: Path) -> None:
    with ExitStack() as first, ExitStack() as second:
        address = first.enter_context(served(folder, Disks(), token="the-first-token"))
        with opened(address, cut_off=True) as person:
            first.close()
            port = urlsplit(address).port or 0
            address = second.enter_context(served(folder, Disks(), port=port, token="another-token"))
            person.page.mouse.click(*person.place((200, 200)))
            person.wait(state="offline")
            assert "token" in alarm(person)
            person.page.context.new_page().goto(address)  # as `vpuformer annotate` does by itself
            assert person.wait(state="idle")["steps"] == "1"
            assert alarm(person) == ""


def test_a_page_whose_address_another_project_has_keeps_its_work_until_its_own_is_back(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    shutil.copy(EXAMPLES / "coffee.jpg", other / "other.jpg")
    with ExitStack() as first, ExitStack() as second, ExitStack() as third:
        address = first.enter_context(served(folder, Disks()))
        port = urlsplit(address).port or 0
        with opened(address, cut_off=True) as person:
            first.close()
            second.enter_context(served(other, Disks(), port=port))
            person.page.mouse.click(*person.place((200, 200)))
            person.wait(state="offline")
            assert "another project" in alarm(person)
            person.page.evaluate("window.dispatchEvent(new Event('focus'))")
            person.page.locator("#empty").wait_for()
            assert "another project" in person.page.locator("#empty-text").inner_text()
            second.close()
            third.enter_context(served(folder, Disks(), port=port))
            person.page.locator("#empty").wait_for(state="hidden")
            person.wait(state="idle", image="astronaut.jpg")
            assert person.press("Tab")["steps"] == "1"
    with served(other, Disks()) as address, opened(address) as person:
        person.wait(state="idle", image="other.jpg")
        assert person.page.locator("#objects .object").count() == 0


def test_a_full_disk_is_told_in_the_words_of_the_server(address: str) -> None:
    sentence = "the database cannot be written (disk full); make room"
    with opened(address, cut_off=True) as person:
        full = json.dumps({"error": sentence})
        person.page.route("**/steps", lambda route: route.fulfill(status=507, body=full))
        person.page.mouse.click(*person.place((200, 200)))
        person.wait(state="offline")
        assert alarm(person) == f"Not saved yet; the page keeps trying. {sentence.capitalize()}"
        person.page.unroute("**/steps")
        person.wait(state="idle", steps="1")
        assert alarm(person) == ""


def test_the_name_of_a_label_that_was_refused_can_be_sent_again(address: str) -> None:
    with opened(address, cut_off=True) as person:
        page, field = person.page, person.page.get_by_placeholder("New label")
        page.route("**/api/labels", lambda route: route.fulfill(status=507, json={"error": "no room"}))
        field.fill("cat")
        page.keyboard.press("Enter")
        page.locator(".toast").wait_for()
        assert field.input_value() == "cat"
        page.unroute("**/api/labels")
        field.press("Enter")
        page.locator("#labels .chosen", has_text="cat").wait_for()
        assert field.input_value() == ""


def test_a_image_whose_file_is_gone_leaves_no_empty_object(address: str, folder: Path) -> None:
    with opened(address, cut_off=True) as person:
        person.answered()
        (folder / "astronaut.jpg").unlink()
        person.click((200, 200))
        assert person.status["object"] == ""
        assert person.page.locator("#objects .object").count() == 0
        assert any("astronaut.jpg" in toast for toast in person.toasts)
        shutil.copy(EXAMPLES / "astronaut.jpg", folder)
        person.page.reload()
        person.wait(state="idle")
        assert person.page.locator("#objects .object").count() == 0
        assert person.click((200, 200))["steps"] == "1"


def test_an_image_that_was_exchanged_for_one_of_another_size_is_opened_anew(address: str, folder: Path) -> None:
    with opened(address, cut_off=True) as person:
        (folder / "astronaut.jpg").unlink()
        with Image.open(EXAMPLES / "astronaut.jpg") as image:
            image.resize((300, 200)).save(folder / "astronaut.jpg")
        person.click((200, 100))
        assert person.toasts == [
            "The file of astronaut.jpg was replaced: it is 300x200 pixels now and was 512x512; open it again"
        ]
        person.wait(state="idle", object="")
        assert person.page.locator("#image-size").inner_text() == "300 \N{MULTIPLICATION SIGN} 200"
        assert person.click((200, 100))["steps"] == "1"


def test_an_image_that_was_exchanged_for_one_of_the_same_size_is_opened_anew(address: str, folder: Path) -> None:
    with opened(address, cut_off=True) as person:
        (folder / "astronaut.jpg").unlink()
        with Image.open(EXAMPLES / "astronaut.jpg") as image:
            image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / "astronaut.jpg")
        person.click((200, 100))
        assert person.toasts == ["The file of astronaut.jpg was replaced; open it again"]
        person.wait(state="idle", object="")
        assert person.click((200, 100))["steps"] == "1"


def test_a_file_that_comes_is_listed_without_a_restart(address: str, folder: Path) -> None:
    with opened(address) as person:
        shutil.copy(EXAMPLES / "chelsea.jpg", folder)
        person.page.evaluate("window.dispatchEvent(new Event('focus'))")
        person.page.locator(".file-name", has_text="chelsea.jpg").wait_for()


def test_a_wait_and_a_search_and_an_export_without_a_result_say_what_to_do(address: str) -> None:
    with opened(address) as person:
        page = person.page
        page.get_by_role("button", name="Export").click()
        assert "No object is accepted yet. Accept one first" in page.locator("#export-menu").inner_text()
        page.keyboard.press("Escape")
        page.get_by_placeholder("Search images").fill("nothing like this")
        assert person.status
        assert page.locator("#progress-text").inner_text() == "No image fits. Clear search and filter."
        page.get_by_placeholder("Search images").fill("")
        page.route("**/api/images/2?*", lambda route: page.wait_for_timeout(1200) or route.continue_())
        page.route("**/api/images/2", lambda route: page.wait_for_timeout(1200) or route.continue_())
        page.keyboard.press("Escape")
        page.keyboard.press("PageDown")
        page.get_by_text("Opening coffee.jpg. Large images take some seconds.").wait_for()
        person.wait(state="idle", image="coffee.jpg")
        assert not page.locator("#opening").is_visible()
