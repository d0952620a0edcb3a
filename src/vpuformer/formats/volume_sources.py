"""The files that annotated images are slices of, and label volumes of the same geometry.

A NIfTI file or a DICOM series becomes a NIfTI file, any other image a TIFF file with as many pages as its own.
"""

import gzip
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vpuformer.errors import ImageError
from vpuformer.formats.annotated_image import AnnotatedImage
from vpuformer.images.addresses import Address, without_window
from vpuformer.images.dicom import Place, place_of
from vpuformer.images.heads import upright_size_of
from vpuformer.images.loading import Kind, kind_of, opened
from vpuformer.images.nifti import Nifti
from vpuformer.images.planes import Planes, planes_of

Labels = npt.NDArray[np.unsignedinteger[Any]]

_LABEL_INTENT = 1002  # NIfTI's code for label volumes


class Source(Protocol):
    """A file or series, and label volumes as large as it."""

    name: str
    """Path of the images within their folder, which the files are named after."""
    ending: str

    @property
    def notes(self) -> Sequence[str]:
        """Sentences on what the volume cannot express."""
        ...

    def empty(self, kind: type[np.unsignedinteger[Any]]) -> Any:
        """A volume of zeros."""
        ...

    def view(self, volume: Any, image: AnnotatedImage, /) -> Labels:
        """The slice of a volume that an image shows, (H, W), to write into."""
        ...

    def where(self, image: AnnotatedImage, /) -> dict[str, Any]:
        """The place of that slice in the file, for JSON."""
        ...

    def encode(self, volume: Any) -> bytes:
        """The content of the file."""
        ...


class NiftiSource:
    """A volume of a NIfTI file: a label volume has its header, without the texts in it.

    Args:
        name: of the file, followed by `@time003` for a volume other than the first.
    """

    ending, notes = ".nii.gz", ()

    def __init__(self, name: str, file: Path) -> None:
        address = Address.of(Path(name))
        packed = address.file.suffix.lower() == ".gz"
        plain = address.file.with_suffix("") if packed else address.file
        self.name = plain.with_name(f"{plain.stem}{address.suffix}{plain.suffix}").as_posix()
        self._volume = Nifti(file)

    def empty(self, kind: type[np.unsignedinteger[Any]]) -> Labels:
        return np.zeros(self._volume.shape, kind)

    def _plane(self, image: AnnotatedImage) -> tuple[Planes, int]:
        address = Address.of(Path(image.image))
        return planes_of(self._volume.affine, address.axis or self._volume.axis()), address.number or 0

    def view(self, volume: Labels, image: AnnotatedImage) -> Labels:
        planes, number = self._plane(image)
        return planes.slice_of(volume, number)

    def where(self, image: AnnotatedImage) -> dict[str, Any]:
        planes, number = self._plane(image)
        return _where(planes, number)

    def encode(self, volume: Labels) -> bytes:
        header = self._volume.header.copy()
        header.set_data_shape(volume.shape[: min(3, len(header.get_data_shape()))])
        header.set_data_dtype(volume.dtype)
        header.set_slope_inter(1, 0)
        header["cal_min"], header["cal_max"], header["intent_code"] = 0, 0, _LABEL_INTENT
        for text in ("descrip", "aux_file", "intent_name"):
            header[text] = b""
        return _packed(volume.reshape(header.get_data_shape()), None, header)


class SeriesSource:
    """DICOM images of one series, or the frames of a file.

    A label volume is NIfTI in the patient's coordinates.

    Args:
        images: names of the images in the order of their positions.
        places: where each lies; one for all frames of a file.
    """

    ending = ".nii.gz"

    def __init__(self, name: str, images: Sequence[str], places: Sequence[Place]) -> None:
        self.name = name
        self._numbers = {image: number for number, image in enumerate(images)}
        self._place = places[0]
        self._step, self.notes = _step(name, places)

    def empty(self, kind: type[np.unsignedinteger[Any]]) -> Labels:
        return np.zeros((self._place.columns, self._place.rows, len(self._numbers)), kind)

    def view(self, volume: Labels, image: AnnotatedImage) -> Labels:
        return _AS_STORED.slice_of(volume, self._number(image))

    def where(self, image: AnnotatedImage) -> dict[str, Any]:
        return _where(_AS_STORED, self._number(image))

    def _number(self, image: AnnotatedImage) -> int:
        """The slice that an image is; its name may also hold a window, and the frame of a file of one frame."""
        file = Address.of(Path(image.image)).file.as_posix()
        return self._numbers.get(without_window(image.image), self._numbers.get(file, 0))

    def encode(self, volume: Labels) -> bytes:
        import nibabel

        place, affine = self._place, np.eye(4)
        along_row, along_column = np.reshape(place.directions or (1, 0, 0, 0, 1, 0), (2, 3))
        affine[:3, 0], affine[:3, 1], affine[:3, 2] = (
            along_row * place.spacing[1],
            along_column * place.spacing[0],
            self._step,
        )
        affine[:3, 3] = place.position or (0, 0, 0)
        affine[:2] *= -1  # from left and posterior to right and anterior
        header = nibabel.Nifti1Header()
        header.set_xyzt_units("mm", "unknown")
        header["intent_code"] = _LABEL_INTENT
        return _packed(volume, affine, header)


