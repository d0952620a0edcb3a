"""Everything that VPUFormer raises on purpose, as one small tree.

::

    VPUFormerError
    ├── InputError (also a ValueError)     something that a user handed over cannot be used
    │   ├── PromptError                    a click, box or scribble
    │   ├── ImageError                     an image
    │   ├── MaskError                      a mask, or a truth
    │   ├── DatasetError                   a folder of images and masks
    │   └── ConfigError                    a setting, or a combination of settings
    ├── CheckpointError                    weights that are missing, broken or of another model
    ├── SessionError (also a RuntimeError) an operation that this session cannot do now
    ├── TrainingError                      a run that cannot go on
    ├── StoreError                         a database of annotations that cannot be read or written
    │   ├── NotFoundError                  something that it does not hold
    │   └── ConflictError                  a change that no longer fits what it holds
    ├── BusyError                          more work than is taken on at a time
    └── MissingDependencyError (also an ImportError)   an optional package is not installed

Every message says what came, what was wanted and what to do. The command line turns any of them into one
sentence and exit code 2.
"""

import difflib
from collections.abc import Iterable


class VPUFormerError(Exception):
    """The base of all errors that are raised on purpose."""


class InputError(VPUFormerError, ValueError):
    """Something that a user handed over cannot be used."""


class PromptError(InputError):
    """A click, box or scribble that cannot be used."""


class ImageError(InputError):
    """An image that is missing, broken or cannot be used."""


class MaskError(InputError):
    """A mask that is missing, broken or does not fit its image."""


class DatasetError(InputError):
    """A data set whose folder or annotations are not as expected."""


class ConfigError(InputError):
    """A setting out of range, or two settings that contradict each other."""


class CheckpointError(VPUFormerError):
    """Weights that are missing, broken or belong to another model."""


class SessionError(VPUFormerError, RuntimeError):
    """An operation that a session cannot do in its present state."""


class TrainingError(VPUFormerError):
    """A run that cannot go on. Its folder holds the state from which it can be resumed."""


class StoreError(VPUFormerError):
    """A database of annotations that cannot be opened, read or written."""


class NotFoundError(StoreError):
    """An image, label or object that the database does not hold."""


class ConflictError(StoreError):
    """A change that does not fit what the database holds now."""


class BusyError(VPUFormerError):
    """More work is waiting than is taken on. Try again a little later."""


class MissingDependencyError(VPUFormerError, ImportError):
    """An optional package is needed and not installed."""


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that is not among the `known` ones, with the nearest of them.

    >>> unknown_name("model", "defalt", ["default", "paper"])
    "no model called 'defalt'; there are default, paper. Did you mean 'default'?"
    """
    names = sorted(known)
    message = f"no {what} called {name!r}; there are {', '.join(names)}"
    near = difflib.get_close_matches(name, names, n=1)
    return f"{message}. Did you mean {near[0]!r}?" if near else message


_MOST_LISTED = 10
_LONGEST_NAME = 300  # characters: a name may come from anywhere


def counted(number: int, thing: str) -> str:
    """A number and what it counts.

    >>> counted(1, "object"), counted(1200, "object"), counted(2, "box")
    ('1 object', '1,200 objects', '2 boxes')
    """
    plural = "es" if thing.endswith("x") else "s"
    return f"{number:,} {thing}{'' if number == 1 else plural}"


def listed(names: Iterable[str]) -> str:
    """The first ten names, and how many there are beyond.

    >>> listed(["a", "b"])
    'a, b'
    >>> listed(map(str, range(12)))
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more'
    """
    names = [name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..." for name in names]
    more = len(names) - _MOST_LISTED
    return ", ".join(names[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")
