"""Label volumes as TIFF, with the pages, resolution and GeoTIFF tags of their image."""

import io
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import tifffile

from vpuformer.formats.annotated_image import AnnotatedImage
from vpuformer.images import image_size
from vpuformer.images.addresses import Address
from vpuformer.images.loading import MAX_PIXELS, ORIENTATION, TURNS, upright
from vpuformer.images.tiff import full_pages

_GEO = (33550, 33922, 34264, 34735, 34736, 34737)
"""GeoTIFF: pixel scale, tie points, transformation, keys, and their numbers and texts."""

_SIZES = tuple(f"PhysicalSize{axis}{end}" for axis in "XYZ" for end in ("", "Unit"))

Labels = npt.NDArray[np.unsignedinteger[Any]]


class PlainSource:
    """An image without a geometry: a label volume is a TIFF of one page."""

    ending, notes = ".tif", ()

    def __init__(self, image: AnnotatedImage) -> None:
        self.name = image.image
        self._size = image.height, image.width

    def empty(self, kind: type[np.unsignedinteger[Any]]) -> list[Labels]:
        return [np.zeros(self._size, kind)]

    def view(self, volume: list[Labels], _: AnnotatedImage) -> Labels:
        return volume[0]

    def where(self, _: AnnotatedImage) -> dict[str, Any]:
        return {"page": 0}

    def encode(self, volume: list[Labels]) -> bytes:
        return _encoded(volume, [{}])


class _Page(NamedTuple):
    """What the page of a label volume shares with that of its image."""

    size: tuple[int, int]
    orientation: int
    tags: dict[str, Any]
    """Arguments of tifffile's writer."""


class TiffSource:
    """A TIFF: a label volume has its pages, without smaller copies.

    It is written as OME-TIFF or for ImageJ if the image is. For an image that is too large to be read, it has the size
    of the smaller copy that was shown, and no resolution.
    """

    notes = ()

    def __init__(self, name: str, file: Path) -> None:
        self.name, self.ending = name, ".tif"
        self._kind: dict[str, Any] = {}
        with tifffile.TiffFile(file) as tiff:
            pages = [cast(tifffile.TiffPage, tiff.pages[number]) for number in full_pages(tiff)]
            self._pages = [_page(page, file, number) for number, page in enumerate(pages)]
            if len({page.size for page in self._pages}) == 1 and not any(page.orientation > 1 for page in self._pages):
                self._kind = _microscopy(tiff, len(pages))

    def empty(self, kind: type[np.unsignedinteger[Any]]) -> list[Labels]:
        return [np.zeros(page.size, kind) for page in self._pages]

    def view(self, volume: list[Labels], image: AnnotatedImage) -> Labels:
        number = self.where(image)["page"]
        return upright(volume[number], self._pages[number].orientation)

    def where(self, image: AnnotatedImage) -> dict[str, Any]:
        return {"page": Address.of(Path(image.image)).number or 0}

    def encode(self, volume: list[Labels]) -> bytes:
        if not self._kind:
            return _encoded(volume, [page.tags for page in self._pages])
        options = dict(self._kind)
        stack = np.stack(volume).reshape(*options.pop("leading"), *volume[0].shape)
        buffer = io.BytesIO()
        first = self._pages[0].tags
        shared = {key: first[key] for key in ("resolution", "resolutionunit") if key in first}
        packed = {} if options.get("imagej") else {"compression": "zlib"}
        tifffile.imwrite(buffer, stack, photometric="minisblack", **packed, **options, **shared)
        return buffer.getvalue()


def _page(page: tifffile.TiffPage, file: Path, number: int) -> _Page:
    size = int(page.imagelength), int(page.imagewidth)
    if size[0] * size[1] > MAX_PIXELS:
        return _Page(image_size(Address(file, "page", number).path), 1, {})
    orientation = page.tags.valueof(ORIENTATION, default=1)
    orientation = int(orientation) if orientation in TURNS else 1
    tags = [(code, int(tag.dtype), tag.count, tag.value, True) for code in _GEO if (tag := page.tags.get(code))]
    if orientation > 1:
        tags.append((ORIENTATION, 3, 1, orientation, True))
    options: dict[str, Any] = {"extratags": tags}
    x, y = page.tags.valueof("XResolution"), page.tags.valueof("YResolution")
    if x and y and all(x) and all(y):
        options |= {"resolution": (x, y), "resolutionunit": int(page.tags.valueof("ResolutionUnit", default=2))}
    return _Page(size, orientation, options)


def _microscopy(tiff: tifffile.TiffFile, count: int) -> dict[str, Any]:
    """How OME-TIFF or ImageJ's TIFF of the same axes and voxel size is written; {} for other files."""
    try:
        series = tiff.series[0]
        axes = series.axes.rstrip("S")
        leading = series.shape[: len(axes) - 2]
        if not axes.endswith("YX") or int(np.prod(leading)) != count:
            return {}
        if tiff.is_ome:
            root: Any = tifffile.xml2dict(tiff.ome_metadata or "")
            image = root["OME"]["Image"]
            pixels = (image[0] if isinstance(image, list) else image)["Pixels"]
            sizes = {key: pixels[key] for key in _SIZES if key in pixels}
            return {"leading": leading, "ome": True, "metadata": {"axes": axes, **sizes}}
        if tiff.is_imagej:
            said = tiff.imagej_metadata or {}
            kept = {key: said[key] for key in ("spacing", "unit", "finterval") if key in said}
            return {"leading": leading, "imagej": True, "metadata": {"axes": axes, **kept}}
    except Exception:  # a description that is broken is none
        return {}
    return {}


def _encoded(volume: list[Labels], options: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        for page, tags in zip(volume, options, strict=True):
            file.write(page, photometric="minisblack", compression="zlib", metadata=None, **tags)
    return buffer.getvalue()
