"""A program that is started in place of `vpuformer finetune`, and fails or succeeds as the variable FAKE says.

Imports the standard library alone, so that it starts at once. A result is a copy of the model folder FAKE_MODEL.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

ROWS = [
    {"name": name, "before": before, "after": after, "change_interval": interval}
    for name, before, after, interval in (
        ("IoU after 1 click", 0.5, 0.75, [0.125, 0.375]),
        ("IoU after 1 box", 0.8, 0.9, None),
        ("IoU after 1 scribble", 0.7, 0.7, [-0.01, 0.01]),
        ("NoC@85", 6.5, 4.25, [-3.0, -1.5]),
        ("NoC@90", 9.0, 7.0, None),
    )
]
REPORT = {
    "start": "default",
    "rows": ROWS,
    "held_out_images": 3,
    "measured_objects": 6,
    "steps": 100,
    "minutes": 12.5,
    "share": 1.0,
}


def _say(**values: Any) -> None:
    print(json.dumps(values), flush=True)  # noqa: T201


def _check(kind: str) -> None:
    if kind == "few":
        sys.exit("error: the folder has 2 images with an object to train on, and fine-tuning takes at least 4")
    _say(stage="checking images", done=6, total=6, note="")
    notes = ["kept together in the split: 4 images that look alike, in 2 groups"]
    _say(images=6, objects=12, prompts=6, notes=notes, left_out=["3 objects that are not accepted: a.png"])


def _train(kind: str, folder: Path) -> None:
    _say(stage="measuring before", done=1, total=4, note="")
    if kind == "full":
        sys.exit(f"error: {folder}: No space left on device; make room")
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "early":
        sys.stdin.readline()
        sys.exit("Aborted!")
    (folder / "finetune.json").write_text(json.dumps({"settings": {"minutes": 30}}))
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "crash":
        raise ValueError("three")
    _say(stage="training", done=0.25, total=1, note="")
    if kind == "waits" and sys.stdin.readline() != "stop\n":
        sys.exit("Aborted!")
    if "FAKE_MODEL" in os.environ:
        shutil.copytree(os.environ["FAKE_MODEL"], folder, dirs_exist_ok=True)
    (folder / "report.json").write_text(json.dumps(REPORT))
    _say(stage="exporting", done=1, total=1, note="")
    sys.exit(130 if kind == "waits" else 0)


if __name__ == "__main__":
    time.sleep(0.05)
    words, fake = sys.argv, os.environ.get("FAKE", "")
    _check(fake) if "--check" in words else _train(fake, Path(words[words.index("-o") + 1]))
