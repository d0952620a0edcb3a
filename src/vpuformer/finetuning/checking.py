"""What can be trained on: every image is opened, every mask looked at."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from vpuformer.arrays import RGB, Size
from vpuformer.data.sample import LARGEST_SHARE, SMALLEST_OBJECT
from vpuformer.errors import DatasetError, InputError, counted, listed
from vpuformer.finetuning.annotated_folder import ANNOTATED
from vpuformer.finetuning.layouts import Layout
from vpuformer.finetuning.likeness import Thumbnail, thumbnail
from vpuformer.formats.affected import Affected
from vpuformer.formats.coco_masks import encode
from vpuformer.formats.found import Ignored, LeftOut
from vpuformer.images.addresses import Address, Window
from vpuformer.images.reading import to_rgb
from vpuformer.images.volumes import is_deep, load_shown
from vpuformer.prompts import Prompt

FEWEST_IMAGES = 4
"""Images without which nothing can be trained and held out."""


class UsableObject(NamedTuple):
    """An object: mask as compressed run lengths of COCO, label, and prompts of people."""

    runs: bytes
    label: str | None
    prompts: Sequence[Prompt]


class UsableImage(NamedTuple):
    """An image with its usable objects.

    `name` is its path within the root. `ignored` are pixels that are neither object nor background, as compressed run
    lengths of COCO. `shown` says which of its values are shown; None for an image of 8 bits.
    """

    name: str
    size: Size
    objects: Sequence[UsableObject]
    thumbnail: Thumbnail
    ignored: bytes | None = None
    shown: str | None = None


@dataclass(frozen=True)
class UsableData:
    """The usable images of a layout."""

    title: str
    """Name of the layout."""
    root: Path
    """Folder of the images."""
    images: Sequence[UsableImage]
    left_out: Sequence[str]
    """Sentences about what takes no part, and why."""
    window: Window | None = None
    """The values that images of more than 8 bits are shown in; None for what their files ask for."""

    @property
    def objects(self) -> int:
        """Number of objects."""
        return sum(len(image.objects) for image in self.images)

    @property
    def folder(self) -> Path:
        """Folder to open in the app: the deepest one with all images.

        Above it, the app could list masks as images. If it was annotated in the app, it is `root`, where the store is.
        """
        if self.title == ANNOTATED or not self.images:
            return self.root
        folders = [(self.root / Address.of(Path(image.name)).file).parent for image in self.images]
        return Path(os.path.commonpath(folders))

    @property
    def prompts(self) -> int:
        """Number of prompts that people gave."""
        return sum(len(each.prompts) for image in self.images for each in image.objects)

    @property
    def labels(self) -> dict[str, int]:
        """Objects of each label, the most frequent label first."""
        found = (each.label for image in self.images for each in image.objects if each.label is not None)
        return dict(Counter(found).most_common())

    def summary(self) -> str:
        """One line that says what was found.

        >>> UsableData("LabelMe", Path("a"), [], []).summary()
        'LabelMe: 0 images, 0 objects'
        """
        parts = [counted(len(self.images), "image"), counted(self.objects, "object")]
        if self.labels:
            named = listed(f"{name} {number}" for name, number in self.labels.items())
            parts.append(f"{counted(len(self.labels), 'label')} ({named})")
        if self.prompts:
            parts.append(f"{counted(self.prompts, 'prompt')} of people")
        return f"{self.title}: {', '.join(parts)}"

    def to_dict(self) -> dict[str, Any]:
        """What the report of a fine-tuning says about its data."""
        return {
            "summary": self.summary(),
            "layout": self.title,
            "root": str(self.root),
            "folder": str(self.folder),
            "images": len(self.images),
            "objects": self.objects,
            "labels": self.labels,
            "prompts": self.prompts,
            "left_out": list(self.left_out),
        }

    def notes(self) -> list[str]:
        """Sentences about the values that are shown, and about ignored pixels."""
        shown = Counter(image.shown for image in self.images if image.shown is not None)
        ignored = sum(image.ignored is not None for image in self.images)
        notes = [f"values of {counted(number, 'image')}: {how}" for how, number in shown.most_common()]
        return [*notes, *([f"pixels that are ignored: on {counted(ignored, 'image')}"] if ignored else [])]


def check(
    layout: Layout,
    on_progress: Callable[[int, int], object] = lambda _, __: None,
    *,
    window: Window | None = None,
) -> UsableData:
    """Open every image, and keep the objects that can be trained on.

    Args:
        on_progress: called after each image with the number of images done and the total.
        window: the values that images of more than 8 bits are shown in; by default those of the layout.

    Raises:
        DatasetError: fewer than `FEWEST_IMAGES` images are usable.
    """
    images: list[UsableImage] = []
    left_out = _Reasons()
    used = window or layout.window
    for done, (name, outlines) in enumerate(layout.images.items(), start=1):
        objects: list[UsableObject] = []
        reasons, ignored = _Reasons(), None
        try:
            pixels, shown = _read(layout.root / name, used, annotated=used == layout.window)
            height, width = size = pixels.shape[:2]
            for found in outlines(size):
                if isinstance(found, LeftOut):
                    reasons.add(found.thing, found.why, name, found.number)
                    continue
                if isinstance(found, Ignored):
                    ignored = found.mask if ignored is None else ignored | found.mask
                    continue
                if found.mask.shape != size:
                    raise DatasetError(f"a mask of {found.mask.shape[::-1]} pixels for an image of {size[::-1]}")
                area = int(found.mask.sum())
                if area < SMALLEST_OBJECT:
                    reasons.add("object", f"below {SMALLEST_OBJECT} pixels", name)
                elif area > LARGEST_SHARE * height * width:
                    reasons.add("object", f"above {LARGEST_SHARE:.0%} of the image", name)
                else:
                    objects.append(UsableObject(encode(found.mask), found.label, found.prompts))
        except InputError as error:
            left_out.add("image", "broken, or of another size than its masks", f"{name}: {error}")
        else:
            left_out.update(reasons)
            if objects:
                runs = None if ignored is None else encode(ignored)
                images.append(UsableImage(name, size, objects, thumbnail(pixels), runs, shown))
            else:
                left_out.add("image", "without an object to train on", name)
        on_progress(done, len(layout.images))
    data = UsableData(layout.title, layout.root, images, [*left_out.sentences(), *layout.left_out], used)
    if len(images) < FEWEST_IMAGES:
        why = f", or mend what is left out ({'; '.join(data.left_out)})" if data.left_out else ""
        raise DatasetError(
            f"{layout.root} ({layout.title}) has {counted(len(images), 'image')} with an object to train on, and"
            f" fine-tuning takes at least {FEWEST_IMAGES}; annotate more{why}"
        )
    return data


def _read(path: Path, window: Window | None, *, annotated: bool) -> tuple[RGB, str | None]:
    """An image, and a phrase about the values that are shown if it has more than 8 bits."""
    address = Address.of(path)
    loaded = load_shown(address._replace(window=address.window or window).path)
    pixels = to_rgb(loaded, str(path))
    if loaded.shown is None and not is_deep(loaded.stored):
        return pixels, None
    known = ", in which the folder was annotated" if window is not None and annotated else ""
    return pixels, f"{loaded.why or 'range of each image'}{known}"


class _Reasons:
    """Things that are left out, by what they are and why."""

    def __init__(self) -> None:
        self._affected: defaultdict[tuple[str, str], Affected] = defaultdict(Affected)

    def add(self, thing: str, why: str, image: str, number: int = 1) -> None:
        """Count things of an image."""
        self._affected[thing, why].add(image, number)

    def update(self, other: "_Reasons") -> None:
        """Add what another one has counted. Each was about one image."""
        for (thing, why), affected in other._affected.items():
            self._affected[thing, why].add(affected.images, affected.number)

    def sentences(self) -> list[str]:
        """A sentence for each reason."""
        notes = (affected.note(thing, why) for (thing, why), affected in self._affected.items())
        return [note.rstrip(".") for note in notes if note is not None]
