"""Images that fine-tuning keeps together, in sequences and in sets of single images.

    python benchmarks/likeness.py [--data data]

Sequences are DAVIS (frames of 50 videos), the streets of CamVid (about every tenth frame), and ssTEM (slices). The
polyps are frames whose numbers were shuffled. The others are single images, apart from a few that were taken twice.
Writes `benchmarks/results/likeness.json`.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from vpuformer.finetuning.likeness import compare, thumbnail
from vpuformer.images import read_image

RESULTS = Path(__file__).parent / "results" / "likeness.json"
SETS = {
    "DAVIS": "DAVIS/img",
    "street": "train/street/images",
    "ssTEM": "ssTEM/stack1/raw",
    "polyps": "train/polyps/images",
    "faces": "train/faces/images",
    "skin": "train/skin/images",
    "coco_single": "train/coco_single/images",
    "pets": "train/pets/images",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder with the sets")
    data = parser.parse_args().data
    results = {name: measured(data / folder) for name, folder in SETS.items()}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def measured(folder: Path) -> dict[str, Any]:
    """How alike the images of a folder are, and how many are kept together."""
    thumbnails = [thumbnail(read_image(path)) for path in sorted(folder.iterdir())]
    neighbours = [(i - 1, i) for i in range(1, len(thumbnails))]
    groups, neighbouring, usual = compare(thumbnails, neighbours)
    sizes = np.bincount(groups)
    row = {
        "images": len(thumbnails),
        "alike_neighbours": round(neighbouring, 4),
        "alike_pairs": round(usual, 4),
        "kept_together": int(sizes[sizes > 1].sum()),
    }
    print(folder, row)
    return row


if __name__ == "__main__":
    main()
