"""The methods that programs compare in time and memory; as a program, one mask of one.

    python benchmarks/methods.py NAME

The network with the bundled weights in each runtime, models of Segment Anything with random weights in the sizes of
their smallest checkpoints, and two classical methods. Nothing is downloaded.
"""

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vpuformer.arrays import RGB
    from vpuformer.inference.protocol import Segmenter

WIDTH, HEIGHT = 500, 350
"""Size of the image in pixels."""

RUNTIMES = {"onnx": "ONNX Runtime", "openvino": "OpenVINO", "torch": "PyTorch"}
"""Names of the runtimes as people write them."""


def photograph() -> "RGB":
    """A bundled photograph: a cup on a saucer, with a spoon."""
    import cv2
    import numpy as np

    from vpuformer.images import read_image

    pixels = cv2.resize(read_image("examples/coffee.jpg"), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(pixels, np.uint8)


def ours(runtime: str, threads: int | None = None) -> "Segmenter":
    """The bundled weights in this runtime, with its own number of threads by default."""
    from vpuformer.inference.runtimes import load_network
    from vpuformer.inference.segment import VPUFormerSegmenter

    return VPUFormerSegmenter(load_network("default", "cpu", runtime=runtime, threads=threads))


def segment_anything(family: str) -> "Segmenter":
    """SAM or SAM-HQ with ViT-B, or SAM 2.1-tiny: the defaults of `transformers`."""
    import transformers

    from vpuformer.evaluation.baselines.sam import Sam
    from vpuformer.evaluation.baselines.sam_models import FAMILIES

    kind = FAMILIES[family]
    model = getattr(transformers, kind.model)
    images = transformers.Sam2ImageProcessor if family == "sam2" else transformers.SamImageProcessor
    processor = getattr(transformers, kind.processor)(images())
    return Sam(kind, model(model.config_class()), processor, family, "cpu")


def classical(name: str) -> "Segmenter":
    """A baseline without weights."""
    from vpuformer.evaluation.baselines import open_baseline

    return open_baseline(name)


def methods() -> Mapping[str, "Callable[[], Segmenter]"]:
    """All methods whose packages are installed, by name."""
    from vpuformer.extras import missing

    installed = [runtime for runtime in RUNTIMES if runtime == "onnx" or not missing(runtime)]
    found: dict[str, Callable[[], Segmenter]] = {
        f"ours, {RUNTIMES[runtime]}": lambda runtime=runtime: ours(runtime) for runtime in installed
    }
    cores = os.cpu_count() or 1
    if cores > 1:
        found["ours, ONNX Runtime, two threads"] = lambda: ours("onnx", 2)
    if not missing("sam"):
        found |= {
            "SAM ViT-B": lambda: segment_anything("sam"),
            "SAM 2.1-tiny": lambda: segment_anything("sam2"),
            "SAM-HQ ViT-B": lambda: segment_anything("sam-hq"),
        }
    return found | {
        "OpenCV GrabCut": lambda: classical("opencv-grabcut"),
        "random walker": lambda: classical("random-walker"),
    }


def main(name: str) -> None:
    from vpuformer.inference.protocol import Query
    from vpuformer.prompts import Click

    segmenter = methods()[name]()
    (answer,) = segmenter.segment([Query(segmenter.encode(photograph()), [Click(242, 88)])])
    print(answer.mask.sum())


if __name__ == "__main__":
    main(sys.argv[1])
