"""Prompts of many images: JSON lines, CSV, and boxes of annotations."""

from collections.abc import Iterator
from pathlib import Path

from vpuformer.errors import ImageError, InputError, MaskError
from vpuformer.formats import prompt_lines, prompt_table
from vpuformer.formats.assignment import assign
from vpuformer.formats.bundle import MOST_DIGITS, Bundle
from vpuformer.formats.found import Annotations, FoundImage, FoundObject, LeftOut, TargetImage
from vpuformer.formats.image_folder import ImageFolder, shown
from vpuformer.formats.labels import LONGEST_LABEL, one_line
from vpuformer.formats.prompted import Listed, PromptList, Unanswered
from vpuformer.formats.reading import read_annotations
from vpuformer.geometry import Crop
from vpuformer.images import image_size
from vpuformer.prompts import Box, Click, Prompt

_LISTS = {
    ".jsonl": prompt_lines.read,
    ".ndjson": prompt_lines.read,
    ".csv": prompt_table.read,
    ".tsv": prompt_table.read,
}
"""Readers of lists of prompts, by the ending of the file."""

_AMBIGUOUS = "its name may mean several images, or shares an image with another name"


def read_prompt_list(path: Path, folder: ImageFolder) -> PromptList:
    """The prompted objects in files.

    Args:
        path: JSON lines (`.jsonl`) or CSV (`.csv`); or a file, archive or folder of annotations, whose boxes are the
            prompts. An object with a mask is shown by the box around it; the visible keypoints of COCO are clicks.
        folder: the folder of the images.

    Raises:
        InputError: the files are missing, of no kind that is read, or broken.
    """
    if not path.exists():
        raise InputError(f"there is no {path}; give a file of prompts, or boxes of a detector")
    read = _LISTS.get(path.suffix.lower())
    if read is not None and path.is_file():
        return read(path, folder)
    title, annotations = read_annotations(Bundle(path))
    labels = dict.fromkeys(label for each in annotations.labels if (label := _label(each)))
    return PromptList(title, tuple(labels), _entries(annotations, path, folder))


def _entries(annotations: Annotations, path: Path, folder: ImageFolder) -> Iterator[Listed | Unanswered]:
    names = folder.names()
    assigned = assign(annotations.images, names, path.stem)
    image_of = {id(entry): image for image, entries in assigned.of_image.items() for entry in entries}
    missing, done = set(assigned.missing), set[tuple[bool, str]]()
    # In the order of the files, which is the same wherever an image is missing.
    for entry in annotations.images:
        given, image = entry.name or path.stem, image_of.get(id(entry))
        name, image_id = shown(given) if image is None else image, entry.id
        if (image is None, name) in done:
            continue
        done.add((image is None, name))
        if image is None:
            reason = f"there is no image {name} in {folder.root}" if given in missing else _AMBIGUOUS
            yield Listed(name, None, shown(given), image_id, reason=reason)
            continue
        try:
            target = TargetImage(image, image_size(folder.path_of(image)), annotations.labels, names)
            listed = [each for found in assigned.of_image[image] for each in _objects(found, target)]
        except (ImageError, MaskError) as error:
            yield Listed(image, None, shown(given), image_id, reason=str(error))
            continue
        yield Listed(image, None, shown(given), image_id)
        yield from (each._replace(given=shown(given)) if isinstance(each, Listed) else each for each in listed)


def _objects(entry: FoundImage, target: TargetImage) -> Iterator[Listed | Unanswered]:
    for found in entry.objects(target, lambda _: None):
        if isinstance(found, LeftOut):
            yield from [Unanswered(target.image, f"{found.thing}: {found.why}", "object")] * found.number
        elif isinstance(found, FoundObject):
            given = found.id if entry.id is not None else None
            is_number = given is not None and given.isdecimal() and len(given) <= MOST_DIGITS
            object_id = int(given) if given is not None and is_number else None
            yield Listed.of(
                target.image,
                target.image,
                lambda found=found: _prompts(found),
                _label(found.label),
                object_id=object_id,
            )


def _label(name: str | None) -> str | None:
    """A label as an import stores it."""
    return one_line(name or "", LONGEST_LABEL)


def _prompts(found: FoundObject) -> list[Prompt]:
    if isinstance(found.shape, Box):
        return [found.shape, *(Click(x, y) for x, y in found.points)]
    around = Crop.around(found.shape)
    return [] if around is None else [Box(*around.edges)]
