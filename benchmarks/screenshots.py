"""Screenshots for the docs: `docs/images/app-*.jpg`, and `web.jpg`.

python benchmarks/screenshots.py
"""

import contextlib
import io
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data
from skimage.filters import threshold_otsu
from skimage.measure import label, regionprops
from skimage.morphology import closing

ROOT = Path(__file__).parent.parent
IMAGES = ROOT / "docs/images"
sys.path.insert(0, str(ROOT / "tests"))

from support.browser import Person, opened, running, served  # noqa: E402
from support.static_site import Visitor, opened_site, served_folder  # noqa: E402
from vpuformer.app.annotation.background_segmenter import BackgroundSegmenter  # noqa: E402
from vpuformer.app.http.server import create_app  # noqa: E402
from vpuformer.app.images.examples import NAME, copy_examples  # noqa: E402
from vpuformer.app.store.store import FILE, Store  # noqa: E402
from vpuformer.formats.attributes import Attribute  # noqa: E402
from vpuformer.formats.label_set import LabelDefinition, LabelSet  # noqa: E402
from vpuformer.web.exporting import export_page  # noqa: E402

TABLET = {"viewport": {"width": 768, "height": 1024}, "has_touch": True, "is_mobile": True}
THINGS = ("table", "chair", "lamp", "window", "door", "plant", "book", "bottle", "person", "dog", "cat")
DISHES = ("cup", "saucer", "spoon", "fork", "knife", "plate", "bowl", "glass", "pan")


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, NAME)
        copy_examples(folder)
        for name, act, window in (("app-first", begin, {}), ("app-touch", touch, TABLET)):
            app = create_app(folder, None, BackgroundSegmenter(), hints=True)
            with running(app) as address, opened(address, color_scheme="light", **window) as person:
                act(person)
                keep(person, name)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "holiday")
        folder.mkdir()
        for name in ("astronaut", "chelsea", "coffee"):
            shutil.copy(ROOT / f"examples/{name}.jpg", folder)
        with served(folder) as address:
            with opened(address, color_scheme="light") as person:
                work(person)
                keep(person, "app-light")
                choose_boxes(person, Path(place, "detected.json"))
                keep(person, "app-import")
            with opened(address, color_scheme="dark") as person:
                person.press("m")
                person.press("m")
                zoom(person, (400, 285), 6)
                keep(person, "app-cutout")
                person.press("f")
                person.page.keyboard.press("?")
                person.page.wait_for_timeout(300)
                keep(person, "app-keys-dark")
                person.page.keyboard.press("Escape")
            with opened(address, color_scheme="light") as person:
                review(person)
                keep(person, "app-review")
            with opened(address, color_scheme="light") as person, somebody_else(person, address):
                keep(person, "app-people")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "kitchen")
        folder.mkdir()
        shutil.copy(ROOT / "examples/coffee.jpg", folder)
        with labelled(folder), served(folder) as address, opened(address, color_scheme="light") as person:
            describe(person)
            keep(person, "app-labels")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "kitchen")
        folder.mkdir()
        shutil.copy(ROOT / "examples/coffee.jpg", folder)
        with served(folder) as address, opened(address, color_scheme="light") as person:
            edit_polygon(person)
            keep(person, "app-polygon")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "coins")
        folder.mkdir()
        Image.fromarray(data.coins()).save(folder / "coins.png")
        with served(folder) as address, opened(address, color_scheme="light") as person:
            crowd(person)
            keep(person, "app-crowded")
            open_menu(person)
            keep(person, "app-more")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "coins")
        folder.mkdir()
        for number, tile in enumerate(coin_tiles()):
            Image.fromarray(tile).save(folder / f"coins {number}.png")
        with served(folder) as address, opened(address, color_scheme="light") as person:
            fine_tune(person)
            keep(person, "app-finetune")
    with tempfile.TemporaryDirectory() as place:
        export_page("default", place)
        with served_folder(Path(place)) as address, opened_site(address, color_scheme="light") as visitor:
            outline(visitor)
            keep(visitor, "web")


def outline(visitor: Visitor) -> None:
    """Outline the cup and the spoon on the page without a server."""
    visitor.wait()
    visitor.drag((170, 16), (410, 310))
    visitor.click((370, 290), positive=False)
    visitor.click((217, 275))
    visitor.press("New object")
    visitor.press("Scribble")
    visitor.drag((335, 270), (345, 300), (352, 310))
    visitor.page.mouse.move(1200, 780)


