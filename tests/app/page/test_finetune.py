"""Fine-tuning in a real browser: two people, a reload, the result, and a failure."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import vpuformer
from support import axe, fake_finetune
from support import browser as browsing
from support.browser import TOO_LONG, Person, opened, served
from support.outlined import LAYOUTS
from vpuformer.app.annotation import finetune_process

pytestmark = browsing.MARKS

PACKAGE = Path(vpuformer.__file__).parent
WEIGHTS = PACKAGE / "weights" / "default"
LANGUAGES = sorted(path.stem for path in (PACKAGE / "app" / "page" / "texts").glob("*.json"))


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    LAYOUTS["app"][1](tmp_path / "photos")
    monkeypatch.setattr(finetune_process, "COMMAND", (sys.executable, str(Path(fake_finetune.__file__))))
    monkeypatch.setenv("FAKE_MODEL", str(WEIGHTS))
    with served(tmp_path / "photos") as address:
        yield address


def second(person: Person, address: str) -> Person:
    """Somebody else, in a browser of their own."""
    browser = person.page.context.browser
    assert browser is not None
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(address)
    other = Person(page)
    other.wait(state="idle")
    return other


def open_dialog(person: Person) -> None:
    person.page.locator("#model:enabled").click()
    person.page.locator("#finetune[open]").wait_for()


def test_two_people_fine_tune_and_use_the_result(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE", "waits")
    with opened(address) as ann:
        page, dialog = ann.page, ann.page.locator("#finetune")
        ann.press("Tab")
        area = ann.area
        open_dialog(ann)
        dialog.get_by_text("Accepted objects: 12; images: 6; prompts of people: 6").wait_for()
        used, left_out = dialog.locator("ul").all_inner_texts()
        assert used == "kept together in the split: 4 images that look alike, in 2 groups"
        assert left_out == "3 objects that are not accepted: a.png"
        assert dialog.locator(".finetune-model").inner_text() == "Model in use, from which it starts: default"
        bob = second(ann, address)
        dialog.get_by_label("Minutes").fill("30")
        dialog.get_by_role("button", name="Start").click()
        dialog.get_by_text("Training, 25 % · about 30 minutes left").wait_for()
        page.reload()
        page.locator("#finetuning", has_text="Fine-tuning: Training, 25 %").wait_for()
        bob.page.locator("#finetuning", has_text="Training, 25 %").click()
        bob.page.get_by_role("button", name="Stop, and keep the best so far").click()
        for person in (ann, bob):
            person.page.get_by_text("The fine-tuned model photos-model is ready.").wait_for()
            person.page.locator("#finetuning").wait_for(state="hidden")
        open_dialog(ann)
        text = dialog.locator("tbody").inner_text().replace("\N{MINUS SIGN}", "-")
        rows = [row.split("\t") for row in text.splitlines()]
        assert rows[0] == ["IoU after 1 click", "0.500", "0.750", "+0.250 (+0.125 to +0.375)"]
        assert rows[3] == ["Clicks to an IoU of 85 %", "6.50", "4.25", "-2.25 (-3.00 to -1.50)"]
        assert len(rows) == len(fake_finetune.ROWS)
        if axe.wanted():
            axe.start(ann)
            assert axe.faults(ann) == []
        dialog.get_by_role("button", name="Use this model").click()
        dialog.get_by_text("This model is in use.").wait_for()
        for person in (ann, bob):
            person.page.locator("#model", has_text="photos-model").wait_for()
        page.keyboard.press("Escape")
        page.locator("#stage").focus()
        ann.press("Tab")
        assert ann.area == area, "masks stay as they are"
        ann.press("n")
        ann.click((55, 12))
        assert ann.area > 0
        open_dialog(ann)
        dialog.get_by_role("button", name="Go back to default").click()
        bob.page.locator("#model", has_text="default").wait_for()


def test_a_failure_is_said_in_the_language_of_the_page(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE", "killed")
    with opened(address) as person:
        page = person.page
        open_dialog(person)
        page.get_by_role("button", name="Start").click()
        page.get_by_text("It ended without a result: the process was killed (SIGKILL)").wait_for()
        monkeypatch.setenv("FAKE", "works")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Use this model").wait_for()
        for language in LANGUAGES:
            page.evaluate("(stored) => localStorage.setItem('vpuformer-language', stored)", json.dumps(language))
            page.reload()
            person.wait(state="idle")
            for width in (1280, 768, 400):
                page.set_viewport_size({"width": width, "height": 900})
                assert (page.evaluate(TOO_LONG), language, width) == ([], language, width)
                if not page.locator("#finetune[open]").count():
                    page.set_viewport_size({"width": 1280, "height": 900})
                    open_dialog(person)
                    page.locator("#finetune tbody").wait_for()
                    page.set_viewport_size({"width": width, "height": 900})
                assert (page.evaluate(TOO_LONG), "dialog", language, width) == ([], "dialog", language, width)
            page.set_viewport_size({"width": 1280, "height": 900})
