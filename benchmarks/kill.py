"""Kill the annotation server with SIGKILL again and again while three people work with it, and look what is left.

    python benchmarks/kill.py

Everything that the server had acknowledged must be there when it runs again, to the pixel; a request that was under way
is wholly there or not at all, and is sent once more with the same key, which must not count twice. The work is that of
`tests/support/app_kills.py`. Writes `benchmarks/results/kill.json`; exit code 1 if anything was lost.
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
    parser.add_argument("--seed", type=int, default=0, help="of the work and of the moments of death")
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
