"""The segmenter of a read-only view, which has no network."""

from collections.abc import Sequence

from vpuformer.arrays import RGB
from vpuformer.errors import ConfigError
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded, Query

_REASON = "this view is read-only and has no network; start the server without --read-only"


class NoNetwork:
    """Refuses every image and query."""

    name = sha256 = ""

    def encode(self, image: RGB) -> Encoded:
        """Refuse.

        Raises:
            ConfigError: always.
        """
        del image
        raise ConfigError(_REASON)

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        """Refuse, as `encode` does."""
        del queries
        raise ConfigError(_REASON)
