"""The processes that torchrun has started: which one this is, and waiting for the others."""

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from vpuformer.errors import ConfigError

_PATIENCE = timedelta(days=7)
"""How long a process waits for the slowest one."""


def usable_threads() -> int:
    """How many threads PyTorch would use for one operation: the cores, or what OMP_NUM_THREADS says."""
    import torch

    return torch.get_num_threads()


@dataclass(frozen=True, slots=True)
class TorchrunProcesses:
    """The processes of a run; a context around what needs all of them to be there.

    >>> TorchrunProcesses().count
    1
    """

    rank: int = 0
    """Which one this is, counted from 0."""
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
        """The accelerator of this process among those of the machine; None where there is no choice to make."""
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
        """Until all processes have come here."""
        from torch import distributed

        distributed.barrier()
