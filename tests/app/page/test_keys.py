"""Keys that a person changes, and prompts that the keyboard draws, in a real browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import browser as browsing
from support.app_disks import Disks
from support.browser import EXAMPLES, Person, opened, served

pytestmark = browsing.MARKS


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    shutil.copy(EXAMPLES / "coffee.jpg", tmp_path)
    with served(tmp_path, Disks()) as address, opened(address) as person:
        yield person


def test_a_key_is_changed_kept_and_reset_and_a_conflict_is_said(person: Person) -> None:
    page = person.page
    says, box = page.locator(".keys-say"), page.locator("[data-act='tool:box']")
    page.keyboard.press("?")
    page.get_by_role("button", name="Change keys…").click()
    assert page.locator("[data-changes-key='escape']").count() == 0
    page.get_by_role("button", name="change the key for: Box (rectangle)").click()
    page.keyboard.press("j")
    assert says.inner_text().startswith("J is already the key for: Join")
    page.keyboard.press("Escape")
    assert page.locator("#keys").is_visible()
    page.locator("[data-changes-key='tool:box']").press("Enter")
    page.keyboard.press("Alt+b")
    assert says.inner_text() == "Changed to Alt+B."
    assert box.get_attribute("title") == "Box (Alt+B)"
    page.keyboard.press("Escape")
    page.locator("#keys").wait_for(state="hidden")

    page.reload()
    person.wait(state="idle")
    person.press("r")
    assert box.get_attribute("aria-pressed") == "false"
    person.press("Alt+b")
    assert box.get_attribute("aria-pressed") == "true"
    page.keyboard.press("?")
    page.get_by_role("button", name="Change keys…").click()
    page.get_by_role("button", name="Reset all keys").click()
    assert box.get_attribute("title") == "Box (R)"
    page.get_by_role("button", name="Finish").click()
    page.keyboard.press("Escape")
    person.press("s")
    person.press("r")
    assert box.get_attribute("aria-pressed") == "true"


_DRAWN_AFTER = """([type, key, code]) => {
  const event = new KeyboardEvent(type, { key, code, bubbles: true, cancelable: true });
  document.getElementById("stage").dispatchEvent(event);
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => {
    const canvas = document.getElementById("overlay");
    resolve(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0));
  })));
}"""


def test_letters_of_a_cyrillic_keyboard_act_and_are_let_go(person: Person) -> None:
    person.click((200, 200))
    key = ["\N{CYRILLIC SMALL LETTER ER}", "KeyH"]
    assert [person.page.evaluate(_DRAWN_AFTER, [kind, *key]) for kind in ("keydown", "keyup")] == [False, True]


def test_scribble_and_lasso_are_drawn_with_the_keyboard(person: Person) -> None:
    page = person.page
    for tool, begin in (("w", ","), ("l", ".")):
        person.press(tool)
        page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press(begin)
        for key in ("ArrowUp", "ArrowUp", "ArrowRight", "ArrowRight"):
            page.keyboard.press(f"Shift+{key}")
        person.press(begin)
    assert page.locator("#steps .step-name").all_inner_texts() == ["Negative scribble", "Lasso"]
