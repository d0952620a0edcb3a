"""Run every evaluation that the pages quote, and write one page about them.

    python benchmarks/evaluate.py [--data data] [--only davis ...] [--jobs 1]

The folder `data` holds `GrabCut`, `GrabCut_scribbles`, `DAVIS`, `ssTEM`, and `train` with `split.json` for validation.
Finished runs of the bundled weights are skipped, those of other weights replaced; interrupted runs continue. The whole
takes about two hours on two cores. Afterwards `python benchmarks/figures.py` writes the tables.
"""

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from vpuformer.evaluation import HUMAN, RECORDS, SUMMARY
from vpuformer.evaluation.records import read_records
from vpuformer.model.manifest import read_manifest

RESULTS = Path("benchmarks/results")
ROOTS = {"grabcut": "GrabCut", "davis": "DAVIS", "sstem": "ssTEM/stack1"}
MIXES = ("click", "box", "scribble", "click+box", "click+scribble", "click+box+scribble")
COMPARED = {
    "grabcut": ("opencv-grabcut", "opencv-grabcut-plain", "random-walker"),
    "davis": ("opencv-grabcut", "random-walker"),
    "sstem": (),
}
"""Methods that are measured with clicks on each data set."""
FIELD = ("--zoom-rule", "ritm", "--flip", "--no-steady")
"""Protocol of the field: one pass per prompt, every view also mirrored, and the network's answers as they are."""
VALIDATION = {"click": 5, "box": 1, "scribble": 1, "click+box+scribble": 3}
"""Prompt kinds on the validation objects, and number of prompts."""
SEEN = RESULTS / "validation" / "seen.json"
"""Objects of the training split that resemble the validation objects, written by `seen_split.py`."""
PAGE = RESULTS / "evaluation.html"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--only", nargs="*", default=[], help="parts of names of runs, such as davis or default")
    parser.add_argument("--jobs", type=int, default=1, help="number of parallel commands")
    arguments = parser.parse_args()

    wanted = [
        (folder, words)
        for folder, words in runs(arguments.data)
        if not arguments.only or any(part in str(folder) for part in arguments.only)
    ]
    with ThreadPoolExecutor(arguments.jobs) as jobs:
        failed = [code for code in jobs.map(lambda run: measure(*run), wanted) if code]
    if failed:
        sys.exit(failed[0])
    page(arguments.data)


def runs(data: Path) -> list[tuple[Path, list[str]]]:
    """Folder of each run, and the arguments of its command."""
    commands = []
    for dataset, folder in ROOTS.items():
        words = ["--dataset", dataset, "--root", str(data / folder)]
        for mix in MIXES:
            commands.append((RESULTS / dataset / f"default-{mix}", [*words, "--prompts", mix]))
        # The random walker is slow: on a fifth of DAVIS it takes as long as ours on all of it.
        some = ["--every", "5"] if dataset == "davis" else []
        for name in COMPARED[dataset]:
            commands.append((RESULTS / dataset / f"{name}-click", [*words, "--baseline", name, *some]))
        if dataset != "sstem":
            for kind in ("click", "box", "scribble"):
                commands.append((RESULTS / dataset / f"default-{kind}-ritm", [*words, "--prompts", kind, *FIELD]))
    grabcut = ["--dataset", "grabcut", "--root", str(data / ROOTS["grabcut"])]
    for kind in ("box", "scribble"):
        commands.append(
            (RESULTS / "grabcut" / f"default-{kind}-first", [*grabcut, "--first", kind, "--max-prompts", "1"])
        )
    commands.append((RESULTS / "human", [*grabcut, "--human", str(data / "GrabCut_scribbles")]))
    own = ["--dataset", "coco", "--root", str(data / "train"), "--split"]
    for name, split in (("default", data / "split.json"), ("seen", SEEN)):
        for mix, most in VALIDATION.items():
            words = [*own, str(split), "--prompts", mix, "--max-prompts", str(most)]
            commands.append((RESULTS / "validation" / f"{name}-{mix}", words))
    return commands


def measure(folder: Path, words: Sequence[str]) -> int:
    command = ["vpuformer", "evaluate", *words, "--output", str(folder)]
    result = HUMAN if "--human" in words else SUMMARY
    ours = "--baseline" not in words
    if done(folder / result, ours=ours):
        return 0
    for name in (RECORDS, SUMMARY, HUMAN):
        (folder / name).unlink(missing_ok=True)
    begun = folder / f"{RECORDS}.partial"
    if ours and begun.exists() and read_records(begun).header.weights_sha256 != read_manifest("default").sha256:
        begun.unlink()
    print(shlex.join(command), flush=True)
    return subprocess.run([str(Path(sys.executable).parent / command[0]), *command[1:]], check=False).returncode


def done(summary: Path, *, ours: bool) -> bool:
    """Whether a run is finished, and, if it is ours, made with the bundled weights."""
    if not summary.exists():
        return False
    return not ours or json.loads(summary.read_text())["weights_sha256"] == read_manifest("default").sha256


def page(data: Path) -> None:
    folders = [path.parent for name in ROOTS for path in sorted(RESULTS.glob(f"{name}/*/summary.json"))]
    measured = {folder.parent.name for folder in folders}
    roots = [word for name in ROOTS if name in measured for word in ("--data", f"{name}={data / ROOTS[name]}")]
    words = [*map(str, folders), *roots, "--model", "default", "--output", str(PAGE)]
    subprocess.run([str(Path(sys.executable).parent / "vpuformer"), "report", *words], check=True)


if __name__ == "__main__":
    main()
