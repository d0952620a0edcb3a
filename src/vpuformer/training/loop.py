"""The training loop: sets to batches to steps, with exact resume. Devices and files are touched here alone."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from vpuformer.atomic import replacing
from vpuformer.data.augment import Augmentation
from vpuformer.data.split import find_split, open_folders, validation_samples
from vpuformer.data.training_set import TrainingSet
from vpuformer.errors import ConfigError, VPUFormerError
from vpuformer.model.checkpoint import load_backbone_weights, load_model, save_checkpoint
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.training.interaction import Batch, Interactive, interact
from vpuformer.training.log import RunLog
from vpuformer.training.recipe import Recipe
from vpuformer.training.state import NAME, load_state, save_state
from vpuformer.training.validate import validate

WEIGHTS = "weights"
"""Folder, within that of the run, that holds the averaged weights as a model that can be loaded."""


class _Consecutive(Sampler[int]):
    """Sample numbers from `first` on: this process takes its share of every batch. There is no epoch."""

    def __init__(self, first: int, batch: int, rank: int, processes: int) -> None:
        self._first, self._batch, self._rank, self._processes = first, batch, rank, processes

    def __iter__(self) -> Iterator[int]:
        step = self._first
        while True:
            start = (step * self._processes + self._rank) * self._batch
            yield from range(start, start + self._batch)
            step += 1


def train(recipe: Recipe, *, resume: bool = False) -> VPUFormer:
    """Run a recipe to its end; returns the network with averaged weights.

    Args:
        resume: go on from the state in the output folder; with the same recipe exactly, since samples, prompts and
            dropout of a step depend on the seed and the number of the step alone. Without it, a folder that holds a
            state is refused.

    Raises:
        ConfigError: the folder holds a run already, or none to resume.
        DatasetError: the data cannot be read.
        CheckpointError: the weights to start from cannot be read.
    """
    state = recipe.folder / NAME
    if state.exists() and not resume:
        raise ConfigError(f"{recipe.folder} holds a run already; resume it, or choose another output folder")
    if resume and not state.exists():
        raise ConfigError(f"there is no run to resume in {recipe.folder}: {NAME} is missing")
    recipe.folder.mkdir(parents=True, exist_ok=True)
    fabric = Fabric(accelerator=recipe.accelerator, devices=recipe.devices)
    fabric.launch()
    torch.manual_seed(recipe.seed)
    network = build_network(recipe).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(_groups(network, recipe), weight_decay=recipe.weight_decay)
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    bfloat16 = recipe.precision == "bf16-mixed"
    model, wrapped = fabric.setup(Interactive(network, bfloat16=bfloat16), optimizer)
    average = {name: value.to(fabric.device) for name, value in average.items()}
    start = load_state(state, network, average, optimizer) if resume else 0
    if fabric.is_global_zero:
        _write_recipe(recipe)
    folders, split = open_folders(recipe.data), find_split(recipe.data, recipe.split)
    loader = _loader(
        recipe,
        TrainingSet(
            folders,
            split,
            size=recipe.size,
            seed=recipe.seed,
            objects_per_picture=recipe.objects,
            augmentation=Augmentation(paste=recipe.paste),
        ),
        start,
        fabric,
    )
    checks = validation_samples(folders, split)
    few = min(len(checks), recipe.validate_objects)
    checks = [checks[i] for i in np.linspace(0, len(checks) - 1, few).astype(int)]

    saved = logged = time.monotonic()
    logged_step = start
    with RunLog(recipe.folder, recipe.steps, start, shown=fabric.is_global_zero) as log:
        for step, tensors in zip(range(start, recipe.steps), loader, strict=False):
            parts, passes = _step(fabric, model, wrapped, recipe, step, tensors)
            _update_average(average, network, min(recipe.ema, (step + 1) / (step + 10)))
            done = step + 1
            now = time.monotonic()
            if fabric.is_global_zero and done % recipe.log_every == 0:
                seconds = (now - logged) / (done - logged_step)
                pictures = recipe.pictures * fabric.world_size
                log.row(
                    done, {**parts, "lr": recipe.learning_rate(step), "images/s": pictures / seconds, "passes": passes}
                )
                logged, logged_step = now, done
            last = done == recipe.steps
            if fabric.is_global_zero and (now - saved > 60 * recipe.save_minutes or last):
                # Weights first: a run that is killed in between writes them again when it is resumed.
                _save_weights(recipe, average, done)
                save_state(state, network, average, optimizer, done)
                saved = time.monotonic()
            if (
                fabric.is_global_zero
                and checks
                and recipe.validate_every
                and (done % recipe.validate_every == 0 or last)
            ):
                result = validate(_averaged(recipe, average, fabric.device), checks, recipe.size)
                log.row(done, {f"val_{name}": value for name, value in result.scores.items()})
                log.pictures(done, result.panels)
                logged, logged_step = time.monotonic(), done
    return _averaged(recipe, average, fabric.device)


def _write_recipe(recipe: Recipe) -> None:
    with replacing(recipe.folder / "recipe.json") as temporary:
        temporary.write_text(json.dumps(recipe.to_dict(), indent=2) + "\n", encoding="utf-8")


def build_network(recipe: Recipe) -> VPUFormer:
    """The network of a recipe with the weights it starts from."""
    if recipe.init is not None:
        network = load_model(recipe.init)
        # At which size it runs is no part of a network's shape.
        if replace(network.config, input_size=recipe.model.input_size) != recipe.model:
            raise ConfigError(f"{recipe.init} is a network of another shape than the recipe's model")
    else:
        network = VPUFormer(recipe.model)
        if recipe.backbone_weights is not None:
            load_backbone_weights(network.backbone.net, recipe.backbone_weights)
    network.backbone.freeze(stem=recipe.freeze_stem, norms=recipe.freeze_norms)
    return network.train()


def _step(
    fabric: Fabric,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    step: int,
    tensors: Mapping[str, Tensor],
) -> tuple[dict[str, float], int]:
    # Everything random in a step follows from its number, so that a resumed run repeats it.
    seed = (recipe.seed, step, fabric.global_rank)
    rng = np.random.default_rng(seed)
    torch.manual_seed(int(rng.integers(2**62)))
    for group in optimizer.param_groups:
        group["lr"] = recipe.learning_rate(step) * group["factor"]
    answer = interact(
        model,
        Batch.from_tensors(tensors, fabric.device),
        rng,
        # The same on every device: they wait for each other in every pass.
        interactions=int(np.random.default_rng((recipe.seed, step)).integers(1, recipe.interactions + 1)),
        kind_shares=recipe.kind_shares,
        p2cl=recipe.p2cl,
        mask_drop=recipe.mask_drop,
    )
    fabric.backward(answer.loss)
    norm = fabric.clip_gradients(model, optimizer, max_norm=recipe.clip, error_if_nonfinite=False)
    if norm is not None and not norm.isfinite():
        raise VPUFormerError(
            f"the gradient of step {step + 1} is not finite; the state saved before it is good: resume from it with a"
            " lower learning rate, or in 32-true"
        )
    optimizer.step()
    optimizer.zero_grad()
    return {"loss": answer.loss.item(), **answer.parts}, answer.passes


def _groups(network: VPUFormer, recipe: Recipe) -> list[dict[str, object]]:
    """Encoder and rest, each with its learning rate; norms, biases and single vectors are not decayed."""
    groups: list[dict[str, object]] = []
    fusion = set() if network.backbone.fusion is None else set(network.backbone.fusion.parameters())
    pretrained = set(network.backbone.parameters()) - fusion
    for encoder in (True, False):
        for decayed in (True, False):
            chosen = [
                p
                for p in network.parameters()
                if p.requires_grad and (p in pretrained) == encoder and (p.ndim > 1) == decayed
            ]
            factor = recipe.backbone_lr if encoder else 1.0
            entry: dict[str, object] = {"params": chosen, "factor": factor, "lr": recipe.lr * factor}
            groups.append(entry if decayed else entry | {"weight_decay": 0.0})
    return [group for group in groups if group["params"]]


def _loader(recipe: Recipe, data: TrainingSet, start: int, fabric: Fabric) -> DataLoader[Mapping[str, Tensor]]:
    return DataLoader(
        data,  # type: ignore[arg-type]
        batch_size=recipe.pictures,
        sampler=_Consecutive(start, recipe.pictures, fabric.global_rank, fabric.world_size),
        num_workers=recipe.workers,
        prefetch_factor=4 if recipe.workers else None,
        persistent_workers=recipe.workers > 0,
        worker_init_fn=_single_threaded,
    )


def _single_threaded(_worker: int) -> None:
    # Decoding and warping share the machine with the trainer; one thread a worker.
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


@torch.no_grad()
def _update_average(average: dict[str, Tensor], network: VPUFormer, decay: float) -> None:
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)


def _averaged(recipe: Recipe, average: Mapping[str, Tensor], device: torch.device) -> VPUFormer:
    # It is to be used at the size that it was trained for.
    network = VPUFormer(replace(recipe.model, input_size=max(64, recipe.size))).to(device)
    network.load_state_dict(average)
    return network.eval()


def _save_weights(recipe: Recipe, average: Mapping[str, Tensor], steps: int) -> None:
    metadata = {"steps": str(steps), "samples": str(steps * recipe.pictures * recipe.objects * recipe.devices)}
    save_checkpoint(_averaged(recipe, average, torch.device("cpu")), Path(recipe.output) / WEIGHTS, metadata=metadata)
