"""Natural objects of the validation split, and the options of programs that use them."""

import argparse
from pathlib import Path

from validation_objects import NATURAL, validation_group

from vpuformer.cli.methods import open_samples
from vpuformer.data.sample import Sample


def natural_objects(root: Path, split: Path, every: int = 1) -> list[Sample]:
    """Every n-th natural object of `root`, a folder of COCO sets, that `split` keeps back."""
    samples = open_samples("coco", root, split)
    return [each for each in samples if validation_group(each.name) == NATURAL][::every]


def natural_parser(description: str | None, output: Path) -> argparse.ArgumentParser:
    """Options for the objects, the model, and the file that is written."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="measure every n-th object alone")
    parser.add_argument("--model", default="default")
    parser.add_argument("--output", type=Path, default=output)
    return parser
