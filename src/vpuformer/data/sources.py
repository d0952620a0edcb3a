"""The kinds of data sets for training, and their syntax on the command line.

To add a kind, write a `Source` in `vpuformer/data/kinds/` and one entry in `KINDS`: see docs/data.md.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vpuformer.data.counts import Counts
from vpuformer.data.kinds.coco import ANNOTATIONS, CocoFolder
from vpuformer.data.kinds.coco_lvis import CocoLvis
from vpuformer.data.kinds.masks import MaskFolder
from vpuformer.data.kinds.sbd import Sbd
from vpuformer.data.roots import at_home
from vpuformer.data.source import Source
from vpuformer.data.split import open_folders
from vpuformer.errors import ConfigError, DatasetError, unknown_name
from vpuformer.images.addresses import parse_window


@dataclass(frozen=True)
class Kind:
    """A kind of sets.

    `open` takes the folder and, by name, the `options` given, and returns one set or several. `options` maps names to
    functions from text to value. With the settings of `whole` nothing is left out, so that the set can be compared with
    its `published` size. `bare` says that images without an object are valid.
    """

    open: Callable[..., Source | Sequence[Source]]
    options: Mapping[str, Callable[[str], object]] = field(default_factory=dict)
    whole: Mapping[str, object] = field(default_factory=dict)
    published: Counts = field(default_factory=Counts)
    bare: bool = False


def _coco(root: Path, **options: Any) -> Sequence[Source]:
    """One COCO folder, or a folder of such."""
    return [CocoFolder(root, **options)] if options else list(open_folders(root).values())


def _yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError("neither yes nor no")
    return text == "yes"


KINDS: dict[str, Kind] = {
    "coco": Kind(
        _coco,
        {"annotations": Path, "images": Path, "prompts": Path, "ignored": Path, "window": parse_window},
        bare=True,
    ),
    "sbd": Kind(
        Sbd,
        {"split": str, "scores": Path, "smallest_fill": float},
        whole={"smallest_fill": 0.0},
        published=Counts(8498, 20172),
    ),
    "cocolvis": Kind(
        CocoLvis,
        {"split": str, "stuff": float, "min_area": int, "parts": _yes_or_no},
        whole={"min_area": 0, "parts": True},
        published=Counts(99_000, 1_500_000, tolerance=0.05),
        bare=True,
    ),
    "masks": Kind(MaskFolder, {"ignore_label": int}),
}
"""Name to kind, as in `sbd=FOLDER`."""


def open_sources(specs: str | Sequence[str]) -> dict[str, Source]:
    """The sets that `specs` name, by their own names, in their order.

    A spec is `KIND=FOLDER`, with settings of that kind behind it where they are wanted
    (`sbd=FOLDER,scores=FILE`); `name=NAME` calls the set otherwise. A mere `FOLDER` is a COCO folder, a folder of
    COCO folders, or a folder with `images` and `masks`.

    Raises:
        ConfigError: an unknown kind or setting, or two sets of the same name.
        DatasetError: a folder is not laid out as its kind.
    """
    sources: dict[str, Source] = {}
    for spec in [specs] if isinstance(specs, str) else specs:
        for source in _open(spec):
            if source.name in sources:
                raise ConfigError(
                    f"two sets are called {source.name!r}, the second one in {spec!r}; write KIND=FOLDER,name=NAME"
                )
            sources[source.name] = source
    if not sources:
        raise ConfigError("no set is named; give at least one folder")
    return sources


def open_kind(kind: str, root: Path, settings: Mapping[str, object]) -> Sequence[Source]:
    """The set, or the sets, of a known kind in one folder.

    Raises:
        ConfigError: a setting is out of range.
        DatasetError: the folder is not laid out as this kind.
    """
    if not root.is_dir():
        raise DatasetError(f"there is no folder {root}; give the folder of a data set")
    opened = KINDS[kind].open(root, **settings)
    return opened if isinstance(opened, Sequence) else [opened]


def folder_of(spec: str) -> Path:
    """The folder that a spec of `open_sources` names.

    >>> folder_of("sbd=data/SBD,split=train").as_posix()
    'data/SBD'
    """
    return _parsed(spec)[1]


def _parsed(spec: str) -> tuple[str | None, Path, dict[str, str]]:
    """Kind, folder and settings of a spec; a mere folder has no kind and no settings."""
    named = re.match(r"(\w+)=(.*)", spec, re.DOTALL)
    if not named:
        return None, at_home(spec), {}
    kind, rest = named.groups()
    folder, *settings = re.split(r",(?=\w+=)", rest)
    return kind, at_home(folder), dict(setting.split("=", 1) for setting in settings)


def _open(spec: str) -> Sequence[Source]:
    kind, folder, values = _parsed(spec)
    if kind is None:
        return open_kind(_kind_of(folder), folder, {})
    if kind not in KINDS:
        raise ConfigError(f"{spec!r} is not KIND=FOLDER: {unknown_name('kind of set', kind, KINDS)}")
    name = values.pop("name", None)
    options = {key: _option(spec, kind, key, text) for key, text in values.items()}
    sources = open_kind(kind, folder, options)
    if name is not None:
        if len(sources) > 1:
            raise ConfigError(f"{folder} holds {len(sources)} sets, which cannot all be called {name!r}")
        sources[0].name = name
    return sources


def _option(spec: str, kind: str, key: str, text: str) -> object:
    options = KINDS[kind].options
    if key not in options:
        raise ConfigError(f"{spec!r}: {unknown_name(f'setting of {kind}', key, ['name', *options])}")
    try:
        return options[key](text)
    except ValueError as problem:
        raise ConfigError(f"{spec!r}: {text!r} is not a value for {key} ({problem})") from problem


def _kind_of(root: Path) -> str:
    if not (root / ANNOTATIONS).is_file() and (root / "images").is_dir() and (root / "masks").is_dir():
        return "masks"
    return "coco"
