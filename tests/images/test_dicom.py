"""Frames of DICOM files: in their window, in their order, and without a word about the patient."""

import numpy as np
import pytest

from support.volumes import write_dicom
from vpuformer import extras
from vpuformer.errors import ImageError, MissingDependencyError, VPUFormerError
from vpuformer.images import image_size, read_image, slice_path, slices_of
from vpuformer.images.remarks import read_with_remarks

pydicom = pytest.importorskip("pydicom")

HOUNSFIELD = np.array([[0, 1000, 1024], [1064, 1264, 4000]], np.int16)  # with an intercept of -1024


def grey(path):
    return read_image(path)[:, :, 0].tolist()


def test_a_ct_image_is_shown_in_its_window(tmp_path):
    fields = {"RescaleSlope": 1, "RescaleIntercept": -1024, "WindowCenter": [40, 300], "WindowWidth": [400, 1500]}
    path = write_dicom(tmp_path / "a.dcm", HOUNSFIELD, **fields)
    assert image_size(path) == (2, 3)
    image, remarks = read_with_remarks(path)
    assert image[:, :, 0].tolist() == [[0, 87, 102], [128, 255, 255]]
    assert remarks == ("16 bits per channel: shown from -160 to 239 (window 40,400 of the file)",)
    wide, remarks = read_with_remarks(slice_path(path, window=(0, 2048)))
    assert wide[:, :, 0].tolist() == [[0, 125, 128], [132, 157, 255]]
    assert remarks == ("16 bits per channel: shown from -1024 to 1024 (window 0,2048)",)


def test_pydicom_shows_the_same(tmp_path):
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    fields = {"RescaleSlope": 2, "RescaleIntercept": -1024, "WindowCenter": 40, "WindowWidth": 350}
    values = np.arange(0, 1200, dtype=np.int16).reshape(30, 40)
    for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        path = write_dicom(tmp_path / "a.dcm", values, VOILUTFunction=function, **fields)
        data = pydicom.dcmread(path)
        wanted = apply_voi_lut(apply_modality_lut(data.pixel_array, data), data)
        wanted = (wanted - wanted.min()) / (wanted.max() - wanted.min()) * 255
        assert np.abs(read_image(path)[:, :, 0] - wanted).max() <= (2 if function == "SIGMOID" else 1)


def test_a_table_of_values_is_followed(tmp_path):
    table = pydicom.Dataset()
    table.LUTDescriptor, table.LUTData = [4, 0, 8], [255, 0, 100, 7]
    table["LUTDescriptor"].VR = "US"
    table["LUTData"].VR = "US"
    path = write_dicom(tmp_path / "a.dcm", np.array([[0, 1], [2, 3]], np.uint16), VOILUTSequence=[table])
    assert grey(path) == [[255, 0], [100, 7]]


