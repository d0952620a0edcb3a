"""DICOM files: one frame as an image, in the window that the file asks for.

Reading needs the extra `medical`. Nothing of a file but its pixels, sizes and positions is ever shown: other fields may
name the patient.
"""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from vpuformer.errors import ImageError, InputError
from vpuformer.extras import require
from vpuformer.images.addresses import LARGEST, Address, Window
from vpuformer.images.loading import Loaded, What, check_pixels, error_for
from vpuformer.images.nifti import chosen_slice

SOFT_TISSUE = Window(40, 400)
"""Window of a CT image that asks for none, in Hounsfield units."""

# What pydicom finds odd in a file, it warns of with the value, which may be the name of a patient.
warnings.filterwarnings("ignore", module="pydicom")
logging.getLogger("pydicom").addHandler(logging.NullHandler())

_PLACE = (
    "SOPClassUID", "SeriesInstanceUID", "SeriesNumber", "InstanceNumber", "Rows", "Columns", "NumberOfFrames",
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SpacingBetweenSlices", "SliceThickness",
)  # fmt: skip


class NoImageError(ImageError):
    """A DICOM file that is something else, such as a report."""


class Place(NamedTuple):
    """The place of an image: its series, and its geometry in the patient."""

    series: str
    number: int
    """Number of the series within its study; 0 if it has none."""
    instance: int
    rows: int
    columns: int
    frames: int
    position: tuple[float, ...] | None
    """Centre of the first pixel in LPS, in mm."""
    directions: tuple[float, ...] | None
    """Unit vectors along a row and along a column, in LPS."""
    spacing: tuple[float, float]
    """Distance of rows and of columns, in mm; 1 if the file does not say."""
    step: float
    """Distance of slices, in mm; 1 if the file does not say."""

    @property
    def depth(self) -> float:
        """Distance along the normal of the slices, in mm; 0 without a position."""
        if self.position is None or self.directions is None:
            return 0.0
        return float(np.dot(self.normal, self.position))

    @property
    def normal(self) -> npt.NDArray[np.float64]:
        """Unit vector across rows and columns, in LPS; along z without directions."""
        if self.directions is None:
            return np.array([0.0, 0.0, 1.0])
        return np.cross(self.directions[:3], self.directions[3:])

    @property
    def order(self) -> tuple[Any, ...]:
        """Sort key: by series, then along the normal."""
        return self.number, self.series, self.depth, self.instance


@contextmanager
def _errors(file: Path, what: What = "image") -> Iterator[None]:
    """Failures of pydicom as one sentence, without the values that they name."""
    try:
        yield
    except NoImageError:
        raise
    except InputError as error:
        raise error_for(what)(str(error)) from error
    except MemoryError as error:
        raise error_for(what)(f"{file} needs more memory than there is; convert it to smaller files") from error
    except Exception as error:  # not chained: its message may hold fields of the file
        raise error_for(what)(
            f"{file} is broken, cut short or of a kind of DICOM that cannot be read ({type(error).__name__}); export it"
            " again, uncompressed"
        ) from None


def _header(file: Path, fields: Sequence[str] | None = None) -> Any:
    from pydicom import dcmread
    from pydicom.filereader import read_file_meta_info
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    if read_file_meta_info(file).get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        # pydicom would inflate all of it, which may be thousands of times as large, and find no pixels.
        raise ImageError(f"{file} is deflated as a whole, which is not read; export it uncompressed")
    return dcmread(file, stop_before_pixels=True, specific_tags=None if fields is None else list(fields))


def place_of(file: Path) -> Place:
    """The place of the image of a file, from its head.

    Raises:
        ImageError: the file is broken, or holds no image.
    """
    require("medical", f"reading {file.name}")
    with _errors(file):
        state = file.stat()
        return _place(file, state.st_mtime_ns, state.st_size)


