"""Small volumes with a mark in a known place, as NIfTI and DICOM files."""

from pathlib import Path
from typing import Any

import numpy as np

SHAPE = (12, 10, 6)
"""Voxels to the right, to the front and to the head."""

MARK = (2, 7, 4)
"""The brightest voxel, in a volume with the axes R, A, S."""


def ras_volume() -> np.ndarray:
    """A ramp of small values with one bright voxel, axes R, A, S, int16."""
    volume = (np.arange(np.prod(SHAPE)).reshape(SHAPE) % 200 + 20).astype(np.int16)
    volume[MARK] = 1000
    return volume


def oriented(codes: str) -> tuple[np.ndarray, np.ndarray]:
    """The volume with other axes, such as "LPS", and its affine."""
    import nibabel
    from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform

    affine = np.diag([2.0, 2.0, 5.0, 1.0])
    affine[:3, 3] = -20, 30, 7
    change = ornt_transform(io_orientation(affine), axcodes2ornt(tuple(codes)))
    moved = nibabel.orientations.apply_orientation(ras_volume(), change)
    return moved, affine @ inv_ornt_aff(change, SHAPE)


def write_nifti(path: Path, values: np.ndarray, affine: np.ndarray | None = None, **fields: Any) -> Path:
    """A NIfTI file; `fields` are set in its header."""
    import nibabel

    image = nibabel.Nifti1Image(values, np.diag([2.0, 2.0, 5.0, 1.0]) if affine is None else affine)
    for name, value in fields.items():
        image.header[name] = value
    nibabel.save(image, path)
    return path


def write_dicom(path: Path, values: np.ndarray, **fields: Any) -> Path:
    """A DICOM file of one frame (H, W), or of several, with a patient's name."""
    import pydicom
    from pydicom.uid import ExplicitVRLittleEndian

    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    data.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{abs(hash(path.name)) % 10**9}"
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    data.PatientName, data.PatientID = "Secret^Name", "4711"
    data.Modality, data.SeriesNumber, data.InstanceNumber = "CT", 3, 1
    if values.ndim == 3:
        data.NumberOfFrames = len(values)
    data.Rows, data.Columns = values.shape[-2:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = values.dtype.itemsize * 8
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(values.dtype.kind == "i")
    data.PixelData = np.ascontiguousarray(values).tobytes()
    for name, value in fields.items():
        setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path


def write_series(folder: Path, names: list[str]) -> np.ndarray:
    """A series of axial slices, file `names[k]` k steps towards the head; the volume (rows, columns, k)."""
    folder.mkdir(parents=True, exist_ok=True)
    volume = np.moveaxis(ras_volume(), 0, 1)[::-1, ::-1]  # rows to the back, columns to the left: L, P
    for k, name in enumerate(names):
        write_dicom(
            folder / name,
            volume[:, :, k],
            InstanceNumber=len(names) - k,
            ImagePositionPatient=[-2.0, -48.0, 7 + 5.0 * k],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[2.0, 2.0],
            SliceThickness=5.0,
        )
    return volume
