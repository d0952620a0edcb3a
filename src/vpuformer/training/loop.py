"""The training loop with exact resume. Only this module uses devices and files."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vpuformer.data.sample import Sample
from vpuformer.errors import ConfigError, TrainingError, VPUFormerError
from vpuformer.files import locked, write_file
from vpuformer.geometry import SMALLEST_INPUT
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.torch_network import TorchNetwork
from vpuformer.model.checkpoint import load_model, save_checkpoint
from vpuformer.model.manifest import read_manifest
from vpuformer.model.pretrained import load_backbone_weights
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.training.distributed import Processes, gather_full
from vpuformer.training.interaction import Answer, Batch, Interactive, interact
from vpuformer.training.interrupts import Interrupted, StopRequest, stopping_between_steps
from vpuformer.training.loader import MicroBatch, StepLoader, open_data, share
from vpuformer.training.log import VALIDATION, RunLog
from vpuformer.training.optimiser import average_decay, make_optimizer, set_rates, update_average
from vpuformer.training.recipe import Recipe
from vpuformer.training.state import NAME, averages, gather_state, read_state, restore_rest, restore_weights, save_state
from vpuformer.training.validate import validate
from vpuformer.training.warm_start import carry_over

WEIGHTS = "weights"
"""Subfolder of a run with the averaged weights as a model."""

WARMUP_PROB = 0.5
"""Probability that a step has warm-up interactions, where the recipe allows them."""


AfterStep = Callable[[int, Callable[[], VPUFormer]], bool]
"""Called with the number of steps done, and a function that returns the network with averaged weights. It returns
whether the run ends here."""


def train(
    recipe: Recipe,
    *,
    resume: bool = False,
    on_note: Callable[[str], object] = lambda _: None,
    after_step: AfterStep | None = None,
    share_done: Callable[[], float] = lambda: 0.0,
    quiet: bool = False,
    resume_with: Callable[[], str] | None = None,
) -> VPUFormer:
    """Run a recipe to its end and return the network with averaged weights.

    For several devices this function starts the program again in further processes, unless `torchrun` did. All
    processes must call it with the same arguments.

    Args:
        resume: continue from the state in the output folder. With the same recipe this is exact: samples, prompts and
            dropout of a step depend only on the seed and the number of the step. Without `resume`, a folder with a
            state is refused.
        on_note: called at the start, in the first process, with each remark on the data and the settings.
        after_step: called after each step, on one device only; see `AfterStep`.
        share_done: share of the run that is done, where its time may end before its steps.
        quiet: write the log into files only.
        resume_with: called when the run fails or stops; returns the command that resumes it, or "" if none does. By
            default messages name the command and the options of `vpuformer train`.

    Raises:
        ConfigError: the folder already holds a run, or none to resume, or one that goes on; or `after_step` is given
            for several devices.
        DatasetError: the data cannot be read.
        CheckpointError: the weights to start from cannot be read.
        TrainingError: a loss or a gradient is not finite, or a worker has died. The state of the last whole step is
            saved.
        Interrupted: SIGINT or SIGTERM arrived. The state of the last whole step is saved.
    """
    path = recipe.folder / NAME
    if path.exists() and not resume:
        raise ConfigError(f"{recipe.folder} already holds a run; resume it, or choose another output folder")
    if resume and not path.exists():
        raise ConfigError(f"there is no run to resume in {recipe.folder}: {NAME} is missing")
    recipe.folder.mkdir(parents=True, exist_ok=True)
    data, checks = open_data(recipe)
    processes = Processes(recipe)
    if after_step is not None and processes.world > 1:
        raise ConfigError(f"after_step is called on one device, and the recipe has {processes.world}; use one")
    notes = list(data.notes)
    if recipe.freeze_stem and not _starts_from_trained_encoder(recipe):
        recipe = replace(recipe, freeze_stem=False)
        notes.append(
            "the image encoder starts from random numbers, so its stem is trained (freeze_stem=false)"
            + ("; its batch norms keep their initial statistics (freeze_norms)" if recipe.freeze_norms else "")
            + ". To start from a trained encoder, give --backbone-weights FILE, --init MODEL of this encoder, or --set"
            " pretrained=true"
        )
    # A resumed run needs no initial weights, whose files may no longer exist.
    origin = {"pretrained": False, "init": None, "backbone_weights": None} if resume else {}
    refusal = ConfigError(f"another run trains in {recipe.folder}; wait until it has ended, or stop it")
    with locked(recipe.folder / ".lock", refusal) if processes.first else nullcontext():
        if path.exists() and not resume:
            raise ConfigError(
                f"another run has ended in {recipe.folder} meanwhile; resume it, or choose another folder"
            )
        state, start = read_state(path) if resume else ({}, 0)
        if resume and start >= recipe.length:
            notes.append(
                f"nothing is left to do: {start} steps are done, and the run has {recipe.length}; give it more"
            )
        run = _Run(replace(recipe, **origin), processes, start, share_done, resume_with)
        if resume:
            restore_weights(path, state, run.network)
        run.set_up(state)
        if processes.first:
            for note in notes:
                on_note(note)
            content = json.dumps(recipe.to_dict(), indent=2) + "\n"
            write_file(recipe.folder / "recipe.json", content, error=TrainingError)
        loader = StepLoader(recipe, data, start, processes.rank, processes.world)
        try:
            with (
                stopping_between_steps() as stop,
                RunLog(recipe.folder, recipe.length, start, shown=processes.first, quiet=quiet) as log,
            ):
                _loop(run, loader, checks, stop, log, after_step)
        finally:
            loader.close()
        return _network(recipe, gather_full(run.average), processes.device)


class _NotFiniteError(Exception):
    """The loss or gradient of a step is not finite; the step was not taken."""


class _Run:
    """Network, optimiser and average of a run, and the processes that train them."""

    def __init__(
        self,
        recipe: Recipe,
        processes: Processes,
        start: int,
        share_done: Callable[[], float],
        resume_with: Callable[[], str] | None,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self._share_done, self.resume_with = share_done, resume_with
        self.recipe, self.processes = recipe, processes
        self.done = self.saved_at = start
        self._saved = time.monotonic()
        self.network = build_network(recipe).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def set_up(self, state: Mapping[str, Tensor]) -> None:
        """Move the network to its devices, make the optimiser, and restore `state`."""
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
        """Whether this is the first process, and `save_minutes` have passed since the last save."""
        return self.processes.first and time.monotonic() - self._saved > 60 * self.recipe.save_minutes

    def step(self, micro_batches: Sequence[MicroBatch]) -> dict[str, float]:
        """Take one optimiser step; return the log row of the whole batch.

        Raises:
            _NotFiniteError: the loss or its gradient is not finite; all processes raise it. The state is as it was
                before the step.
        """
        recipe, processes, fabric, step = self.recipe, self.processes, self.processes.fabric, self.done
        # All random numbers of a step derive from its number, so a resumed run repeats it. Each process draws its own
        # dropout. All other numbers belong to a sample or to the whole step, since processes wait for each other in
        # every pass. The last number of a seed separates the streams.
        torch.manual_seed(int(np.random.default_rng((recipe.seed, step, processes.rank, 3)).integers(2**62)))
        supervised, warmup = interactions_of(recipe, step)
        time_done = self._share_done()
        set_rates(self._optimizer, recipe, step, time_done)
        # The forward pass changes trained batch norms before the loss is known to be finite.
        buffers = [buffer.clone() for buffer in self.network.buffers()]
        logged = torch.zeros(0)
        names: list[str] = []
        for i, tensors in enumerate(micro_batches):
            last = i + 1 == len(micro_batches)
            with fabric.no_backward_sync(self.model, enabled=not last and len(micro_batches) > 1):
                answer = self._interact(tensors, supervised, warmup)
                images = share(recipe.images_per_step, len(micro_batches), i)  # over all processes
                weight = len(images) / recipe.images_per_step
                fabric.backward(answer.loss * (weight * processes.world))
            names = ["loss", *answer.figures]
            row = weight * torch.tensor([answer.loss.item(), *answer.figures.values()], dtype=torch.float64)
            logged = row if i == 0 else logged + row
        norm = fabric.clip_gradients(
            self.model, self.optimizer, max_norm=recipe.grad_clip_norm or float("inf"), error_if_nonfinite=False
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
        passes = float((warmup + supervised) * recipe.images_per_step * recipe.objects_per_image)
        rate = recipe.learning_rate(step, time_done)
        return dict(zip(names, total.tolist(), strict=True)) | {"lr": rate, "passes": passes}

    def _interact(self, tensors: MicroBatch, supervised: int, warmup: int) -> Answer:
        recipe = self.recipe
        numbers = [int(number) for number in tensors["index"]]
        return interact(
            self.model,
            Batch.from_tensors(tensors, self.processes.device),
            [np.random.default_rng((recipe.seed, n, k, 1)) for n in numbers for k in range(recipe.objects_per_image)],
            recipe.interaction,
            recipe.loss,
            supervised=supervised,
            warmup=warmup,
            mean=self.processes.mean,
        )

    def save(self) -> None:
        """Save state and weights. A collective call, in which the first process writes."""
        state = gather_state(self.network, self.average, self._optimizer)
        if self.processes.first:
            # Weights first: a run that is killed in between writes them again after it is resumed.
            _save_weights(self.recipe, averages(state), self.done)
            save_state(self.recipe.folder / NAME, state, self.done)
        # All processes wait for the files, since the end of one may end the others.
        self.processes.fabric.barrier()
        self.saved_at, self._saved = self.done, time.monotonic()


def interactions_of(recipe: Recipe, step: int) -> tuple[int, int]:
    """Numbers of supervised and of warm-up interactions of a step."""
    rng, most = np.random.default_rng((recipe.seed, step, 0, 2)), recipe.interaction
    supervised = int(rng.integers(1, most.interactions + 1))
    if not most.warmup_interactions or rng.random() >= WARMUP_PROB:
        return supervised, 0
    return supervised, int(rng.integers(1, most.warmup_interactions + 1))


def _loop(
    run: _Run,
    loader: StepLoader,
    checks: Sequence[Sample],
    stop: StopRequest,
    log: RunLog,
    after_step: AfterStep | None,
) -> None:
    recipe, processes = run.recipe, run.processes
    logged, logged_at = time.monotonic(), run.done
    if run.done == recipe.length:  # it was resumed, perhaps after a kill in the last validation
        if checks and recipe.validate_every:
            _validate(run, checks, log)
        if after_step is not None:
            after_step(run.done, lambda: _network(recipe, run.average, processes.device))
    while run.done < recipe.length:
        micro_batches, error = _fetch(loader)
        # Between two steps all processes agree on the next action, so that none waits for one that has ended.
        votes = torch.tensor([error is not None, stop.requested, run.due], dtype=torch.float32)
        failed, stopped, due = (processes.sum(votes) > 0).tolist()
        if (failed or stopped or due) and run.done > run.saved_at:
            run.save()
        # A signal to all processes of a run also ends those that read images: the run has not failed then.
        if stopped:
            message = f"stopped after step {run.done} of {recipe.length}{_how_to_resume(run)}"
            raise Interrupted(message if processes.first else "")
        if failed:
            raise _end_of(run, error)

        try:
            row = run.step(micro_batches)
        except _NotFiniteError:
            if run.done > run.saved_at:
                run.save()
            raise TrainingError(_not_finite(run)) from None
        done, now = run.done, time.monotonic()
        if done % recipe.log_every == 0:
            rate = recipe.images_per_step * (done - logged_at) / max(now - logged, 1e-9)
            passes = row.pop("passes")
            log.row(done, row | {"images/s": rate, "passes": passes})
            logged, logged_at = now, done
        ends = done == recipe.length
        validates = checks and recipe.validate_every and (ends or done % recipe.validate_every == 0)
        if ends or validates:  # what fails in a validation costs no step
            run.save()
        if validates:
            _validate(run, checks, log)
            logged, logged_at = time.monotonic(), done
        if after_step is not None and after_step(done, lambda: _network(recipe, run.average, processes.device)):
            if run.done > run.saved_at:
                run.save()
            return


def _validate(run: _Run, checks: Sequence[Sample], log: RunLog) -> None:
    """Validate the averaged weights, unless the log has this validation already. A collective call."""
    average = gather_full(run.average)
    if not run.processes.first or log.has_validation(run.done):
        return
    network = TorchNetwork(_network(run.recipe, average, run.processes.device))
    result = validate(VPUFormerSegmenter(network), checks)
    log.row(run.done, {f"{VALIDATION}{name}": value for name, value in result.scores.items()})
    log.images(run.done, result.panels)


def _fetch(loader: StepLoader) -> tuple[list[MicroBatch], Exception | None]:
    try:
        return loader.next_step(), None
    except Exception as error:  # any error must reach the other processes before it is raised
        return [], error


def _end_of(run: _Run, error: Exception | None) -> Exception:
    """The error to raise when this process (with `error`) or another one has no data for the next step."""
    if error is None:
        return TrainingError("another process of this run has failed; see its message")
    if isinstance(error, TrainingError):
        return TrainingError(f"{error}{_how_to_resume(run)}")
    return error


def _not_finite(run: _Run) -> str:
    """The message about a loss or gradient that is not finite."""
    what = f"the loss or its gradient is not finite in step {run.done + 1}"
    if run.resume_with is not None:  # a resumed run would repeat the step
        return f"{what}; start again with another --seed"
    ways = ["another --seed", *(["--precision 32-true"] if run.recipe.precision != "32-true" else [])]
    again = f", and with {' or '.join(ways)}, since this step would repeat exactly" if run.done else ""
    return f"{what}{_how_to_resume(run)}{again}; if the loss grew before, start a new run with a lower --lr"


def _how_to_resume(run: _Run) -> str:
    command = f"vpuformer train --resume -o {run.recipe.folder}" if run.resume_with is None else run.resume_with()
    return f"; the state of step {run.done} is saved: continue with {command}" if run.done and command else ""


def build_network(recipe: Recipe) -> VPUFormer:
    """Build the network of a recipe with its initial weights.

    Raises:
        ConfigError: weights of the initial model have another shape.
        CheckpointError: the initial weights cannot be read or downloaded.
    """
    start = None if recipe.init is None else load_model(recipe.init)
    same_encoder = start is not None and start.config.backbone == recipe.model.backbone
    pretrained = recipe.pretrained and recipe.backbone_weights is None and not same_encoder
    network = VPUFormer(recipe.model, pretrained=pretrained)
    if start is not None:
        carry_over(start, network, str(recipe.init))
    if recipe.backbone_weights is not None:
        load_backbone_weights(network.backbone.net, recipe.backbone_weights)
    network.backbone.freeze(stem=recipe.freeze_stem, norms=recipe.freeze_norms or not recipe.backbone_lr)
    if not recipe.backbone_lr:
        network.backbone.net.requires_grad_(requires_grad=False)  # needs no backward pass
    return network.train()


def _starts_from_trained_encoder(recipe: Recipe) -> bool:
    if recipe.pretrained or recipe.backbone_weights is not None:
        return True
    if recipe.init is None:
        return False
    try:
        return read_manifest(recipe.init).config.backbone == recipe.model.backbone
    except VPUFormerError:  # a new run reports it when it loads the model, and a resumed one does not need it
        return True


def _network(recipe: Recipe, average: Mapping[str, Tensor], device: torch.device) -> VPUFormer:
    # The model is used at the size of its training.
    network = VPUFormer(replace(recipe.model, input_size=max(SMALLEST_INPUT, recipe.size))).to(device)
    network.load_state_dict(average)
    return network.eval()


def _save_weights(recipe: Recipe, average: Mapping[str, Tensor], steps: int) -> None:
    metadata = {"steps": str(steps), "samples": str(steps * recipe.images_per_step * recipe.objects_per_image)}
    save_checkpoint(_network(recipe, average, torch.device("cpu")), Path(recipe.output) / WEIGHTS, metadata=metadata)
