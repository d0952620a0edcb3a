"""Time to the first mask on the page that needs no server, and to later masks.

    python benchmarks/web.py [--visits 5] [--prompts 30] [--output benchmarks/results/web.json]

Headless Chromium opens the page with an empty cache, from a server on this machine, and clicks the example as soon as
it is shown. Later prompts are given on this photograph and on an enlarged one of twelve megapixels, three to an object.
The browser measures up to the frame that paints the mask. Run it on an idle machine. On Linux, the CPU time of the page
and of its network up to the first mask is measured as well, which other programs hardly change.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.static_site import Visitor, opened_site, served_folder  # noqa: E402
from vpuformer.model.manifest import read_manifest  # noqa: E402
from vpuformer.web.exporting import export_page  # noqa: E402

FIRST_MOST, LATER_MOST = 3000, 300
"""Targets in milliseconds: the first mask from the page's address, and a median of later ones on the example."""

# Milliseconds from each released button to the frame that paints its mask; `performance.now` counts from the address.
WATCH = """() => {
  window.painted = [];
  let lifted = null;
  addEventListener("pointerup", (event) => (lifted = event.timeStamp), { capture: true });
  new MutationObserver(() => {
    if (lifted === null || document.body.dataset.state !== "idle") return;
    const from = lifted;
    lifted = null;
    requestAnimationFrame(() => window.painted.push([performance.now() - from, performance.now()]));
  }).observe(document.body, { attributes: true });
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--prompts", type=int, default=30)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/web.json")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as place:
        folder = export_page("default", Path(place, "page"))
        large = Path(place, "large.jpg")
        photograph = cv2.imread(str(ROOT / "examples/coffee.jpg"))
        cv2.imwrite(str(large), cv2.resize(photograph, (4243, 2828), interpolation=cv2.INTER_CUBIC))
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        with served_folder(folder) as address:
            first, cpu = zip(*(first_mask(address) for _ in range(arguments.visits)), strict=True)
            later = {}
            for name, image in (("600 x 400", None), ("4243 x 2828", large)):
                with opened_site(address, bypass_csp=True) as visitor:
                    later[name] = times(visitor, image, arguments.prompts)
    result = {
        "weights_sha256": read_manifest("default").sha256,
        "bytes": size,
        "visits": arguments.visits,
        "prompts": arguments.prompts,
        "first_mask_ms": statistics.median(first),
        "first_mask_cpu_ms": statistics.median(cpu),
        "later_ms": later,
        "within": statistics.median(first) <= FIRST_MOST and max(later["600 x 400"].values()) <= LATER_MOST,
        "load": load,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def first_mask(address: str) -> tuple[float, float]:
    """Milliseconds from the address to the mask of a first click, and those on a CPU.

    The click is given once the image is shown.
    """
    with opened_site(address, bypass_csp=True) as visitor:
        visitor.page.evaluate(WATCH)
        visitor.page.get_by_text("coffee.jpg").wait_for()
        visitor.click((290, 200))
        return painted(visitor, 1)[0][1], cpu_ms()


def cpu_ms() -> float:
    """CPU milliseconds of page and network, in browsers that this program has started."""
    parents, pages = {}, []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parents[process.name] = _stat(process)[1]
            if b"--type=renderer" in (process / "cmdline").read_bytes():
                pages.append(process)
        except OSError:  # it has ended
            continue
    ticks = 0
    for page in pages:
        above = page.name
        while above in parents and above != str(os.getpid()):
            above = parents[above]
        for thread in (page / "task").iterdir() if above == str(os.getpid()) else ():
            if thread.name == page.name or (thread / "comm").read_text().startswith("DedicatedWorker"):
                ticks += sum(map(int, _stat(thread)[11:13]))
    return 1000 * ticks / os.sysconf("SC_CLK_TCK")


def _stat(process: Path) -> list[str]:
    """The fields of `stat` after the name, which may hold spaces."""
    return (process / "stat").read_text().rpartition(")")[2].split()


def times(visitor: Visitor, image: Path | None, prompts: int) -> dict[str, float]:
    """Median milliseconds of first prompts on an object and of corrections."""
    page = visitor.page
    if image is not None:
        page.get_by_text("coffee.jpg").wait_for()
        page.set_input_files("#file", image)
        page.get_by_text(image.name).wait_for()
    visitor.wait()
    page.evaluate(WATCH)
    width, height = (
        int(part) for part in page.inner_text("#image-name").rpartition(", ")[2].split("\N{MULTIPLICATION SIGN}")
    )
    rng = np.random.default_rng(0)
    for number in range(prompts):
        x, y = rng.uniform(0.25, 0.75, 2) * (width, height)
        dx, dy = width / 12, height / 12
        match number % 3:
            case 0:
                page.keyboard.press("n")
                visitor.click((x, y))
            case 1:
                visitor.drag((x - dx, y - dy), (x + dx, y + dy))
            case _:
                page.keyboard.down("Shift")
                visitor.drag((x - dx, y), (x, y + dy), (x + dx, y))
                page.keyboard.up("Shift")
        painted(visitor, number + 1)
    seen = [took for took, _ in painted(visitor, prompts)]
    corrections = [took for number, took in enumerate(seen) if number % 3]
    return {"first prompt": statistics.median(seen[::3]), "correction": statistics.median(corrections)}


def painted(visitor: Visitor, count: int) -> list[tuple[float, float]]:
    """What `WATCH` has measured, once there are so many."""
    while len(seen := visitor.page.evaluate("window.painted")) < count:
        visitor.page.wait_for_timeout(5)
    return seen


if __name__ == "__main__":
    main()
