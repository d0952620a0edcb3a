"""The device that PyTorch computes on."""

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