def begin(person: Person) -> None:
    """Outline the cup, so that the page shows its second hint."""
    person.page.get_by_text("coffee.jpg").first.click()
    person.wait(state="idle", image="coffee.jpg")
    person.drag([(170, 16), (410, 310)])
    person.page.wait_for_timeout(300)


def touch(person: Person) -> None:
    """Choose the brush on a tablet."""
    person.page.touchscreen.tap(*person.place((300, 150)))
    person.answered()
    person.page.get_by_role("button", name="Close the hint").tap()
    person.page.get_by_role("button", name="Brush", exact=True).tap()
    person.page.wait_for_timeout(300)


def work(person: Person) -> None:
    """Annotate the cup with a label, and begin the spoon."""
    person.page.get_by_text("coffee.jpg").first.click()
    person.page.get_by_role("heading", name="coffee.jpg").wait_for()
    person.answered()
    for name in ("cup", "spoon"):
        person.page.get_by_placeholder("New label").fill(name)
        person.page.keyboard.press("Enter")
        person.answered()
    person.page.locator("#stage").focus()
    person.press("1")
    person.drag([(170, 16), (410, 310)])
    person.click((270, 255))
    person.click((225, 275))
    person.click((370, 290), positive=False)
    person.press("Enter")
    person.press("2")
    person.scribble([(345, 288), (366, 300), (388, 288)])
    person.page.mouse.move(*person.place((300, 395)))
    person.page.wait_for_timeout(300)


def edit_polygon(person: Person) -> None:
    """Show the cup as a polygon, and select a corner."""
    person.drag([(165, 15), (410, 325)])
    person.press("F9")
    person.page.get_by_text("corners, IoU").wait_for()
    for _ in range(4):
        person.press("Tab")
    person.page.mouse.move(*person.place((560, 380)))
    person.page.wait_for_timeout(300)


@contextlib.contextmanager
def somebody_else(person: Person, address: str) -> Iterator[None]:
    """Ann comes to the image that is open, and Ben to another one."""
    person.page.evaluate("document.cookie = 'vpuformer-person=0123456789abcdef.Me; Path=/'")
    browser = person.page.context.browser
    assert browser is not None
    for name, image in (("Ann", "coffee.jpg"), ("Ben", "chelsea.jpg")):
        other = browser.new_context()
        other.add_cookies([{"name": "vpuformer-person", "value": f"{name.encode().hex():0>16}.{name}", "url": address}])
        page = other.new_page()
        page.goto(address)
        page.get_by_text(image).first.click()
        page.get_by_role("heading", name=image).wait_for()
    person.page.reload()
    person.page.get_by_text("coffee.jpg").first.click()
    person.page.get_by_text("Ben", exact=False).first.wait_for()
    person.page.get_by_text("Ann has this image open, too.").wait_for()
    yield


def review(person: Person) -> None:
    """Accept an image with an object, reject another with a comment, and open the filter."""
    page = person.page
    page.get_by_text("astronaut.jpg").first.click()
    person.wait(state="idle", image="astronaut.jpg")
    person.drag([(60, 5), (460, 510)])
    person.press("Enter")
    person.press("F8")
    page.locator("#review-accept").click()
    page.get_by_text("coffee.jpg").first.click()
    person.wait(state="idle", image="coffee.jpg")
    page.get_by_label("Comment").fill("The handle of the spoon is missing.")
    page.locator("#review-reject").click()
    page.locator("#stage").focus()
    person.press("F8")
    page.get_by_role("button", name="Filter and order").click()
    page.mouse.move(0, 790)
    page.wait_for_timeout(7500)  # until hint and messages are gone


