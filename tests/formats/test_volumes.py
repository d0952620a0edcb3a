"""Label volumes lie where their images lie: read back by nibabel, SimpleITK, pydicom and tifffile."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from support.volumes import MARK, oriented, write_dicom, write_nifti, write_series
from vpuformer.errors import MaskError
from vpuformer.formats import AnnotatedImage, LabelledMask, export, read_objects
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.found import TargetImage
from vpuformer.formats.output import Written
from vpuformer.formats.reading import read_annotations
from vpuformer.images import slices_of
from vpuformer.images.loading import load

nibabel = pytest.importorskip("nibabel")
pydicom = pytest.importorskip("pydicom")

WORLD = np.array([-16, 44, 27])
"""Where the mark lies, in mm to the right, to the front and to the head."""
LABELS = ["vessel", "mark"]


def annotated(root: Path, names: list[str], number: int = 1) -> list[AnnotatedImage]:
    """The images, each with the brightest pixel of the brightest one as an object."""
    seen = {name: np.asarray(load(root / name)) for name in names}
    top = max(int(image.max()) for image in seen.values())
    images = []
    for index, (name, image) in enumerate(seen.items(), number):
        things = [LabelledMask(image == top, "mark", 10 * index)] if image.max() == top else []
        images.append(AnnotatedImage(name, image.shape[1], image.shape[0], things, index))
    return images


def exported(root: Path, names: list[str]) -> Written:
    return export("volumes", annotated(root, names), root.parent / "out", LABELS, root=root)


def world_of_mark(path: Path, value: int) -> np.ndarray:
    image = nibabel.load(path)
    values = np.asarray(image.dataobj)
    assert values.dtype == np.uint8
    assert sorted(np.unique(values)) == [0, value]
    (index,) = np.argwhere(values == value)
    return image.affine[:3, :3] @ index + image.affine[:3, 3]


def geometry(image) -> list[float]:
    """SimpleITK's size, spacing, origin and directions of the first three axes."""
    count = min(3, image.GetDimension())
    whole = image.GetDimension()
    turn = np.reshape(image.GetDirection(), (whole, whole))[:count, :count]
    return [*image.GetSize()[:count], *image.GetSpacing()[:count], *image.GetOrigin()[:count], *turn.ravel()]


@pytest.mark.parametrize("axis", ["x", "y", "z"])
@pytest.mark.parametrize("order", ["RAS", "LPS", "PIR", "ASL", "SLA", "LAI"])
def test_a_label_lies_where_its_voxel_lies_whatever_the_order_of_the_axes(tmp_path, order, axis):
    root = tmp_path / "in"
    root.mkdir()
    path = write_nifti(root / "scan.nii.gz", *oriented(order), descrip=b"Secret^Name")
    along = order.translate(str.maketrans("RLAPSI", "xxyyzz")).index(axis)
    count = nibabel.load(path).shape[along]
    written = exported(root, [f"scan.nii.gz@{axis}{number:03}" for number in range(count)])
    assert written.files == ("labels/scan.nii.gz", "objects/scan.nii.gz", "volumes.json")
    assert (written.images, written.objects, written.notes) == (count, 1, ())
    for kind, value in (("labels", 2), ("objects", 1)):
        copy = nibabel.load(tmp_path / "out" / kind / "scan.nii.gz")
        assert np.array_equal(copy.affine, nibabel.load(path).affine)
        assert copy.shape == nibabel.load(path).shape
        assert np.allclose(world_of_mark(tmp_path / "out" / kind / "scan.nii.gz", value), WORLD)
        assert b"Secret" not in copy.header["descrip"].tobytes()


