"""Features of images on disk, for image encoders that are slow. Imports no torch.

A file holds the features of one input of a network: a NumPy archive (.npz) with checksums and without pickles. It is
named by the SHA-256 of all that the features follow from, the network's weights and the pixels that the image encoder
sees. So a changed image, other weights, another input size or a mirrored view have files of their own, and an image
that was renamed, copied or saved in another lossless format has the same. Runtimes and devices, whose features differ
by rounding, share them.
"""

import hashlib
import logging
import os
import re
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vpuformer.errors import ConfigError, InputError
from vpuformer.files import replacing, write_errors
from vpuformer.inference.network import Arrays, Masks, Network, Pixels, Prompts

FORMAT = 1
"""Version of the files. A version that computes other features from the same weights and pixels has another."""

MAX_BYTES = 10_000_000_000
"""Default bound of a store: 10 GB."""

_CONTENT = "content"  # the member that names the key and all arrays: the directory of an archive has no checksum
_OWN_FILE = re.compile(r"[0-9a-f]{64}\.npz|\.[0-9a-f]+\.tmp")
_ABANDONED = 3600  # seconds after which a temporary file has no writer any more

_log = logging.getLogger(__name__)


class FeatureStore:
    """Features in a folder, within a bound. Threads and processes may share it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = FeatureStore(folder)
    ...     store.put("a" * 64, {"map": np.arange(3.0)})
    ...     store.get("a" * 64), store.get("b" * 64)
    ({'map': array([0., 1., 2.])}, None)

    Args:
        folder: the folder, made when it is first written to; by default `features` in `cache_folder()`.
        max_bytes: bound of all files together. Those whose last use is longest ago make room.
        read_only: never write features.

    Raises:
        ConfigError: the bound is not positive.
    """

    def __init__(
        self, folder: str | os.PathLike[str] | None = None, *, max_bytes: int = MAX_BYTES, read_only: bool = False
    ) -> None:
        if max_bytes <= 0:
            raise ConfigError(f"the bound of a store is a positive number of bytes, got {max_bytes}")
        self.folder = cache_folder() / "features" if folder is None else Path(folder)
        self.max_bytes, self.read_only = max_bytes, read_only
        self.hits = 0
        """Number of features that were read."""
        self.writes = 0
        """Number of features that were written."""
        self.write_error: InputError | None = None
        """The last error of `CachedEncoder` when it wrote features."""

    @property
    def nbytes(self) -> int:
        """Size of all features in bytes.

        Raises:
            InputError: the folder cannot be read.
        """
        return sum(size for _, size, _ in self._files())

    def get(self, key: str) -> Arrays | None:
        """The features of this key; None if they are missing.

        A file that is broken counts as missing, and is logged as a warning.
        """
        path = self._path(key)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                if (member := archive.zip.testzip()) is not None:
                    raise ValueError(f"{member} differs from its checksum")
                names = [name for name in archive.files if name != _CONTENT]
                if archive[_CONTENT].tolist() != [key, *names]:
                    raise ValueError("it holds other features")
                arrays = dict(_restored(name, archive[name]) for name in names)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception as error:  # a broken archive raises what zipfile and NumPy happen to meet
            reason = " ".join(str(error).split()) or type(error).__name__
            _log.warning("%s is broken (%.200s); its features are computed again", path, reason)
            return None
        with suppress(OSError):  # of a folder that belongs to somebody else
            os.utime(path)
        self.hits += 1
        return arrays

    def put(self, key: str, arrays: Arrays) -> None:
        """Keep features, unless the store is read-only or they alone exceed the bound.

        Raises:
            InputError: the folder cannot be written.
        """
        if self.read_only or sum(array.nbytes for array in arrays.values()) > self.max_bytes:
            return
        path = self._path(key)
        members: dict[str, Any] = dict(_laid_out(*item) for item in arrays.items())
        members[_CONTENT] = np.array([key, *members])
        with write_errors(path):
            self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **members)
        self.writes += 1
        self._evict()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.npz"

    def _files(self) -> list[tuple[int, int, str]]:
        """Time of last use, size and path of the files of features and of abandoned temporary files.

        Other files that lie in the folder are not the store's.
        """
        files: list[tuple[int, int, str]] = []
        missing = (FileNotFoundError, NotADirectoryError)
        with write_errors(self.folder), suppress(*missing), os.scandir(self.folder) as entries:
            for entry in entries:
                if not _OWN_FILE.fullmatch(entry.name):
                    continue
                with suppress(FileNotFoundError):  # another process removes files too
                    state = entry.stat(follow_symlinks=False)
                    if entry.name.endswith(".npz") or time.time() - state.st_mtime > _ABANDONED:
                        files.append((state.st_mtime_ns, state.st_size, entry.path))
        return files

    def _evict(self) -> None:
        files = self._files()
        excess = sum(size for _, size, _ in files) - self.max_bytes
        for _, size, path in sorted(files):
            if excess <= 0:
                return
            with suppress(PermissionError):  # on Windows, open in another process
                Path(path).unlink(missing_ok=True)
                excess -= size


