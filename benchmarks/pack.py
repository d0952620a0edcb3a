"""Training data made small enough to send to a machine that is lent for minutes.

    python benchmarks/pack.py data/train output/pack --split data/split.json --init MODEL --recipe recipe.json

Writes archives of at most `--mib` each: the images in WebP of lower quality at their own size, so that no mask changes,
their annotations, the split, the weights to begin with, and the recipe. `benchmarks/gpu_run.sh` trains with them.
"""

import argparse
import io
import json
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

MIB = 1 << 20
QUALITIES = (70, 60, 50, 40, 35, 30, 25, 20, 15, 10)
SAMPLED = 20
"""Every so many images are encoded to estimate what a quality takes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of COCO-format folders")
    parser.add_argument("output", type=Path, help="folder to write, which must not exist")
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--init", type=Path, required=True, help="folder of the model to begin with")
    parser.add_argument("--recipe", type=Path, required=True, help="recipe.json of an earlier run")
    parser.add_argument("--archives", type=int, default=2)
    parser.add_argument("--mib", type=float, default=36, help="most MiB of an archive")
    options = parser.parse_args()

    recipe = json.loads(options.recipe.read_text())
    weights = recipe.get("set_weights") or {}
    sets = [file.parent for file in sorted(options.data.glob("*/annotations.json")) if weights.get(file.parent.name, 1)]
    options.output.mkdir(parents=True)
    staged = options.output / "staged"
    shutil.copytree(options.init, staged / "init")
    recipe["set_weights"] = {folder.name: weights.get(folder.name, 1.0) for folder in sets}
    recipe["region_sets"] = [name for name in recipe.get("region_sets", []) if name in recipe["set_weights"]]
    (staged / "recipe.json").write_text(json.dumps(recipe, indent=1))
    shutil.copy(options.split, staged / "split.json")
    common = len(packed(sorted(staged.rglob("*")), staged)) / MIB
    room = options.archives * options.mib - common
    quality = fitting(sets, room * 0.97)
    for folder in sets:
        write_set(folder, staged / "data" / folder.name, quality)
    for number, files in enumerate(parts(staged, options.archives)):
        archive = packed(files, staged)
        if len(archive) > options.mib * MIB:
            raise SystemExit(
                f"archive {number} takes {len(archive) / MIB:.1f} MiB, wanted at most {options.mib:g}; give more"
                " --archives"
            )
        (options.output / f"{number}.tar.xz").write_bytes(archive)
        print(f"{number}.tar.xz: {len(files)} files, {len(archive) / MIB:.1f} MiB, quality {quality}")
    shutil.rmtree(staged)


def images_of(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "images").iterdir() if path.is_file())


def encoded(path: Path, quality: int) -> bytes:
    buffer = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(buffer, "WEBP", quality=quality, method=4)
    return buffer.getvalue()


def fitting(sets: Sequence[Path], room: float) -> int:
    """The best quality at which all sets take at most `room` MiB."""
    annotations = sum(len(packed([folder / "annotations.json"], folder)) for folder in sets) / MIB
    some = [path for folder in sets for path in images_of(folder)[::SAMPLED]]
    for quality in QUALITIES:
        if annotations + SAMPLED * sum(len(encoded(path, quality)) for path in some) / MIB <= room:
            return quality
    raise SystemExit(f"no quality brings the images below {room:.0f} MiB; give more --archives or a larger --mib")


def write_set(folder: Path, output: Path, quality: int) -> None:
    """Write one set again.

    Each image keeps its name, which the annotations hold, and the smaller of its encodings.
    """
    (output / "images").mkdir(parents=True)
    shutil.copy(folder / "annotations.json", output)
    for path in images_of(folder):
        again, before = encoded(path, quality), path.read_bytes()
        (output / "images" / path.name).write_bytes(min(again, before, key=len))


def parts(folder: Path, count: int) -> list[list[Path]]:
    """The files in so many parts that take about the same space.

    The largest file comes first; each goes to the emptiest part.
    """
    sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    for path in folder.rglob("*.json"):
        sizes[path] = len(packed([path], folder))
    found: list[list[Path]] = [[] for _ in range(count)]
    taken = [0] * count
    for path in sorted(sizes, key=sizes.__getitem__, reverse=True):
        emptiest = taken.index(min(taken))
        found[emptiest].append(path)
        taken[emptiest] += sizes[path]
    return found


def packed(files: Sequence[Path], folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        for path in files:
            archive.add(path, path.relative_to(folder), recursive=False)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
