"""The training loop: sets to batches to steps, with exact resume. Devices and files are touched here alone."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vpuformer.data.sample import Sample
from vpuformer.errors import ConfigError, TrainingError
from vpuformer.files import replacing
from vpuformer.geometry import SMALLEST_INPUT
from vpuformer.inference.networks import TorchNetwork
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.model.checkpoint import load_model, save_checkpoint
from vpuformer.model.pretrained import load_backbone_weights
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.training.distributed import Processes, whole
from vpuformer.training.interaction import Answer, Batch, Interactive, interact
from vpuformer.training.interrupts import Interrupted, StopRequest, stopping_between_steps
from vpuformer.training.loader import Feed, Part, open_data
from vpuformer.training.log import RunLog
from vpuformer.training.optimiser import average_decay, make_optimizer, set_rates, update_average
from vpuformer.training.recipe import Recipe
from vpuformer.training.state import NAME, averages, gather_state, read_state, restore_rest, restore_weights, save_state
from vpuformer.training.validate import validate
from vpuformer.training.warm_start import carry_over

WEIGHTS = "weights"
"""Folder, within that of the run, that holds the averaged weights as a model that can be loaded."""

EARLIER = 0.5
"""How often a step has interactions before the supervised ones, where the recipe allows any."""


def train(recipe: Recipe, *, resume: bool = False, on_note: Callable[[str], object] = lambda _: None) -> VPUFormer:
    """Run a recipe to its end; returns the network with averaged weights.

    Where the recipe asks for several devices, this function starts the program again for each of the others (unless
    `torchrun` did): it has to be called in all of them with the same arguments.

    Args:
        resume: go on from the state in the output folder; with the same recipe exactly, since samples, prompts and
            dropout of a step depend on the seed and the number of the step alone. Without it, a folder that holds a
            state is refused.
        on_note: called at the start with each sentence about what of the data is drawn, how often, what is not, and
            which settings cannot be followed.

    Raises:
        ConfigError: the folder holds a run already, or none to resume.
        DatasetError: the data cannot be read.
        CheckpointError: the weights to start from cannot be read.
        TrainingError: a loss or a gradient is not finite, or a process that reads images is gone.
        Interrupted: SIGINT or SIGTERM came. After this one and the one before, the state of the last whole step is
            saved.
    """
    path = recipe.folder / NAME
    if path.exists() and not resume:
        raise ConfigError(f"{recipe.folder} holds a run already; resume it, or choose another output folder")
    if resume and not path.exists():
        raise ConfigError(f"there is no run to resume in {recipe.folder}: {NAME} is missing")
    state, start = read_state(path) if resume else ({}, 0)
    recipe.folder.mkdir(parents=True, exist_ok=True)
    data, checks = open_data(recipe)
    processes = Processes(recipe)
    notes = list(data.notes)
    if recipe.freeze_stem and not recipe.starts_from_trained_encoder:
        recipe = replace(recipe, freeze_stem=False)
        notes.append(
            "the image encoder starts from random numbers, so its stem is trained (freeze_stem=false)"
            + ("; its batch norms keep their first statistics (freeze_norms)" if recipe.freeze_norms else "")
            + ". To start from a trained encoder, give --backbone-weights FILE, --init MODEL or --set pretrained=true"
        )
    if resume and start >= recipe.length:
        notes.append(f"nothing is left to do: {start} steps are done, and the run has {recipe.length}; give it more")
    # What is resumed needs nothing to start from, which may be gone by now.
    origin = {"pretrained": False, "init": None, "backbone_weights": None} if resume else {}
    run = _Run(replace(recipe, **origin), processes, start)
    if resume:
        restore_weights(path, state, run.network)
    run.set_up(state)
    if processes.first:
        for note in notes:
            on_note(note)
        _write_recipe(recipe)
    feed = Feed(recipe, data, start, processes.rank, processes.world)
    try:
        with (
            stopping_between_steps() as stop,
            RunLog(recipe.folder, recipe.length, start, shown=processes.first) as log,
        ):
            _loop(run, feed, checks, stop, log)
    finally:
        feed.close()
    return _network(recipe, whole(run.average), processes.device)


class _NotFiniteError(Exception):
    """A step that was not taken."""


class _Run:
    """What changes from step to step, and the processes that change it together."""

    def __init__(self, recipe: Recipe, processes: Processes, start: int) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.processes = recipe, processes
        self.done = self.saved_at = start
        self._saved = time.monotonic()
        self.network = build_network(recipe).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def set_up(self, state: Mapping[str, Tensor]) -> None:
        """Hands the network to its device or devices, and makes the optimiser of what is there afterwards."""
        recipe, fabric = self.recipe, self.processes.fabric
        model = Interactive(self.network, bfloat16=recipe.precision == "bf16-mixed").to(self.processes.device)
        self.model = fabric.setup_module(model)
        self._optimizer = make_optimizer(self.network, recipe)
        optimizer = fabric.setup_optimizers(self._optimizer)
        assert not isinstance(optimizer, tuple)
        self.optimizer = optimizer
        self.average = {name: value.detach().clone() for name, value in self.network.state_dict().items()}
        restore_rest(state, self.network, self.average, self._optimizer)

    @property
    def due(self) -> bool:
        """Whether the first process finds that the last save is too long ago."""
        return self.processes.first and time.monotonic() - self._saved > 60 * self.recipe.save_minutes

    def step(self, parts: Sequence[Part]) -> dict[str, float]:
        """One optimiser step over the parts of a batch that this process has; what is to be logged of all of it.

        Raises:
            _NotFiniteError: the loss or its gradient is not finite, in all processes alike. Everything that is saved
                is as it was before the step.
        """
        recipe, processes, fabric, step = self.recipe, self.processes, self.processes.fabric, self.done
        # Everything random in a step follows from its number, so that a resumed run repeats it. Dropout is drawn by
        # each process, everything else for each sample or for the whole step: processes wait for each other in every
        # pass. The last number keeps these streams, and those of the samples, apart.
        torch.manual_seed(int(np.random.default_rng((recipe.seed, step, processes.rank, 3)).integers(2**62)))
        interactions, earlier = interactions_of(recipe, step)
        set_rates(self._optimizer, recipe, step)
        # Batch norms that learn change in the forward pass, before anybody knows whether the step is good.
        buffers = [buffer.clone() for buffer in self.network.buffers()]
        logged = torch.zeros(0)
        names: list[str] = []
        for i, tensors in enumerate(parts):
            last = i + 1 == len(parts)
            with fabric.no_backward_sync(self.model, enabled=not last and len(parts) > 1):
                answer = self._part(tensors, interactions, earlier)
                weight = _share(recipe, i, len(parts))
                fabric.backward(answer.loss * (weight * processes.world))
            names = ["loss", *answer.parts]
            row = weight * torch.tensor([answer.loss.item(), *answer.parts.values()], dtype=torch.float64)
            logged = row if i == 0 else logged + row
        norm = fabric.clip_gradients(
            self.model, self.optimizer, max_norm=recipe.clip or float("inf"), error_if_nonfinite=False
        )
        total = processes.sum(logged.float() if processes.world > 1 else logged)
        if not bool(total.isfinite().all()) or (norm is not None and not bool(norm.isfinite())):
            for buffer, before in zip(self.network.buffers(), buffers, strict=True):
                buffer.copy_(before)
            raise _NotFiniteError
        self.optimizer.step()
        self.optimizer.zero_grad()
        processes.average_statistics(self.network)
        update_average(self.average, self.network.state_dict(), average_decay(recipe, step))
        self.done += 1
        passes = float((earlier + interactions) * recipe.images * recipe.objects)
        return dict(zip(names, total.tolist(), strict=True)) | {"passes": passes}

    def _part(self, tensors: Part, interactions: int, earlier: int) -> Answer:
        recipe = self.recipe
        numbers = [int(number) for number in tensors["index"]]
        return interact(
            self.model,
            Batch.from_tensors(tensors, self.processes.device),
            [np.random.default_rng((recipe.seed, n, k, 1)) for n in numbers for k in range(recipe.objects)],
            interactions=interactions,
            earlier=earlier,
            kind_shares=recipe.kind_shares,
            p2cl=recipe.p2cl,
            p2cl_target=recipe.p2cl_target,
            dice=recipe.dice,
            mask_drop=recipe.mask_drop,
            second_look=recipe.second_look,
            lone_click=recipe.lone_click,
            exact=recipe.exact,
            mean=self.processes.mean,
        )

    def save(self) -> None:
        """State and weights, to files that the first process writes; all of them have to call this together."""
        state = gather_state(self.network, self.average, self._optimizer)
        if self.processes.first:
            # Weights first: a run that is killed in between writes them again when it is resumed.
            _save_weights(self.recipe, averages(state), self.done)
            save_state(self.recipe.folder / NAME, state, self.done)
        # Nobody leaves before the files are there: the end of one process may end the others.
        self.processes.fabric.barrier()
        self.saved_at, self._saved = self.done, time.monotonic()


def interactions_of(recipe: Recipe, step: int) -> tuple[int, int]:
    """How many interactions of this step are supervised, and how many go before them."""
    rng = np.random.default_rng((recipe.seed, step, 0, 2))
    supervised = int(rng.integers(1, recipe.interactions + 1))
    return supervised, int(rng.integers(1, recipe.earlier + 1)) if recipe.earlier and rng.random() < EARLIER else 0


def _loop(run: _Run, feed: Feed, checks: Sequence[Sample], stop: StopRequest, log: RunLog) -> None:
    recipe, processes = run.recipe, run.processes
    logged, logged_at = time.monotonic(), run.done
    while run.done < recipe.length:
        parts, trouble = _fetched(feed)
        # Between two steps all processes agree on what comes next, so that none waits for one that has left.
        asked = torch.tensor([trouble is not None, stop.asked, run.due], dtype=torch.float32)
        troubled, stopped, due = (processes.sum(asked) > 0).tolist()
        if (troubled or stopped or due) and run.done > run.saved_at:
            run.save()
        if troubled:
            raise _ended(trouble, run)
        if stopped:
            told = f"stopped after step {run.done} of {recipe.length}{_what_is_left(run)}"
            raise Interrupted(told if processes.first else "")

        try:
            row = run.step(parts)
        except _NotFiniteError:
            if run.done > run.saved_at:
                run.save()
            raise TrainingError(_not_finite(run)) from None
        done, now = run.done, time.monotonic()
        if done % recipe.log_every == 0:
            rate = recipe.images * (done - logged_at) / max(now - logged, 1e-9)
            passes = row.pop("passes")
            log.row(done, row | {"lr": recipe.learning_rate(done - 1), "images/s": rate, "passes": passes})
            logged, logged_at = now, done
        if done == recipe.length:
            run.save()
        if checks and recipe.validate_every and (done % recipe.validate_every == 0 or done == recipe.length):
            average = whole(run.average)
            if processes.first:
                result = validate(_segmenter(recipe, average, processes.device), checks)
                log.row(done, {f"val_{name}": value for name, value in result.scores.items()})
                log.images(done, result.panels)
            logged, logged_at = time.monotonic(), done


def _fetched(feed: Feed) -> tuple[list[Part], Exception | None]:
    try:
        return feed.parts(), None
    except Exception as error:  # whatever it is, the others have to be told before it is raised
        return [], error


def _ended(trouble: Exception | None, run: _Run) -> Exception:
    """What is raised when a process, this one or another, has no data for the next step."""
    if trouble is None:
        return TrainingError("another process of this run could not go on; it says why")
    if isinstance(trouble, TrainingError):
        return TrainingError(f"{trouble}{_what_is_left(run)}")
    return trouble


def _not_finite(run: _Run) -> str:
    """What is said of a loss or gradient that is not finite. Samples and prompts follow from the seed and the step."""
    ways = ["another --seed", *(["--precision 32-true"] if run.recipe.precision != "32-true" else [])]
    again = f", and with {' or '.join(ways)}, since this step would come out the same" if run.done else ""
    return (
        f"the loss or its gradient is not finite in step {run.done + 1}{_what_is_left(run)}{again}; if the loss grew"
        " before, start anew with a lower --lr"
    )


def _what_is_left(run: _Run) -> str:
    if not run.done:
        return ""
    return f"; the state of step {run.done} is saved: go on with vpuformer train --resume -o {run.recipe.folder}"


def _share(recipe: Recipe, part: int, parts: int) -> float:
    """The part's share of the batch, over all processes."""
    return ((part + 1) * recipe.images // parts - part * recipe.images // parts) / recipe.images


def build_network(recipe: Recipe) -> VPUFormer:
    """The network of a recipe with the weights it starts from.

    Raises:
        ConfigError: weights of the model to start from have another shape.
        CheckpointError: the weights to start from cannot be read or fetched.
    """
    pretrained = recipe.pretrained and recipe.backbone_weights is None and recipe.init is None
    network = VPUFormer(recipe.model, pretrained=pretrained)
    if recipe.init is not None:
        carry_over(load_model(recipe.init), network, recipe.init)
    if recipe.backbone_weights is not None:
        load_backbone_weights(network.backbone.net, recipe.backbone_weights)
    network.backbone.freeze(stem=recipe.freeze_stem, norms=recipe.freeze_norms)
    return network.train()


def _write_recipe(recipe: Recipe) -> None:
    with replacing(recipe.folder / "recipe.json") as temporary:
        temporary.write_text(json.dumps(recipe.to_dict(), indent=2) + "\n", encoding="utf-8")


def _network(recipe: Recipe, average: Mapping[str, Tensor], device: torch.device) -> VPUFormer:
    # It is to be used at the size that it was trained for.
    network = VPUFormer(replace(recipe.model, input_size=max(SMALLEST_INPUT, recipe.size))).to(device)
    network.load_state_dict(average)
    return network.eval()


def _segmenter(recipe: Recipe, average: Mapping[str, Tensor], device: torch.device) -> VPUFormerSegmenter:
    return VPUFormerSegmenter(TorchNetwork(_network(recipe, average, device)))


def _save_weights(recipe: Recipe, average: Mapping[str, Tensor], steps: int) -> None:
    metadata = {"steps": str(steps), "samples": str(steps * recipe.images * recipe.objects)}
    save_checkpoint(_network(recipe, average, torch.device("cpu")), Path(recipe.output) / WEIGHTS, metadata=metadata)
