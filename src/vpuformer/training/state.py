"""The state of a run as one safetensors file: weights, their moving average, the optimiser, the step. No pickle.

It is written to a temporary file and renamed, so that a run that is killed at any moment finds the last state whole.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from vpuformer.atomic import replacing
from vpuformer.errors import CheckpointError

NAME = "last.safetensors"


def save_state(
    path: Path, network: nn.Module, average: Mapping[str, Tensor], optimizer: torch.optim.Optimizer, step: int
) -> None:
    """Write the state after `step` optimiser steps."""
    tensors = {f"model.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"ema.{name}": value for name, value in average.items()}
    for i, parameter in enumerate(_parameters(optimizer)):
        for name, value in optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{i}.{name}"] = torch.as_tensor(value)
    # A copy of each: the average may share memory with the weights, which the format refuses.
    whole = {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    try:
        with replacing(path) as temporary:
            save_file(whole, temporary, metadata={"step": json.dumps(step)})
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"cannot write the state of the run to {path}: {error}; free space and resume") from error


def load_state(path: Path, network: nn.Module, average: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> int:
    """Read what `save_state` wrote into the objects given; returns the number of steps done.

    Raises:
        CheckpointError: the file is broken or belongs to a network of another shape.
    """
    try:
        with safe_open(path, framework="pt") as file:
            step = int(json.loads(file.metadata()["step"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is no state of a run ({error}); delete it to start anew") from error
    weights = {name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")}
    averages = {name.removeprefix("ema."): value for name, value in tensors.items() if name.startswith("ema.")}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"{path} belongs to another network: {error}") from error
    for name, value in averages.items():
        average[name] = value.to(average[name].device)
    for i, parameter in enumerate(_parameters(optimizer)):
        prefix = f"optimizer.{i}."
        entries = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        if entries:
            # The moments take the memory layout of the parameter, so that resumed sums run in the same order.
            optimizer.state[parameter] = {
                name: value if value.ndim == 0 else torch.empty_like(parameter).copy_(value)
                for name, value in entries.items()
            }
    return step


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
