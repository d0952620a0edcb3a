"""What can be trained on: every image is opened, every mask looked at."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from vpuformer.arrays import Size
from vpuformer.data.sample import LARGEST_SHARE, SMALLEST_OBJECT
from vpuformer.errors import DatasetError, InputError, counted, listed
from vpuformer.finetuning.layouts import Layout
from vpuformer.formats.affected import Affected
from vpuformer.formats.coco_masks import encode
from vpuformer.formats.found import LeftOut
from vpuformer.images import read_image
from vpuformer.prompts import Prompt

FEWEST_IMAGES = 4
"""Images without which nothing can be trained and held out."""


class UsableObject(NamedTuple):
    """An object: mask as compressed run lengths of COCO, label, and prompts of people."""

    runs: bytes
    label: str | None
    prompts: Sequence[Prompt]


class UsableImage(NamedTuple):
    """An image with its usable objects. `name` is its path within the root."""

    name: str
    size: Size
    objects: Sequence[UsableObject]


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

    @property
    def objects(self) -> int:
        """Number of objects."""
        return sum(len(image.objects) for image in self.images)

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


def check(layout: Layout, on_progress: Callable[[int, int], object] = lambda _, __: None) -> UsableData:
    """Open every image, and keep the objects that can be trained on.

    Args:
        on_progress: called after each image with the number of images done and the total.

    Raises:
        DatasetError: fewer than `FEWEST_IMAGES` images are usable.
    """
    images: list[UsableImage] = []
    left_out = _Reasons()
    for done, (name, outlines) in enumerate(layout.images.items(), start=1):
        objects: list[UsableObject] = []
        reasons = _Reasons()
        try:
            height, width = size = read_image(layout.root / name).shape[:2]
            for found in outlines(size):
                if isinstance(found, LeftOut):
                    reasons.add(found.thing, found.why, name, found.number)
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
                images.append(UsableImage(name, size, objects))
            else:
                left_out.add("image", "without an object to train on", name)
        on_progress(done, len(layout.images))
    data = UsableData(layout.title, layout.root, images, [*left_out.sentences(), *layout.left_out])
    if len(images) < FEWEST_IMAGES:
        why = f" ({'; '.join(data.left_out)})" if data.left_out else ""
        raise DatasetError(
            f"{layout.root} ({layout.title}) has {counted(len(images), 'image')} with an object to train on, and"
            f" fine-tuning takes at least {FEWEST_IMAGES}; annotate more{why}"
        )
    return data


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