_AS_STORED = Planes(2, True, (False, False))


def _step(name: str, places: Sequence[Place]) -> tuple[npt.NDArray[np.float64], list[str]]:
    """The vector from one slice to the next, in LPS, and what it cannot express."""
    first, last = places[0], places[-1]
    if first.position is None or first.directions is None:
        note = f"{name}: the files give no position in the patient; the label volume has their spacing alone."
        return first.normal * first.step, [note]
    if len(places) == 1 or last.position is None:
        return first.normal * first.step, []
    step = np.subtract(last.position, first.position) / (len(places) - 1)
    gaps = np.diff([place.depth for place in places])
    note = f"{name}: the slices are not evenly spaced, and the label volume has their mean distance."
    even = np.abs(gaps - gaps.mean()).max() <= 0.01 * abs(gaps.mean()) + 1e-3 and gaps.mean() > 0
    return (step if np.any(step) else first.normal * first.step), ([] if even else [note])


def _where(planes: Planes, number: int) -> dict[str, Any]:
    return {"along": planes.along, "transposed": planes.transposed, "flipped": list(planes.flipped), "number": number}


def _packed(volume: Labels, affine: npt.NDArray[np.float64] | None, header: Any) -> bytes:
    import nibabel

    kind: Any = nibabel.Nifti2Image if isinstance(header, nibabel.Nifti2Header) else nibabel.Nifti1Image
    image = kind(volume, affine, header)
    image.header.set_data_dtype(volume.dtype)
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed:
        packed.write(image.to_bytes())
    return buffer.getvalue()


def sources_of(
    images: Iterable[AnnotatedImage], root: Path | None
) -> tuple[list[tuple[Source, list[AnnotatedImage]]], list[str]]:
    """The images by their file or series, and the names of those without one.

    The file of the latter is gone, or has another size.

    Args:
        root: the folder of the images; None if there are no files.

    Raises:
        MissingDependencyError: a file needs the extra `medical`.
    """
    from vpuformer.formats.tiff_source import PlainSource, TiffSource

    groups: dict[tuple[Any, ...], list[AnnotatedImage]] = {}
    lost: list[str] = []
    for image in images:
        key = None if root is None else _key(image, root)
        if key is None and root is not None:
            lost.append(image.image)
        groups.setdefault(key or ("", image.image), []).append(image)
    found: list[tuple[Source, list[AnnotatedImage]]] = []
    for key, members in groups.items():
        kind, name = key[0], key[1]
        if root is None or not kind:
            source: Source = PlainSource(members[0])
        elif kind == "nifti":
            source = NiftiSource(name, root / Address.of(Path(name)).file)
        elif kind == "tiff":
            source = TiffSource(name, root / name)
        elif kind == "series":
            source = _series(key, root)
        else:
            place = place_of(root / name)
            names = [name] if place.frames == 1 else _frames(name, place)
            source = SeriesSource(name, names, [place])
        found.append((source, members))
    return found, lost


def _frames(name: str, place: Place) -> list[str]:
    return [Address(Path(name), "frame", number).path.as_posix() for number in range(place.frames)]


def _key(image: AnnotatedImage, root: Path) -> tuple[Any, ...] | None:
    """What an image is a slice of: a kind and a name, of a DICOM series also the geometry. None if its file is gone."""
    address = Address.of(Path(image.image))
    file, name = root / address.file, address.file.as_posix()
    try:
        size, _ = upright_size_of(root / image.image)
        with opened(file, "image") as content:
            kind: Kind | None = kind_of(content)
        if size != (image.height, image.width):
            return None
        if kind == "nifti":  # each volume of a file has a label volume
            return kind, Address(address.file, time=address.time).path.as_posix()
        if kind != "dicom":
            return (kind or "", name if kind else image.image)
        place = place_of(file)
    except ImageError:
        return None
    if place.frames > 1 or place.position is None or not place.series:
        return "dicom", name
    return "series", name.rpartition("/")[0], _geometry(place)


def _geometry(place: Place) -> tuple[Any, ...]:
    """What images of one volume share."""
    return place.number, place.series, place.rows, place.columns, np.round(place.directions or (), 3).tolist().__str__()


def _series(key: tuple[Any, ...], root: Path) -> SeriesSource:
    """The images of a folder, annotated or not, that are of one volume, in the order of their positions."""
    _, folder, geometry = key
    found: list[tuple[str, Place]] = []
    for path in sorted((root / folder).iterdir()):
        try:
            with opened(path, "image") as content:
                if kind_of(content) != "dicom":
                    continue
            place = place_of(path)
        except ImageError:
            continue
        if place.frames == 1 and place.position is not None and _geometry(place) == geometry:
            found.append((f"{folder}/{path.name}" if folder else path.name, place))
    found.sort(key=lambda each: each[1].order)
    above = f"{folder}/" if folder else ""
    return SeriesSource(f"{above}series-{geometry[0]}.dcm", [name for name, _ in found], [each for _, each in found])
