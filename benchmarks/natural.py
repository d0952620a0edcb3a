"""The objects of the validation split on natural images."""

from pathlib import Path

from figures import NATURAL, validation_group

from vpuformer.cli.methods import open_samples
from vpuformer.data.sample import Sample


def natural_objects(root: Path, split: Path, every: int = 1) -> list[Sample]:
    """Every n-th natural object of `root`, a folder of COCO sets, that `split` keeps back."""
    samples = open_samples("coco", root, split)
    return [each for each in samples if validation_group(each.name) == NATURAL][::every]
