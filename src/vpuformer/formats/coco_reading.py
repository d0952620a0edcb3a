"""Reader of COCO: masks of one image, from any program."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vpuformer.arrays import Size
from vpuformer.errors import MaskError, counted
from vpuformer.formats.bundle import AddNote, Bundle, LabelAndMask, TargetImage
from vpuformer.formats.coco_file import CocoFile
from vpuformer.formats.coco_masks import decode_mask
from vpuformer.formats.matching import match_image, plain_name


def read_coco_masks(source: str | Path | bytes, image: str, size: Size | None = None) -> list[LabelAndMask]:
    """`iter_coco_masks` as a list."""
    return list(iter_coco_masks(source, image, size))


def iter_coco_masks(
    source: str | Path | bytes,
    image: str,
    size: Size | None = None,
    *,
    others: Sequence[str] = (),
    on_note: AddNote | None = None,
) -> Iterator[LabelAndMask]:
    """The objects of an image, decoded one by one: category name and mask, bool (H, W).

    The image is found by its name (`vpuformer.formats.matching`). Crowds (`iscrowd`), annotations without a
    segmentation and empty masks are left out, as in training.

    Args:
        source: path of a JSON file, or its content.
        image: path within the folder of images, with forward slashes.
        size: (height, width) of the image, if it is to be checked.
        others: paths of all images of the folder, so that masks of another image are refused.
        on_note: called with a sentence for a guess about the image, and, after the last mask, for what was left out.

    Raises:
        MaskError: the file is missing, not COCO, or has nothing about this image; a mask is broken or of another
            size.
    """
    file = CocoFile(source)
    number, guess = match_image(image, file.file_names, file.name, others)
    shape = file.size(number)
    if size is not None and shape != tuple(size):
        raise MaskError(
            f"{file.name} says that {image} is {shape[1]}x{shape[0]} pixels, and it is {size[1]}x{size[0]}; give the"
            " annotations of this very image"
        )
    add_note = on_note or (lambda _: None)
    if guess is not None:
        add_note(guess)
    for found in file.objects(number):
        yield found.category, decode_mask(found.runs, shape)
    for note in file.notes:
        add_note(note)
    if file.nameless:
        add_note(
            f"{counted(file.nameless, 'object')} in {file.name} without a label: 'categories' lacks their category"
        )


def claims(bundle: Bundle) -> bool:
    """Whether there is a JSON file with `images` or `annotations`."""
    return any(_is_coco(content) for _, content in bundle.jsons())


def read(bundle: Bundle, target: TargetImage, add_note: AddNote) -> Iterator[LabelAndMask]:
    """`iter_coco_masks` of the COCO file; of several, the first with exactly this image name."""
    found = {name: content for name, content in bundle.jsons() if _is_coco(content)}
    name = next((name for name, content in found.items() if _names(content, target.image)), min(found))
    if len(found) > 1:
        add_note(f"the archive has {len(found)} COCO files, of which {bundle.called(name)} was read")
    return iter_coco_masks(bundle.read(name), target.image, target.size, others=target.others, on_note=add_note)


def _is_coco(content: Any) -> bool:
    return isinstance(content, dict) and ("images" in content or "annotations" in content)


def _names(content: dict[str, Any], image: str) -> bool:
    """Whether a COCO file lists an image under its very name."""
    images = content.get("images")
    names = [entry.get("file_name") for entry in images if isinstance(entry, dict)] if isinstance(images, list) else []
    return any(isinstance(name, str) and plain_name(name) == plain_name(image) for name in names)
