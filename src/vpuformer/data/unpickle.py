"""Reading pickles of strangers without running them.

Some annotations of the field come as pickles, and a pickle is a program. Here it may build containers, numbers, texts
and NumPy arrays; any other name that it asks for ends the reading before anything of it has been looked up.
"""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vpuformer.errors import DatasetError

# NumPy's own functions for this are private; what it writes into a pickle of its own is not.
_NAMES: Mapping[str, Any] = {
    "multiarray._reconstruct": np.empty(0).__reduce__()[0],
    "multiarray.scalar": np.float32(0).__reduce__()[0],
    "numeric._frombuffer": np.empty(1).__reduce_ex__(5)[0],
}
_ALLOWED: Mapping[str, Callable[..., Any]] = {
    "builtins.set": set,
    "builtins.frozenset": frozenset,
    "numpy.ndarray": np.ndarray,
    "numpy.dtype": np.dtype,
    **{f"numpy.{core}.{name}": made for core in ("core", "_core") for name, made in _NAMES.items()},
}


class _RefusedError(Exception):
    """A name that is not allowed."""


class _Plain(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        name = f"{module_name}.{global_name}"
        if name not in _ALLOWED:
            raise _RefusedError(name)
        return _ALLOWED[name]


def load_plain(path: str | Path) -> Any:
    """What a pickle holds, built of containers, numbers, texts, bytes and NumPy arrays.

    Raises:
        DatasetError: the file is missing or broken, or asks for anything else, which is not run.
    """
    try:
        with Path(path).open("rb") as file:
            return _Plain(file).load()
    except _RefusedError as refused:
        raise DatasetError(
            f"{path} asks for {refused}, and annotations are made of containers, numbers, texts and arrays only; it was"
            " not opened, since a pickle can run any program: get the file from where it was published"
        ) from None
    except FileNotFoundError:
        raise DatasetError(f"there is no {path}") from None
    except OSError as problem:
        raise DatasetError(f"{path} cannot be read: {problem.strerror}") from problem
    except Exception as problem:  # what broken pickles make the machine raise has no common base
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise DatasetError(f"{path} is broken or no pickle ({reason}); get the file anew") from problem
