"""Which passes a network makes while something else uses it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from vpuformer.model.vpuformer import VPUFormer


@contextmanager
def watched(model: VPUFormer, seen: Callable[[str, tuple[Any, ...]], object]) -> Iterator[None]:
    """Before every pass inside this block `seen` gets its name, `encode` or `decode`, and what it is called with."""

    def telling(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*inputs: Any) -> Any:
            seen(name, inputs)
            return method(*inputs)

        return call

    # Set past the module's own bookkeeping, on this network alone.
    for name in ("encode", "decode"):
        object.__setattr__(model, name, telling(name, getattr(model, name)))
    try:
        yield
    finally:
        for name in ("encode", "decode"):
            object.__delattr__(model, name)
