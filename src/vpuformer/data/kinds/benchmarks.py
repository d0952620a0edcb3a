"""The field's test sets, in the layout of their published packages.

To add one, write a reader and one entry in `BENCHMARKS`: see docs/data.md.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vpuformer.data.counts import Counts
from vpuformer.data.kinds.folder_pairs import berkeley, brats, coco_mval, davis, grabcut, oaizib, sstem
from vpuformer.data.kinds.label_map_sets import SampleOrError
from vpuformer.data.kinds.pascal_voc import pascal_voc
from vpuformer.data.kinds.sbd import sbd
from vpuformer.data.sample import Sample
from vpuformer.errors import DatasetError, unknown_name


@dataclass(frozen=True)
class Benchmark:
    """A test set.

    `read` takes its root and gives its samples in a fixed order, in place of one that is wrong a `DatasetError`; it
    raises that where the root is not laid out as expected.
    """

    read: Callable[[Path], Iterable[SampleOrError]]
    published: Counts = field(default_factory=Counts)


BENCHMARKS: dict[str, Benchmark] = {
    "grabcut": Benchmark(grabcut, Counts(50, 50)),
    # Of 96 photographs; those with two objects are there twice.
    "berkeley": Benchmark(berkeley, Counts(100, 100)),
    "davis": Benchmark(davis, Counts(345, 345)),
    "coco_mval": Benchmark(coco_mval, Counts(800, 800)),
    "sbd": Benchmark(sbd, Counts(2857, 6671)),
    # RITM's own list of objects, which is not published; other readers count a few more or less.
    "pascalvoc": Benchmark(pascal_voc, Counts(1449, 3417, tolerance=0.005)),
    "sstem": Benchmark(sstem, Counts(20)),
    "brats": Benchmark(brats, Counts(369, 369)),
    "oaizib": Benchmark(oaizib, Counts(150, 300)),
}
"""Name to test set."""


def open_benchmark(name: str, root: str | Path) -> Sequence[Sample]:
    """The samples of the benchmark `name` (upper and lower case are one) at `root`.

    Raises:
        DatasetError: there is no such benchmark, `root` is not laid out as it, holds no object, or a file is missing
            or broken.
    """
    samples: list[Sample] = []
    for found in find_samples(name, root):
        if isinstance(found, DatasetError):
            raise found
        samples.append(found)
    if not samples:
        raise DatasetError(f"{root} holds no object of {name}")
    return samples


def find_samples(name: str, root: str | Path) -> Iterable[SampleOrError]:
    """As `open_benchmark`, with an error in place of the samples of a faulty file.

    Raises:
        DatasetError: there is no such benchmark, or `root` is not laid out as it.
    """
    benchmark = BENCHMARKS.get(name.lower())
    if benchmark is None:
        raise DatasetError(unknown_name("benchmark", name, BENCHMARKS))
    return benchmark.read(Path(root))
