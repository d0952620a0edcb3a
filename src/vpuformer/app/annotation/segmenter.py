"""VPUFormer for the app: there at once, while its weights are read later."""

import threading
from collections.abc import Sequence

from vpuformer.arrays import RGB
from vpuformer.inference.protocol import Encoded, Prediction, Query, Segmenter


class LazySegmenter:
    """VPUFormer. Its weights are read with the first image: the page is there at once.

    Raises:
        CheckpointError: there is no such model, or its files are broken.
        ConfigError: there is no such device.
    """

    def __init__(self, name_or_path: str = "default", device: str | None = None) -> None:
        from vpuformer.model.manifest import read_manifest

        self.name = name_or_path
        self.sha256 = read_manifest(name_or_path).sha256
        self._device = device
        self._lock = threading.Lock()
        self._loaded: Segmenter | None = None
        if device is not None:
            self.load()  # only torch knows whether there is such a device

    def load(self) -> Segmenter:
        """Read the weights, once."""
        with self._lock:
            if self._loaded is None:
                from vpuformer.inference.device import leave_half_the_cores
                from vpuformer.inference.segment import VPUFormerSegmenter

                leave_half_the_cores()
                self._loaded = VPUFormerSegmenter.from_pretrained(self.name, self._device)
            return self._loaded

    def encode(self, image: RGB) -> Encoded:
        """See `vpuformer.inference.protocol.Segmenter`."""
        return self.load().encode(image)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        """See `vpuformer.inference.protocol.Segmenter`."""
        return self.load().segment(queries)
