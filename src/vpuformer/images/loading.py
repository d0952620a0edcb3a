"""Loading of pixels as they are stored. Every failure of a file becomes one sentence.

Pillow decodes nearly everything. What it would cut to 8 bits (colour PNG and TIFF of 16 bits) or not open at all
(floating-point TIFF, planar TIFF, BigTIFF) goes to tifffile and OpenCV.
"""

import gzip
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from vpuformer.errors import ImageError, InputError, MaskError
from vpuformer.images.addresses import Address

What = Literal["image", "mask"]

Kind = Literal["dicom", "nifti", "tiff"]
"""Kinds of files that may hold many images, apart from animations."""

MAX_PIXELS = 400_000_000
"""Width times height above which a file is refused before it is decoded: 1.2 GB as RGB."""

MAX_SLICES = 100_000
"""Slices above which a file is refused: its head is probably broken."""

DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
"""Modes of Pillow's with more than 8 bits, which its own conversion would clip at 255."""

# Pillow knows more formats. Left out are those that run a program (EPS), and those that nearly any bytes pass for.
_COMMON = ("PNG", "JPEG", "BMP", "DIB", "GIF", "PPM")  # Pillow loads its decoders of these alone if they are enough
_FORMATS = (*_COMMON, "MPO", "TIFF", "WEBP", "AVIF", "JPEG2000", "ICO")
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PNG_START = b"\x89PNG\r\n\x1a\n"
ORIENTATION = 0x0112  # EXIF and TIFF use the same tag

_limit_of_pillow = threading.Lock()
_lifting = 0
"""Number of threads that decode without Pillow's own limit."""
_limit: int | None = None
"""Pillow's limit, while it is lifted."""

Stored = Image.Image | npt.NDArray[Any]
"""A decoded Pillow image in any mode, or an array (H, W) or (H, W, channels) of any number type."""


class Loaded(NamedTuple):
    """A decoded image, and the range of values that it is shown in."""

    stored: Stored
    shown: tuple[float, float] | None = None
    """The values shown as black and as white; None for `vpuformer.images.ranges.display_range` of `stored`."""
    why: str = ""
    """Origin of that range, such as "window of the file"."""
    remarks: tuple[str, ...] = ()


def _one(what: What) -> str:
    return "a mask" if what == "mask" else f"an {what}"


def error_for(what: What) -> type[InputError]:
    """The error that speaks of an image, or of a mask."""
    return MaskError if what == "mask" else ImageError


def load(path: Path, what: What = "image", *, least: int | None = None) -> Stored:
    """The first image in a file, or the slice that an address names, decoded and upright.

    An image comes as it is to be looked at: dark values are small, pixels without data are NaN. The values of a mask
    come as they are stored. Of both, channels that are neither colour nor alpha are left out.

    With `least`, a JPEG may come smaller, but with no side below it: that takes a fraction of the time and memory.

    Raises:
        ImageError: the file is missing, empty, broken, too large or no image (MaskError for a mask).
    """
    address = Address.of(path)
    with opened(address.file, what) as file:
        kind = kind_of(file)
        if kind in ("dicom", "nifti"):
            return volume_reader(kind).load_slice(address, what).stored
        if kind == "tiff":
            from vpuformer.images.tiff import load_tiff  # only now: other files need no tifffile

            return load_tiff(file, address, what)
        check_single(address, what)
        path = address.file
        start = file.read(32)
        file.seek(0)
        with opened_by_pillow(file, path, what) as image:
            if least is not None:
                image.draft(None, (least, least))
            most = _largest_value(image, start)
            stored = load_upright(image, str(path), what)
        if _is_deep_colour_png(start):
            file.seek(0)
            try:
                return upright(decode_by_opencv(file.read()), orientation_of(image))
            except Exception as error:
                raise undecodable(str(path), what, error) from error
        return as_stored(stored, most) if what == "mask" else stored


_HEAD = 352
"""Bytes that show what kind of file it is."""


def kind_of(file: BinaryIO) -> Kind | None:
    """The kind of a file that was just opened, from its first bytes; None for any other.

    The file is rewound.
    """
    start = file.read(_HEAD)
    file.seek(0)
    if start.startswith(TIFF_STARTS):
        return "tiff"
    if start[128:132] == b"DICM":
        return "dicom"
    if start.startswith(b"\x1f\x8b"):
        try:
            start = gzip.GzipFile(fileobj=file).read(_HEAD)
        except (OSError, EOFError, zlib.error):
            return None
        finally:
            file.seek(0)
    return "nifti" if start[344:348] == b"n+1\0" or start[4:8] == b"n+2\0" else None


def volume_reader(kind: Kind | None) -> Any:
    """The module that reads such files, `nifti` or `dicom`. Others are not loaded."""
    return import_module(f"vpuformer.images.{kind}")


def check_single(address: Address, what: What = "image") -> None:
    """Refuse the address of a slice in a file that holds one image.

    Raises:
        ImageError: it is one (MaskError for a mask).
    """
    if address.suffix:
        raise error_for(what)(f"{address.file} holds one {what}; leave {address.suffix} out")


def _largest_value(image: Image.Image, start: bytes) -> int | None:
    """The largest value that a grey file can hold, where Pillow spreads its values over 8 or 16 bits."""
    tiles = getattr(image, "tile", ())
    if image.format == "PPM" and tiles:
        most = tiles[0].args
        return most[-1] if isinstance(most, tuple) and isinstance(most[-1], int) else None
    if start.startswith(_PNG_START) and len(start) > 25 and start[25] == 0 and start[24] in (2, 4):
        return 2 ** start[24] - 1
    return None


