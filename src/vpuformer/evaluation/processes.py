"""The processes that torchrun has started: rank of this one, and waiting for the others."""

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from vpuformer.errors import ConfigError

_PATIENCE = timedelta(days=7)
"""Longest time that a process waits for the slowest one."""


@dataclass(frozen=True, slots=True)
class TorchrunProcesses:
    """The processes of a run; a context for work that needs all of them.

    >>> TorchrunProcesses().count
    1
    """

    rank: int = 0
    """Index of this process, counted from 0."""
    count: int = 1
    local_rank: int = 0
    """Index among the processes on this machine."""
    local_count: int = 1
    """Number of processes on this machine."""

    @classmethod
    def from_environment(cls) -> Self:
        """The processes that torchrun has set in the environment; one process without torchrun.

        Raises:
            ConfigError: the variables do not hold such numbers.
        """
        names = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
        words = {name: os.environ.get(name, default) for name, default in names.items()}
        try:
            rank, count, local_rank, local_count = map(int, words.values())
        except ValueError:
            rank, count, local_rank, local_count = -1, 0, 0, 1
        if not 0 <= rank < count or local_count < 1:
            variables = ", ".join(f"{name}={word}" for name, word in words.items())
            raise ConfigError(f"the environment says {variables}, which torchrun would not set; unset these")
        return cls(rank, count, local_rank, local_count)

    @property
    def device(self) -> str | None:
        """The accelerator of this process; None if it is the only process."""
        if self.count == 1:
            return None
        import torch

        return f"cuda:{self.local_rank % torch.cuda.device_count()}" if torch.cuda.is_available() else None

    def __enter__(self) -> Self:
        from torch import distributed

        distributed.init_process_group("gloo", timeout=_PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        from torch import distributed

        distributed.destroy_process_group()

    def wait(self) -> None:
        """Wait until all processes have come here."""
        from torch import distributed

        distributed.barrier()