def coin_boxes(image: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Top, left, bottom and right of the coins on a grey image."""
    found = regionprops(label(closing(image > threshold_otsu(image), np.ones((3, 3)))))
    return [region.bbox for region in found if 500 < region.area < 5000]  # not the shadow at the top


def coin_tiles() -> list[np.ndarray]:
    """Eight parts of the photograph of coins."""
    rows = np.array_split(data.coins(), 4)
    return [tile for row in rows for tile in np.array_split(row, 2, axis=1)]


def fine_tune(person: Person) -> None:
    """Outline and accept the coins of all images, and fine-tune the model for a minute."""
    page, dialog = person.page, person.page.locator("#finetune")
    for number, tile in enumerate(coin_tiles()):
        page.get_by_text(f"coins {number}.png").first.click()
        person.wait(state="idle", image=f"coins {number}.png")
        for top, left, bottom, right in coin_boxes(tile):
            person.drag([(left - 2, top - 2), (right + 2, bottom + 2)])
            person.press("Enter")
    page.locator("#model").click()
    dialog.get_by_label("Minutes").fill("1")
    dialog.get_by_role("button", name="Start").click()
    dialog.get_by_role("button", name="Use this model").wait_for(timeout=600_000)
    person.page.wait_for_timeout(7500)  # until the message is gone


def crowd(person: Person) -> None:
    """Outline coins that lie close together, with one label and a colour for each."""
    boxes = coin_boxes(data.coins())
    person.page.get_by_placeholder("New label").fill("coin")
    person.page.keyboard.press("Enter")
    person.answered()
    person.page.get_by_label("A colour for each object").check()
    for top, left, bottom, right in boxes:
        person.drag([(left - 2, top - 2), (right + 2, bottom + 2)])
        person.press("Enter")
    top, left, bottom, right = boxes[len(boxes) // 2]
    person.page.mouse.move(*person.place(((left + right) / 2, (top + bottom) / 2)))
    person.page.wait_for_timeout(7500)  # until hint and messages are gone


def open_menu(person: Person) -> None:
    """Select a coin and open the menu of what else can be done with it."""
    person.page.locator("#objects .row").nth(10).click()
    person.page.locator("#side").get_by_role("button", name="More").click()
    person.page.wait_for_timeout(300)


def choose_boxes(person: Person, file: Path) -> None:
    """Choose a detector's boxes for an import; one of its images is not in the folder."""
    sizes = {"coffee.jpg": (600, 400), "chelsea.jpg": (451, 300), "garden.jpg": (600, 400)}
    boxes = ((165, 15, 245, 310), (100, 20, 300, 260), (0, 0, 20, 20))
    written = {
        "images": [
            {"id": i, "file_name": name, "width": width, "height": height}
            for i, (name, (width, height)) in enumerate(sizes.items())
        ],
        "annotations": [{"id": i, "image_id": i, "category_id": 1, "bbox": box} for i, box in enumerate(boxes)],
        "categories": [{"id": 1, "name": "cup"}],
    }
    file.write_text(json.dumps(written))
    person.page.keyboard.press("i")
    with person.page.expect_file_chooser() as chooser:
        person.page.get_by_role("button", name="Choose files…").click()
    chooser.value.set_files(file)
    person.page.get_by_text("will be new").wait_for()
    person.page.wait_for_timeout(300)


@contextlib.contextmanager
def labelled(folder: Path) -> Iterator[None]:
    """A folder with twenty labels, attributes and tags."""
    store = Store(folder / FILE)
    colour, material = Attribute("colour", "choice", ("white", "red")), Attribute("material")
    kitchen = [LabelDefinition(name, group="dishes", attributes=(colour, material)) for name in DISHES]
    store.add_label_set(LabelSet((*map(LabelDefinition, THINGS), *kitchen), tags=("close-up", "indoors", "blurry")))
    store.close()
    yield


def describe(person: Person) -> None:
    """Outline the cup, and give it a label, attributes and tags."""
    person.drag([(170, 16), (410, 310)])
    person.page.keyboard.press("F2")
    person.page.keyboard.type("cu")
    person.press("Enter")
    person.page.locator("#attributes").get_by_label("colour").select_option("red")
    person.page.locator("#attributes").get_by_label("material").fill("porcelain")
    person.page.locator("#tags").get_by_text("indoors").click()
    person.page.locator("#side").evaluate("side => side.scrollTop = 0")
    person.page.wait_for_timeout(7500)  # until the hint is gone


def zoom(person: Person, point: tuple[float, float], notches: int) -> None:
    """Towards a point of the image."""
    person.page.mouse.move(*person.place(point))
    for _ in range(notches):
        person.page.mouse.wheel(0, -150)
        person.page.wait_for_timeout(60)
    person.page.wait_for_timeout(800)


def keep(person: Person | Visitor, name: str) -> None:
    """Save a screenshot as a JPEG."""
    shot = Image.open(io.BytesIO(person.page.screenshot())).convert("RGB")
    shot.save(IMAGES / f"{name}.jpg", quality=90, subsampling=0, optimize=True)


if __name__ == "__main__":
    main()