@lru_cache(10_000)
def _place(file: Path, _time: int, _size: int) -> Place:
    head = _header(file, (*_PLACE, "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"))
    if "Rows" not in head or "Columns" not in head:
        raise NoImageError(f"{file} is a DICOM file without an image; give one with pixels")
    frames = int(head.get("NumberOfFrames") or 1)
    measures = _macro(head, 0, "PixelMeasuresSequence")
    spacing = _numbers(measures.get("PixelSpacing"), 2)
    if spacing is None or min(spacing) <= 0:
        spacing = 1.0, 1.0
    first = _numbers(_macro(head, 0, "PlanePositionSequence").get("ImagePositionPatient"), 3)
    directions = _numbers(_macro(head, 0, "PlaneOrientationSequence").get("ImageOrientationPatient"), 6)
    if directions is not None and not np.any(np.cross(directions[:3], directions[3:])):
        directions = None  # no plane
    step = _first(measures.get("SpacingBetweenSlices")) or _first(measures.get("SliceThickness")) or 1.0
    place = Place(
        str(head.get("SeriesInstanceUID", "")),
        int(head.get("SeriesNumber") or 0),
        int(head.get("InstanceNumber") or 0),
        int(head.Rows),
        int(head.Columns),
        max(1, frames),
        first,
        directions,
        (spacing[0], spacing[1]),
        step,
    )
    if frames < 2 or first is None or "PerFrameFunctionalGroupsSequence" not in head:
        return place
    last = _numbers(_macro(head, frames - 1, "PlanePositionSequence").get("ImagePositionPatient"), 3)
    if last is None:
        return place
    # Frames may run against the normal: then the step is negative.
    distance = float(np.dot(place.normal, np.subtract(last, first))) / (frames - 1)
    return place._replace(step=distance) if distance else place


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """So many finite numbers, else None."""
    if value is None or isinstance(value, str) or len(value) != count:
        return None
    numbers = tuple(float(each) for each in value)
    return numbers if np.isfinite(numbers).all() else None


def _macro(head: Any, frame: int, name: str) -> Any:
    """The item of a functional group of a frame, as files of many frames have them; else the file itself."""
    for groups, index in (("PerFrameFunctionalGroupsSequence", frame), ("SharedFunctionalGroupsSequence", 0)):
        if groups in head and index < len(head[groups].value):
            group = head[groups].value[index]
            if name in group and len(group[name].value):
                return group[name].value[0]
    return head


def count_frames(file: Path) -> int:
    """Number of frames of an image.

    Raises:
        ImageError: the file is broken, or holds no image.
    """
    return place_of(file).frames


def size_of(address: Address) -> tuple[int, int]:
    """(H, W) of a frame, from the head of its file.

    Raises:
        ImageError: as in `load_slice`.
    """
    place = place_of(address.file)
    _chosen(address, place)
    return place.rows, place.columns


def _chosen(address: Address, place: Place) -> int:
    if address.axis not in (None, "frame") or address.time is not None:
        raise ImageError(f"{address.file} is a DICOM file, whose images are its frames; leave {address.suffix} out")
    return chosen_slice(address, "frame", place.frames)


def load_slice(address: Address, what: What = "image") -> Loaded:
    """A frame of a DICOM file.

    Values are those of the modality, such as Hounsfield units, and MONOCHROME1, where large values are dark, is turned
    round. The window is the wanted one, else the first of the file, else `SOFT_TISSUE` for CT.

    Raises:
        ImageError: the file is broken or has no image, no installed decoder knows its compression, or the frame is
            not in it (MaskError for a mask).
    """
    file = address.file
    place = place_of(file)
    with _errors(file, what):
        from pydicom.pixels.processing import apply_color_lut
        from pydicom.pixels.utils import pixel_array

        frame = _chosen(address, place)
        check_pixels(place.rows, place.columns, str(file), what)
        head = _header(file)
        _check_decoder(head, file)
        values = pixel_array(file, index=frame)
        kind = str(head.get("PhotometricInterpretation", ""))
        if kind == "PALETTE COLOR":
            values = apply_color_lut(values, head)
        if values.ndim == 3 or what == "mask":
            return Loaded(_eight_bits(values, head) if values.ndim == 3 else values)
        loaded = _grey(values, head, frame, address.window)
        if kind != "MONOCHROME1":
            return loaded
        values = np.asarray(loaded.stored)
        low, high = loaded.shown or (float(values.min()), float(values.max()))
        turned = (low + high) - values.astype(np.float32)
        return Loaded(turned, (low, high), loaded.why, ("MONOCHROME1: large values are dark",))


