"""Images that resemble each other are on one side of the split."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.commands import vpuformer
from support.volumes import write_series
from vpuformer.errors import ConfigError, DatasetError
from vpuformer.files import natural_order
from vpuformer.finetuning.checking import UsableData, UsableImage
from vpuformer.finetuning.groups import GroupBy, Groups, check_group_by, choose_held_out, group_images
from vpuformer.finetuning.likeness import Thumbnail, thumbnail
from vpuformer.images import write_image


def scene(seed: int) -> np.ndarray:
    """An image like no other, uint8 (64, 64, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return cv2.resize(coarse, (64, 64), interpolation=cv2.INTER_LINEAR)


def frames(seed: int, count: int) -> list[np.ndarray]:
    """A video that moves by a twentieth of its width from frame to frame."""
    wide = np.hstack([scene(seed), scene(seed + 1)])
    return [wide[:, 3 * number : 3 * number + 64] for number in range(count)]


def data_of(root: Path, images: dict[str, np.ndarray]) -> UsableData:
    """Images on the disk, as `check` finds them."""
    found = []
    for name, image in images.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(root / name, image)
        found.append(UsableImage(name, (64, 64), (), thumbnail(image)))
    return UsableData("", root, found, ())


def grouped(data: UsableData, by: GroupBy = "likeness") -> list[list[str]]:
    return sorted((list(names) for names in group_images(data, by).names), key=lambda names: natural_order(names[0]))


def test_frames_of_a_video_stay_together_and_photographs_do_not(tmp_path: Path) -> None:
    videos = [frames(seed, 12) for seed in (0, 100, 200, 300)]
    images = {f"{v}/frame{i}.png": image for v, video in enumerate(videos) for i, image in enumerate(video)}
    data = data_of(tmp_path / "videos", images)
    assert grouped(data) == [[f"{v}/frame{i}.png" for i in range(12)] for v in range(4)]
    assert group_images(data).note == "kept together in the split: 48 images that look alike, in 4 groups"
    photographs = data_of(tmp_path / "photographs", {f"image_{i:04}.png": scene(1000 * i) for i in range(48)})
    assert group_images(photographs).note is None
    assert len(grouped(photographs)) == 48


def test_nearly_equal_images_stay_together_whatever_they_are_called(tmp_path: Path) -> None:
    images = {f"{i}.png": scene(1000 * i) for i in range(20)}
    images["b/brighter.png"] = (images["7.png"] * 0.8 + 20).astype(np.uint8)
    groups = grouped(data_of(tmp_path, images))
    assert ["7.png", "b/brighter.png"] in groups
    assert len(groups) == 20


def test_a_group_that_is_nearly_all_is_cut_into_consecutive_parts(tmp_path: Path) -> None:
    data = data_of(tmp_path, {f"{i}.png": image for i, image in enumerate(frames(0, 20))})
    groups = group_images(data)
    assert groups.note == (
        "kept together in the split: 20 images that look alike, in 1 group; 1 group of more than 40% of the images cut"
        " into consecutive parts"
    )
    held_out = sorted(int(name[:-4]) for name in choose_held_out(groups))
    assert len(held_out) == 4
    assert held_out[-1] - held_out[0] == 3


@pytest.mark.parametrize("by", ["likeness", "folder", "none"])
def test_copies_are_not_cut_apart(by: GroupBy, tmp_path: Path) -> None:
    images = {f"{copy}{i}.png": image for copy in "ab" for i, image in enumerate(frames(0, 10))}
    groups = group_images(data_of(tmp_path, images), by)
    held_out = choose_held_out(groups)
    assert len(held_out) == 4
    assert {name[1:] for name in held_out if name[0] == "a"} == {name[1:] for name in held_out if name[0] == "b"}


def test_copies_of_one_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="all 5 images are copies of one; annotate others"):
        group_images(data_of(tmp_path, {f"{i}.png": scene(0) for i in range(5)}))


def test_a_person_may_name_the_groups_or_have_none(tmp_path: Path) -> None:
    names = ("a/p1_1.png", "a/p1_2.png", "b/p1_3.png", "b/p2_1.png", "c/2.png", "c/x.png")
    copied = {"c/x.png": "c/2.png"}
    data = data_of(tmp_path, {name: scene(1000 * names.index(copied.get(name, name))) for name in names})
    folders, by_name = [[*names[:2]], [*names[2:4]], [*names[4:]]], [[*names[:2]], [names[2]], [names[3]], [*names[4:]]]
    assert grouped(data, "folder") == folders
    assert grouped(data, "name") == by_name
    assert grouped(data, "none") == [[names[0]], [names[1]], [names[2]], [names[3]], [*names[4:]]]
    assert group_images(data, "folder").note == "kept together in the split: images of one folder, in 3 groups"
    assert group_images(data, "none").note is None
    with pytest.raises(ConfigError, match="grouped by likeness, folder, name, none; got 'video'"):
        check_group_by("video")
    result = vpuformer("finetune", tmp_path, "--check", "--group-by", "video")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_slices_of_a_volume_stay_together(tmp_path: Path) -> None:
    pytest.importorskip("pydicom")
    names = []
    for folder in ("a", "b", "c"):
        write_series(tmp_path / folder, [f"{i}.dcm" for i in range(4)])
        names += [f"{folder}/{i}.dcm" for i in range(4)]
    for name in names[4:]:  # another series
        import pydicom

        data = pydicom.dcmread(tmp_path / name)
        data.SeriesInstanceUID = f"1.2.3.{ord(name[0])}"
        data.save_as(tmp_path / name)
    grey: Thumbnail = np.zeros((32, 32), np.uint8)
    usable = UsableData("", tmp_path, [UsableImage(name, (10, 12), (), grey) for name in names], ())
    assert grouped(usable) == [names[:4], names[4:8], names[8:]]
    assert group_images(usable).note == "kept together in the split: 12 slices of 3 volumes"


@given(st.lists(st.integers(1, 9), min_size=2, max_size=30))
def test_about_a_fifth_is_held_out_in_whole_groups(sizes: Sequence[int]) -> None:
    names = [[f"{group} {i}" for i in range(size)] for group, size in enumerate(sizes)]
    digests = {name: name for each in names for name in each}
    held_out = choose_held_out(Groups(names, digests))
    wanted = -(-sum(sizes) // 5)
    assert 0 < len(held_out) <= max(wanted, min(sizes))
    assert all(len(held_out & {*each}) in (0, len(each)) for each in names)
    renamed = choose_held_out(
        Groups([[f"a/{name}" for name in each] for each in names], {f"a/{name}": name for name in digests})
    )
    assert {digests[name.removeprefix("a/")] for name in renamed} == held_out
