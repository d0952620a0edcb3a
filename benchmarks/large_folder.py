"""Waits on the page with 50,000 images, 500 objects in an image, and 24 megapixels.

    python benchmarks/large_folder.py [--images 50000] [--objects 500] [--output benchmarks/results/large_folder.json]

The folder is made of hard links to a few photographs. Each tenth image has five objects. The server runs with the
bundled weights, and headless Chromium works on its page; browser and server share the machine. Times on the page are
those from an event to the end of the frame that shows its effect. The target for the 24-megapixel image is a median
wait of at most 1.5 times that of the same image with 600 x 400 pixels. Run it on an idle machine.
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from page import WATCH

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.browser import Person, opened, served  # noqa: E402
from vpuformer.app.store import rle  # noqa: E402
from vpuformer.app.store.imports import ImportedObject  # noqa: E402
from vpuformer.app.store.store import FILE, Store  # noqa: E402
from vpuformer.memory import ENOUGH_TO_ANSWER, keep_freed_memory  # noqa: E402
from vpuformer.model.manifest import read_manifest  # noqa: E402

SIZE = (400, 600)
PHOTOGRAPHS = 40
OBJECTS = 5
"""Objects of each tenth image."""
TIMES = 9
PROMPTS = 12
CROWDED, SMALL, LARGE = "img-00000.jpg", "img-00001.jpg", "img-00002.jpg"

# Milliseconds from an event to the end of the frame after it.
FRAME = """async (act) => {
  const begun = performance.now();
  act();
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - begun;
}"""
ACTS = {
    "search": "(text) => { const box = document.getElementById('search'); box.value = text;"
    " box.dispatchEvent(new Event('input')); }",
    "select": "([id, value]) => { const box = document.getElementById(id); box.value = value;"
    " box.dispatchEvent(new Event('change')); }",
    "scroll": "(share) => { const list = document.getElementById('file-list');"
    " list.scrollTop = share * list.scrollHeight; }",
    "key": "(key) => document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))",
    "hover": "([x, y]) => document.getElementById('stage').dispatchEvent(new PointerEvent('pointermove',"
    " { clientX: x, clientY: y, bubbles: true, pointerType: 'mouse' }))",
    "row": "(row) => document.querySelectorAll('#objects .object .row')[row].click()",
}
# Milliseconds from a key to the frame in which another image is open.
NEXT = """([key, ctrlKey = false]) => new Promise((done) => {
  const text = (id) => document.getElementById(id).textContent;
  const [begun, before] = [performance.now(), text("image-name")];
  document.dispatchEvent(new KeyboardEvent("keydown", { key, ctrlKey, bubbles: true }));
  const look = () => {
    const open = text("image-name") !== before && /^\\d/.test(text("image-size"));
    if (open) setTimeout(() => done(performance.now() - begun));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--objects", type=int, default=500)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/large_folder.json")
    arguments = parser.parse_args()
    keep_freed_memory(ENOUGH_TO_ANSWER)  # as `vpuformer annotate` does, which serves from a process of its own
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        fill(folder, arguments.images)
        first = started(folder)
        annotate(folder, arguments.images, arguments.objects)
        waits = {"start, first time": first, "start": started(folder)}
        begun = time.perf_counter()
        with served(folder) as address, opened(address) as person:
            waits["start, to the page with an image"] = 1000 * (time.perf_counter() - begun)
            waits |= on_the_list(person, address)
            waits |= on_the_crowd(person)
            prompts: dict[str, list[float]] = {SMALL: [], LARGE: []}
            corrections: dict[str, list[float]] = {SMALL: [], LARGE: []}
            for name in (SMALL, LARGE, SMALL, LARGE):
                prompts[name] += prompted(person, name)
                corrections[name] += prompted(person, name, correcting=True)
    result = {
        "weights_sha256": read_manifest("default").sha256,
        "images": arguments.images,
        "objects": arguments.objects,
        "ms": {name: round(wait, 1) for name, wait in waits.items()},
        "first prompt": compared(prompts),
        "correction": compared(corrections),
        "wanted ratio": 1.5,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def compared(waits: Mapping[str, list[float]]) -> dict[str, float]:
    """Medians for the small and the large image, in milliseconds, and their ratio."""
    small, large = (statistics.median(waits[name]) for name in (SMALL, LARGE))
    return {"small": round(small, 1), "large": round(large, 1), "ratio": round(large / small, 2)}


def fill(folder: Path, images: int) -> None:
    """Write a few photographs, and link them until there are so many images."""
    photograph = cv2.imread(str(ROOT / "examples/coffee.jpg"))
    large = cv2.resize(photograph, (6000, 4000), interpolation=cv2.INTER_CUBIC)
    for number in range(PHOTOGRAPHS):
        shown = large if number == 2 else np.roll(photograph, 7 * number, axis=1)
        cv2.imwrite(str(folder / f"img-{number:05}.jpg"), shown)
    for number in range(PHOTOGRAPHS, images):
        os.link(folder / f"img-{3 + number % (PHOTOGRAPHS - 3):05}.jpg", folder / f"img-{number:05}.jpg")


def annotate(folder: Path, images: int, objects: int) -> None:
    """Import objects: five for each tenth image, and many for one."""
    store = Store(folder / FILE)
    labels = [f"label {number}" for number in range(20)]
    ids = {row.name: row.id for row in store.images()}
    few = [ImportedObject(labels[number], disk(number, OBJECTS), 1) for number in range(OBJECTS)]
    for number in range(10, images, 10):
        store.import_objects(ids[f"img-{number:05}.jpg"], few, size=SIZE, accept=True)
    many = [ImportedObject(labels[number % 20], disk(number, objects), 1) for number in range(objects)]
    store.import_objects(ids[CROWDED], many, size=SIZE, accept=True)
    store.close()


def disk(number: int, among: int) -> bytes:
    """One of that many disks on a grid, as the store has it."""
    columns = round((among * SIZE[1] / SIZE[0]) ** 0.5) or 1
    rows = -(-among // columns)
    row, column = divmod(number, columns)
    y, x = (row + 0.5) * SIZE[0] / rows, (column + 0.5) * SIZE[1] / columns
    mask = np.zeros(SIZE, np.uint8)
    cv2.circle(mask, (int(x), int(y)), max(2, int(0.55 * SIZE[0] / rows)), 1, -1)
    return rle.encode(mask > 0)


def started(folder: Path) -> float:
    """Milliseconds from the start of a server to the list of images."""
    begun = time.perf_counter()
    with served(folder) as address:
        listed(address)
        return 1000 * (time.perf_counter() - begun)


def listed(address: str) -> None:
    with urllib.request.urlopen(f"{address}api/project") as answer:
        answer.read()


def on_the_list(person: Person, address: str) -> dict[str, float]:
    """Waits of a person who works with the list."""
    page = person.page
    page.locator("#toggle-filter").click()
    waits = {"list from the server": median(1000 * seconds for seconds in timed(lambda: listed(address)))}

    def frames(act: str, *values: Any) -> float:
        return median(frame(person, act, value) for _ in range(TIMES // len(values) + 1) for value in values)

    waits["search"] = frames("search", "img-1", "img-12", "img-123", "34")
    frame(person, "search", "")
    waits["filter"] = frames("select", *(["filter-state", state] for state in ("begun", "untouched", "all")))
    waits["filter by label"] = frames("select", ["filter-label", "3"], ["filter-label", "any"])
    waits["sort"] = frames("select", ["sort", "most"], ["sort", "newest"], ["sort", "name"])
    frame(person, "select", ["sort", "name"])
    waits["scroll"] = frames("scroll", 0.3, 0.7, 0.5, 0.1)
    page.locator("#toggle-filter").click()
    waits["next image"] = median(page.evaluate(NEXT, ["ArrowRight"]) for _ in pauses(person))
    waits["jump"] = median(page.evaluate(NEXT, ["ArrowRight", True]) for _ in pauses(person))
    return waits


def on_the_crowd(person: Person) -> dict[str, float]:
    """Waits on an image with many objects."""
    page = person.page
    open_image(person, SMALL)
    waits: dict[str, float] = {}
    taken = []
    for _ in range(3):
        taken.append(page.evaluate(NEXT, ["ArrowLeft"]))
        person.wait(state="idle", image=CROWDED)
        page.evaluate(NEXT, ["ArrowRight"])
        person.wait(state="idle", image=SMALL)
    waits["open the crowd"] = median(taken)
    open_image(person, CROWDED)
    waits["draw the crowd"] = median(frame(person, "key", "m") for _ in range(TIMES))
    frame(person, "key", "m")
    places = [person.place((x, y)) for x, y in np.random.default_rng(0).uniform((50, 50), (550, 350), (TIMES, 2))]
    waits["point at an object"] = median(frame(person, "hover", place) for place in places)
    waits["select an object"] = median(frame(person, "row", row) for row in range(5, 5 + TIMES))
    page.keyboard.press("n")
    waits["prompt in the crowd"] = median(prompted(person, CROWDED))
    return waits


def prompted(person: Person, name: str, *, correcting: bool = False) -> list[float]:
    """Waits for masks of new objects, clicked or boxed; or for a second click on each."""
    page = person.page
    open_image(person, name)
    page.wait_for_timeout(2000)  # time to encode the image, as a person would give it
    width, height = (int(part) for part in page.locator("#image-size").inner_text().split("\N{MULTIPLICATION SIGN}"))
    page.evaluate(WATCH if page.evaluate("window.painted === undefined") else "window.painted.length = 0")
    rng = np.random.default_rng(0)
    for number in range(PROMPTS):
        x, y = rng.uniform(0.25, 0.75, 2) * (width, height)
        person.press("n")
        if number % 2:
            person.drag([(x - width / 12, y - height / 12), (x + width / 12, y + height / 12)])
        else:
            person.click((x, y))
        if correcting:
            person.click((x + width / 40, y + height / 40), positive=number % 3 > 0)
    waits = page.evaluate("window.painted")
    return waits[1::2] if correcting else waits


def open_image(person: Person, name: str) -> None:
    person.page.locator("#search").fill(name)
    person.page.locator("#search").press("Enter")
    person.wait(state="idle", image=name)
    frame(person, "search", "")


def frame(person: Person, act: str, value: Any) -> float:
    return person.page.evaluate(f"(value) => ({FRAME})(() => ({ACTS[act]})(value))", value)


def pauses(person: Person) -> Iterator[int]:
    """A person looks at each image before going on."""
    for number in range(TIMES):
        person.page.wait_for_timeout(400)
        yield number


def timed(act: Any) -> Iterator[float]:
    for _ in range(5):
        begun = time.perf_counter()
        act()
        yield time.perf_counter() - begun


def median(values: Iterator[float] | Sequence[float] | Any) -> float:
    return statistics.median(list(values))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