class CachedEncoder:
    """The image encoder of a network, with a store.

    Features come from the store. Those that it lacks are computed, and go there. If they cannot be written, the encoder
    logs a warning, once, and the store keeps the error.

    Args:
        network: the network.
        sha256: digest of its weights.
        store: the store.

    Raises:
        ConfigError: the digest is empty, so that all weights would share their features.
    """

    def __init__(self, network: Network, sha256: str, store: FeatureStore) -> None:
        if not sha256:
            raise ConfigError("features are stored by the digest of the network's weights; give the digest, sha256=...")
        self._network, self._sha256, self._store = network, sha256, store

    def encode(self, pixels: Pixels, masks: Masks, prompts: Prompts) -> Sequence[Any]:
        """See `vpuformer.inference.network.Network`.

        The features must depend neither on the masks nor on the prompts.
        """
        keys = [feature_key(self._sha256, sample) for sample in pixels]
        features = [self._stored(key) for key in keys]
        if all(each is not None for each in features):
            return features
        # All of them: in another batch, rounding might differ.
        features = self._network.encode(pixels, masks, prompts)
        for key, each in zip(keys, features, strict=True):
            try:
                self._store.put(key, self._network.to_arrays(each))
            except InputError as error:  # the features are there all the same
                if self._store.write_error is None:
                    _log.warning("%s; features are computed, and not kept", error)
                self._store.write_error = error
        return features

    def _stored(self, key: str) -> Any:
        arrays = self._store.get(key)
        return None if arrays is None else self._network.from_arrays(arrays)


def feature_key(sha256: str, pixels: npt.NDArray[np.uint8]) -> str:
    """Digest of the weights' `sha256` and an input of the network, shape (S, S, 3)."""
    digest = hashlib.sha256(f"{FORMAT} {sha256} {pixels.shape}".encode())
    digest.update(pixels.tobytes())
    return digest.hexdigest()


def cache_folder() -> Path:
    """The user's folder for data that can be computed again.

    VPUFORMER_CACHE names it; by default it is `vpuformer` in the platform's folder for caches.

    Raises:
        ConfigError: the user has no home folder, as in some containers, and the variable is not set.
    """
    if chosen := os.environ.get("VPUFORMER_CACHE"):
        return Path(chosen)
    try:
        if sys.platform == "win32":
            return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local", "vpuformer", "Cache")
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "vpuformer"
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "vpuformer")
    except RuntimeError as error:
        raise ConfigError("the user has no home folder for a cache; name a folder in VPUFORMER_CACHE") from error


# A runtime lays out the axes of an array in memory as its kernels like them, and other kernels round in another way.
# NumPy's files know no order of axes but the first and the last one, so the name of an array has it.


def _laid_out(name: str, array: npt.NDArray[Any]) -> tuple[str, npt.NDArray[Any]]:
    """An array with its axes in the order of memory, and its name with that order: `map.0231`."""
    order = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    return f"{name}.{''.join(map(str, order))}", array.transpose(order)


def _restored(name: str, array: npt.NDArray[Any]) -> tuple[str, npt.NDArray[Any]]:
    """The inverse of `_laid_out`."""
    name, _, order = name.rpartition(".")
    return name, array.transpose(np.argsort([int(axis) for axis in order]))
