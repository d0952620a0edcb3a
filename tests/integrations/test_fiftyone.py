"""Labels of FiftyOne, with the real package and its database: prompts in, masks out, and both ways through COCO."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from support.boxed import Boxed
from support.mongo import mongo_server
from support.real_package import real_package
from vpuformer.errors import InputError, PromptError
from vpuformer.formats import AnnotatedImage, LabelledMask, export, read_objects
from vpuformer.integrations.fiftyone import _whole_mask, add_masks, annotated_images, prompts_from_label
from vpuformer.prompts import Box, Click, Scribble

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def fo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The package, with a database of its own."""
    with mongo_server(tmp_path_factory.mktemp("fiftyone")) as address, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIFTYONE_DATABASE_URI", address)
        patch.setenv("FIFTYONE_DATABASE_VALIDATION", "false")
        patch.setenv("FIFTYONE_DO_NOT_TRACK", "true")
        patch.setenv("FIFTYONE_SHOW_PROGRESS_BARS", "false")
        yield real_package("fiftyone")


@pytest.fixture
def dataset(fo: Any, image_folder: Path) -> Iterator[Any]:
    """An image of 120 x 90 pixels with two boxes, and one of 64 x 64 without labels."""
    boxes = [
        fo.Detection(label="cup", bounding_box=[0.25, 0.2, 0.5, 0.4], confidence=0.7, tags=["mine"], colour="red"),
        fo.Detection(label="cat", bounding_box=[0, 0, 0.1, 0.1]),
    ]
    samples = [fo.Sample(str(image_folder / "a.png")), fo.Sample(str(image_folder / "b.jpg"))]
    samples[0]["boxes"] = fo.Detections(detections=boxes)
    dataset = fo.Dataset()
    dataset.add_samples(samples)
    yield dataset
    dataset.delete()


def test_boxes_become_masks(dataset: Any) -> None:
    add_masks(dataset, Boxed(), prompts="boxes", into="masks")
    cup, cat = dataset.first().masks.detections
    assert (cup.label, cup.confidence, cup.tags, cup.colour) == ("cup", 0.7, ["mine"], "red")
    assert cup.bounding_box == pytest.approx([0.25, 0.2, 0.5, 0.4])
    assert cup.mask.shape == (36, 60)
    assert cup.mask.all()
    assert cat.mask.shape == (9, 12)
    assert dataset.first().boxes.detections[0].mask is None
    assert dataset.last().masks.detections == []


def test_a_view_is_answered_alone_and_in_its_own_field(fo: Any, dataset: Any) -> None:
    view = dataset.filter_labels("boxes", fo.ViewField("label") == "cat")
    add_masks(view, Boxed(), prompts="boxes", into="boxes")
    assert [each.label for each in dataset.first().boxes.detections if each.mask is not None] == ["cat"]


def test_points_and_lines_are_prompts(fo: Any, dataset: Any) -> None:
    sample = dataset.first()
    sample["clicks"] = fo.Keypoints(
        keypoints=[fo.Keypoint(label="cup", points=[(0.25, 0.5), (np.nan, np.nan), (0.5, 0.6)])]
    )
    sample["lines"] = fo.Polylines(polylines=[fo.Polyline(label="cat", points=[[(0.25, 0.5), (0.5, 0.6)]])])
    sample.save()
    segmenter = Boxed()
    for field in ("clicks", "lines"):
        add_masks(dataset.limit(1), segmenter, prompts=field, into="masks")
        (found,) = dataset.first().masks.detections
        assert found.mask.shape == (9, 30)
    assert [query.prompts for query in segmenter.queries] == [
        (Click(29.5, 44.5), Click(59.5, 53.5)),
        (Scribble(((29.5, 44.5), (59.5, 53.5))),),
    ]


def test_what_is_no_prompt_is_refused_with_the_name_of_the_image(fo: Any, dataset: Any) -> None:
    with pytest.raises(PromptError, match="type Classification is not a prompt"):
        prompts_from_label(fo.Classification(label="cup"), (9, 9))
    sample = dataset.first()
    sample["kind"] = fo.Classification(label="cup")
    sample.boxes.detections[0].bounding_box = [2, 2, 0.1, 0.1]
    sample.save()
    with pytest.raises(PromptError, match=r"a\.png has labels of type Classification"):
        add_masks(dataset, Boxed(), prompts="kind", into="masks")
    with pytest.raises(PromptError, match=r"a\.png: a box at .* lies outside the image"):
        add_masks(dataset, Boxed(), prompts="boxes", into="masks")


def test_a_box_of_a_pixel_is_around_its_centre(fo: Any) -> None:
    assert prompts_from_label(fo.Detection(bounding_box=[0.5, 0.5, 0.1, 0.1]), (10, 10)) == (Box(4.5, 4.5, 5.5, 5.5),)


def test_masks_pass_through_coco_both_ways(fo: Any, image_folder: Path, tmp_path: Path) -> None:
    """FiftyOne reads the files of `vpuformer export-masks`; `annotated_images` gives the masks back."""
    mask = np.zeros((90, 120), bool)
    mask[10:30, 20:50], mask[15:20, 25:30], mask[60:70, 80:90] = True, False, True  # with a hole, in two parts
    thing = LabelledMask(mask, "cup", id=1)
    export("coco", [AnnotatedImage("a.png", 120, 90, [thing], id=1)], tmp_path / "coco", ["cup"])
    dataset = fo.Dataset.from_dir(
        dataset_type=fo.types.COCODetectionDataset,
        data_path=str(image_folder),
        labels_path=str(tmp_path / "coco" / "annotations.json"),
        label_types=["segmentations"],
    )
    (field,) = (name for name in dataset.get_field_schema() if type(dataset.first()[name]).__name__ == "Detections")
    (found,) = dataset.first()[field].detections
    whole = np.zeros((90, 120), bool)
    left, top = round(found.bounding_box[0] * 120), round(found.bounding_box[1] * 90)
    whole[top : top + found.mask.shape[0], left : left + found.mask.shape[1]] = found.mask
    assert np.array_equal(whole, mask)
    export("coco", annotated_images(dataset, field, image_folder), tmp_path / "back", ["cup"])
    ((label, back),) = read_objects((tmp_path / "back/annotations.json").read_bytes(), "a.png", (90, 120))
    assert label == "cup"
    assert np.array_equal(back, mask)
    with pytest.raises(InputError, match="give the folder that holds all images"):
        next(annotated_images(dataset, field, tmp_path / "coco"))
    dataset.delete()


def test_a_mask_that_reaches_beyond_the_image_is_cut_off() -> None:
    half = np.zeros((4, 8), bool)
    half[:, 4:] = True
    detection = SimpleNamespace(bounding_box=[-0.5, 0, 1, 1], get_mask=lambda: half)
    assert np.argwhere(_whole_mask(detection, (4, 8)).any(axis=0)).ravel().tolist() == [0, 1, 2, 3]
