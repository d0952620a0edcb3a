"""The interfaces of `segment_anything` and `sam2` to any segmenter. Imports no torch.

A program written for either runs after changing its import:

>>> from vpuformer.integrations.sam import SamPredictor, sam_model_registry
>>> from vpuformer.integrations.sam import SAM2ImagePredictor, build_sam2
"""

from vpuformer.integrations.sam.model import Sam, build_sam, build_sam2, sam_model_registry
from vpuformer.integrations.sam.predictor import SamPredictor
from vpuformer.integrations.sam.predictor2 import SAM2ImagePredictor
from vpuformer.integrations.sam.transforms import ResizeLongestSide

__all__ = [
    "ResizeLongestSide",
    "SAM2ImagePredictor",
    "Sam",
    "SamPredictor",
    "build_sam",
    "build_sam2",
    "sam_model_registry",
]
