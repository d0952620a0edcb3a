"""A day's work of two people: 300 objects on 40 photographs, half of them from boxes.

    python benchmarks/day.py --root data/train --split data/split.json

`vpuformer import` makes masks of the boxes on every second photograph. Then two simulated people work on one server
through its HTTP interface, each on their own photographs: they correct each object, or begin it, until its IoU is .9 or
after six prompts, label it, accept it, and mark the photograph as done. In the middle of the day the server is killed;
requests without an answer are sent again, as the page does. At the end `vpuformer export-masks` writes COCO, PNG and
label maps, which pycocotools and Pillow read: each object must be there once, equal to the bit to what the person saw
last. The photographs are those of the validation split with the most objects; the true outlines stand for what a
person wants. Writes `benchmarks/results/day.json`; exit code 1 if anything was lost or differs.
"""

import argparse
import http.client
import json
import os
import platform
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools.coco import COCO

from vpuformer.app.step_schemas import RleMask
from vpuformer.app.store import rle
from vpuformer.arrays import BoolMask
from vpuformer.evaluation.simulated_user import ObjectRun, SimulatedUser
from vpuformer.inference.prediction import Prediction
from vpuformer.metrics import iou
from vpuformer.model.manifest import read_manifest
from vpuformer.prompts import Box, Click, Prompt

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from sessions import Server  # noqa: E402

from support.app_states import State, whole  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "day.json"
SET = "coco_multi"
"""The set on whose photographs every object is outlined."""
LEAST_AREA = 400
"""Pixels of the smallest object."""
ENOUGH = 0.9
"""IoU at which a person is content."""
MOST_PROMPTS = 6
KINDS = ("click", "box", "scribble")
LABELS = [f"kind {number:02}" for number in range(1, 21)]


