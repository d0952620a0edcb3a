"""VPUFormer for the app, loaded in a thread of its own while the page is already there."""

import gc
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Literal, NamedTuple

from vpuformer.errors import CheckpointError, VPUFormerError
from vpuformer.extras import imported
from vpuformer.memory import no_garbage_collection

if TYPE_CHECKING:
    from vpuformer.arrays import RGB
    from vpuformer.inference.prediction import Prediction
    from vpuformer.inference.protocol import Encoded, Query, Segmenter

_LIBRARIES, _WEIGHTS = 0.8, 0.94
"""Share of the time after which the libraries are imported, and after which the weights are loaded."""

_TORCH_MODULES = 780
"""Number of modules that `import torch` loads; they show how far it is."""


class LoadState(NamedTuple):
    """The state of a network that is loaded in the background."""

    state: Literal["loading", "ready", "failed"]
    progress: float
    """Share of the time, in 0..1."""
    message: str | None = None
    """The reason of a failure, as a sentence."""


class BackgroundSegmenter:
    """VPUFormer, loaded by a thread that `start` begins. Safe to use from many threads.

    Queries wait for the network. If it cannot be loaded, all of them get the error, and the next query tries again.

    Raises:
        CheckpointError: there is no such model, or its files are broken.
        ConfigError: there is no such device or runtime.
        MissingDependencyError: the runtime is not installed.
    """

    def __init__(self, name_or_path: str = "default", device: str | None = None, runtime: str | None = None) -> None:
        from vpuformer.inference.runtimes import choose_runtime
        from vpuformer.model.manifest import read_manifest

        self.name = name_or_path
        self.sha256 = read_manifest(name_or_path).sha256
        self.device, self._runtime = device, runtime
        self._chosen = choose_runtime(name_or_path, device, runtime).runtime
        self._lock = threading.Lock()
        self._loading: Future[Segmenter] | None = None
        self._progress = 0.0
        if device not in (None, "cpu"):
            self.load()  # only torch knows whether there is such a device

    def with_model(self, name_or_path: str) -> "BackgroundSegmenter":
        """Return one with another model on this device and runtime; errors as in the class."""
        return BackgroundSegmenter(name_or_path, self.device, self._runtime)

    def start(self) -> "Future[Segmenter]":
        """Begin to load the network, unless it is loaded or being loaded."""
        with self._lock:
            if self._loading is None or (self._loading.done() and self._loading.exception() is not None):
                self._loading, self._progress = Future(), 0.0
                # Not a daemon: the interpreter must not end in the middle of an import.
                threading.Thread(target=self._run, args=[self._loading], name="loading").start()
            return self._loading

    def load(self) -> "Segmenter":
        """Return the network when it is loaded.

        Raises:
            CheckpointError: it cannot be loaded.
            ConfigError: there is no such device.
        """
        return self.start().result()

    @property
    def state(self) -> LoadState:
        """The present state. Waits for nothing."""
        loading = self._loading
        if loading is None or not loading.done():
            share = self._progress or (_LIBRARIES * _share_of_torch() if self._chosen == "torch" else 0.0)
            return LoadState("loading", 0.0 if loading is None else share)
        error = loading.exception()
        return LoadState("ready", 1.0) if error is None else LoadState("failed", 0.0, str(error))

    def encode(self, image: "RGB") -> "Encoded":
        """See `vpuformer.inference.protocol.Segmenter`."""
        return self.load().encode(image)

    def segment(self, queries: "Sequence[Query]") -> "list[Prediction]":
        """See `vpuformer.inference.protocol.Segmenter`."""
        return self.load().segment(queries)

    def _run(self, loading: "Future[Segmenter]") -> None:
        try:
            loading.set_result(self._loaded())
        except VPUFormerError as error:
            loading.set_exception(error)
        except BaseException as error:  # raised by `load`
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}".removesuffix(": ")
            failure = CheckpointError(f"the network {self.name!r} failed to load ({reason}); mend that, then try again")
            failure.__cause__ = error
            loading.set_exception(failure)

    def _loaded(self) -> "Segmenter":
        with no_garbage_collection():
            import numpy as np

            from vpuformer.inference.cores import half_the_cores
            from vpuformer.inference.feature_store import FeatureStore
            from vpuformer.inference.protocol import Query
            from vpuformer.inference.segment import VPUFormerSegmenter
            from vpuformer.prompts import Click

            imported(self._chosen if self._chosen != "onnx" else "onnxruntime")
            gc.freeze()  # what was imported stays, so no collection needs to look at it
        self._progress = _LIBRARIES
        segmenter = VPUFormerSegmenter.from_pretrained(
            self.name,
            self.device,
            runtime=self._runtime,
            threads=half_the_cores(),
            features=FeatureStore(read_only=True),  # what `vpuformer precompute` has made
        )
        self._progress = _WEIGHTS
        # The first pass takes longer than others, since the runtime prepares its kernels.
        segmenter.segment([Query(segmenter.encode(np.zeros((64, 64, 3), np.uint8)), [Click(32, 32)])])
        return segmenter


def _share_of_torch() -> float:
    """Share of PyTorch's modules that are imported."""
    return min(1.0, sum(name.startswith("torch.") for name in sys.modules.copy()) / _TORCH_MODULES)