@pytest.mark.parametrize("form", ["sform", "qform", "both"])
def test_oblique_volumes_and_codes_of_the_header_are_kept(tmp_path, form):
    root = tmp_path / "in"
    root.mkdir()
    values, affine = oriented("LPS")
    turn = np.eye(4)
    a, b = np.deg2rad((20, 10))
    turn[:3, :3] = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]]) @ np.array(
        [[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]]
    )
    image = nibabel.Nifti1Image(values, None)
    image.set_sform(turn @ affine if form != "qform" else None, 2 if form != "qform" else 0)
    image.set_qform(turn @ affine if form != "sform" else None, 1 if form != "sform" else 0)
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, root / "scan.nii")
    exported(root, [each.name for each in slices_of(root / "scan.nii")])
    copy = nibabel.load(tmp_path / "out/labels/scan.nii.gz")
    for field in ("sform_code", "qform_code", "srow_x", "srow_z", "quatern_b", "qoffset_x", "xyzt_units", "pixdim"):
        assert np.array_equal(copy.header[field], nibabel.load(root / "scan.nii").header[field]), field
    assert np.allclose(world_of_mark(tmp_path / "out/labels/scan.nii.gz", 2), (turn @ [*WORLD, 1])[:3], atol=1e-3)


@pytest.mark.parametrize(("shape", "kept"), [((12, 10, 6, 3), (12, 10, 6)), ((12, 10), (12, 10)), ((12, 1, 6), None)])
def test_other_numbers_of_axes(tmp_path, shape, kept):
    root = tmp_path / "in"
    root.mkdir()
    values = np.zeros(shape, np.int16)
    values[tuple(side // 2 for side in shape[:3])] = 9
    write_nifti(root / "scan.nii.gz", values)
    exported(root, [each.name for each in slices_of(root / "scan.nii.gz")])
    copy = nibabel.load(tmp_path / "out/labels/scan.nii.gz")
    assert copy.shape == (kept or shape)
    assert np.argwhere(np.asarray(copy.dataobj)).tolist() == [[side // 2 for side in shape[:3]]]


def test_simpleitk_sees_the_same_geometry(tmp_path):
    itk = pytest.importorskip("SimpleITK")
    root = tmp_path / "in"
    root.mkdir()
    write_nifti(root / "scan.nii.gz", *oriented("PIR"))
    write_series(root / "ct", [f"{number}.dcm" for number in (3, 1, 2, 6, 5, 4)])
    names = [each.name for each in slices_of(root / "scan.nii.gz")]
    export(
        "volumes",
        [*annotated(root, names), *annotated(root, [f"ct/{number}.dcm" for number in range(1, 7)], 20)],
        tmp_path / "out",
        LABELS,
        root=root,
    )
    reader = itk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(root / "ct")))
    for source, name in ((itk.ReadImage(str(root / "scan.nii.gz")), "scan"), (reader.Execute(), "ct/series-3")):
        copy = itk.ReadImage(str(tmp_path / f"out/labels/{name}.nii.gz"))
        assert np.allclose(geometry(copy), geometry(source))
        marked = itk.GetArrayFromImage(source) == 1000
        assert np.array_equal(itk.GetArrayFromImage(copy), 2 * marked)


def test_a_series_becomes_one_volume_of_all_its_images(tmp_path):
    root = tmp_path / "in"
    names = ["b.dcm", "a.dcm", "c", "f.dcm", "e.dcm", "d.dcm"]
    write_series(root / "ct", names)
    write_dicom(root / "ct" / "scout.dcm", np.zeros((4, 4), np.int16), SeriesInstanceUID="1.9", SeriesNumber=1)
    written = exported(root, [f"ct/{names[MARK[2]]}"])  # one image was annotated
    assert written.files[0] == "labels/ct/series-3.nii.gz"
    path = tmp_path / "out/labels/ct/series-3.nii.gz"
    assert nibabel.load(path).shape == (12, 10, 6)
    assert np.allclose(world_of_mark(path, 2), WORLD)
    assert b"Secret" not in path.read_bytes()
    assert written.notes == ()
    for number, step in ((5, 20), (4, 5)):  # a gap
        write_dicom(
            root / "ct" / names[number],
            np.zeros((10, 12), np.int16),
            ImagePositionPatient=[-2.0, -48.0, 7 + step * number],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[2.0, 2.0],
        )
    written = export("volumes", [], tmp_path / "none", LABELS, root=root)
    assert written.files == ("volumes.json",)
    images = [AnnotatedImage("ct/a.dcm", 12, 10, [], 1)]
    (note,) = export("volumes", images, tmp_path / "uneven", LABELS, root=root).notes
    assert note == "ct/series-3.dcm: the slices are not evenly spaced, and the label volume has their mean distance."


def test_frames_of_an_enhanced_file_lie_where_their_groups_say(tmp_path):
    def group(**fields: dict[str, object]) -> "pydicom.Dataset":
        item = pydicom.Dataset()
        for name, values in fields.items():
            inner = pydicom.Dataset()
            for key, value in values.items():
                setattr(inner, key, value)
            setattr(item, name, [inner])
        return item

    root = tmp_path / "in"
    volume = write_series(root / "unused", [])
    frames = np.moveaxis(volume, 2, 0)[::-1]  # from the head down
    positions = [[-2.0, -48.0, 7 + 5.0 * k] for k in range(5, -1, -1)]
    shared = group(
        PixelMeasuresSequence={"PixelSpacing": [2.0, 2.0], "SliceThickness": 5.0},
        PlaneOrientationSequence={"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
    )
    per_frame = [group(PlanePositionSequence={"ImagePositionPatient": position}) for position in positions]
    groups = {"SharedFunctionalGroupsSequence": [shared], "PerFrameFunctionalGroupsSequence": per_frame}
    write_dicom(root / "mr.dcm", frames, Modality="MR", WindowCenter=500, WindowWidth=1001, **groups)
    exported(root, [each.name for each in slices_of(root / "mr.dcm")])
    assert np.allclose(world_of_mark(tmp_path / "out/labels/mr.nii.gz", 2), WORLD)


def test_an_image_without_a_position_says_so(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    write_dicom(root / "xray.dcm", np.array([[0, 9, 0]], np.uint16), Modality="DX", PixelSpacing=[0.5, 0.25])
    written = exported(root, ["xray.dcm"])
    assert "give no position" in written.notes[0]
    copy = nibabel.load(tmp_path / "out/labels/xray.nii.gz")
    assert np.asarray(copy.dataobj).tolist() == [[[0]], [[2]], [[0]]]
    assert copy.header.get_zooms() == (0.25, 0.5, 1)


STACK = np.arange(3 * 6 * 8, dtype=np.uint16).reshape(3, 6, 8) * 100


def test_pages_resolution_and_place_on_earth_are_kept(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    geo = [
        (33550, "d", 3, (0.5, 0.25, 0.0), True),
        (33922, "d", 6, (0.0, 0.0, 0.0, 400000.0, 5700000.0, 0.0), True),
        (34735, "H", 8, (1, 1, 0, 1, 3072, 0, 1, 32632), True),
        (34737, "s", 0, "UTM zone 32N|", True),
    ]
    tifffile.imwrite(root / "land.tif", STACK[0], extratags=geo, metadata=None)
    options = {"resolution": (300, 150), "resolutionunit": "CENTIMETER", "photometric": "minisblack"}
    tifffile.imwrite(root / "stack.tif", STACK, **options, metadata=None)
    written = exported(root, ["land.tif", "stack.tif", "stack.tif@page002"])
    assert written.files[:2] == ("labels/land.tif", "objects/land.tif")
    with tifffile.TiffFile(tmp_path / "out/labels/land.tif") as copy, tifffile.TiffFile(root / "land.tif") as source:
        assert copy.geotiff_metadata == source.geotiff_metadata
        for code, *_ in geo:
            assert copy.pages.first.tags[code].value == source.pages.first.tags[code].value
    with tifffile.TiffFile(tmp_path / "out/labels/stack.tif") as copy:
        assert len(copy.pages) == 3
        for page in copy.pages:
            assert page.get_resolution(unit="CENTIMETER") == (300, 150)
        assert np.argwhere(copy.pages[2].asarray()).tolist() == [[5, 7]]
        assert not copy.pages[1].asarray().any()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_turned_page_keeps_how_it_is_stored(tmp_path, orientation):
    root = tmp_path / "in"
    root.mkdir()
    tifffile.imwrite(root / "a.tif", STACK[0], extratags=[(274, "H", 1, orientation, True)], metadata=None)
    exported(root, ["a.tif"])
    with tifffile.TiffFile(tmp_path / "out/labels/a.tif") as copy:
        assert copy.pages.first.tags.valueof(274, default=1) == orientation
        assert np.argwhere(copy.asarray()).tolist() == [[5, 7]]


def test_files_of_microscopes_keep_axes_and_voxel_size(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    sizes = {"PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "µm"}
    values = np.stack([STACK, STACK[::-1]], axis=1)
    tifffile.imwrite(root / "cells.ome.tif", values, metadata={"axes": "ZCYX", **sizes})
    ij = {"axes": "ZYX", "spacing": 2.5, "unit": "um"}
    tifffile.imwrite(root / "cells2.tif", STACK, imagej=True, resolution=(4, 4), metadata=ij)
    names = ["cells.ome.tif@page004", "cells2.tif@page002"]
    exported(root, names)
    with tifffile.TiffFile(tmp_path / "out/labels/cells.ome.tif") as copy:
        assert copy.series[0].axes == "ZCYX"
        assert np.argwhere(copy.asarray()).tolist() == [[2, 0, 5, 7]]
        pixels = tifffile.xml2dict(copy.ome_metadata)["OME"]["Image"]["Pixels"]
        assert {key: pixels[key] for key in sizes} == sizes
    with tifffile.TiffFile(tmp_path / "out/labels/cells2.tif") as copy:
        assert copy.imagej_metadata["spacing"] == 2.5
        assert copy.imagej_metadata["unit"] == "um"
        assert copy.pages.first.get_resolution() == (4, 4)
        assert np.argwhere(copy.asarray()).tolist() == [[2, 5, 7]]


def test_other_images_and_those_whose_file_has_changed_become_plain_pages(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    Image.fromarray(np.uint8([[0, 255, 0]])).save(root / "a.png")
    Image.fromarray(np.uint8([[0, 255, 0]])).save(root / "b.png")
    images = annotated(root, ["a.png", "b.png"])
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(root / "b.png")
    written = export("volumes", images, tmp_path / "out", LABELS, root=root)
    assert written.notes == (
        "1 image whose file is gone or has another size, written as a TIFF without a geometry: b.png.",
    )
    for name in "ab":
        assert tifffile.imread(tmp_path / f"out/labels/{name}.tif").tolist() == [[0, 2, 0]]


def packed(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for path in folder.rglob("*"):
            if path.is_file() and not path.name.startswith("."):
                file.write(path, path.relative_to(folder).as_posix())
    return buffer.getvalue()


def test_each_volume_of_a_file_has_labels_of_its_own(tmp_path):
    (tmp_path / "in").mkdir()
    values, affine = oriented("LPS")
    write_nifti(tmp_path / "in/bold.nii.gz", np.stack([values, 2 * values, values[::-1]], axis=-1), affine)
    first = annotated(tmp_path / "in", [path.name for path in slices_of(tmp_path / "in/bold.nii.gz")])
    third = annotated(tmp_path / "in", [path.name for path in slices_of(tmp_path / "in/bold.nii.gz@time002")], 7)
    export("volumes", [*first, *third], tmp_path / "out", LABELS, root=tmp_path / "in")
    assert np.allclose(world_of_mark(tmp_path / "out/labels/bold.nii.gz", 2), WORLD)
    turned = np.asarray(nibabel.load(tmp_path / "out/labels/bold@time002.nii.gz").dataobj)
    assert np.array_equal(np.argwhere(turned), np.argwhere(values[::-1] == values.max()))
    _, annotations = read_annotations(Bundle(tmp_path / "out"))
    found = {each.name: each for each in annotations.images}
    for image in (*first, *third):
        masks = [each.shape for each in found[image.image].objects(target_of(image), print)]
        assert len(masks) == len(list(image.masks()))
        assert all(np.array_equal(mask, thing.mask) for mask, thing in zip(masks, image.masks(), strict=True))


def target_of(image: AnnotatedImage) -> TargetImage:
    return TargetImage(image.image, (image.height, image.width))


def test_volumes_are_imported_again(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    write_nifti(root / "scan.nii.gz", *oriented("SLA"))
    tifffile.imwrite(root / "a.tif", STACK[0], extratags=[(274, "H", 1, 6, True)], metadata=None)
    images = [*annotated(root, ["scan.nii.gz@z001"]), *annotated(root, ["a.tif"], 5)]
    export("volumes", images, tmp_path / "out", LABELS, root=root)
    content = packed(tmp_path / "out")
    for image in images:
        ((label, mask),) = read_objects(content, image.image, (image.height, image.width), labels=LABELS)
        (thing,) = image.masks()
        assert label == "mark"
        assert np.array_equal(mask, thing.mask)


def test_a_volume_is_unpacked_once_for_all_its_slices(tmp_path, monkeypatch):
    root = tmp_path / "in"
    root.mkdir()
    write_nifti(root / "scan.nii.gz", *oriented("RAS"))
    images = [
        AnnotatedImage(path.name, 12, 10, [LabelledMask(np.eye(10, 12, dtype=bool), "mark", 1)], 1)
        for path in slices_of(root / "scan.nii.gz")
    ]
    export("volumes", images, tmp_path / "out", LABELS, root=root)
    bundle = Bundle(packed(tmp_path / "out"), "out.zip")
    read: list[str] = []
    monkeypatch.setattr(Bundle, "read", lambda self, name, former=Bundle.read: read.append(name) or former(self, name))
    _, annotations = read_annotations(bundle)
    for entry in annotations.images:
        (found,) = entry.objects(TargetImage(str(entry.name), (10, 12), LABELS), lambda _: None)
        assert np.array_equal(found.shape, np.eye(10, 12, dtype=bool))
    assert read.count("objects/scan.nii.gz") == 1


@pytest.mark.parametrize("fields", [{"PixelSpacing": [0, 0]}, {"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]}])
def test_a_series_without_a_size_of_its_pixels_is_exported(tmp_path, fields):
    (tmp_path / "in").mkdir()
    write_dicom(tmp_path / "in" / "a.dcm", np.arange(12, dtype=np.uint16).reshape(3, 4), **fields)
    exported(tmp_path / "in", ["a.dcm"])
    (path,) = (tmp_path / "out" / "objects").iterdir()
    assert abs(np.linalg.det(nibabel.load(path).affine[:3, :3])) > 0


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index.update(files=3),
        lambda index: index["files"][0].update(file="other.nii.gz"),
        lambda index: index["files"][0]["slices"][0].update(along=7),
        lambda index: index["files"][0]["slices"][0].update(number=99),
        lambda index: index["files"][0]["slices"][0].pop("image"),
        lambda index: index["files"][0]["slices"][0].update(objects=None),
        lambda index: index["files"][0]["slices"][0].update(transposed=False),
    ],
)
def test_a_list_that_is_broken_ends_in_one_sentence(tmp_path, change):
    root = tmp_path / "in"
    root.mkdir()
    write_nifti(root / "scan.nii.gz", *oriented("RAS"))
    exported(root, ["scan.nii.gz@z004"])
    path = tmp_path / "out/volumes.json"
    index = json.loads(path.read_text())
    change(index)
    path.write_text(json.dumps(index))
    with pytest.raises(MaskError, match=r"volumes\.json|other\.nii\.gz|scan\.nii\.gz"):
        list(read_objects(packed(tmp_path / "out"), "scan.nii.gz@z004", (10, 12), labels=LABELS))


@pytest.mark.parametrize("suffix", ["@window40,400", "@frame000", "@frame000@window40,400"])
def test_names_of_dicom_images_may_hold_a_window_and_a_frame(tmp_path, suffix):
    root = tmp_path / "in"
    write_series(root / "ct", ["a.dcm", "b.dcm", "c.dcm"])
    corner = np.zeros((10, 12), bool)
    corner[0, 3] = True
    image = AnnotatedImage(f"ct/b.dcm{suffix}", 12, 10, [LabelledMask(corner, "mark", 1)], 1)
    export("volumes", [image], tmp_path / "out", LABELS, root=root)
    volume = np.asarray(nibabel.load(tmp_path / "out/labels/ct/series-3.nii.gz").dataobj)
    assert np.argwhere(volume).tolist() == [[3, 0, 1]]
