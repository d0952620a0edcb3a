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
    """Which one of those on this machine."""

    @classmethod
    def from_environment(cls) -> Self:
        """As torchrun has set it: RANK, WORLD_SIZE and LOCAL_RANK; one process without.

        Raises:
            ConfigError: these are no such numbers.
        """
        names = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}
        words = {name: os.environ.get(name, usual) for name, usual in names.items()}
        try:
            rank, count, local_rank = map(int, words.values())
        except ValueError:
            rank, count, local_rank = -1, 0, 0
        if not 0 <= rank < count:
            told = ", ".join(f"{name}={word}" for name, word in words.items())
            raise ConfigError(f"the environment says {told}, which torchrun would not; unset these")
        return cls(rank, count, local_rank)

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
