"""Folders of data sets, given directly or by the `config.yml` of RITM and its successors."""

from pathlib import Path
from typing import Any

import yaml

from vpuformer.errors import ConfigError, unknown_name
from vpuformer.files import read_bytes

_KEYS = {"cocolvis": "lvis_v1", "coco": "coco"}
"""What a set is called in that file, in front of `_PATH`, where not by its own name; in small letters."""


def read_roots(config: str | Path) -> dict[str, Path]:
    """The folders in a `config.yml` by name: the key without `_PATH`, in small letters.

    Relative paths start at the folder of the file. Other keys, and keys without a value, are passed over.

    Raises:
        ConfigError: the file is missing, or not YAML of names and values.
    """
    file = Path(config)
    text = read_bytes(file, error=ConfigError)
    try:
        content: Any = yaml.safe_load(text.decode())
    except RecursionError as problem:
        raise ConfigError(f"{file} is nested too deeply to be read as YAML") from problem
    except (ValueError, yaml.YAMLError) as problem:
        raise ConfigError(f"{file} is not valid YAML: {problem}") from problem
    if not isinstance(content, dict):
        raise ConfigError(f"{file} holds no names and values; wanted lines such as GRABCUT_PATH: ./datasets/GrabCut")
    return {
        str(key)[: -len("_PATH")].lower(): file.parent / at_home(value)
        for key, value in content.items()
        if str(key).upper().endswith("_PATH") and isinstance(value, str) and value
    }


def at_home(path: str) -> Path:
    """A path with `~` expanded to the home folder of the user.

    Raises:
        ConfigError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as problem:
        raise ConfigError(f"{path} starts in the home folder of nobody ({problem}); give the whole path") from problem


def benchmark_root(name: str, root_or_config: str | Path) -> Path:
    """The folder of the data set `name`: `root_or_config`, or its entry there if that is YAML.

    Raises:
        ConfigError: the file cannot be read, or has no `NAME_PATH`.
    """
    path = Path(root_or_config)
    if path.suffix.lower() not in (".yml", ".yaml") or path.is_dir():
        return path
    roots = read_roots(path)
    key = _KEYS.get(name.lower(), name.lower())
    if key not in roots:
        raise ConfigError(
            f"{path}: {unknown_name('path', f'{key}_PATH'.upper(), (f'{k}_PATH'.upper() for k in roots))}"
        )
    return roots[key]
