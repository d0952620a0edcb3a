"""The list of images in a real browser: filter, order, review, counts."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import browser as browsing
from support.app_disks import Disks
from support.browser import EXAMPLES, Person, opened, served

pytestmark = browsing.MARKS

NAMES = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    for name in NAMES:
        shutil.copy(EXAMPLES / "coffee.jpg", tmp_path / name)
    with served(tmp_path, Disks()) as address:
        yield address


def shown(person: Person) -> list[str]:
    assert person.status
    rows = person.page.locator("#file-list .file").all()
    return [
        row.locator(".file-name").inner_text() for row in sorted(rows, key=lambda row: row.get_attribute("id") or "")
    ]


def note(person: Person, name: str) -> str:
    return person.page.locator(".file", has_text=name).locator(".file-note").inner_text()


def test_the_list_is_filtered_ordered_and_left_when_an_image_no_longer_fits(address: str) -> None:
    with opened(address) as person:
        page = person.page
        assert not page.locator("#filter").is_visible()
        page.get_by_placeholder("New label").fill("cup")
        page.keyboard.press("Enter")
        page.locator("#labels .chosen", has_text="cup").wait_for()
        person.click((100, 100))
        person.press("Enter")
        person.press("d")
        person.press("ArrowRight")
        person.click((100, 100))
        page.get_by_role("button", name="Filter and order").click()
        state, label, order = (
            page.get_by_label("Filter by state"),
            page.get_by_label("Filter by label"),
            page.locator("#sort"),
        )

        state.select_option("open")
        assert shown(person) == ["b.jpg", "c.jpg", "d.jpg"]
        assert page.locator("#progress-text").inner_text() == "3 of 4 images shown"
        page.locator("#stage").focus()
        person.press("ArrowRight")
        person.press("d")
        assert shown(person) == ["b.jpg", "c.jpg", "d.jpg"], "the list does not jump under the hands of the person"
        person.press("ArrowRight")
        assert (shown(person), person.status["image"]) == (["b.jpg", "d.jpg"], "d.jpg")
        state.select_option("unaccepted")
        assert shown(person) == ["b.jpg"]
        state.select_option("all")
        assert [text for text in state.locator("option").all_inner_texts() if "(2 images)" in text] == [
            "Needs something (2 images)",
            "Done (2 images)",
            "Done, not reviewed (2 images)",
        ]
        label.select_option(label="cup")
        assert shown(person) == ["a.jpg", "b.jpg"]
        label.select_option(label="No label")
        assert shown(person) == []
        label.select_option(label="Any label")
        order.select_option("newest")
        assert shown(person)[:2] == ["c.jpg", "b.jpg"]

        order.select_option("name")
        page.locator("#stage").focus()
        person.press("Control+ArrowRight")
        assert person.status["image"] == "b.jpg", "the search goes on from the first image"


def test_an_image_is_rejected_and_its_comment_is_shown_to_whoever_opens_it(address: str) -> None:
    with opened(address) as person:
        page = person.page
        for _ in range(2):
            person.press("d")
            person.press("ArrowRight")
        person.press("F8")
        card, comment = page.locator("#review"), page.get_by_label("Comment")
        assert card.is_visible()
        assert comment.evaluate("(each) => each === document.activeElement")
        card.get_by_role("button", name="Next to review").click()
        assert person.answered()["image"] == "a.jpg"
        comment.fill("The handle, please j d")
        for image, typed in (("b.jpg", ""), ("a.jpg", "The handle, please j d")):
            page.locator(".file", has_text=image).click()
            person.wait(state="idle", image=image)
            assert comment.input_value() == typed
        card.get_by_role("button", name="Reject", exact=True).click()
        assert (person.answered()["image"], note(person, "a.jpg")) == ("a.jpg", "rejected")
        card.get_by_role("button", name="Next to review").click()
        assert person.answered()["image"] == "b.jpg"
        assert comment.input_value() == ""
        card.get_by_role("button", name="Accept", exact=True).click()
        assert (person.answered()["state"], note(person, "b.jpg")) == ("idle", "reviewed")
        person.click((100, 100))
        page.locator("#review-state", has_text="changed since the review").wait_for()
        person.press("Control+z")
        page.locator("#review-state", has_text="accepted").wait_for()
        card.get_by_role("button", name="Next to review").click()
        page.locator(".toast", has_text="No other image waits for a review.").wait_for()

        page.reload()
        person.wait(state="idle", image="b.jpg")
        assert not page.locator("#review-note").is_visible()
        for _ in range(3):
            person.press("Control+ArrowRight")
        assert person.status["image"] == "a.jpg", "a rejected image needs something"
        assert page.locator("#review-text").inner_text() == "Rejected in review: The handle, please j d"
        person.press("d")
        assert page.locator("#review-text").inner_text() == "Comment of the last review: The handle, please j d"
        page.locator("#review-close").click()
        assert not page.locator("#review-note").is_visible()


def test_one_key_accepts_an_image_and_opens_the_next_one_to_review(address: str) -> None:
    with opened(address) as person:
        page = person.page
        for _ in range(3):
            person.press("d")
            person.press("ArrowRight")
        page.locator(".file", has_text="a.jpg").click()
        person.wait(state="idle", image="a.jpg")
        page.locator("#stage").focus()
        person.press("Control+Enter")
        assert page.locator("#review").is_visible(), "first, a person sees what the key is about"
        assert note(person, "a.jpg") != "reviewed"
        page.get_by_label("Comment").fill("Fine")
        page.get_by_label("Comment").press("Control+Enter")
        assert (person.answered()["image"], note(person, "a.jpg")) == ("b.jpg", "reviewed")
        assert page.get_by_label("Comment").input_value() == ""
        page.locator("#stage").focus()
        assert person.press("Control+Enter")["image"] == "c.jpg"
        assert note(person, "b.jpg") == "reviewed"
        page.locator(".toast", has_text="b.jpg accepted").get_by_role("button", name="Undo").click()
        assert person.answered()["image"] == "c.jpg"
        assert note(person, "b.jpg") != "reviewed"
        page.locator("#review").get_by_role("button", name="Accept, then next").click()
        assert (person.answered()["image"], note(person, "c.jpg")) == ("b.jpg", "reviewed")


def test_counts_are_shown_and_saved(address: str) -> None:
    with opened(address) as person:
        page = person.page
        person.click((100, 100))
        person.press("Enter")
        page.get_by_role("button", name="Filter and order").click()
        page.get_by_role("button", name="Counts").click()
        dialog = page.locator("#counts")
        dialog.get_by_role("table").first.wait_for()
        assert dialog.locator("p").first.inner_text().startswith("1 object, 1 accepted.")
        assert dialog.get_by_role("row", name="Untouched").inner_text().split() == ["Untouched", "3"]
        with page.expect_download() as saving:
            dialog.get_by_role("link", name="Save as CSV").click()
        assert saving.value.suggested_filename.endswith(".csv")
        assert "label,,1,1,1," in saving.value.path().read_text("utf-8")
