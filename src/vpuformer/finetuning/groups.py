"""Images that resemble each other, which must not be on both sides of the split."""

import hashlib
import math
import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple, get_args

from vpuformer.errors import ConfigError, DatasetError, counted
from vpuformer.files import natural_order, sha256_of
from vpuformer.finetuning.checking import UsableData
from vpuformer.finetuning.likeness import Thumbnail, compare
from vpuformer.images.addresses import Address
from vpuformer.images.loading import kind_of, opened

GroupBy = Literal["likeness", "folder", "name", "none"]
"""What keeps images together: their looks, their folder, their name without its last number, or nothing.

With the first three, slices of a volume stay together as well. Copies of an image always do.
"""

EVERY = 5
"""About one image of so many is held out."""

_LARGEST = 0.4
"""Share of the images above which a group is cut into consecutive parts: with it, too little would be left to train."""

_NUMBER = re.compile("[0-9]+(?=[^0-9]*$)")


class Groups(NamedTuple):
    """The names of all images, in groups that are held out as a whole.

    Attributes:
        names: the images of each group, in their natural order.
        digests: of the content of each image, by name.
        note: what was grouped, in a sentence; None if no images resemble each other.
    """

    names: Sequence[Sequence[str]]
    digests: Mapping[str, str]
    note: str | None = None


def check_group_by(text: str) -> GroupBy:
    """The choice that a word names.

    Raises:
        ConfigError: there is no such choice.
    """
    for choice in get_args(GroupBy):
        if choice == text:
            return choice
    raise ConfigError(f"images are grouped by {', '.join(get_args(GroupBy))}; got {text!r:.40}")


def group_images(data: UsableData, by: GroupBy = "likeness") -> Groups:
    """Group the images of a person's data; see `GroupBy`.

    A group of more than 40 % of the images, such as the only volume, is cut into consecutive parts. Copies of an
    image are in one part.

    Raises:
        DatasetError: all images are copies of one.
        ImageError: a file is gone.
    """
    images = {image.name: image for image in data.images}
    names = sorted(images, key=natural_order)
    digests = _digests(data.root, names)
    groups = _Groups(names)
    groups.join_equal(digests.__getitem__)
    if by == "none":
        return Groups(groups.lists(), digests)
    files = {name: Address.of(Path(name)).file for name in names}
    of_file = {file: _volume(data.root, file) for file in set(files.values())}
    volumes = {name: of_file[file] for name, file in files.items()}
    groups.join_equal(volumes.__getitem__)
    sizes = Counter(volumes.values())
    slices = [size for size in sizes.values() if size > 1]
    found = [f"{counted(sum(slices), 'slice')} of {counted(len(slices), 'volume')}"] if slices else []
    if by == "likeness":
        single = [name for name in names if sizes[volumes[name]] == 1]
        looks = _likeness(single, [images[name].thumbnail for name in single])
        groups.join_equal(lambda name: looks.get(name, name))
        alike = [size for size in Counter(looks.values()).values() if size > 1]
        found += [f"{counted(sum(alike), 'image')} that look alike, in {counted(len(alike), 'group')}"] if alike else []
    else:
        groups.join_equal(_folder if by == "folder" else _name_without_number)
        what = "of one folder" if by == "folder" else "whose names differ in the last number"
        found = [f"images {what}, in {counted(len(groups.lists()), 'group')}"]
    return _cut(groups.lists(), digests, found)


def choose_held_out(groups: Groups) -> frozenset[str]:
    """Whole groups of about a fifth of the images, and at least one.

    The choice depends on the content alone.

    >>> sorted(choose_held_out(Groups([["a"], ["b", "copy of b"]], {"a": "3", "b": "1", "copy of b": "1"})))
    ['a']
    """
    wanted = _wanted(sum(map(len, groups.names)))
    order = sorted(groups.names, key=lambda names: _digest_of(groups.digests[name] for name in names))
    held_out: list[str] = []
    for names in order:
        if len(held_out) + len(names) <= wanted:
            held_out += names
    return frozenset(held_out or min(order, key=len))