def test_a_ct_image_without_a_window_gets_that_of_soft_tissue_and_others_their_range(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", HOUNSFIELD, RescaleSlope=1, RescaleIntercept=-1024)
    assert "window 40,400, as CT usually is" in read_with_remarks(path)[1][0]
    path = write_dicom(tmp_path / "b.dcm", HOUNSFIELD, Modality="MR")
    assert read_with_remarks(path)[1] == ("16 bits per channel: shown from 0 to 4000",)


def test_large_values_are_dark_where_the_file_says_so(tmp_path):
    values = np.array([[0, 100, 200]], np.uint16)
    fields = {"PhotometricInterpretation": "MONOCHROME1", "Modality": "DX"}
    assert grey(write_dicom(tmp_path / "a.dcm", values, **fields)) == [[255, 128, 0]]
    shown = write_dicom(tmp_path / "b.dcm", values, WindowCenter=50, WindowWidth=101, **fields)
    image, remarks = read_with_remarks(shown)
    assert image[:, :, 0].tolist() == [[254, 0, 0]]
    assert remarks[0] == "MONOCHROME1: large values are dark"


def test_frames_are_read_one_by_one(tmp_path):
    values = np.stack([np.full((3, 4), 10 * number, np.uint8) for number in range(5)])
    path = write_dicom(tmp_path / "cine.dcm", values, Modality="US")
    assert [each.name for each in slices_of(path)] == [f"cine.dcm@frame{number:03}" for number in range(5)]
    assert image_size(slice_path(path, 4)) == (3, 4)
    with pytest.raises(ImageError, match="5 slices; choose one"):
        read_image(path)
    with pytest.raises(ImageError, match="no slice frame 5"):
        read_image(slice_path(path, 5))
    with pytest.raises(ImageError, match="leave @z001 out"):
        read_image(slice_path(path, 1, axis="z"))


def test_each_frame_has_its_own_values_where_groups_give_them(tmp_path):
    def group(center: int) -> "pydicom.Dataset":
        item, voi, scale = (pydicom.Dataset() for _ in range(3))
        voi.WindowCenter, voi.WindowWidth = center, 101
        scale.RescaleSlope, scale.RescaleIntercept = 2, 0
        item.FrameVOILUTSequence, item.PixelValueTransformationSequence = [voi], [scale]
        return item

    values = np.full((2, 2, 2), 100, np.uint16)
    path = write_dicom(tmp_path / "a.dcm", values, PerFrameFunctionalGroupsSequence=[group(200), group(150)])
    assert grey(slice_path(path, 0))[0][0] == 129
    assert grey(slice_path(path, 1))[0][0] == 255


def test_colours(tmp_path):
    rgb = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    fields = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    path = write_dicom(tmp_path / "a.dcm", np.zeros((2, 4), np.uint8), PixelData=rgb.tobytes(), **fields)
    assert np.array_equal(read_image(path), rgb)


def test_what_has_no_image_or_no_decoder_says_so(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", HOUNSFIELD)
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.80"
    data.PixelData = pydicom.encaps.encapsulate([b"not a JPEG-LS stream"])
    data["PixelData"].is_undefined_length = True
    data.save_as(tmp_path / "packed.dcm")
    from pydicom.pixels import get_decoder

    if not get_decoder(data.file_meta.TransferSyntaxUID).is_available:
        with pytest.raises(ImageError, match=r"JPEG-LS Lossless .* no decoder is installed; .* pip install"):
            read_image(tmp_path / "packed.dcm")
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"
    data.save_as(tmp_path / "film.dcm")
    with pytest.raises(ImageError, match="MPEG2"):
        read_image(tmp_path / "film.dcm")
    data = pydicom.dcmread(path)
    del data.PixelData, data.Rows, data.Columns
    data.save_as(tmp_path / "report.dcm")
    with pytest.raises(ImageError, match="without an image"):
        read_image(tmp_path / "report.dcm")


def test_without_the_extra_its_name_is_said(tmp_path, monkeypatch):
    path = write_dicom(tmp_path / "a.dcm", HOUNSFIELD)
    monkeypatch.setattr(extras, "missing", lambda _: ["pydicom"])
    for use in (read_image, image_size, slices_of):
        with pytest.raises(MissingDependencyError, match=r"reading a.dcm needs pydicom; .*vpuformer\[medical\]"):
            use(path)


@pytest.mark.parametrize(
    "fields",
    [
        {"Rows": 60000, "Columns": 60000},
        {"Rows": 3000},
        {"BitsAllocated": 13},
        {"NumberOfFrames": 7},
        {"WindowCenter": 40, "WindowWidth": 0},
        {"PhotometricInterpretation": "SECRET"},
        {"RescaleSlope": 1e308, "RescaleIntercept": 1e308},
    ],
)
def test_odd_heads_end_in_one_sentence_or_an_image(tmp_path, fields, capfd):
    path = write_dicom(tmp_path / "a.dcm", HOUNSFIELD, **fields)
    said = []
    for use in (read_image, lambda path: read_image(slice_path(path, 6)), image_size):
        try:
            use(path)
        except VPUFormerError as error:
            said.append(str(error))
    assert all(str(path) in each and "secret" not in each.lower() and "\n" not in each for each in said)
    assert capfd.readouterr() == ("", "")


def test_files_that_are_cut_short_end_in_one_sentence_without_the_patient(tmp_path, capfd):
    whole = write_dicom(tmp_path / "a.dcm", HOUNSFIELD).read_bytes()
    refused = 0
    for length in range(132, len(whole), 23):
        (tmp_path / "cut.dcm").write_bytes(whole[:length])
        with pytest.raises(VPUFormerError) as caught:
            read_image(tmp_path / "cut.dcm")
        refused += 1
        assert "cut.dcm" in str(caught.value)
        assert "Secret" not in str(caught.value)
        assert caught.value.__cause__ is None or "Secret" not in str(caught.value.__cause__)
    assert refused > 10
    assert capfd.readouterr() == ("", "")


def test_a_file_that_is_deflated_is_not_unpacked(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", np.zeros((2, 2), np.uint16))
    data = pydicom.dcmread(path)
    data.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    data.save_as(path)
    with pytest.raises(ImageError, match=r"a\.dcm is deflated as a whole, which is not read; export it uncompressed"):
        read_image(path)


def test_a_window_beyond_all_numbers_is_none(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", np.zeros((2, 2), np.uint16), WindowCenter=1e300, WindowWidth=1e300)
    assert read_with_remarks(path)[1][-1].endswith("(window 40,400, as CT usually is)")
