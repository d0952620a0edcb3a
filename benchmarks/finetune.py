"""Fine-tuning on four small sets: what is gained, and what is forgotten.

    python benchmarks/finetune.py [SET ...] [--data data] [--minutes 20] [--runs runs/finetune]

Runs `vpuformer finetune` on the training images of each set, and measures the weights before and after with
`vpuformer evaluate` on images that the run never saw: ssTEM's slices 10 to 19, and the validation images of the common
split. What is forgotten is the change of the mean IoU after three clicks on natural validation images. A finished part
is not repeated. Adds to `benchmarks/results/finetune.json` if its sets have the same weights and options.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from natural import natural_objects

from vpuformer.data.kinds.benchmarks import open_benchmark
from vpuformer.data.sample import Sample
from vpuformer.data.split import SPLIT, Split, open_folders, validation_samples
from vpuformer.evaluation.run import evaluate
from vpuformer.evaluation.simulated_user import SimulatedUser
from vpuformer.images import read_image, read_labels, write_image
from vpuformer.inference.cores import usable_cores
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.memory import keep_freed_memory
from vpuformer.metrics import bootstrap_interval, iou_at, noc
from vpuformer.model.manifest import read_manifest

RESULTS = Path(__file__).parent / "results" / "finetune.json"
SETS = ("sstem", "polyps", "skin", "plants")
TRAINED_SLICES = 10
"""Slices of ssTEM that are trained on; the other ten are measured."""
EVERY = 4
"""One natural validation object of so many is measured."""
CLICKS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SETS, metavar="SET", help=f"by default {' '.join(SETS)}")
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder with ssTEM and train")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--runs", type=Path, default=Path("runs/finetune"), help="folder for data and models")
    parser.add_argument("--every", type=int, default=EVERY, help="one natural object of so many")
    parser.add_argument("--only-forgetting", action="store_true", help="leave the held-out images alone")
    options = parser.parse_args()
    keep_freed_memory()

    natural = natural_objects(options.data / "train", options.data / SPLIT, options.every)
    head = {
        "command": f"python benchmarks/finetune.py --minutes {options.minutes:g} --every {options.every}",
        "weights_sha256": read_manifest("default").sha256,
        "natural_objects": len(natural),
    }
    former: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    sets = former["sets"] if all(former.get(name) == value for name, value in head.items()) else {}
    before = measured("default", natural, CLICKS)
    for name in options.sets:
        model = finetuned(name, options.data, options.runs, options.minutes)
        after = measured(str(model), natural, CLICKS)
        row = {"minutes": options.minutes, "report": report(model), "forgotten": changed(before, after, natural_score)}
        if not options.only_forgetting:
            samples = held_out(name, options.data)
            pair = measured("default", samples), measured(str(model), samples)
            row |= {f"NoC@{100 * target:.0f}": changed(*pair, noc_at(target)) for target in (0.85, 0.9)}
            row["IoU@1"] = changed(*pair, lambda curve: iou_at(curve, 1))
            sets[name] = row
            RESULTS.write_text(json.dumps({"sets": sets, **head}, indent=2) + "\n")
        print(json.dumps({name: row}, indent=2), flush=True)


def finetuned(name: str, data: Path, runs: Path, minutes: float) -> Path:
    """The model folder of a set, trained if it is missing."""
    source = runs / f"{name}-data"
    model = runs / f"{name}-{minutes:g}-{read_manifest('default').sha256[:8]}"
    if not (model / "report.json").is_file():
        shutil.rmtree(source, ignore_errors=True)
        write_training_images(name, data, source)
        words = ["finetune", str(source), "--minutes", f"{minutes:g}", "-o", str(model)]
        subprocess.run([sys.executable, "-m", "vpuformer", *words], check=True)
    return model


def write_training_images(name: str, data: Path, target: Path) -> None:
    """The training images of a set: ssTEM as images and masks, the others as COCO."""
    if name == "sstem":
        for folder in ("images", "masks"):
            (target / folder).mkdir(parents=True)
        stack = data / "ssTEM" / "stack1"
        for path in sorted((stack / "raw").iterdir())[:TRAINED_SLICES]:
            write_image(target / "images" / f"{path.stem}.png", read_image(path))
            mask = (read_labels(stack / "mitochondria" / f"{path.stem}.png") > 0).astype(np.uint8)
            # Each component is an object, as in evaluation.
            components = cv2.connectedComponents(mask, connectivity=4)[1].astype(np.uint16)
            cv2.imwrite(str(target / "masks" / f"{path.stem}.png"), components)
        return
    source, split = data / "train" / name, Split.load(data / SPLIT)
    content = json.loads((source / "annotations.json").read_text())
    kept = {image["id"] for image in content["images"] if split.trains(name, image["file_name"])}
    content["images"] = [image for image in content["images"] if image["id"] in kept]
    content["annotations"] = [each for each in content["annotations"] if each["image_id"] in kept]
    target.mkdir(parents=True)
    (target / "annotations.json").write_text(json.dumps(content))
    for image in content["images"]:
        path = next(path for path in (source, source / "images") if (path / image["file_name"]).is_file())
        (target / image["file_name"]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path / image["file_name"], target / image["file_name"])


def held_out(name: str, data: Path) -> Sequence[Sample]:
    """The objects that measure a set."""
    if name == "sstem":
        samples = open_benchmark("sstem", data / "ssTEM" / "stack1")
        return [each for each in samples if int(each.image_id.rpartition("/")[2]) >= TRAINED_SLICES]
    folders = open_folders(data / "train")
    return [
        each for each in validation_samples(folders, Split.load(data / SPLIT)) if each.image_id.startswith(f"{name}/")
    ]


def measured(model: str, samples: Sequence[Sample], clicks: int = 20) -> list[Any]:
    """Records of clicks on the objects."""
    segmenter = VPUFormerSegmenter.from_pretrained(model, "cpu", threads=1)
    return list(evaluate(samples, segmenter, SimulatedUser(max_interactions=clicks), workers=usable_cores()))


def changed(before: Sequence[Any], after: Sequence[Any], number: Any) -> dict[str, Any]:
    """Means of a number of the curves before and after, and the 95 % interval of the change."""
    first, second = ([number(record.ious) for record in records] for records in (before, after))
    change = np.subtract(second, first)
    images = [record.image_id for record in before]
    return {
        "before": float(np.mean(first)),
        "after": float(np.mean(second)),
        "change": float(change.mean()),
        "interval": list(bootstrap_interval(change, np.random.default_rng(0), images=images)),
        "objects": len(first),
    }


def natural_score(curve: Sequence[float]) -> float:
    """IoU after three clicks."""
    return iou_at(curve, CLICKS)


def noc_at(target: float) -> Any:
    """The number of clicks to an IoU."""
    return lambda curve: noc(curve, target)


def report(model: Path) -> dict[str, Any]:
    """What the run itself says: its table, without the validations."""
    content = json.loads((model / "report.json").read_text())
    return {key: content[key] for key in ("steps", "best_step", "share", "ended", "minutes", "rows")}


if __name__ == "__main__":
    main()
