"""Observe the passes of a network while other code uses it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vpuformer.model.vpuformer import VPUFormer


@contextmanager
def watched(model: VPUFormer, seen: Callable[[str, tuple[Any, ...]], object]) -> Iterator[None]:
    """Call `seen` before every pass, with its name, `encode` or `decode`, and its arguments."""

    def reporting(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*inputs: Any) -> Any:
            seen(name, inputs)
            return method(*inputs)

        return call

    # Bypasses the attribute handling of modules, for this network alone.
    for name in ("encode", "decode"):
        object.__setattr__(model, name, reporting(name, getattr(model, name)))
    try:
        yield
    finally:
        for name in ("encode", "decode"):
            object.__delattr__(model, name)