def _check_decoder(head: Any, file: Path) -> None:
    from pydicom.pixels.decoders.base import get_decoder

    syntax = head.file_meta.TransferSyntaxUID
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise ImageError(f"{file} is compressed as {syntax.name}, which is not read; export it uncompressed") from None
    if not decoder.is_available:
        raise ImageError(
            f"{file} is compressed as {syntax.name}, for which no decoder is installed; install one with: pip install"
            " python-gdcm"
        )


def _eight_bits(colours: npt.NDArray[Any], head: Any) -> npt.NDArray[Any]:
    """Colours as they are, or the high bytes of 16 bits, as palettes have them."""
    if colours.dtype == np.uint8:
        return colours
    bits = 16 if "RedPaletteColorLookupTableDescriptor" in head else int(head.BitsStored)
    return (colours.astype(np.uint32) >> max(0, bits - 8)).astype(np.uint8)


def _grey(values: npt.NDArray[Any], head: Any, frame: int, wanted: Window | None) -> Loaded:
    """Values after the modality's transform, and the range that they are shown in."""
    from pydicom.pixels.processing import apply_modality_lut, apply_voi

    transform = _macro(head, frame, "PixelValueTransformationSequence")
    if "ModalityLUTSequence" in head or "RescaleSlope" in transform:
        source = head if "ModalityLUTSequence" in head else transform
        values = _compact(apply_modality_lut(values, source))
    if wanted is not None:
        return Loaded(values, wanted.range, f"window {wanted}")
    voi = _macro(head, frame, "FrameVOILUTSequence")
    if "VOILUTSequence" in voi and len(voi.VOILUTSequence):
        bits = int(voi.VOILUTSequence[0].LUTDescriptor[2])
        return Loaded(apply_voi(values, voi), (0.0, float(2**bits - 1)), "table of the file")
    center, width = (_first(voi.get(name)) for name in ("WindowCenter", "WindowWidth"))
    function = str(voi.get("VOILUTFunction") or "LINEAR").upper()
    least = 1 if function == "LINEAR" else 0
    if center is None or width is None or not (abs(center) < LARGEST and least < width < LARGEST):
        is_ct = str(head.get("Modality", "")) == "CT"
        return Loaded(values, SOFT_TISSUE.range, f"window {SOFT_TISSUE}, as CT usually is") if is_ct else Loaded(values)
    if function == "SIGMOID":
        curve = 1 / (1 + np.exp(-4 * (values.astype(np.float64) - center) / width))
        return Loaded(curve.astype(np.float32), (0.0, 1.0), "curve of the file")
    why = f"window {Window(center, width)} of the file"
    if function == "LINEAR":  # PS3.3 C.11.2.1.2.1
        center, width = center - 0.5, width - 1
    return Loaded(values, Window(center, width).range, why)


def _first(value: Any) -> float | None:
    if value is None or (not isinstance(value, str | float | int) and not len(value)):
        return None
    number = float(value if isinstance(value, str | float | int) else value[0])
    return number if np.isfinite(number) else None


def _compact(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Whole numbers as such: a quarter of the memory, and the page shows them as they are."""
    whole = np.rint(values)
    if np.array_equal(whole, values) and values.size and -(2**15) <= values.min() <= values.max() < 2**15:
        return whole.astype(np.int16)
    return values.astype(np.float32)
