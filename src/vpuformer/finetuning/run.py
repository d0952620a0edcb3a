"""Fine-tuning from the data to a model folder, also after an interruption."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vpuformer.data.sample import Sample
from vpuformer.data.split import SPLIT
from vpuformer.errors import ConfigError, InputError, TrainingError, VPUFormerError
from vpuformer.extras import missing
from vpuformer.files import read_json, write_errors, write_file
from vpuformer.finetuning.checking import check
from vpuformer.finetuning.groups import GroupBy, check_group_by, group_images
from vpuformer.finetuning.layouts import recognise
from vpuformer.finetuning.measure import FEW_CLICKS, Measured, compared, measure, segmenter_of
from vpuformer.finetuning.mixing import SHARES, choose_share, mixed
from vpuformer.finetuning.panel import panel
from vpuformer.finetuning.photographs import COARSE, FINE, find_objects, write_photographs
from vpuformer.finetuning.plan import MOST_STEPS, TRAINING, FinetuneSettings, recipe_for, training_device
from vpuformer.finetuning.prepare import held_out_samples, prepare
from vpuformer.finetuning.report import PANEL, REPORT, Report
from vpuformer.finetuning.watch import Progress, Watch, best_folders, validations_in
from vpuformer.images import write_image
from vpuformer.images.addresses import as_window
from vpuformer.model.checkpoint import load_model, save_checkpoint
from vpuformer.model.manifest import list_models, read_manifest
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.training.interrupts import Interrupted
from vpuformer.training.loop import WEIGHTS, interactions_of, train
from vpuformer.training.recipe import Recipe
from vpuformer.training.state import NAME, read_step

SETTINGS, BEFORE, QUICK = "finetune.json", "before.json", "quick.json"
"""Files of a run: its settings and what was found; two measurements of the first weights, of the table and of a
validation."""

_MEASURING, _VALIDATING = 0.08, 0.015
"""Largest shares of the time for one measurement of the table, and for one validation."""

_LONG = 10.0
"""Minutes of a run that has the time for many clicks on the photographs."""

_TRIAL = 0.04
"""Share of the time after which no further step is tried."""

_TRIAL_STEPS, _TRIAL_WARM = 8, 2
"""Steps that show the speed, and those of them that do not count, since the first ones are slower."""

_NOT_KEPT = ("data", "split", "output", "accelerator", "precision")
"""Settings of the recipe that a resumed run does not keep."""

_MANY_STEPS = 200
"""Steps whose mean work is that of a usual step."""


@dataclass(frozen=True, slots=True)
class Finetuned:
    """The result of a fine-tuning."""

    folder: Path
    """Model folder, for `Predictor.from_pretrained` and every `--model`."""
    report: Report
    interrupted: bool
    """Whether Ctrl-C or SIGTERM ended the training early."""
    graphs: bool
    """Whether the folder has graphs, to run without PyTorch."""


class _Silent:
    def say(self, sentence: str) -> None: ...

    def show(self, stage: str, done: float, total: float, note: str = "") -> None: ...


SILENT: Progress = _Silent()
"""Progress that nobody sees."""


def finetune(
    data: str | Path,
    output: str | Path,
    *,
    annotations: str | Path | None = None,
    store: str | None = None,
    window: tuple[float, float] | None = None,
    group_by: GroupBy = "likeness",
    start: str = "default",
    minutes: float = 20.0,
    device: str | None = None,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Finetuned:
    """Fine-tune a model on the annotated images of a folder.

    About one image of five is held out; images that resemble each other stay together. The first and the last weights
    are measured on the held-out images, which choose the best weights.

    Args:
        data: folder that was annotated with the app, or with COCO, YOLO, LabelMe or PASCAL VOC files, or with the
            folders `images` and `masks`; or a file with annotations in such a folder.
        output: a new folder for the model.
        annotations: file, zip archive or folder with the annotations, if they lie elsewhere.
        store: database of the app's annotations, if it is not in the folder: a file or a URL.
        window: centre and width of the values that images of more than 8 bits are shown in; by default what the folder
            was annotated in, else what each file asks for.
        group_by: what keeps images together; see `vpuformer.finetuning.groups.GroupBy`.
        start: model to start from, by name or folder.
        minutes: time for all of it.
        device: such as "cpu" or "cuda"; by default the best one.
        seed: seed of all random numbers.
        progress: who is shown what is going on.

    Raises:
        ConfigError: `output` exists, or a setting is out of range.
        DatasetError: the folder holds no annotations, or fewer than four usable images.
        CheckpointError: the model to start from is missing or broken.
        TrainingError: the training failed before anything was better than before.
    """
    folder = Path(output)
    if folder.exists():
        resumable = ", or --resume" if (folder / SETTINGS).is_file() else ""
        raise ConfigError(f"{folder} exists, and nothing is overwritten; give another folder with -o{resumable}")
    given, group_by = as_window(window), check_group_by(group_by)
    layout = recognise(Path(data), None if annotations is None else Path(annotations), store)
    shown = given or layout.window
    settings = FinetuneSettings(
        data=str(layout.root.resolve()),
        output=str(folder),
        start=start if start in list_models() or not Path(start).exists() else str(Path(start).resolve()),
        minutes=minutes,
        device=device,
        seed=seed,
        window=None if shown is None else str(shown),
    )
    training_device(device)
    read_manifest(start)
    usable = check(layout, lambda done, total: progress.show("checking images", done, total), window=given)
    groups = group_images(usable, group_by)
    progress.say(usable.summary())
    notes = [*usable.notes(), *filter(None, [groups.note])]
    for sentence in notes:
        progress.say(sentence)
    for sentence in usable.left_out:
        progress.say(f"left out: {sentence}")
    with write_errors(folder, error=InputError):
        folder.mkdir(parents=True)
    try:
        split = prepare(usable, groups, folder)
    except BaseException:  # without settings, nobody can resume it
        shutil.rmtree(folder, ignore_errors=True)
        raise
    images, objects = sum(map(len, split.images.values())), len(split.objects)
    content = {
        "settings": asdict(settings),
        "data": usable.to_dict() | {"notes": notes},
        "held_out_images": images,
        "held_out_objects": objects,
    }
    write_file(folder / SETTINGS, json.dumps(content, indent=2) + "\n")
    progress.say(f"held out: {objects} objects on {images} of {len(usable.images)} images ({folder / SPLIT})")
    return _Run(settings, content, progress).finish()


def resume_finetune(output: str | Path, *, device: str | None = None, progress: Progress = SILENT) -> Finetuned:
    """Continue a fine-tuning that was killed.

    Args:
        device: None for the one that it began with.

    Raises:
        ConfigError: the folder holds none, or one that is finished.
        See `finetune` for others.
    """
    folder = Path(output)
    if (folder / REPORT).is_file():
        raise ConfigError(f"{folder} is finished; to train more, start from it: vpuformer finetune ... --from {folder}")
    if not (folder / SETTINGS).is_file():
        raise ConfigError(f"there is no fine-tuning to resume in {folder}: {SETTINGS} is missing; start it again")
    content = read_json(folder / SETTINGS, error=ConfigError)
    changed = {"output": str(folder)} | ({} if device is None else {"device": device})
    settings = FinetuneSettings(**{**content["settings"], **changed})
    progress.say(f"resumed: {content['data']['summary']}")
    return _Run(settings, content, progress).finish()


class _Run:
    """A fine-tuning whose data are prepared."""

    def __init__(self, settings: FinetuneSettings, content: Mapping[str, Any], progress: Progress) -> None:
        self.settings, self.content, self.progress = settings, content, progress
        self.folder = Path(settings.output)
        self.training = self.folder / TRAINING
        self.seconds = 60 * settings.minutes
        self.begun = time.monotonic()
        """Begin of the time that counts; a resumed run moves it back by the seconds of what it finds done."""
        self.device = training_device(settings.device)

    def finish(self) -> Finetuned:
        """Measure, train, measure again, and write the result."""
        start = load_model(self.settings.start, device=self.device)
        samples = held_out_samples(self.folder, Path(self.settings.data), self.settings.shown)
        before, measuring = self._before(start, samples)
        measured = _same(samples, before)
        quick, validating = self._quick(start, measured)
        reserved = measuring + len(SHARES) * validating
        grid = FINE if self.settings.minutes >= _LONG else COARSE
        data = write_photographs(find_objects(segmenter_of(start, threads=None), grid), self.folder)
        watch, interrupted = self._train(quick.score, _same(samples, quick), data, reserved, validating)
        network, share = self._mixed(start, watch, _same(samples, quick), quick)
        sha256 = read_manifest(self.settings.start).sha256
        name = Path(self.settings.start).resolve().name if Path(self.settings.start).exists() else self.settings.start
        metadata = {
            "fine-tuned from": f"{name}, sha256 {sha256}",
            "data": str(self.content["data"]["summary"]),
            "steps": str(watch.best.step),
            "share": str(share),
        }
        save_checkpoint(network.to("cpu"), self.folder, metadata=metadata)
        network.to(self.device)
        after = before if not share else self._measured(network, measured, "measuring after")
        report = Report(
            start=name,
            start_sha256=sha256,
            data=self.content["data"],
            held_out_images=self.content["held_out_images"],
            held_out_objects=self.content["held_out_objects"],
            measured_objects=before.objects,
            steps=watch.done,
            best_step=watch.best.step,
            share=share,
            ended="it was interrupted" if interrupted else watch.ended,
            validations=[asdict(each) for each in watch.history],
            minutes=(time.monotonic() - self.begun) / 60,
            rows=compared(before, after),
        )
        drawn = panel(measured, segmenter_of(start, threads=None), segmenter_of(network, threads=None))
        write_image(self.folder / PANEL, drawn)
        report.write(self.folder)
        self._clean()
        return Finetuned(self.folder, report, interrupted, self._export())

    def _before(self, start: VPUFormer, samples: Sequence[Sample]) -> tuple[Measured, float]:
        """The first weights on as many held-out objects as time allows, and the seconds that it takes."""
        return self._once(BEFORE, lambda: self._measured(start, samples, "measuring before", self.seconds * _MEASURING))

    def _measured(
        self, network: VPUFormer, samples: Sequence[Sample], stage: str, seconds: float | None = None
    ) -> Measured:
        return measure(
            segmenter_of(network),
            samples,
            seconds=seconds,
            on_progress=lambda done, total: self.progress.show(stage, done, total),
        )

    def _quick(self, start: VPUFormer, samples: Sequence[Sample]) -> tuple[Measured, float]:
        """The first weights on the objects of a validation, and its seconds."""
        longest = self.seconds * _VALIDATING
        return self._once(QUICK, lambda: measure(segmenter_of(start), samples, clicks=FEW_CLICKS, seconds=longest))

    def _once(self, name: str, measured: Callable[[], Measured]) -> tuple[Measured, float]:
        """A measurement and its seconds. A resumed run reads both from a file: its scores are of the same objects."""
        path = self.training / name
        if path.is_file():
            content = read_json(path, error=ConfigError)
            self.begun -= content["seconds"]
            return Measured.from_dict(content["records"]), content["seconds"]
        begun = time.monotonic()
        result = measured()
        seconds = time.monotonic() - begun
        self.training.mkdir(exist_ok=True)
        write_file(path, json.dumps({"seconds": seconds, "records": result.to_dict()}) + "\n")
        return result, seconds

    def _train(
        self, score: float, samples: Sequence[Sample], photographs: str | None, reserved: float, validating: float
    ) -> tuple[Watch, bool]:
        """Run the training in the time that is left. Returns its watch, and whether it was interrupted.

        Args:
            score: of the first weights on the objects of a validation.
            samples: these objects.
            photographs: see `recipe_for`.
            reserved: seconds that are needed after the training.
            validating: seconds of a validation.
        """
        resume = (self.training / NAME).is_file()
        if resume:
            saved = Recipe.from_dict(read_json(self.training / "recipe.json", error=ConfigError))
            # The device may be another one, and the folder may have moved.
            now = recipe_for(self.settings, saved.steps, photographs)
            recipe = replace(saved, **{name: getattr(now, name) for name in _NOT_KEPT})
        else:
            seconds = self._trial(photographs)
            left = self._left(reserved)
            left -= validations_in(left, validating) * validating
            recipe = recipe_for(self.settings, int(min(max(left / seconds, 1), MOST_STEPS)), photographs)
        watch = Watch(samples, self.training, score, recipe.length, self._left(reserved), validating, self.progress)
        if resume:
            watch.done = read_step(self.training / NAME)
            self.begun -= watch.seconds
        interrupted = False
        try:
            train(
                recipe,
                resume=resume,
                after_step=watch,
                share_done=watch.share_of_time,
                quiet=True,
                # With better weights than before, the run ends here with a result.
                resume_with=lambda: "" if watch.best.step else f"vpuformer finetune --resume -o {self.folder}",
            )
        except Interrupted:
            interrupted = True
        except TrainingError as error:
            if not watch.best.step:
                raise
            watch.ended = f"it failed: {error}"
        watch.ended = watch.ended or "all steps are done"
        return watch, interrupted

    def _left(self, reserved: float) -> float:
        """Seconds until `reserved` seconds are left; at least one."""
        return max(self.seconds - reserved - (time.monotonic() - self.begun), 1.0)

    def _trial(self, photographs: str | None) -> float:
        """Seconds of a step, from some steps in a temporary folder."""
        begun, times = time.monotonic(), list[float]()

        def note(_: int, network: Callable[[], VPUFormer]) -> bool:  # noqa: ARG001
            times.append(time.monotonic())
            self.progress.show("trying the speed", len(times), _TRIAL_STEPS)
            return len(times) > _TRIAL_WARM and times[-1] - begun > self.seconds * _TRIAL

        with tempfile.TemporaryDirectory() as folder:
            recipe = recipe_for(self.settings, _TRIAL_STEPS, photographs)
            train(replace(recipe, output=folder), after_step=note, quiet=True, resume_with=lambda: "")
        # A step with more interactions takes longer, and these few may have had more than others.
        passes = [_passes(recipe, step) for step in range(_TRIAL_WARM, len(times))]
        usual = np.mean([_passes(recipe, step) for step in range(_MANY_STEPS)])
        return (times[-1] - times[_TRIAL_WARM - 1]) / sum(passes) * float(usual)

    def _mixed(
        self, start: VPUFormer, watch: Watch, samples: Sequence[Sample], before: Measured
    ) -> tuple[VPUFormer, float]:
        """The weights of the result, and the share of the best ones in them; `before` is the start on the samples."""
        self.progress.show("choosing the weights", 0, len(SHARES))
        if not watch.best.step:
            return start, 0.0
        best = load_model(watch.best_folder, device=self.device)
        networks = {share: mixed(start, best, share) for share in SHARES}
        gains: dict[float, float] = {}
        for done, (share, network) in enumerate(networks.items(), start=1):
            gains[share] = measure(segmenter_of(network), samples, clicks=FEW_CLICKS).score - before.score
            self.progress.show("choosing the weights", done, len(networks))
        share = choose_share(gains)
        return networks.get(share, start), share

    def _export(self) -> bool:
        """Add graphs to the finished model, if the extra is installed. Returns whether it has them."""
        if missing("export"):
            return False
        from vpuformer.export.writing import export_graphs

        self.progress.show("exporting", 0, 1)
        try:
            export_graphs(self.folder)
        except (VPUFormerError, KeyboardInterrupt) as error:
            self.progress.say(f"note: no graphs were exported: {str(error) or 'interrupted'}")
            return False
        return True

    def _clean(self) -> None:
        """Remove what only a resumed run needs: weights and the state of the optimiser."""
        (self.training / NAME).unlink(missing_ok=True)
        for folder in (self.training / WEIGHTS, *best_folders(self.training)):
            shutil.rmtree(folder, ignore_errors=True)


def _passes(recipe: Recipe, step: int) -> int:
    """Work of a step, in forward passes. A backward pass takes twice as long as a forward pass."""
    supervised, warmup = interactions_of(recipe, step)
    return 3 * supervised + warmup


def _same(samples: Sequence[Sample], measured: Measured) -> list[Sample]:
    """The samples that were measured."""
    keys = {record.key for record in measured.records["click"]}
    return [sample for sample in samples if (sample.name, sample.object_id) in keys]
