"""Training samples: pure functions of seed and index, from the right images only."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as rle
from torch.utils.data import DataLoader

from vpuformer.data.augment import Augmentation
from vpuformer.data.kinds.coco import CocoFolder
from vpuformer.data.kinds.masks import MaskFolder
from vpuformer.data.split import Split, open_folders
from vpuformer.data.training_set import TrainingSample, TrainingSet
from vpuformer.errors import ConfigError, DatasetError
from vpuformer.metrics import IGNORE

SIZE = (60, 80)
OBJECTS = ((5, 5, 20), (5, 50, 20), (35, 28, 22))
"""Top, left, side."""
COLOURS = ((250, 0, 0), (0, 250, 0), (0, 0, 250))
PLAIN = Augmentation(recolour=0, grey=0, blur=0, jpeg=0, paste=0)


def write_set(root: Path, count: int, objects: int, level: int, *, exhaustive: bool = True) -> None:
    """Images of a grey `level` + their number, with coloured squares, one of which is too small to be drawn."""
    (root / "images").mkdir(parents=True)
    images, annotations = [], []
    for i in range(count):
        image = np.full((*SIZE, 3), level + i, np.uint8)
        for (top, left, side), colour in zip(((55, 0, 3), *OBJECTS[:objects]), ((99, 99, 0), *COLOURS), strict=False):
            mask = np.zeros(SIZE, np.uint8)
            mask[top : top + side, left : left + side] = 1
            image[mask == 1] = colour
            encoded = rle.encode(np.asfortranarray(mask))
            segmentation = {"size": list(SIZE), "counts": encoded["counts"].decode()}
            annotations.append({"id": len(annotations), "image_id": i, "segmentation": segmentation})
        name = f"images/{i}.png"
        Image.fromarray(image).save(root / name)
        images.append({"id": i, "file_name": name, "height": SIZE[0], "width": SIZE[1], "exhaustive": exhaustive})
    (root / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CocoFolder]:
    root = tmp_path_factory.mktemp("sets")
    write_set(root / "many", 4, 3, level=100)
    write_set(root / "single", 3, 1, level=150, exhaustive=False)
    return open_folders(root)


def make(folders: dict[str, CocoFolder], split: Split | None = None, **changes: object) -> TrainingSet:
    return TrainingSet(folders, split, **{"size": 48, "seed": 3, "augmentation": PLAIN, **changes})  # pyright: ignore


def level(sample: TrainingSample) -> int:
    """The grey of the image that a sample was made of."""
    image = sample["image"]
    grey = image[0][(image[0] == image[1]) & (image[0] == image[2]) & (image[0] >= 90)]
    return int(grey.mode().values)


def test_types_and_shapes(folders: dict[str, CocoFolder]) -> None:
    sample = make(folders)[0]
    assert sample["image"].shape == (3, 48, 48)
    assert sample["image"].dtype == torch.uint8
    assert sample["truth"].shape == sample["others"].shape == (48, 48)
    assert sample["truth"].dtype == torch.int8
    assert set(sample["truth"].unique().tolist()) == {0, 1}
    assert sample["others"].dtype == torch.bool
    assert sample["index"] == 0


def test_a_sample_depends_on_seed_and_index_alone(folders: dict[str, CocoFolder]) -> None:
    first, second = make(folders, augmentation=Augmentation()), make(folders, augmentation=Augmentation())
    for i in (7, 3, 100_000):
        for key in ("image", "truth", "others"):
            assert torch.equal(first[i][key], second[i][key])
    assert not torch.equal(first[3]["image"], first[4]["image"])
    assert not torch.equal(first[3]["image"], make(folders, seed=4)[3]["image"])


def test_the_truth_is_the_object_that_is_seen(folders: dict[str, CocoFolder]) -> None:
    for sample in (make(folders)[i] for i in range(40)):
        image, truth = sample["image"].int(), sample["truth"] == 1
        pure = [(image - torch.tensor(c)[:, None, None]).abs().amax(0) < 10 for c in COLOURS]
        inside = [bool((truth & seen).sum() > 0.5 * seen.sum()) for seen in pure]
        for belongs, seen in zip(inside, pure, strict=True):
            assert not (seen & (~truth if belongs else truth)).any()
            if not belongs:
                assert (sample["others"] | ~seen).all()
        assert not (truth & sample["others"]).any()
        assert sum(inside) in (1, 2)


def test_two_objects_are_merged_only_where_all_are_labelled(folders: dict[str, CocoFolder]) -> None:
    def merged(chosen: dict[str, CocoFolder]) -> int:
        whole = Augmentation(whole=1, partial=0, rotate=0, flip=0, recolour=0, grey=0, blur=0, jpeg=0, paste=0)
        samples = (make(chosen, augmentation=whole)[i] for i in range(60))
        return sum(int(sample["truth"].sum()) > 1.5 * 22 * 22 * (48 * 48) / (60 * 80) for sample in samples)

    assert 1 <= merged({"many": folders["many"]}) <= 15
    assert merged({"single": folders["single"]}) == 0


def test_validation_and_dropped_images_are_never_drawn(folders: dict[str, CocoFolder]) -> None:
    split = Split(
        drop=frozenset({"many/images/2.png"}),
        images={"many": frozenset({"images/0.png"}), "single": frozenset({"images/1.png"})},
    )
    data = make(folders, split)
    assert data.sets == {"many": 2, "single": 2}
    seen = {level(data[i]) for i in range(80)}
    assert seen == {101, 103, 150, 152}


def test_pasted_objects_come_from_training_images_only(folders: dict[str, CocoFolder]) -> None:
    split = Split(images={"many": frozenset({f"images/{i}.png" for i in range(4)})})
    data = make(folders, split, augmentation=Augmentation(recolour=0, grey=0, blur=0, jpeg=0, paste=1))
    images = torch.stack([data[i]["image"] for i in range(30)]).int()
    assert ((images[:, 0] > 240) & (images[:, 1] < 10)).any()
    assert not ((images[:, 1] > 200) & (images[:, 0] < 50)).any(), "green squares exist in validation images only"


def test_weights_are_relative_frequencies(folders: dict[str, CocoFolder]) -> None:
    data = make(folders, weights={"many": 3.0, "single": 1.0})
    counts = Counter(level(data[i]) >= 150 for i in range(200))
    assert 25 <= counts[True] <= 75
    assert make(folders, weights={"many": 0}).sets == {"single": 3}


def test_every_set_is_drawn_alike_whatever_it_is_called(tmp_path: Path) -> None:
    names = ("cats", "pets", "polyps", "skin", "things")
    for name in names:
        write_set(tmp_path / name, 2, 1, level=100)
    data = make(open_folders(tmp_path))
    assert data.sets == dict.fromkeys(names, 2)
    assert data.notes[:5] == [f"2 images of {name}, weight 1: 20.0% of the samples" for name in names]


def test_weights_and_what_is_left_out_are_said(folders: dict[str, CocoFolder], tmp_path: Path) -> None:
    write_set(tmp_path / "empty", 2, 0, level=100)
    sets = {**folders, **open_folders(tmp_path)}
    assert make(sets, weights={"many": 3.0, "single": 1.0}).notes == [
        "4 images of many, weight 3: 75.0% of the samples",
        "3 images of single, weight 1: 25.0% of the samples",
        "4 of 16 objects of many not drawn: below 200 pixels, or above 90% of their image",
        "3 of 6 objects of single not drawn: below 200 pixels, or above 90% of their image",
        "2 of 2 objects of empty not drawn: below 200 pixels, or above 90% of their image",
        "the set empty is left out: it has no image to train on",
    ]
    assert "the set single is left out: its weight is 0" in make(folders, weights={"single": 0.0}).notes


def test_regions_may_fill_an_image(tmp_path: Path) -> None:
    write_set(tmp_path / "walls", 1, 0, level=100)
    content = json.loads((tmp_path / "walls" / "annotations.json").read_text())
    content["annotations"] = [
        {"id": 1, "image_id": 0, "segmentation": [[0, 0, SIZE[1], 0, SIZE[1], SIZE[0] - 2, 0, SIZE[0] - 2]]}
    ]
    (tmp_path / "walls" / "annotations.json").write_text(json.dumps(content))
    sets = open_folders(tmp_path)
    assert make(sets, regions=["walls"]).sets == {"walls": 1}
    with pytest.raises(DatasetError, match="nothing to train on"):
        make(sets)


def test_small_objects_are_not_drawn(folders: dict[str, CocoFolder]) -> None:
    assert len(make(folders)) == 4 * 3 + 3 * 1
    assert len(make(folders, length=7)) == 7
    assert [sample["index"] for sample in make(folders, length=3)] == [0, 1, 2]


def test_several_objects_of_one_view(folders: dict[str, CocoFolder]) -> None:
    whole = Augmentation(whole=1, partial=0, rotate=0, recolour=0, grey=0, blur=0, jpeg=0, paste=0)
    data = make({"many": folders["many"]}, objects_per_image=3, augmentation=whole)
    for i in range(20):
        sample = data[i]
        assert sample["image"].shape == (3, 48, 48)
        assert sample["truth"].shape == sample["others"].shape == (3, 48, 48)
        assert not ((sample["truth"] == 1) & sample["others"]).any()
        assert len({tuple(truth.flatten().tolist()) for truth in sample["truth"]}) == 3
        covered = (sample["truth"] == 1) | sample["others"]
        assert torch.equal(covered[0], covered[1])


def test_too_few_objects_are_repeated(folders: dict[str, CocoFolder]) -> None:
    sample = make({"single": folders["single"]}, objects_per_image=3)[0]
    assert sample["truth"].shape == (3, 48, 48)
    assert torch.equal(sample["truth"][0], sample["truth"][1])
    assert sample["truth"][0].any()


@pytest.mark.parametrize("m", [1, 4])
def test_truths_are_never_empty_nor_all(folders: dict[str, CocoFolder], m: int) -> None:
    data = make(folders, objects_per_image=m, augmentation=Augmentation(paste=0.5))
    shares = torch.cat([data[i]["truth"].float().mean((-1, -2)).reshape(-1) for i in range(60)])
    assert shares.min() >= 0.001
    assert shares.max() <= 0.97


@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize("paste", [0.0, 1.0])
def test_undecided_pixels_are_ignored(tmp_path: Path, m: int, paste: float) -> None:
    labels = np.zeros(SIZE, np.uint8)
    labels[5:35, 5:35], labels[20:50, 45:75], labels[5:35, 35:39] = 1, 2, 255
    image = np.full((*SIZE, 3), 100, np.uint8)
    image[labels == 255] = (0, 0, 250)
    for folder, pixels in (("images", image), ("masks", labels)):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels).save(tmp_path / folder / "a.png")
    augmentation = replace(PLAIN, paste=paste)
    sources = {"void": MaskFolder(tmp_path, ignore_label=255)}
    samples = TrainingSet(sources, size=48, seed=3, objects_per_image=m, augmentation=augmentation)
    seen = 0
    for i in range(20):
        sample = samples[i]
        truths, others = (sample[name].numpy().reshape(m, 48, 48) for name in ("truth", "others"))
        blue = (sample["image"][2] > 240).numpy()
        ignored = truths == IGNORE
        assert not (ignored & others).any()
        if not paste:  # a pasted object may bring such pixels at its edge, and may lie on them
            assert (ignored[:, blue]).all()
        assert (sample["image"][2] > 110).numpy()[ignored.any(axis=0)].all()
        seen += int(ignored.any())
    assert seen > 5


def test_a_loader_makes_batches(folders: dict[str, CocoFolder]) -> None:
    data = make(folders, length=5)
    batches = list(DataLoader(data, batch_size=2))
    assert [len(batch["index"]) for batch in batches] == [2, 2, 1]
    assert batches[0]["image"].shape == (2, 3, 48, 48)
    assert torch.equal(batches[1]["truth"][1], data[3]["truth"])


def test_what_cannot_be_used_is_said(folders: dict[str, CocoFolder]) -> None:
    with pytest.raises(ConfigError, match="a weight for 'mani', but the sets are many, single"):
        make(folders, weights={"mani": 1.0})
    with pytest.raises(ConfigError, match=r"the weight of 'many' is -1.0; weights are numbers from 0 on"):
        make(folders, weights={"many": -1.0})
    with pytest.raises(ConfigError, match="the weight of 'many' is nan"):
        make(folders, weights={"many": float("nan")})
    with pytest.raises(ConfigError, match="regions in 'walls', but the sets are many, single"):
        make(folders, regions=["walls"])
    with pytest.raises(ConfigError, match="objects_per_image=0 must be at least 1"):
        make(folders, objects_per_image=0)
    with pytest.raises(DatasetError, match="nothing to train on in the sets many, single"):
        make(folders, weights={"many": 0, "single": 0})
    with pytest.raises(IndexError, match="counted from 0"):
        make(folders)[-1]
