"""The state of a run as one safetensors file: weights, their moving average, the optimiser, the step. No pickle.

It is written to a temporary file and renamed, so that a run that is killed at any moment finds the last state whole.
What is in the file is whole, too: it does not tell on how many devices the run was.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from vpuformer.errors import CheckpointError, listed
from vpuformer.files import replacing
from vpuformer.training.distributed import like, whole

NAME = "last.safetensors"

State = Mapping[str, Tensor]
"""Tensors by name: `model.NAME`, `ema.NAME`, and `optimizer.NAME.MOMENT` of every parameter that has been trained."""


def gather_state(network: nn.Module, average: State, optimizer: torch.optim.Optimizer) -> State:
    """Everything that a run goes on from. Where it is sharded, all processes must ask for it at the same time."""
    tensors = {f"model.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"ema.{name}": value for name, value in average.items()}
    for parameter_name, parameter in network.named_parameters():
        for name, value in optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{parameter_name}.{name}"] = torch.as_tensor(value)
    return whole(tensors)


def save_state(path: Path, state: State, step: int) -> None:
    """Write the state after `step` optimiser steps.

    Raises:
        CheckpointError: the file cannot be written.
    """
    # A copy of each: the average may share memory with the weights, which the format refuses.
    copies = {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in state.items()}
    try:
        with replacing(path, error=CheckpointError) as temporary:
            save_file(copies, temporary, metadata={"step": str(step)})
    except SafetensorError as error:  # its word for an error of the system
        raise CheckpointError(f"{path} cannot be written: {error}; make room and resume") from error


def read_state(path: Path) -> tuple[State, int]:
    """What `save_state` wrote: the state, on the CPU, and the number of steps done.

    Raises:
        CheckpointError: the file is broken.
    """
    try:
        with safe_open(path, framework="pt") as file:
            step = int(file.metadata()["step"])
            return {name: file.get_tensor(name) for name in file.keys()}, step  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is no state of a run ({error}); delete it to start anew") from error


def restore_weights(path: Path, state: State, network: nn.Module) -> None:
    """The weights of a state into a network that is on one device yet; `path` is for the message.

    Raises:
        CheckpointError: the state belongs to a network of another shape.
    """
    kept, wanted = _part(state, "model."), network.state_dict()
    others = [name for name in {**wanted, **kept} if name not in kept or name not in wanted]
    others += [name for name in wanted if name in kept and wanted[name].shape != kept[name].shape]
    if others:
        raise CheckpointError(
            f"{path} belongs to a network of another shape, which differs in {listed(others)}; a run goes on with the"
            " network that it began with: leave out what changes it, or start another run"
        )
    network.load_state_dict(kept)


def restore_rest(
    state: State, network: nn.Module, average: dict[str, Tensor], optimizer: torch.optim.Optimizer
) -> None:
    """The average and the optimiser of a state into the objects given, whose devices and sharding they take over.

    What is trained may be another part of the network than before: a parameter that was not begins without moments.
    """
    for name, value in averages(state).items():
        average[name] = like(average[name], value)
    names = {parameter: name for name, parameter in network.named_parameters()}
    for i, parameter in enumerate(_parameters(optimizer)):
        # States of older versions have the number of a parameter in the place of its name.
        entries = _part(state, f"optimizer.{names[parameter]}.") or _part(state, f"optimizer.{i}.")
        if entries:
            # The moments take the memory layout of the parameter, so that resumed sums run in the same order.
            optimizer.state[parameter] = {
                name: value if name == "step" else like(parameter, value) for name, value in entries.items()
            }


def averages(state: State) -> dict[str, Tensor]:
    """The averaged weights of a state."""
    return _part(state, "ema.")


def _part(state: State, prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _parameters(optimizer: torch.optim.Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]
