"""Images and masks on disk and on screen: the only place that reads and writes pixels.

* `read_image`, `image_size`: any honest image, as uint8 (H, W, 3), upright;
* `image_endings`: which files may hold images;
* `slices_of`, `slice_path`: the images of a file that holds many, and one of them, as paths;
* `read_mask`, `read_foreground`, `read_labels`, `check_mask`: a mask, or a map of labels, that fits its image;
* `read_meaning`: what the values of a mask file stand for;
* `write_image`, `write_mask`: the whole file or none;
* `overlay`, `Mark`: a mask and its prompts drawn on an image.
"""

from vpuformer.images.drawing import Mark, overlay
from vpuformer.images.heads import image_endings
from vpuformer.images.loading import MAX_PIXELS
from vpuformer.images.masks import check_mask, read_foreground, read_labels, read_mask, read_meaning
from vpuformer.images.reading import image_size, read_image
from vpuformer.images.volumes import slice_path, slices_of
from vpuformer.images.writing import write_image, write_mask

__all__ = [
    "MAX_PIXELS",
    "Mark",
    "check_mask",
    "image_endings",
    "image_size",
    "overlay",
    "read_foreground",
    "read_image",
    "read_labels",
    "read_mask",
    "read_meaning",
    "slice_path",
    "slices_of",
    "write_image",
    "write_mask",
]