def as_stored(image: Image.Image, most: int | None, *, inverted: bool = False) -> Stored:
    """Values as they lie in the file, of an image that Pillow has decoded.

    `most` is the largest value that the file can hold, where Pillow has spread its values.
    """
    if not inverted and most is None:
        return image
    values = np.asarray(image)
    if inverted:
        values = ~values
    if most is None or values.dtype == np.bool_:
        return values
    top = 255 if values.dtype == np.uint8 else 65535
    return np.rint(values * (most / top)).astype(values.dtype)


def load_upright(image: Image.Image, name: str, what: What = "image") -> Image.Image:
    """A Pillow image, decoded, turned and mirrored as its EXIF orientation says.

    Raises:
        ImageError: the image is too large or cannot be decoded (MaskError for a mask).
    """
    check_pixels(image.height, image.width, name, what)
    try:
        image.load()
    except Exception as error:  # what a broken file makes a decoder raise has no common base
        raise undecodable(name, what, error) from error
    turn = TURNS.get(orientation_of(image))
    return image if turn is None else image.transpose(turn)


def orientation_of(image: Image.Image) -> int:
    """The EXIF orientation of an image, 1 to 8; 1, upright, if there is none that can be read."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # broken EXIF is common in honest photographs, and no reason to refuse one
        return 1
    return value if value in TURNS else 1


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(array: npt.NDArray[Any], orientation: int) -> npt.NDArray[Any]:
    """An array (H, W, ...), turned and mirrored as an EXIF orientation from 1 to 8 says.

    >>> upright(np.array([[1, 2]]), 6).tolist()
    [[1], [2]]
    """
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array


def check_pixels(height: int, width: int, name: str, what: What = "image") -> None:
    """Refuse an empty image, or one so large that it is probably an attack or a mistake."""
    if height < 1 or width < 1:
        raise error_for(what)(f"{name} is {width}x{height} pixels; {_one(what)} has at least one pixel")
    if height * width > MAX_PIXELS:
        raise error_for(what)(
            f"{name} is {width}x{height}, {height * width / 1e6:.0f} million pixels, and at most"
            f" {MAX_PIXELS // 1_000_000} million are read; cut it into pieces or scale it down"
        )


def opened(path: Path, what: What) -> BinaryIO:
    """A file to read from, which has something in it."""
    raise_ = error_for(what)
    try:
        if path.is_dir():
            raise raise_(f"{path} is a folder; give the file of one {what}")
        if path.stat().st_size == 0:
            raise raise_(f"{path} is an empty file; give the file of {_one(what)}")
        return path.open("rb")
    except FileNotFoundError:
        raise raise_(f"there is no file {path}; check the path of the {what}") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise raise_(f"{path} cannot be opened ({reason}); give {_one(what)} that you may read") from error


@cache
def formats() -> tuple[str, ...]:
    """Pillow's names of the formats that are read, those that it was built without left out."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _opened(file: BinaryIO) -> Image.Image:
    try:
        return Image.open(file, formats=_COMMON)
    except Image.UnidentifiedImageError:
        return Image.open(file, formats=formats())


@contextmanager
def without_limit_of_pillow() -> Iterator[None]:
    """Lift the limits of Pillow: it warns at 89 million pixels and refuses 179 million.

    It is one value for the whole process, and comes back when no thread needs it lifted.
    """
    global _lifting, _limit
    with _limit_of_pillow:
        if not _lifting:
            _limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _lifting += 1
    try:
        yield
    finally:
        with _limit_of_pillow:
            _lifting -= 1
            if not _lifting:
                Image.MAX_IMAGE_PIXELS = _limit


def opened_by_pillow(file: BinaryIO, path: Path, what: What, *, any_size: bool = False) -> Image.Image:
    """A Pillow image, not yet decoded, of a size that is read, or of any."""
    try:
        with without_limit_of_pillow():
            image = _opened(file)
    except Image.UnidentifiedImageError as error:
        raise error_for(what)(
            f"{path} cannot be read as {_one(what)}; give a PNG, JPEG, TIFF, WebP, BMP or GIF file"
        ) from error
    except Exception as error:
        raise undecodable(str(path), what, error) from error
    if not any_size:
        check_pixels(image.height, image.width, str(path), what)
    return image


def _is_deep_colour_png(start: bytes) -> bool:
    depth, colour_type = (start[24], start[25]) if len(start) > 25 else (0, 0)
    return start.startswith(_PNG_START) and depth == 16 and colour_type != 0


def decode_by_opencv(content: bytes) -> npt.NDArray[Any]:
    """The pixels of a file that OpenCV reads; channels in the order red, green, blue, alpha.

    Raises:
        ValueError: OpenCV does not read it.
    """
    said = cv2.utils.logging
    level = said.setLogLevel(said.LOG_LEVEL_SILENT)  # what is wrong is said once, in the error
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    finally:
        said.setLogLevel(level)
    if pixels is None:
        raise ValueError("its compression or colour type is not known")
    if pixels.ndim == 3:
        pixels = pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]]  # from blue, green, red
    return pixels


def undecodable(name: str, what: What, error: Exception) -> InputError:
    """The error for a file whose decoder has raised this one."""
    if isinstance(error, MemoryError):
        return error_for(what)(f"{name} needs more memory than there is; scale the {what} down or cut it into pieces")
    reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return error_for(what)(
        f"{name} is broken, cut short or of a kind that cannot be read ({reason}); write the {what} anew as PNG"
    )
