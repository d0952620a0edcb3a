"""Import of annotations made elsewhere, for a whole folder at once.

Each image is one transaction, so an import that was stopped can be run again: what is stored is recognized.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from vpuformer.app.annotation.importing import DOUBLE, as_imported, is_empty, stored_label, stored_tags
from vpuformer.app.images.folder import Folder
from vpuformer.app.import_report import FolderImport, Reason
from vpuformer.app.store.imports import ImportedObject, short_digest
from vpuformer.app.store.rows import ImageRow
from vpuformer.app.store.store import Store
from vpuformer.errors import ImageError, MaskError, listed
from vpuformer.formats.assignment import assign
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.found import Annotations, FoundImage, FoundObject, FoundTags, Ignored, LeftOut, TargetImage
from vpuformer.formats.label_set import LabelDefinition, LabelSet
from vpuformer.formats.reading import read_annotations
from vpuformer.images import image_size

Pending = tuple[str, list[FoundImage]]
"""An image that is to be imported, and its annotations."""

MAX_OBJECTS = 10_000
"""Maximum number of objects on an image."""

_EXAMPLES = 5
"""Examples of a reason in a report."""


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """Settings of an import.

    Attributes:
        label: label of objects that have none in the files.
        accept: accept imported masks. Masks that the network makes of boxes are never accepted.
        dry_run: report, and change nothing.
    """

    label: str | None = None
    accept: bool = False
    dry_run: bool = False


def import_folder(
    folder: Folder,
    store: Store,
    bundle: Bundle,
    settings: ImportSettings = ImportSettings(),
    *,
    answer: Callable[[str, Sequence[int]], int] | None = None,
    track: Callable[[Sequence[Pending]], Iterable[Pending]] = lambda images: images,
) -> FolderImport:
    """Import the annotations of all images in `bundle`.

    An object is recognized by its name in a file of the same name, else by its label and its mask or box. It is stored
    once, and updated if the file has changed and no person has touched it. What a person has changed, deleted or
    accepted stays. A new object that doubles one of the image is left out.

    Args:
        answer: called with each image and the ids of its objects that have a box and no mask, to let the network
            answer them; returns how many it answered. None: boxes wait for the server.
        track: shows the progress.

    Raises:
        MaskError: the files are of no format that is read, or none of their images is in the folder.
        StoreError: the store cannot be read or written; images that are finished stay.
    """
    title, annotations = read_annotations(bundle)
    assigned = assign(annotations.images, folder.names, bundle.names[0].rpartition(".")[0] if bundle.alone else "")
    if not assigned.of_image:
        names = [*assigned.missing, *assigned.ambiguous]
        said = f"lists {listed(names)}" if names else "lists no image"
        raise MaskError(
            f"{annotations.called} ({title}) {said}; {folder.root} has no image of such a name. Give the folder of the"
            " annotated images, or rename them"
        )
    run = _Run(folder, store, bundle, settings, answer)
    run.left_out.add("image", "not in the folder", assigned.missing)
    run.left_out.add("image", "whose name fits several images, or that shares its image", assigned.ambiguous)
    if not settings.dry_run:
        store.sync(folder.names)
        store.add_label_set(_label_set(annotations))
    run.rows = {row.name: row for row in store.images()}
    for image, entries in track(list(assigned.of_image.items())):
        run.image(image, entries)
    return run.report(title)


def _label_set(annotations: Annotations) -> LabelSet:
    """The labels that the files list, with their attributes."""
    names = {name: stored_label(name) for name in annotations.labels}
    definitions = [
        LabelDefinition(stored, attributes=tuple(annotations.attributes.get(name, ())))
        for name, stored in names.items()
        if stored is not None
    ]
    return LabelSet(tuple(definitions))


class _Run:
    """The state of an import: what it has counted so far."""

    def __init__(
        self,
        folder: Folder,
        store: Store,
        bundle: Bundle,
        settings: ImportSettings,
        answer: Callable[[str, Sequence[int]], int] | None,
    ) -> None:
        self.folder, self.store, self.settings, self.answer = folder, store, settings, answer
        self.source = bundle.source
        self.labels = [row.name for row in store.labels()]
        self.rows: dict[str, ImageRow] = {}
        self.outcomes: Counter[str] = Counter()
        self.images = self.refused = self.answered = self.waiting = 0
        self.left_out, self.remarks = _Reasons(), _Reasons()

    def image(self, name: str, entries: Sequence[FoundImage]) -> None:
        """Import the objects of one image, or none if one is broken."""
        try:
            size = self._size(name)
            objects, tags, left_out, remarks = self._objects(name, size, entries)
        except (ImageError, MaskError) as error:
            self.refused += 1
            self.left_out.add("image", "broken, or does not fit", [f"{name}: {error}"])
            return
        row = self.rows.get(name)
        imported = self.store.import_objects(
            None if row is None else row.id,
            objects,
            size=size,
            tags=tags,
            accept=self.settings.accept,
            dry_run=self.settings.dry_run,
        )
        self.images += 1
        self.left_out.update(left_out)
        self.remarks.update(remarks)
        if self.settings.accept and self.store.label_settings().label_required:
            new = zip(objects, imported, strict=True)
            unlabelled = sum(each.label is None and made.outcome == "new" for each, made in new)
            self.remarks.add(
                "object", "not accepted: it has no label, and one is required", [name][:unlabelled], unlabelled
            )
        for each in imported:
            self.outcomes[each.outcome] += 1
            if each.outcome == "edited":
                self.left_out.add("object", "changed in the file, and here by hand", [name])
            elif each.outcome == "deleted":
                self.left_out.add("object", "deleted here by hand", [name])
            elif each.outcome == "double":
                self.left_out.add("object", DOUBLE, [name])
        waiting = [each.id for each in imported if each.waits]
        known = [identity for identity in waiting if identity is not None]
        answered = 0
        if self.answer is not None and known and not self.settings.dry_run:
            try:
                answered = self.answer(name, known)
            except ImageError as error:  # its head is whole, so its objects are stored
                self.left_out.add("box", "without a mask: its image cannot be read", [f"{name}: {error}"], len(known))
        self.answered += answered
        self.waiting += len(waiting) - answered

    def report(self, title: str) -> FolderImport:
        """What the import has done."""
        return FolderImport(
            format=title,
            dry_run=self.settings.dry_run,
            images=self.images,
            refused=self.refused,
            new=self.outcomes["new"],
            same=self.outcomes["same"],
            changed=self.outcomes["changed"],
            answered=self.answered,
            waiting=self.waiting,
            left_out=self.left_out.list(),
            remarks=self.remarks.list(),
        )

    def _size(self, name: str) -> tuple[int, int]:
        """Height and width of an image, checked against its objects; stored if it has none."""
        size, row = image_size(self.folder.path_of(name)), self.rows.get(name)
        if row is not None and row.size not in (None, size):
            if self.store.objects_of(row.id):
                raise MaskError(
                    f"it is {size[1]}x{size[0]} pixels, and {row.size[1]}x{row.size[0]} when it was annotated here;"
                    " restore the former file, or add the new one under another name"
                )
            if not self.settings.dry_run:
                self.store.change_image(row.id, size=size)
        return size

    def _objects(
        self, name: str, size: tuple[int, int], entries: Sequence[FoundImage]
    ) -> tuple[list[ImportedObject], list[str], "_Reasons", "_Reasons"]:
        target = TargetImage(name, size, self.labels, self.folder.names)
        objects: list[ImportedObject] = []
        tags: list[str] = []
        left_out, remarks = _Reasons(), _Reasons()
        seen: Counter[str] = Counter()
        for found in (found for entry in entries for found in entry.objects(target, lambda _: None)):
            if isinstance(found, FoundTags):
                tags += stored_tags(found)
            elif isinstance(found, Ignored):
                continue  # a person sees that these pixels belong to no object
            elif not isinstance(found, FoundObject):
                (left_out if isinstance(found, LeftOut) else remarks).add(found.thing, found.why, [name], found.number)
            elif is_empty(found):
                left_out.add("mask", "without a pixel", [name])
            elif len(objects) == MAX_OBJECTS:
                raise MaskError(f"it has more than {MAX_OBJECTS:,} objects; cut it into smaller images")
            else:
                objects.append(self._keyed(as_imported(found, self.settings.label), name, found.id, seen))
        return objects, tags, left_out, remarks

    def _keyed(self, new: ImportedObject, image: str, identity: str | None, seen: Counter[str]) -> ImportedObject:
        """The object with a key: from its name in the file, else from its content and how often that came before."""
        words = (self.source, identity) if identity is not None else ("", new.shape_digest)
        key = short_digest(image, *words)
        seen[key] += 1
        return replace(new, key=short_digest(key, str(seen[key])))


class _Reasons:
    """Things by what they are and why they are mentioned, with the first examples."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._examples: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)

    def add(self, thing: str, why: str, examples: Sequence[str], number: int | None = None) -> None:
        """Count things; by default as many as there are examples."""
        if not examples:
            return
        self._counts[thing, why] += len(examples) if number is None else number
        known = self._examples[thing, why]
        for example in examples[: _EXAMPLES + 1]:
            if len(known) < _EXAMPLES:
                known[f"{example:.300}"] = None

    def update(self, other: "_Reasons") -> None:
        """Add what another one has counted."""
        for (thing, why), number in other._counts.items():
            self.add(thing, why, list(other._examples[thing, why]), number)

    def list(self) -> list[Reason]:
        """The reasons in the order in which they came."""
        return [
            Reason(thing=thing, why=why, number=number, examples=list(self._examples[thing, why]))
            for (thing, why), number in self._counts.items()
        ]