@dataclass
class Thing:
    """An object that a person wants."""

    number: int
    """Its number in the set."""
    truth: BoolMask

    @property
    def label(self) -> str:
        return LABELS[self.number % len(LABELS)]

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, width and height."""
        rows, columns = np.nonzero(self.truth)
        left, top = int(columns.min()), int(rows.min())
        return left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1


@dataclass
class Photo:
    path: Path
    things: list[Thing]
    boxes: bool
    """Whether a detector has left boxes."""


def photos(root: Path, split: Path, count: int, objects: int) -> list[Photo]:
    """The photographs with the most objects, and the largest of these objects."""
    coco = COCO(root / SET / "annotations.json")
    kept = set(json.loads(split.read_text("utf-8"))["pictures"][SET])
    found: list[tuple[str, list[int]]] = []
    for number, image in coco.imgs.items():
        own = [each for each in coco.getAnnIds(number) if coco.anns[each]["area"] >= LEAST_AREA]
        if image["file_name"] in kept and own:
            found.append((image["file_name"], own))
    found = sorted(found, key=lambda each: (-len(each[1]), each[0]))[:count]
    areas = sorted((coco.anns[each]["area"] for _, own in found for each in own), reverse=True)
    least = areas[min(objects, len(areas)) - 1]
    large = [(file, [each for each in own if coco.anns[each]["area"] >= least]) for file, own in found]
    return [
        Photo(
            root / SET / file, [Thing(n, coco.annToMask(coco.anns[n]).astype(bool)) for n in own], boxes=place % 2 == 1
        )
        for place, (file, own) in enumerate(each for each in large if each[1])
    ]


def write_boxes(photographs: Sequence[Photo], path: Path) -> None:
    """The boxes of a detector as a COCO file."""
    boxed = [photo for photo in photographs if photo.boxes]
    sizes = [dict(zip(("height", "width"), photo.things[0].truth.shape, strict=True)) for photo in boxed]
    images = [{"id": n, "file_name": photo.path.name, **sizes[n]} for n, photo in enumerate(boxed)]
    annotations = [
        {"id": thing.number, "image_id": number, "category_id": LABELS.index(thing.label) + 1, "bbox": thing.box}
        for number, photo in enumerate(boxed)
        for thing in photo.things
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(LABELS, 1)]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}), "utf-8")


@dataclass
class Outlined:
    """What a person saw last of an object."""

    file: str
    label: str
    mask: BoolMask
    boxed: bool
    iou: float
    first_iou: float
    """IoU of the first mask: of the box, or of the first prompt."""
    prompts: int
    """Number that the person gave."""
    waited: list[float]
    """Seconds from each request to its answer."""


@dataclass
class Day:
    """The server of the day, which may change."""

    folder: Path
    server: Server
    done: int = 0
    """Number of photographs that are done."""
    errors: list[str] = field(default_factory=list)

    def restart(self) -> None:
        self.server.kill()
        self.server = Server(self.folder)


class Person:
    """Works on photographs, one after the other."""

    def __init__(self, number: int, day: Day) -> None:
        self._day, self._number = day, number
        self.outlined: list[Outlined] = []
        self.sent_again = 0

    def work(self, photographs: Sequence[Photo]) -> None:
        project = self._send("GET", "/api/project")
        images = {image["name"]: image["id"] for image in project["images"]}
        labels = {label["name"]: label["id"] for label in project["labels"]}
        try:
            for photo in photographs:
                image = images[photo.path.name]
                opened = self._send("GET", f"/api/images/{image}")
                boxed = {tuple(state["steps"][0]["box"]): state for state in opened["objects"]}
                for thing in photo.things:
                    left, top, width, height = thing.box
                    state = boxed.get((left - 0.5, top - 0.5, left + width - 0.5, top + height - 0.5))
                    self.outlined.append(self._outline(photo, image, thing, labels[thing.label], state))
                self._send("PATCH", f"/api/images/{image}", {"done": True})
                self._day.done += 1
        except Exception as error:
            self._day.errors.append(f"{type(error).__name__}: {error}")
            raise

    def _outline(self, photo: Photo, image: int, thing: Thing, label: int, prelabelled: State | None) -> Outlined:
        user = SimulatedUser(
            KINDS, first_kind="box" if photo.boxes else None, max_interactions=MOST_PROMPTS, stop_at_iou=ENOUGH
        )
        run = ObjectRun(user, (photo.path.name, thing.number), thing.truth.astype(np.int8))
        waited: list[float] = []
        boxed = prelabelled is not None
        state: State = prelabelled or self._send("POST", f"/api/images/{image}/objects", {"key": key(), "label": label})
        mask, prompts = np.zeros_like(thing.truth), 0
        while (shown := run.next_prompts()) is not None:
            if not (boxed and len(shown) == 1):  # the first answer is already there
                begun = time.perf_counter()
                sent = {"key": key(), "revision": state["revision"], "step": step(shown[-1])}
                state = whole(state, self._send("POST", f"/api/objects/{state['id']}/steps", sent))
                waited.append(time.perf_counter() - begun)
                prompts += 1
            mask = decoded(state, thing.truth.shape)
            run.take(Prediction(mask), 0.0, by="the server")
        self._send("PATCH", f"/api/objects/{state['id']}", {"accepted": True})
        truth = thing.truth.astype(np.int8)
        first = run.interactions[0].iou
        return Outlined(photo.path.name, thing.label, mask, boxed, iou(mask, truth), first, prompts, waited)

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a request until it is answered."""
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self._day.server.port, timeout=120)
            try:
                headers = {"X-VPUFormer": "1", "Content-Type": "application/json"}
                connection.request(method, path, None if body is None else json.dumps(body), headers)
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, http.client.HTTPException):
                self.sent_again += 1
                time.sleep(0.2)
                continue
            finally:
                connection.close()
            if answer.status == 503:
                time.sleep(float(answer.headers["Retry-After"]))
            elif answer.status >= 400:
                raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
            else:
                return json.loads(content)


def key() -> str:
    return secrets.token_hex(12)


def step(prompt: Prompt) -> dict[str, Any]:
    """The step that the page sends for a prompt."""
    if isinstance(prompt, Box):
        return {"type": "box", "box": prompt.bounds, "positive": prompt.positive}
    points = prompt.points.tolist()
    where = {"point": points[0]} if isinstance(prompt, Click) else {"path": points}
    return {"type": prompt.kind, **where, "positive": prompt.positive}


def decoded(state: State, shape: tuple[int, ...]) -> BoolMask:
    if state["mask"] is None:
        return np.zeros(shape, bool)
    return rle.from_message(RleMask(**state["mask"]), (shape[0], shape[1]))


