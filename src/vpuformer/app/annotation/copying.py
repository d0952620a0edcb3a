"""Copies of objects on any image: their masks, or boxes around them for the network."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.schemas import ImportResult, NewCopies
from vpuformer.app.store import rle
from vpuformer.app.store.doubles import LabelledMask, doubles
from vpuformer.app.store.rows import ObjectRow, StepAnswer
from vpuformer.app.store.shaping import Copy
from vpuformer.app.store.store import Store
from vpuformer.arrays import Size
from vpuformer.errors import ImageError, PromptError, counted
from vpuformer.geometry import Crop


def copy_objects(annotator: Annotator, image: int, new: NewCopies) -> ImportResult:
    """Copy objects, also deleted ones, with labels and attributes. Copies are not accepted.

    Masks keep their pixels, so both images must have the same size. Boxes are scaled to the other size, and the network
    answers them in the background. A note says how many copies double an object that the image has; an original on the
    same image does not count.

    Raises:
        NotFoundError: there is no such image or object.
        PromptError: an object has no mask.
        ImageError: the image cannot be read, or masks do not fit its size.
    """
    store, size = annotator.store, annotator.gallery.size(image)
    identities = list(dict.fromkeys(new.objects))
    rows = [store.history(identity)[0] for identity in identities]
    masks = store.current_masks(identities)
    copies: list[Copy] = []
    notes: dict[str, None] = {}
    for row in rows:
        if row.id not in masks:
            raise PromptError("an object to copy has no mask; give it a prompt first, or leave it out")
        former = annotator.gallery.size(row.image)
        mask = masks[row.id].mask
        if new.boxes:
            copies.append(Copy(row, {"type": "box", "box": _box(mask, former, size)}))
        elif former == size:
            copies.append(Copy(row, {"type": "mask"}, StepAnswer(mask, rle.area(mask, size))))
        else:
            raise ImageError(f"{_sizes(annotator, row, image)}; masks need the same size, so copy boxes instead")
        if former != size:
            notes[f"{_sizes(annotator, row, image)}; boxes are scaled"] = None
    added = store.add_copies(image, new.key, copies)
    if new.boxes:
        annotator.boxes.look()
    else:
        count = _doubled(store, image, copies, {*identities, *added}, size)
        if count:
            notes[f"{counted(count, 'object')} of the image already had the same label and nearly the same mask"] = None
    states = [annotator.state(each, boxes_wait=True) for each in added]
    return ImportResult(objects=states, notes=list(notes), tags=list(store.image(image).tags))


def _doubled(store: Store, image: int, copies: Sequence[Copy], except_for: AbstractSet[int], size: Size) -> int:
    """Number of copies that double an object of the image, apart from the originals and the copies themselves."""
    others = {row.id: row.label for row in store.objects_of(image) if row.id not in except_for}
    masks = store.current_masks(others)
    names = {row.id: row.name for row in store.labels()} | {None: None}
    present = [LabelledMask(names.get(others[identity]), each.mask) for identity, each in masks.items()]
    new = [LabelledMask(names.get(each.of.label), each.answer.mask) for each in copies if each.answer is not None]
    return sum(double is not None for double in doubles(new, present, size))


def _box(mask: bytes, former: Size, size: Size) -> tuple[float, float, float, float]:
    """Edges x0, y0, x1, y1 of a mask, scaled from one size of an image to another."""
    box = Crop.around(rle.decode(mask, former))
    assert box is not None
    across, down = size[1] / former[1], size[0] / former[0]
    left, top, right, bottom = box.left, box.top, box.left + box.width, box.top + box.height
    return left * across - 0.5, top * down - 0.5, right * across - 0.5, bottom * down - 0.5


def _sizes(annotator: Annotator, row: ObjectRow, image: int) -> str:
    names = [annotator.gallery.name(each) for each in (row.image, image)]
    sizes = [annotator.gallery.size(each) for each in (row.image, image)]
    return " and ".join(f"{name} has {size[1]}x{size[0]} pixels" for name, size in zip(names, sizes, strict=True))
