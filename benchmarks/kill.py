"""Kill the annotation server with SIGKILL during work, and check what it stored.

    python benchmarks/kill.py

Three people work on the server. After a restart it must have everything that it had acknowledged, to the pixel. A
request that was interrupted must be stored completely or not at all; it is sent again with the same key, and must not
count twice. The work comes from `tests/support/app_kills.py`. Writes `benchmarks/results/kill.json`; exit code 1 if
anything was lost.
"""

import argparse
import dataclasses
import json
import platform
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "kill.json"

sys.path.insert(0, str(ROOT / "tests"))
from support.app_kills import kill_again_and_again  # noqa: E402
from support.app_ledger import SIZE  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help="seed of the work and of the times of the kills")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        Image.new("RGB", (SIZE[1], SIZE[0])).save(Path(folder, "a.png"))
        tally = kill_again_and_again(Path(folder), Path(folder, "kept.sqlite"), options.kills, options.seed)
    report = {
        **dataclasses.asdict(tally),
        "seconds": round(time.monotonic() - begun, 1),
        "seed": options.seed,
        "machine": f"{platform.processor() or platform.machine()}, Python {platform.python_version()}",
    }
    text = json.dumps(report, indent=2) + "\n"
    options.output.write_text(text, encoding="utf-8")
    print(text, end="")
    sys.exit(not tally.sound)


if __name__ == "__main__":
    main()
