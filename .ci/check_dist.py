"""Check what the wheel and the source archive in a folder hold: every file that belongs there, and no other.

    python .ci/check_dist.py dist

Imports the standard library alone.
"""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 16 * 2**20
"""Bytes that the wheel has at most; nearly all of it is the bundled model."""


def main(folder: Path) -> None:
    (wheel,), (archive,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    listing = ["git", "ls-files", "src/vpuformer", "examples"]
    tracked = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    package = {name.removeprefix("src/") for name in tracked if name.startswith("src/")}
    examples = {name for name in tracked if re.fullmatch(r"examples/(\w+\.jpg|README\.md)", name)}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    compare(wheel.name, held, package | {f"vpuformer/{name}" for name in examples})
    with tarfile.open(archive) as opened:
        held = {name.partition("/")[2] for name in opened.getnames()}
    rest = {"CHANGELOG.md", "CITATION.cff", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml", ".gitignore"}
    compare(archive.name, held, {*tracked, *rest})
    if wheel.stat().st_size > LIMIT:
        sys.exit(f"{wheel.name} has {wheel.stat().st_size} bytes, at most {LIMIT}")
    for path in (wheel, archive):
        sys.stdout.write(f"{path}: {path.stat().st_size / 1e6:.1f} MB\n")


def compare(name: str, held: set[str], wanted: set[str]) -> None:
    if held != wanted:
        sys.exit(f"{name}: stray {sorted(held - wanted)}, missing {sorted(wanted - held)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
