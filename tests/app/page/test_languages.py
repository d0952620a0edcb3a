"""The page in the language of its reader, in a real browser."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import axe
from support import browser as browsing
from support.app_disks import Disks
from support.browser import EXAMPLES, TOO_LONG, Person, opened, served
from vpuformer.app import schemas
from vpuformer.formats import FORMATS

TEXTS = Path(schemas.__file__).parent / "page" / "texts"
LANGUAGES = sorted(path.stem for path in TEXTS.glob("*.json"))

# Whatever a person reads or hears, apart from the names of the languages.
WORDS = """() => [...document.querySelectorAll("body *:not(option)")].flatMap((element) => [
  ...[...element.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE).map(({ data }) => data),
  ...["title", "aria-label", "aria-valuetext", "placeholder"].map((name) => element.getAttribute(name) ?? ""),
]).map((words) => words.trim()).filter(Boolean)"""

# The panel at the side, which a narrow window closes in a frame after it became narrow.
OPEN_SIDE = """async () => {
  for (let frame = 0; frame < 2; frame++) await new Promise((resolve) => requestAnimationFrame(resolve));
  if (document.getElementById("side").hidden) document.getElementById("toggle-side").click();
}"""

pytestmark = browsing.MARKS


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    for name in ("astronaut", "coffee"):
        shutil.copy(EXAMPLES / f"{name}.jpg", tmp_path)
    with served(tmp_path, Disks()) as address:
        yield address


def sentences(language: str) -> set[str]:
    """All texts of a language without values, in each of their forms."""
    entries: dict[str, Any] = json.loads((TEXTS / f"{language}.json").read_text("utf-8"))
    forms = [form for entry in entries.values() for form in (entry.values() if isinstance(entry, dict) else [entry])]
    return {form for form in forms if "{" not in form}


def shown(person: Person) -> set[str]:
    """What the page shows: all dialogs, cards and lists with an object that has a label."""
    page = person.page
    page.locator("#new-label-name").fill("cup")
    page.keyboard.press("Enter")
    page.locator("#labels .chosen").wait_for()
    page.locator("#stage").focus()
    person.click((100, 100))
    words: set[str] = set(page.evaluate(WORDS))
    for opens, what in (
        ("y", "#tidy"),
        ("F9", "#polygon"),
        ("F8", "#review"),
        ("?", "#keys"),
        ("i", "#import-dialog"),
        ("F7", "#people"),
        ("d", "#ask"),
    ):
        person.press(opens)
        page.locator(what).wait_for()
        words.update(page.evaluate(WORDS))
        if page.locator("dialog[open]").count():
            page.keyboard.press("Escape")
            page.locator(what).wait_for(state="hidden")
        page.locator("#stage").focus()  # cards have fields, which would take the next key
    page.locator("#toggle-filter").click()
    page.locator("[data-act=counts]").click()
    page.locator("#counts table").first.wait_for()
    words.update(page.evaluate(WORDS))
    page.keyboard.press("Escape")
    page.locator("#label-setup").click()
    words.update(page.evaluate(WORDS))
    page.keyboard.press("Escape")
    return words


def test_the_page_is_german_in_a_german_browser_and_chinese_once_that_is_chosen(address: str) -> None:
    with opened(address, locale="de-AT") as person:
        page = person.page
        files: list[str] = []
        page.on("request", lambda request: files.append(request.url.removeprefix(address)))
        page.reload()
        person.wait(state="idle")
        assert [file for file in files if "/texts/" in file] == ["static/texts/de.json"]
        assert page.locator("html").get_attribute("lang") == "de"
        assert page.get_by_role("button", name="Erledigt").is_visible()
        assert page.get_by_placeholder("Bilder suchen").is_visible()
        words = shown(person)
        assert {"Tasten und Gesten", "Strg", "Maske bereinigen", "Objekt löschen"} <= words
        assert page.locator("#mask-text").inner_text() == "Maske: 1.257 Pixel"
        assert not words & (sentences("en") - sentences("de"))
        if axe.wanted():
            axe.start(person)
            assert axe.faults(person) == []
        person.press("?")
        files.clear()
        page.get_by_role("combobox", name="Sprache").select_option("中文")
        page.get_by_placeholder("搜索图像").wait_for()
        page.reload()
        person.wait(state="idle")
        assert page.locator("html").get_attribute("lang") == "zh"
        assert page.get_by_role("button", name="完成").is_visible()
        assert {file for file in files if "/texts/" in file} == {"static/texts/zh.json"}
        person.press("?")
        assert page.locator("#keys :checked").inner_text() == "中文"
        if axe.wanted():
            axe.start(person)
            assert axe.faults(person) == []


def test_no_language_needs_more_room_than_there_is(address: str) -> None:
    with opened(address) as person:
        page = person.page
        shown(person)
        for language in LANGUAGES:
            page.evaluate("(stored) => localStorage.setItem('vpuformer-language', stored)", json.dumps(language))
            page.reload()
            person.wait(state="idle")
            page.locator("#stage").focus()
            person.press("Tab")
            for width in (1280, 768):
                page.set_viewport_size({"width": width, "height": 900})
                page.evaluate(OPEN_SIDE)
                assert (page.evaluate(TOO_LONG), language, width) == ([], language, width)
                page.locator("#side [popovertarget=more-menu]").click()
                assert (page.evaluate(TOO_LONG), "More", language, width) == ([], "More", language, width)
                page.keyboard.press("Escape")
                for opens in ("y", "F9", "F8", "?", "i", "F7", "d", "Control+s"):
                    page.locator("#stage").focus()
                    person.press(opens)
                    assert (page.evaluate(TOO_LONG), opens, language, width) == ([], opens, language, width)
                    if page.locator("dialog[open], :popover-open").count():
                        page.keyboard.press("Escape")
                person.press("F8")


def test_the_formats_have_the_texts_of_the_registry() -> None:
    english = json.loads((TEXTS / "en.json").read_text("utf-8"))
    for name, each in FORMATS.items():
        assert english[f"format.{name}.title"] == each.title
        assert english[f"format.{name}.summary"] == each.summary
