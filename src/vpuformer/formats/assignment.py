"""Assignment of the images in files to the images of a folder, for all of them at once.

Unlike `matching.match_image`, which is asked about one image that a person has opened, nothing is guessed: a name means
an image if one path is the end of the other, and no other image or name fits as well.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from vpuformer.formats.found import FoundImage
from vpuformer.formats.matching import plain_name
from vpuformer.formats.naming import owners, wanted_stems


@dataclass(frozen=True, slots=True)
class Assignment:
    """Images in files by the images of a folder.

    Attributes:
        of_image: entries of each image that has any, in the order of the files.
        missing: names in the files that no image of the folder has.
        ambiguous: names that may mean several images, or that share an image with another name.
    """

    of_image: dict[str, list[FoundImage]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)


def assign(entries: Sequence[FoundImage], images: Sequence[str], alone: str = "") -> Assignment:
    """Assign entries to images.

    >>> def entry(name): return FoundImage(name, lambda target, note: iter(()))
    >>> found = assign([entry("set/a/x.png"), entry("y.png"), entry("z.png")], ["a/x.png", "b/y.png"])
    >>> list(found.of_image), found.missing
    (['a/x.png', 'b/y.png'], ['z.png'])

    Args:
        images: paths of the images of the folder.
        alone: name of the one file, for an entry without a name: a mask is called as its image.
    """
    names = [(alone, True) if entry.name is None else (entry.name, entry.stem) for entry in entries]
    index = _Index(images, [plain_name(name) for name, stem in names if stem])
    result = Assignment()
    claimed: defaultdict[str, dict[str, list[FoundImage]]] = defaultdict(dict)
    for entry, (name, stem) in zip(entries, names, strict=True):
        shared, found = index.find(plain_name(name), stem=stem, mask=entry.mask)
        if not found and entry.alias is not None:
            _, found = index.find(plain_name(entry.alias), stem=stem)
        if len(found) == 1:
            claimed[found[0]].setdefault(shared, []).append(entry)
        else:
            (result.ambiguous if found else result.missing).append(name)
    for image in images:
        by_name = claimed.get(image, {})
        same = {plain_name(image), plain_name(wanted_stems(image)[0])} & by_name.keys()
        chosen = next(iter(same or by_name), None) if same or len(by_name) == 1 else None
        if chosen is not None:
            result.of_image[image] = by_name[chosen]
        unused = [(name, entry) for name, entries in by_name.items() if name != chosen for entry in entries]
        result.ambiguous.extend(dict.fromkeys(entry.name or name for name, entry in unused))
    return result


class _Index:
    """Images of a folder by the ends of their paths."""

    def __init__(self, images: Iterable[str], stems: Sequence[str]) -> None:
        written = set(stems)
        self._named = _tails({image: plain_name(image) for image in images})
        # An export has the whole name where two images share the stem.
        others = {image: plain_name(wanted_stems(image)[0]) for image in images if plain_name(image) not in written}
        self._stems = _tails(others)

    def find(self, name: str, *, stem: bool, mask: bool = False) -> tuple[str, list[str]]:
        """The images that a name may mean: of the same path, else with a common end.

        Before them comes the name, or, for one of several masks of an image, the name that all of them share.
        """
        parts = name.split("/")
        for tails in (self._named, self._stems) if stem else (self._named,):
            for begin in range(len(parts)):
                end = "/".join(parts[begin:])
                for owner in owners(end) if mask else (end,):
                    fitting = tails.get(owner, ())
                    same = [image for image, whole in fitting if whole]
                    found = same if same or begin else [image for image, _ in fitting]
                    if found:
                        # No map has such a name: an image has either a map or masks of its objects.
                        return (name if owner == end else f"{name.removesuffix(end)}{owner}/"), found
        return name, []


def _tails(paths: dict[str, str]) -> dict[str, list[tuple[str, bool]]]:
    """Every end of every path: the images, and whether it is the whole path."""
    tails: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)
    for image, path in paths.items():
        parts = path.split("/")
        for begin in range(len(parts)):
            tails["/".join(parts[begin:])].append((image, begin == 0))
    return dict(tails)
