"""Labels in a real browser: search, order, groups, attributes, tags, a required label."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import browser as browsing
from support.app_disks import Disks
from support.browser import Person, opened, served_examples
from vpuformer.app.store.store import FILE, Store
from vpuformer.formats.attributes import Attribute
from vpuformer.formats.label_set import LabelDefinition, LabelSet

pytestmark = browsing.MARKS

NAMES = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow",
)  # fmt: skip
ANIMALS = NAMES[14:]
DOORS = (Attribute("colour", "choice", ("red", "blue")), Attribute("doors", "number"))


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    store = Store(tmp_path / FILE)
    labels = [
        LabelDefinition(name, group="animals" if name in ANIMALS else "", attributes=DOORS if name == "car" else ())
        for name in NAMES
    ]
    store.add_label_set(LabelSet(tuple(labels), (Attribute("note"),), ("blurry", "night")))
    store.close()
    with served_examples(tmp_path, Disks()) as address:
        yield address


def listed(person: Person) -> list[str]:
    return person.page.locator("#labels [data-label] .row > span").all_inner_texts()


def chosen(person: Person) -> str:
    assert person.status
    return person.page.locator("#labels .chosen .row > span").inner_text()


def row(person: Person, name: str):
    named = person.page.get_by_text(name, exact=True)
    return person.page.locator("#labels [data-label]").filter(has=named).locator(".row")


def middle(person: Person, name: str) -> tuple[float, float]:
    """Place of a row on the screen."""
    box = row(person, name).bounding_box()
    assert box is not None
    return box["x"] + 20, box["y"] + box["height"] / 2


def test_any_of_twenty_labels_is_chosen_by_a_key_and_a_part_of_its_name(address: str) -> None:
    with opened(address) as person:
        assert listed(person) == list(NAMES)
        person.click((100, 100))
        person.page.keyboard.press("F2")
        person.page.keyboard.type("ca")
        assert person.status
        assert listed(person) == ["car", "cat"]
        person.page.keyboard.press("ArrowDown")
        person.press("Enter")
        assert (chosen(person), listed(person)) == ("cat", list(NAMES))
        assert person.page.evaluate("document.activeElement.id") == "stage"
        assert person.page.locator("#labels .chosen").is_visible()

        person.page.keyboard.press("F2")
        person.page.keyboard.type("light")
        person.press("Escape")
        assert (chosen(person), listed(person)) == ("cat", list(NAMES)), "Escape chooses nothing"
        person.press("3")
        assert chosen(person) == "car"

        page = person.page
        page.keyboard.press("F2")
        page.keyboard.type("boat")
        row(person, "boat").click()
        assert (chosen(person), listed(person)) == ("boat", list(NAMES))
        page.set_viewport_size({"width": 700, "height": 800})
        page.locator("#side").wait_for(state="hidden")
        page.keyboard.press("F2")
        page.keyboard.type("sheep")
        person.press("Enter")
        assert not page.locator("#side").is_visible()
        assert page.locator("#quick-label option:checked").inner_text() == "sheep"


def test_a_label_that_is_searched_in_vain_is_added_by_enter(address: str) -> None:
    with opened(address) as person:
        person.press("1")
        person.click((100, 100))
        person.page.keyboard.press("F2")
        person.page.keyboard.type("drone")
        assert person.status
        assert person.page.locator("#labels").inner_text() == "No label found. Enter adds it."
        person.press("Enter")
        person.page.locator("#labels .chosen", has_text="drone").wait_for()
        assert person.page.locator("#objects .current .ellipsis").inner_text() == "drone"
        assert person.page.evaluate("document.activeElement.id") == "stage"
        assert person.page.locator("#side").evaluate("side => side.scrollTop") == 0, "the current object stays in view"


def test_twenty_labels_are_in_view_with_the_chosen_one(address: str) -> None:
    with opened(address, viewport={"width": 1440, "height": 1000}) as person:
        host = person.page.locator("#labels")
        assert host.evaluate("list => list.clientHeight") >= 20 * 24
        person.press("F2")
        person.page.keyboard.type("cow")
        person.press("Enter")
        frame = host.bounding_box()
        assert frame is not None
        assert frame["y"] < middle(person, "cow")[1] < min(1000, frame["y"] + frame["height"])


def test_labels_are_put_in_order_by_dragging_and_by_keys(address: str) -> None:
    with opened(address) as person:
        page = person.page
        page.mouse.move(*middle(person, "person"))
        page.mouse.down()
        x, y = middle(person, "car")
        page.mouse.move(x, y + 8, steps=4)
        page.mouse.up()
        assert person.answered()
        assert listed(person)[:4] == ["bicycle", "car", "person", "motorcycle"]
        assert page.locator("#labels [data-label].chosen").count() == 0, "a drag chooses no label"

        row(person, "bird").focus()
        for _ in range(2):
            with page.expect_response("**/api/labels/order"):
                page.keyboard.press("Alt+ArrowUp")
        page.reload()
        person.wait(state="idle")
        assert listed(person) == ["bicycle", "car", "person", *NAMES[3:13], "bird", "bench", *NAMES[15:]]


def test_a_label_that_is_dragged_out_of_the_list_stays_where_it_is(address: str) -> None:
    with opened(address) as person:
        mouse = person.page.mouse
        mouse.move(*middle(person, "person"))
        mouse.down()
        mouse.move(*middle(person, "car"), steps=4)
        mouse.move(*person.place((200, 200)), steps=4)
        mouse.up()
        assert person.answered()
        assert listed(person) == list(NAMES)
        mouse.down()
        mouse.move(*middle(person, "car"), steps=4)
        mouse.up()
        assert person.answered()
        assert listed(person) == list(NAMES), "the drag is over"


def test_an_object_gets_attributes_and_the_image_tags(address: str, tmp_path: Path) -> None:
    with opened(address) as person:
        page = person.page
        person.press("3")
        person.click((100, 100))
        page.locator("#attributes").get_by_label("colour").select_option("blue")
        page.get_by_label("doors").fill("4.5")
        page.get_by_label("note").fill("  parked ")
        person.press("Enter")
        page.get_by_role("button", name="night").click()
        tag = page.get_by_label("Another tag")
        tag.fill("rain, fog")
        tag.dispatch_event("keydown", {"key": "Enter", "isComposing": True})  # for a character of an input method
        assert tag.input_value() == "rain, fog"
        person.press("Enter")
        assert person.answered()
        pressed = page.locator("#tags [aria-pressed=true]")
        assert pressed.all_inner_texts() == ["night", "rain", "fog"]

        page.reload()
        person.wait(state="idle")
        person.press("Tab")
        assert page.get_by_label("doors").input_value() == "4.5"
        assert pressed.all_inner_texts() == ["night", "rain", "fog"]
        page.get_by_label("note").fill("")
        person.press("Enter")
        person.press("F4")
        assert page.evaluate("document.activeElement.dataset.key") == "colour"
    store = Store(tmp_path / FILE)
    (image,) = [each for each in store.images() if each.unaccepted]
    (thing,) = store.objects_of(image.id)
    assert thing.attributes == {"colour": "blue", "doors": 4.5}
    assert image.tags == ("night", "rain", "fog")
    store.close()


def test_the_dialog_sets_up_groups_attributes_tags_and_a_required_label(address: str, tmp_path: Path) -> None:
    with opened(address) as person:
        page = person.page
        page.get_by_role("button", name="Set up").click()
        page.get_by_label("Group of boat").fill("vehicles")
        page.get_by_label("Label with these attributes").select_option(label="dog")
        page.get_by_label("Name of a new attribute").fill("breed")
        page.keyboard.press("Enter")
        page.get_by_label("Choices of breed").fill("poodle, collie")
        page.get_by_label("Tags of images").fill("blurry, fog")
        page.get_by_label("A label is required").check()
        page.get_by_role("button", name="Move bird down").click()
        assert person.answered()
        page.keyboard.press("Escape")
        assert page.locator("#labels .label-group").all_inner_texts() == ["vehicles", "animals"]

        person.click((100, 100))
        person.press("Enter")
        assert person.status["object"] == "1"
        assert person.toasts[-1].startswith("1 object needs a label.")
        person.press("d")
        page.get_by_role("button", name="Accept and mark as done").click()
        assert person.answered()
        assert page.locator("#done").get_attribute("aria-pressed") == "false"
        person.press("1")
        person.press("Enter")
        assert person.status["object"] == ""
    store = Store(tmp_path / FILE)
    settings = store.label_settings()
    labels = {row.name: row for row in store.ordered_labels()}
    assert (settings.tags, settings.label_required) == (("blurry", "fog"), True)
    assert labels["dog"].attributes == (Attribute("breed", "choice", ("poodle", "collie")),)
    assert list(labels)[-2:] == ["sheep", "cow"]
    store.close()


def test_nothing_of_it_is_in_sight_at_the_start(tmp_path: Path) -> None:
    with served_examples(tmp_path, Disks()) as address, opened(address) as person:
        for selector in ("#label-search", "#label-setup", "#attributes", "#tags-card"):
            assert not person.page.locator(selector).is_visible(), selector
