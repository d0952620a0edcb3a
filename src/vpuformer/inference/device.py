"""The device that PyTorch computes on, and its share of the CPU."""

import os

import torch

from vpuformer.errors import ConfigError


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """The device of this name; without one CUDA, else Apple's MPS, else the CPU.

    >>> choose_device("cpu")
    device(type='cpu')

    Raises:
        ConfigError: there is no such device.
    """
    if device is None:
        accelerators = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        return torch.device(next((name for name, available in accelerators.items() if available), "cpu"))
    try:
        chosen = torch.device(device)
        torch.ones(1, device=chosen).item()  # fails on the device of tensors without values
    except (AssertionError, ImportError, NotImplementedError, RuntimeError, TypeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"the device {str(device)!r} cannot be used ({reason}); use 'cpu'") from error
    return chosen


def usable_threads() -> int:
    """Number of threads that PyTorch uses for one operation: the cores, or OMP_NUM_THREADS."""
    return torch.get_num_threads()


def leave_half_the_cores() -> None:
    """Have PyTorch use every second core of the CPU, unless OMP_NUM_THREADS gives a number.

    For programs that share the machine with others, such as a server with a browser on the same machine: a thread of
    PyTorch's that waits for another one without a core takes many times as long as one alone.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))


def use_one_core() -> None:
    """Have PyTorch use one core in this thread.

    Passes in threads of their own, with a core each, do more than every pass on all cores; and sums come out the same
    on any machine.
    """
    torch.set_num_threads(1)
