"""Reading of small files: what cannot be read ends in one sentence."""

import json
from pathlib import Path
from typing import Any

from vpuformer.errors import VPUFormerError


def read_json(source: str | Path | bytes, *, error: type[VPUFormerError], name: str | None = None) -> Any:
    """The content of a JSON file in UTF-8 (with or without a byte order mark), UTF-16 or UTF-32.

    Numbers are as the file has them: `NaN`, `Infinity` and numbers of any size pass. The caller checks them.

    Args:
        source: path of the file, or its content.
        error: class of the error to raise.
        name: what messages call the file; by default its path.

    Raises:
        error: the file cannot be read, is no JSON, or is nested too deeply.

    >>> from vpuformer.errors import MaskError
    >>> read_json('\\ufeff{"area": 3}'.encode("utf-16"), error=MaskError, name="the file")
    {'area': 3}
    >>> read_json(b"[" * 100_000, error=MaskError, name="the file")
    Traceback (most recent call last):
    vpuformer.errors.MaskError: the file is nested too deeply to be read as JSON
    """
    name = name or ("the JSON" if isinstance(source, bytes) else str(source))
    try:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
    except (OSError, ValueError) as problem:  # ValueError: a null character in a path
        raise error(f"{name} cannot be read: {getattr(problem, 'strerror', None) or problem}") from problem
    try:
        text = content.decode(json.detect_encoding(content))
        return json.loads(text.removeprefix("\ufeff"))
    except RecursionError as problem:
        raise error(f"{name} is nested too deeply to be read as JSON") from problem
    except ValueError as problem:
        raise error(f"{name} is no JSON: {problem}") from problem
