"""Reading of untrusted pickles without running them.

Some annotations of the field come as pickles, and a pickle is a program. Here it may build containers, numbers, texts
and NumPy arrays of numbers; any other name that it asks for ends the reading before anything of it has been looked up.
The sizes of arrays are checked against their bytes, since NumPy itself trusts them, and the reader is Python's own in
Python: the one in C allocates what a single number in the file says.
"""

import io
import math
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vpuformer.errors import DatasetError
from vpuformer.files import read_bytes


def load_plain(path: str | Path) -> Any:
    """Content of a pickle: containers, numbers, texts, bytes and NumPy arrays of numbers.

    Raises:
        DatasetError: the file is missing or broken, or asks for anything else, which is not run.
    """
    content = read_bytes(path, error=DatasetError)
    try:
        return _Plain(io.BytesIO(content)).load()
    except _RefusedError as refused:
        raise DatasetError(
            f"{path} asks for {refused}, and annotations are made of containers, numbers, texts and arrays only; it was"
            " not opened, since a pickle can run any program: get the file from where it was published"
        ) from None
    except Exception as problem:  # what broken pickles make the machine raise has no common base
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise DatasetError(f"{path} is broken or no pickle ({reason}); get the file anew") from problem


class _RefusedError(Exception):
    """A name that is not allowed."""


class _Sealed:
    """A name that a pickle may call, and cannot change."""

    __slots__ = ("_made",)

    def __init__(self, made: Callable[..., Any] | None) -> None:
        object.__setattr__(self, "_made", made)

    def __call__(self, *arguments: Any) -> Any:
        if self._made is None:
            raise ValueError("an array is not made of its shape alone")
        return self._made(*arguments)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} cannot be changed")

    def __setstate__(self, state: Any) -> None:
        raise AttributeError("it has no state")


class _Dtype:
    """A type of numbers; a pickle gives the order of its bytes afterwards."""

    def __init__(self, name: Any, *_: Any) -> None:
        if not isinstance(name, str) or not re.fullmatch(r"[biuf](1|2|4|8)|\?", name):
            raise ValueError(f"an array of {name!r:.40}")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: Any) -> None:
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array(np.ndarray[Any, Any]):
    """An array whose shape and content follow."""

    def __setstate__(self, state: Any, /) -> None:
        version, shape, kind, fortran, content = state
        checked: Any = (version, shape, _fitting(kind, shape, content), bool(fortran), bytes(content))
        super().__setstate__(checked)


def _fitting(kind: Any, shape: Any, content: Any) -> np.dtype[Any]:
    """The type of an array, if its content is as long as its shape says."""
    if not isinstance(kind, _Dtype) or not isinstance(shape, tuple) or len(shape) > 8:
        raise ValueError("an array without a type or shape")
    if not all(type(side) is int and side >= 0 for side in shape):
        raise ValueError(f"an array of the shape {shape!r:.40}")
    if memoryview(content).nbytes != math.prod(shape) * kind.dtype.itemsize:
        raise ValueError(f"an array of the shape {shape!r:.40} in {memoryview(content).nbytes} bytes")
    return kind.dtype


def _reconstruct(kind: Any, shape: Any, _code: Any) -> Any:
    if kind is not _ALLOWED["numpy.ndarray"] or tuple(shape) != (0,):
        raise ValueError("an array of an unknown class")
    return np.empty(0, np.uint8).view(_Array)


def _scalar(kind: Any, content: Any) -> Any:
    return np.frombuffer(content, _fitting(kind, (), content))[0]


def _frombuffer(content: Any, kind: Any, shape: Any, order: Any, *_: Any) -> Any:
    return np.frombuffer(content, _fitting(kind, shape, content)).reshape(shape, order="F" if order == "F" else "C")


_NAMES = {
    "multiarray._reconstruct": _reconstruct,
    "multiarray.scalar": _scalar,
    "numeric._frombuffer": _frombuffer,
}
_ALLOWED = {
    "builtins.set": _Sealed(set),
    "builtins.frozenset": _Sealed(frozenset),
    "numpy.ndarray": _Sealed(None),
    "numpy.dtype": _Sealed(_Dtype),
    **{f"numpy.{core}.{name}": _Sealed(made) for core in ("core", "_core") for name, made in _NAMES.items()},
}


class _Plain(pickle._Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        wanted = f"{module}.{name}"
        if wanted not in _ALLOWED:
            raise _RefusedError(wanted)
        return _ALLOWED[wanted]