def command(*words: str) -> str:
    """The output of a command."""
    return subprocess.run(
        [sys.executable, "-m", "vpuformer", *words], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


Found = tuple[str, str, bytes]
"""File, label and pixels of an object."""


def in_coco(folder: Path) -> Iterator[Found]:
    coco = COCO(folder / "annotations.json")
    for each in coco.anns.values():
        name = Path(coco.imgs[each["image_id"]]["file_name"]).name
        yield name, coco.cats[each["category_id"]]["name"], packed(coco.annToMask(each) > 0)


def in_png(folder: Path) -> Iterator[Found]:
    for each in json.loads((folder / "objects.json").read_text("utf-8")):
        yield each["picture"], each["label"], packed(np.asarray(Image.open(folder / each["file"])) > 0)


def packed(mask: BoolMask) -> bytes:
    return np.packbits(mask).tobytes()


def maps_differ(folder: Path, outlined: Sequence[Outlined]) -> int:
    """Number of photographs with another label map than that of the masks in order."""
    lines = (folder / "labels.txt").read_text("utf-8").splitlines()
    values = {name: int(value) for value, _, name in (line.partition(" ") for line in lines)}
    expected: dict[str, np.ndarray] = {}
    for each in outlined:
        expected.setdefault(each.file, np.zeros(each.mask.shape, np.uint8))[each.mask] = values[each.label]
    found = {file: np.asarray(Image.open(folder / Path(file).with_suffix(".png"))) for file in expected}
    return sum(not np.array_equal(found[file], values) for file, values in expected.items())


def measure(photographs: list[Photo]) -> dict[str, Any]:
    """Work for a day, export, and report."""
    with tempfile.TemporaryDirectory() as parent:
        folder, boxes = Path(parent, "photos"), Path(parent, "boxes.json")
        folder.mkdir()
        for photo in photographs:
            shutil.copy(photo.path, folder)
        write_boxes(photographs, boxes)
        begun = time.perf_counter()
        command("import", str(folder), str(boxes))
        imported = time.perf_counter() - begun
        day = Day(folder, Server(folder, "--labels", ",".join(LABELS)))
        begun = time.perf_counter()
        try:
            people = [Person(number, day) for number in range(2)]
            threads = [
                threading.Thread(target=person.work, args=(photographs[n::4] + photographs[3 - n :: 4],))  # both kinds
                for n, person in enumerate(people)
            ]
            for thread in threads:
                thread.start()
            while day.done < len(photographs) // 2 and not day.errors:
                time.sleep(0.05)
            day.restart()
            for thread in threads:
                thread.join()
            worked = time.perf_counter() - begun
        finally:
            day.server.close()
        if day.errors:
            raise RuntimeError(day.errors[0])
        outlined = [each for person in people for each in person.outlined]
        expected = sorted((each.file, each.label, packed(each.mask)) for each in outlined if each.mask.any())
        exports = {name: Path(parent, name) for name in ("coco", "png", "labels")}
        for name, target in exports.items():
            command("export-masks", str(folder), "--format", name, "-o", str(target))
        readers = {"coco, read by pycocotools": in_coco(exports["coco"]), "png, read by Pillow": in_png(exports["png"])}
        differing = {name: difference(sorted(found), expected) for name, found in readers.items()}
        differing["label maps, read by Pillow"] = maps_differ(exports["labels"], outlined)
    return {
        "command": "python benchmarks/day.py --root data/train --split data/split.json",
        "weights_sha256": read_manifest("default").sha256,
        "photographs": len(photographs),
        "objects": len(outlined),
        "labels": len({each.label for each in outlined}),
        "people": len(people),
        "seconds of work, all waits for the network included": round(worked, 1),
        "seconds of the import": round(imported, 1),
        "requests sent again after the server was killed": sum(person.sent_again for person in people),
        "empty masks": sum(not each.mask.any() for each in outlined),
        "begun by hand": summary([each for each in outlined if not each.boxed]),
        "begun from boxes": summary([each for each in outlined if each.boxed]),
        "objects that an export lacks or holds otherwise": differing,
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}",
    }


def difference(found: Sequence[Found], expected: Sequence[Found]) -> int:
    """Number of objects in one list and not in the other."""
    return len(set(found) ^ set(expected)) + abs(len(found) - len(expected))


def summary(outlined: Sequence[Outlined]) -> dict[str, Any]:
    waited = [seconds for each in outlined for seconds in each.waited]
    return {
        "objects": len(outlined),
        "IoU of the first mask": round(statistics.fmean(each.first_iou for each in outlined), 3),
        "IoU at the end": round(statistics.fmean(each.iou for each in outlined), 3),
        f"share with an IoU of {ENOUGH} or more": round(statistics.fmean(each.iou >= ENOUGH for each in outlined), 3),
        "prompts for an object": round(statistics.fmean(each.prompts for each in outlined), 2),
        "seconds of waiting for an object": round(sum(waited) / len(outlined), 3),
        "seconds from a prompt to its answer, median": round(statistics.median(waited), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True, metavar="FOLDER", help="training sets")
    parser.add_argument("--split", type=Path, required=True, metavar="FILE")
    parser.add_argument("--photographs", type=int, default=40)
    parser.add_argument("--objects", type=int, default=300)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    measured = measure(photos(options.root, options.split, options.photographs, options.objects))
    text = json.dumps(measured, indent=2) + "\n"
    options.output.write_text(text, encoding="utf-8")
    print(text, end="")
    sys.exit(any(measured["objects that an export lacks or holds otherwise"].values()))


if __name__ == "__main__":
    main()
