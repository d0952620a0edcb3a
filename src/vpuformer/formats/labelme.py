"""Writer of LabelMe: a JSON file an image, with polygons or masks."""

import base64
import json
import posixpath
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from vpuformer.formats.affected import Affected
from vpuformer.formats.annotated_image import AnnotatedImage, LabelledMask
from vpuformer.formats.contours import parts_of
from vpuformer.formats.labelme_attributes import as_description
from vpuformer.formats.labels import LabelNumbers
from vpuformer.formats.output import Output, Written
from vpuformer.formats.pixels import bit_png
from vpuformer.geometry import Crop

_VERSION = "5.4.0"
"""The first version of LabelMe that reads masks as they are written here."""


def write(
    images: Iterable[AnnotatedImage],
    folder: Path,
    labels: Sequence[str],
    *,
    polygons: bool = True,
    images_at: str = ".",
) -> Written:
    """Write `IMAGE.json` for every image.

    A polygon has pixel corners at integers, which is where LabelMe draws it; several parts of an object share a
    `group_id`. LabelMe's polygons have no holes: an object with some is a shape of the type "mask", as all are without
    `polygons`. Tags of the image are its `flags`, attributes of an object the lines of its `description`.

    Args:
        polygons: outlines that can be edited, where that is possible.
        images_at: the folder of the images as seen from `folder`, with forward slashes, for `imagePath`.

    Raises:
        InputError: the disk does not take a file, or an object has an unknown label.
    """
    output, numbers = Output(folder), LabelNumbers(labels)
    as_masks, outlined = Affected(), False
    for image in images:
        name = f"{output.stem(image.image)}.json"
        image_at = posixpath.join(images_at, image.image)
        shapes = []
        for thing in image.masks():
            made = _shapes(thing, numbers.names[numbers.of(thing.label, image.image)], polygons)
            if not made:
                output.leave_out(image.image)
                continue
            shapes += made
            is_mask = made[0]["shape_type"] == "mask"
            outlined |= not is_mask
            as_masks.add(image.image, polygons and is_mask)
            output.objects += 1
        content = {
            "version": _VERSION,
            "flags": dict.fromkeys(image.tags, True),
            "shapes": shapes,
            "imagePath": _as_seen_from(posixpath.dirname(name), image_at),
            "imageData": None,
            "imageHeight": image.height,
            "imageWidth": image.width,
        }
        output.write(name, json.dumps(content, indent=1).encode())
    output.note(numbers.note())
    if outlined:
        output.note(
            "LabelMe's own way from polygons to masks paints the outline too, and makes them up to a pixel larger at"
            " the right and below; shapes of the type 'mask' it gives back to the bit."
        )
    if as_masks:
        output.note(
            f"{as_masks.of('object')} with holes came as"
            f" {'a shape' if as_masks.number == 1 else 'shapes'} of the type 'mask', which LabelMe {_VERSION} and later"
            f" shows but does not edit: {as_masks.images}."
        )
    return output.done()


def _as_seen_from(folder: str, path: str) -> str:
    """`path` relative to `folder`, both relative to the same place, wherever that is.

    >>> _as_seen_from("dogs", "../../photos/dogs/x.jpg"), _as_seen_from("dogs", "dogs/x.jpg")
    ('../../../photos/dogs/x.jpg', 'x.jpg')
    """
    if posixpath.isabs(path):
        return path
    # Python would put the working directory before both, and cut off the ".." that lead out of a shallow one.
    root = "/-" * path.count("..")
    return posixpath.relpath(f"{root}/{path}", f"{root}/{folder}")


def _shapes(thing: LabelledMask, label: str, polygons: bool) -> list[dict[str, Any]]:
    box = Crop.around(thing.mask)
    if box is None:
        return []
    parts = parts_of(thing.mask) if polygons else []
    if not parts or any(part.holes for part in parts):
        pixels = base64.b64encode(bit_png(thing.mask[box.slices])).decode("ascii")
        # Here LabelMe counts pixels: the first and the last one.
        corners = [[box.left, box.top], [box.left + box.width - 1, box.top + box.height - 1]]
        return [_shape(thing, label, "mask", corners, None, pixels)]
    group = thing.id if len(parts) > 1 else None
    return [_shape(thing, label, "polygon", part.outer.tolist(), group, None) for part in parts]


def _shape(
    thing: LabelledMask, label: str, kind: str, points: list[list[int]], group: int | None, mask: str | None
) -> dict[str, Any]:
    return {
        "label": label,
        "points": points,
        "group_id": group,
        "description": as_description(thing.attributes),
        "shape_type": kind,
        "flags": {},
        "mask": mask,
    }