def _wanted(images: int) -> int:
    """Number of images to hold out of so many."""
    return math.ceil(images / EVERY)


class _Groups:
    """Names that are joined to groups, in their order."""

    def __init__(self, names: Sequence[str]) -> None:
        self._group_of = {name: [name] for name in names}

    def join(self, one: str, other: str) -> None:
        """Make the groups of two names one."""
        larger, smaller = sorted((self._group_of[one], self._group_of[other]), key=len, reverse=True)
        if larger is not smaller:
            larger += smaller
            for name in smaller:
                self._group_of[name] = larger

    def join_equal(self, key: Callable[[str], Hashable]) -> None:
        """Join the names with the same key."""
        first: dict[Hashable, str] = {}
        for name in self._group_of:
            self.join(first.setdefault(key(name), name), name)

    def lists(self) -> list[list[str]]:
        """The groups, each in natural order."""
        found = {id(group): group for group in self._group_of.values()}
        return [sorted(group, key=natural_order) for group in found.values()]


def _cut(groups: Sequence[Sequence[str]], digests: Mapping[str, str], found: Sequence[str]) -> Groups:
    """The groups, the largest ones in parts, and the sentence about them."""
    total = sum(map(len, groups))
    wanted = _wanted(total)
    parts, cut = list[Sequence[str]](), 0
    for names in groups:
        if len(names) <= max(1, _LARGEST * total):
            parts.append(names)
            continue
        copies = defaultdict[str, list[str]](list)
        for name in names:
            copies[digests[name]].append(name)
        count = max(2, round(len(names) / wanted))
        ends = [len(names) * i // count for i in range(1, count)]
        of_part, placed = defaultdict[int, list[str]](list), 0
        for each in copies.values():
            of_part[bisect_right(ends, placed)] += each
            placed += len(each)
        parts += of_part.values()
        cut += len(of_part) > 1
    if len(parts) == 1:
        raise DatasetError(f"all {total} images are copies of one; annotate others, to train on some and hold out some")
    if not found:
        return Groups(parts, digests)
    note = f"kept together in the split: {' and '.join(found)}"
    if cut:
        note += f"; {counted(cut, 'group')} of more than {_LARGEST:.0%} of the images cut into consecutive parts"
    return Groups(parts, digests, note)


def _digests(root: Path, names: Iterable[str]) -> dict[str, str]:
    """A digest of the content of each image. Slices share their file, which is read once."""
    of_file: dict[Path, str] = {}
    digests = {}
    for name in names:
        address = Address.of(root / name)
        if address.file not in of_file:
            of_file[address.file] = sha256_of(address.file)
        digests[name] = of_file[address.file] + address.suffix
    return digests


def _digest_of(digests: Iterable[str]) -> str:
    """Sort key of a group, which favours neither small nor large ones."""
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()


def _volume(root: Path, file: Path) -> str:
    """What the slices in a file belong to: the file, or for DICOM its series."""
    with opened(root / file, "image") as content:
        dicom = kind_of(content) == "dicom"
    if dicom:
        from vpuformer.images.dicom import place_of

        return place_of(root / file).series or file.as_posix()
    return file.as_posix()


def _likeness(names: Sequence[str], thumbnails: Sequence[Thumbnail]) -> dict[str, int]:
    """The number of the images that each image looks like. Names are neighbours within a folder."""
    folders = [_folder(name) for name in names]
    neighbours = [(i - 1, i) for i in range(1, len(names)) if folders[i - 1] == folders[i]]
    return dict(zip(names, compare(thumbnails, neighbours).groups.tolist(), strict=True))


def _folder(name: str) -> str:
    return PurePosixPath(name).parent.as_posix()


def _name_without_number(name: str) -> str:
    """
    >>> _name_without_number("a/patient3_017.png"), _name_without_number("a/17.png")
    ('a/patient3_.png', 'a/.png')
    """
    path = PurePosixPath(name)
    return (path.parent / (_NUMBER.sub("", path.stem) + path.suffix)).as_posix()
