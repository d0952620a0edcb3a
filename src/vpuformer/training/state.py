"""The state of a run in one safetensors file: weights, average, optimiser and step.

The file is written under a temporary name and renamed, so a run that is killed at any moment keeps its last state.
Sharded tensors are gathered, so the state does not depend on the number of devices.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from vpuformer.errors import CheckpointError, listed
from vpuformer.files import replacing
from vpuformer.training.distributed import gather_full, place_like

NAME = "last.safetensors"

FORMAT = "2"
"""Version of the names in a state and in the `recipe.json` next to it."""

State = Mapping[str, Tensor]
"""Tensors by name: `model.NAME`, `ema.NAME`, and `optimizer.NAME.MOMENT` of every trained parameter."""


def gather_state(network: nn.Module, average: State, optimizer: torch.optim.Optimizer) -> State:
    """The full state of a run. A collective call where the network is sharded."""
    tensors = {f"model.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"ema.{name}": value for name, value in average.items()}
    for parameter_name, parameter in network.named_parameters():
        for name, value in optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{parameter_name}.{name}"] = torch.as_tensor(value)
    return gather_full(tensors)


def save_state(path: Path, state: State, step: int) -> None:
    """Write the state after `step` optimiser steps.

    Raises:
        CheckpointError: the file cannot be written.
    """
    # Copies: the average may share memory with the weights, which the format refuses.
    copies = {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in state.items()}
    try:
        with replacing(path, error=CheckpointError) as temporary:
            save_file(copies, temporary, metadata={"format": FORMAT, "step": str(step)})
    except SafetensorError as error:  # raised for an OSError of the system
        raise CheckpointError(f"cannot write the state of the run to {path}: {error}; free space and resume") from error


def read_state(path: Path) -> tuple[State, int]:
    """Read the state, on the CPU, and the number of steps done.

    Raises:
        CheckpointError: the file is broken, or another version of the program wrote it.
    """
    with _opened(path) as (file, step):
        return {name: file.get_tensor(name) for name in file.keys()}, step  # noqa: SIM118


def read_step(path: Path) -> int:
    """The number of steps done; the errors are those of `read_state`."""
    with _opened(path) as (_, step):
        return step


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, int]]:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            step = int(metadata["step"])
            if metadata.get("format") != FORMAT:
                raise CheckpointError(
                    f"{path} is the state of a run of another version of vpuformer; finish the run with that version,"
                    " or start another one from its weights with --init FOLDER/weights"
                )
            yield file, step
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is not the state of a run ({error}); delete it to start a new run") from error


def restore_weights(path: Path, state: State, network: nn.Module) -> None:
    """Load the weights of a state into a network that is still on one device.

    Args:
        path: file of the state, for the message.

    Raises:
        CheckpointError: the state belongs to a network of another shape.
    """
    saved, wanted = _part(state, "model."), network.state_dict()
    others = [name for name in {**wanted, **saved} if name not in saved or name not in wanted]
    others += [name for name in wanted if name in saved and wanted[name].shape != saved[name].shape]
    if others:
        raise CheckpointError(
            f"{path} belongs to a network of another shape, which differs in {listed(others)}; a resumed run keeps its"
            " network: leave out what changes it, or start another run"
        )
    network.load_state_dict(saved)


def restore_rest(
    state: State, network: nn.Module, average: dict[str, Tensor], optimizer: torch.optim.Optimizer
) -> None:
    """Load the average and the optimiser of a state.

    Devices and sharding are those of the targets. The trained part of the network may differ from before: a parameter
    that was frozen starts without moments.
    """
    for name, value in averages(state).items():
        average[name] = place_like(average[name], value)
    names = {parameter: name for name, parameter in network.named_parameters()}
    for parameter in (parameter for group in optimizer.param_groups for parameter in group["params"]):
        if entries := _part(state, f"optimizer.{names[parameter]}."):
            # The memory layout of the parameter keeps the order of sums, so that a resumed run is exact.
            optimizer.state[parameter] = {
                name: value if name == "step" else place_like(parameter, value) for name, value in entries.items()
            }


def averages(state: State) -> dict[str, Tensor]:
    """The averaged weights of a state."""
    return _part(state, "ema.")


def _part(state: State, prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
