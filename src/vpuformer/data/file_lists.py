"""Files of a set: its folders, lists of names, and files matched by their stems."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path, PurePath

from vpuformer.errors import DatasetError, listed
from vpuformer.files import read_bytes
from vpuformer.images import image_endings


def need_folders(root: Path, name: str, images: str, masks: str) -> tuple[Path, Path]:
    """The folders of images and of masks in `root`.

    Raises:
        DatasetError: one of them is missing.
    """
    for folder in (images, masks):
        if not (root / folder).is_dir():
            raise DatasetError(
                f"{root} is not laid out as {name}: wanted the folders {images} (images) and {masks} (masks),"
                f" there is no {folder}"
            )
    return root / images, root / masks


def up_to_first_dot(path: Path) -> str:
    """The stem as the field's test sets mean it: `a` of `a.seg.png`."""
    return path.name.split(".")[0]


def by_stem(folder: Path, stem_of: Callable[[Path], str] = up_to_first_dot) -> dict[str, Path]:
    """The images in a folder by their stems, in the order of the names.

    Raises:
        DatasetError: two have the same stem.
    """
    images: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if not is_image(path):
            continue
        stem = stem_of(path)
        if stem in images:
            raise DatasetError(f"{folder} has two files for {stem}: {images[stem].name} and {path.name}")
        images[stem] = path
    return images


def is_image(path: Path) -> bool:
    """Whether a file name is that of an image."""
    # Systems and programs leave files behind whose names start with a dot.
    return not path.name.startswith(".") and path.suffix.lower() in image_endings()


def unread(folder: Path, *known: Path) -> list[str]:
    """A sentence that counts the unread files of a folder by their endings, if there are any.

    A HEIC, DNG or SVS file may be an image all the same. The `known` files and annotations of `vpuformer annotate` are
    not counted.
    """
    read = frozenset(known).union(folder.glob("vpuformer.sqlite*"))
    others = [path for path in sorted(folder.iterdir()) if not (path.name.startswith(".") or is_image(path))]
    kinds = Counter(path.suffix.lower() or path.name for path in others if path not in read and path.is_file())
    if not kinds:
        return []
    words = listed(f"{number} {ending}" for ending, number in kinds.most_common())
    return [f"files in {folder} that are not read: {words}; write images as PNG, JPEG or TIFF"]


def is_plain(name: str) -> bool:
    """Whether a name in a list stays within its folder."""
    return "\0" not in name and not PurePath(name).is_absolute() and ".." not in PurePath(name).parts


def read_names(path: Path) -> list[str]:
    """The names in a list, one a line. What follows a name, such as a label, is ignored.

    Raises:
        DatasetError: the list is missing, not text, or empty, or names a file outside its folder.
    """
    try:
        text = read_bytes(path, error=DatasetError, name=f"the list of images {path}").decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DatasetError(f"the list of images {path} is not text in UTF-8: {problem}") from problem
    names = [line.split()[0] for line in text.splitlines() if line.strip()]
    if not names:
        raise DatasetError(f"{path} lists no image")
    for name in names:
        if not is_plain(name):
            raise DatasetError(f"{path} lists {name!r:.80}, which is not a name of an image in its folder")
    return names
