"""The processes of a run, on one machine or several: their start and their communication.

Lightning Fabric starts the processes and wraps the network. Every process computes its part of one global batch. A mean
over that batch is a sum divided by the number of terms in *all* processes, so the parts of a loss add up to the loss of
a single process. The wrappers average gradients, which are therefore multiplied by the number of processes.
"""

import inspect
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy
from lightning_fabric.strategies.model_parallel import ModelParallelStrategy
from lightning_fabric.strategies.strategy import Strategy
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, distribute_tensor

from vpuformer.errors import ConfigError
from vpuformer.evaluation.processes import TorchrunProcesses
from vpuformer.training.recipe import Recipe

TIMEOUT = timedelta(minutes=30)
"""Longest wait of a process for the others. It must exceed a validation, which only the first process does.

A process that fails closes its connections. Processes of the gloo backend (CPU) then fail at once. With NCCL they wait
for this long, unless `torchrun` or the first process ends them, which takes seconds.
"""

SHARDED_APART = 1_000_000
"""Parameters from which FSDP gathers a layer by itself, not with the rest of the network."""


class Processes:
    """The processes of a run, seen from this one.

    Raises:
        ConfigError: the machine lacks the devices, or a process has no image of a step.
    """

    def __init__(self, recipe: Recipe) -> None:
        devices, nodes = _layout(recipe)
        strategy = _strategy(recipe, devices * nodes)
        try:
            self.fabric = Fabric(accelerator=recipe.accelerator, devices=devices, num_nodes=nodes, strategy=strategy)
        except (RuntimeError, ValueError, MisconfigurationException) as error:
            wanted = f"devices={devices} of accelerator={recipe.accelerator}"
            reason = " ".join(str(error).split())
            raise ConfigError(
                f"this machine lacks {wanted} ({reason:.200}); choose others, or accelerator=cpu"
            ) from error
        self.fabric.launch()
        self.rank: int = self.fabric.global_rank
        self.world: int = self.fabric.world_size
        self.first: bool = self.rank == 0
        """Whether this process writes files and messages."""
        self.device: torch.device = self.fabric.device
        if recipe.images_per_step < self.world * recipe.accumulate:
            raise ConfigError(
                f"images_per_step={recipe.images_per_step} is less than one image for each of"
                f" {self.world * recipe.accumulate} parts (processes x accumulate); give each part an image"
            )

    def sum(self, tensor: Tensor) -> Tensor:
        """Sum over all processes, without gradient."""
        tensor = tensor.detach().clone()
        if self.world == 1:
            return tensor
        total = self.fabric.all_reduce(tensor.to(self.device), reduce_op="sum")
        assert isinstance(total, Tensor)
        return total

    def mean(self, total: Tensor, count: Tensor) -> Tensor:
        """This process's part of the mean (a `losses.Mean`); the parts add up to the mean."""
        return total / self.sum(count).clamp_min(1)

    def average_statistics(self, network: nn.Module) -> None:
        """Average the running statistics of trained batch norms, which see parts of a batch."""
        if self.world == 1:
            return
        norms = (module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm))
        if not any(module.training for module in norms):
            return
        floating = [buffer for buffer in network.buffers() if buffer.is_floating_point()]
        mean = self.sum(torch.cat([buffer.flatten() for buffer in floating])) / self.world
        for buffer, values in zip(floating, mean.split([buffer.numel() for buffer in floating]), strict=True):
            buffer.copy_(values.view_as(buffer))


def gather_full(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Gather sharded tensors.

    A collective call: every process must make it with the same names.
    """
    return {name: value.full_tensor() if isinstance(value, DTensor) else value for name, value in tensors.items()}


def place_like(target: Tensor, value: Tensor) -> Tensor:
    """`value` with the device, memory layout and sharding of `target`."""
    if isinstance(target, DTensor):
        return distribute_tensor(value.to(target.device), target.device_mesh, target.placements)
    return torch.empty_like(target).copy_(value)


def _layout(recipe: Recipe) -> tuple[int, int]:
    """Devices of a node, and nodes: from `torchrun` if it started this process, else from the recipe."""
    if not torch.distributed.is_available() or not torch.distributed.is_torchelastic_launched():
        return recipe.devices, recipe.nodes
    started = TorchrunProcesses.from_environment()
    return started.local_count, started.count // started.local_count


def _strategy(recipe: Recipe, processes: int) -> Strategy | str:
    if processes == 1:
        if recipe.strategy == "fsdp":
            raise ConfigError("strategy=fsdp shares a network among several devices, and there is one; use auto")
        return "auto"
    if recipe.strategy == "fsdp":
        return ModelParallelStrategy(_shard, data_parallel_size=processes, tensor_parallel_size=1, timeout=TIMEOUT)
    return DDPStrategy(timeout=TIMEOUT, **_without_broadcasts())


def _without_broadcasts() -> dict[str, Any]:
    """Options that keep DDP from sending buffers in every pass. Trained ones are averaged after a step."""
    options = inspect.signature(nn.parallel.DistributedDataParallel.__init__).parameters
    return {"forward_sync_buffers" if "forward_sync_buffers" in options else "broadcast_buffers": False}


def _shard(module: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """Shard with FSDP2. Large layers of a stack are gathered one by one."""
    from torch.distributed.fsdp import fully_shard

    data = mesh["data_parallel"]
    module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for stack in [part for part in module.modules() if isinstance(part, (nn.ModuleList, nn.Sequential))]:
        for layer in stack:
            if not isinstance(layer, (nn.ModuleList, nn.Sequential)) and _size(layer) >= SHARDED_APART:
                fully_shard(layer, mesh=data)
    fully_shard(module, mesh=data)
    return module


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
