"""The files of ONNX Runtime Web, which the page needs.

The package does not contain these 14 MB. They come from the archive of this version in npm's registry, or from a folder
of the user.
"""

import base64
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
import urllib.request
from http.client import HTTPException
from pathlib import Path

from vpuformer.errors import MissingDependencyError
from vpuformer.files import write_errors
from vpuformer.inference.feature_store import cache_folder

VERSION = "1.30.0"
"""Version of `onnxruntime-web`; `page/package.json` has the same."""

INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""Digest of the archive, as npm writes it."""

FILES = {
    "ort.wasm.min.mjs": "ort.js",
    "ort-wasm-simd-threaded.mjs": "ort-wasm.js",
    "ort-wasm-simd-threaded.wasm": "ort-wasm.wasm",
}
"""Names of the files in the archive's folder `dist`, and on the page: not every server knows .mjs as JavaScript."""

_REGISTRY = "https://registry.npmjs.org"  # npm's own default
_PATIENCE = 60
"""Seconds without an answer after which the download fails."""


def runtime_files(folder: str | os.PathLike[str] | None = None) -> dict[str, Path]:
    """The files by their names on the page.

    Without a folder, the archive is downloaded once, checked, and kept in the user's folder for caches. The download
    honours the variables for proxies, and NPM_CONFIG_REGISTRY.

    Args:
        folder: holds the files, or the package as npm unpacks it.

    Raises:
        MissingDependencyError: the folder lacks one of them, or the download fails.
        ConfigError: there is no folder for caches.
    """
    source = cache_folder() / f"onnxruntime-web-{VERSION}" if folder is None else Path(folder)
    if folder is None and not source.is_dir():
        _download(source)
    if (source / "dist").is_dir():
        source /= "dist"
    for name in FILES:
        if not (source / name).is_file():
            raise MissingDependencyError(
                f"{source} has no {name}; give the folder of the npm package onnxruntime-web {VERSION}, such as"
                " node_modules/onnxruntime-web"
            )
    return {shown: source / name for name, shown in FILES.items()}


def _download(target: Path) -> None:
    """Fill a new folder with the files of the archive."""
    registry = os.environ.get("NPM_CONFIG_REGISTRY") or _REGISTRY
    address = f"{registry.rstrip('/')}/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
    advice = f"unpack the npm package onnxruntime-web {VERSION} and give its folder with --runtime-files"
    try:
        with urllib.request.urlopen(address, timeout=_PATIENCE) as response:
            archive = response.read()
    # A ValueError: NPM_CONFIG_REGISTRY is not an address. An HTTPException: the answer was cut off.
    except (OSError, ValueError, HTTPException) as error:
        raise MissingDependencyError(f"{address} cannot be downloaded ({error}); {advice}") from error
    digest = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if digest != INTEGRITY:
        raise MissingDependencyError(f"{address} has the digest {digest:.20}..., wanted {INTEGRITY:.20}...; {advice}")
    with write_errors(target, error=MissingDependencyError):
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=target.parent) as place,
            tarfile.open(fileobj=io.BytesIO(archive)) as files,
        ):
            whole = Path(place, "whole")
            whole.mkdir()
            for name in FILES:
                content = files.extractfile(f"package/dist/{name}")
                assert content is not None
                with (whole / name).open("wb") as copy:
                    shutil.copyfileobj(content, copy)
            whole.rename(target)
