"""A folder of images and a file of prompts to an export.

An interrupted run continues where it was.
"""

import heapq
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path

from vpuformer.errors import InputError
from vpuformer.files import files_below, replacing, sha256_of, sha256_of_names, write_errors
from vpuformer.formats import AnnotatedImage, Written, export, find_format
from vpuformer.formats.bundle import data_set_of
from vpuformer.formats.image_folder import ImageFolder
from vpuformer.formats.prompt_reading import read_prompt_list
from vpuformer.formats.prompted import Unanswered
from vpuformer.formats.publish import check_target, remove_unfinished, seen_from
from vpuformer.formats.registry import check_apart
from vpuformer.images.addresses import as_window
from vpuformer.inference.protocol import Segmenter
from vpuformer.prediction.job import FILE, Job, JobHeader
from vpuformer.prediction.predict import answers
from vpuformer.shards import parse_shard

LEFT_OUT = "left-out.jsonl"
"""Name of the list of everything without a mask, in the folder of the output; missing if everything has one."""

_NAMED = 10
"""Most reasons in a summary."""

Progress = Callable[[str, int, int], object]
"""Called with the step, "predict" or "write", the number of images done and of all."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """Result of a run."""

    written: Written | None
    """The files; None for one of several parts."""
    images_left_out: int
    objects_left_out: int
    reasons: tuple[str, ...]
    """The first ten reasons."""


def predict_folder(
    images: str | os.PathLike[str],
    prompts: str | os.PathLike[str],
    output: str | os.PathLike[str],
    segmenter: Segmenter,
    *,
    format_name: str = "coco",
    polygons: bool | None = None,
    window: tuple[float, float] | None = None,
    shard: str = "1/1",
    workers: int = 1,
    overwrite: bool = False,
    on_progress: Progress = lambda *_: None,
) -> Predicted:
    """Segment the prompted objects in a folder of images, and export the masks.

    Until all files are written, answers lie in `output` as `predictions.sqlite`. The same call continues an interrupted
    run. The files depend neither on interruptions nor on `workers`.

    Args:
        images: the folder of the images.
        prompts: see `vpuformer.formats.prompt_reading.read_prompt_list`.
        output: folder of the files, new or empty; or that of an interrupted run.
        segmenter: what to ask.
        format_name, polygons, overwrite: see `vpuformer.formats.export`.
        window: see `vpuformer.prediction.predict.predict`.
        shard: "I/N" for part I of N, whose answers stay in `output`; `join` exports all parts.
        workers: threads; see `vpuformer.prediction.predict.predict`.
        on_progress: see `Progress`.

    Raises:
        InputError: the prompts cannot be read, no image has an answer, the folder holds something else, or the run in
            it is another one.
        ConfigError: an argument is out of range.
        DatasetError: there is no such folder of images.
    """
    chosen = find_format(format_name, polygons=polygons)
    folder, source, target = ImageFolder(images, as_window(window)), data_set_of(Path(prompts)), Path(output)
    check_apart(target, folder.root, chosen)
    part, shown = parse_shard(shard), None if folder.window is None else str(folder.window)
    if not source.exists():
        raise InputError(f"{source} does not exist; give the file or folder of the prompts")
    header = JobHeader(_fingerprint(source), segmenter.sha256, part, str(folder.root), format_name, polygons, shown)
    if not (target / FILE).exists():
        check_target(target, overwrite=overwrite)
    with write_errors(target):
        target.mkdir(parents=True, exist_ok=True)
    with Job(target) as job:
        _begin(job, header, source, folder)
        total, left = job.total, job.left
        for number, answer in enumerate(answers(job.waiting(), segmenter, folder, workers=workers), total - left + 1):
            job.add(answer)
            on_progress("predict", number, total)
        if part[1] > 1:
            return _result([job], None)
        remove_unfinished(target)
        result = _export([job], target, on_progress, overwrite=True)
        job.over = True
    return result


def join(
    parts: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    on_progress: Progress = lambda *_: None,
) -> Predicted:
    """Export the answers of all parts of a run, as the run without parts does.

    The parts stay as they are.

    Raises:
        InputError: a part is missing, given twice, unfinished, or of another run; or the files cannot be written.
    """
    with ExitStack() as opened:
        jobs: dict[int, Job] = {}
        first: JobHeader | None = None
        folders = [Path(part).resolve() for part in parts]
        for part in folders:
            if not (part / FILE).is_file():
                raise InputError(f"{part} holds no {FILE}; give the outputs of vpuformer predict --shard I/N")
            if folders.count(part) > 1:
                raise InputError(f"{part} was given twice; give every part once")
            job = opened.enter_context(Job(part))
            header = job.header
            if header is None or job.left:
                raise InputError(f"{part} is not finished; give its command again")
            number, count = header.shard
            if number in jobs:
                raise InputError(f"part {number}/{count} was given twice; give every part once")
            first = first or header
            changed = first.differences(replace(header, shard=(first.shard[0], count)))
            if changed:
                raise InputError(f"{part} belongs to another run, which differs in {' and '.join(changed)}")
            if header.listing != first.listing:
                raise InputError(
                    f"{part} has found other images in {header.images} than {folders[0]} in {first.images}; give"
                    " both folders the same images, and both commands again"
                )
            jobs[number] = job
        count = 0 if first is None else first.shard[1]
        missing = [f"{number}/{count}" for number in range(1, count + 1) if number not in jobs]
        if missing or first is None:
            raise InputError(f"these of {count} parts are missing: {', '.join(missing)}; give all of them")
        return _export([jobs[number] for number in sorted(jobs)], Path(output), on_progress, overwrite=overwrite)


def _begin(job: Job, header: JobHeader, source: Path, folder: ImageFolder) -> None:
    """List the prompts in a new job, or see that the job that was begun is of this run."""
    known = job.header
    if known is not None:
        changed = known.differences(header)
        if changed:
            raise InputError(
                f"{job.path} belongs to another run, which differs in {' and '.join(changed)}; name another folder, or"
                " remove that file"
            )
        if known.incomplete:
            job.fill_again(read_prompt_list(source, folder), header)
        else:
            job.resume(replace(header, labels=known.labels, listing=known.listing))
        return
    try:
        job.fill(read_prompt_list(source, folder), header)
    except BaseException:
        job.over = True
        raise


def _export(jobs: Sequence[Job], target: Path, on_progress: Progress, *, overwrite: bool) -> Predicted:
    header = jobs[0].header
    assert header is not None
    total = sum(job.total for job in jobs)

    def images() -> Iterator[AnnotatedImage]:
        in_order = heapq.merge(*(job.answered() for job in jobs), key=itemgetter(0))
        for number, (_, image) in enumerate(in_order, 1):
            yield image
            on_progress("write", number, total)

    written = export(
        header.format_name,
        images(),
        target,
        header.labels,
        polygons=header.polygons,
        images_at=seen_from(target, Path(header.images)),
        root=Path(header.images),
        overwrite=overwrite,
    )
    _write_left_out(jobs, target / LEFT_OUT)
    return _result(jobs, written)


def _write_left_out(jobs: Sequence[Job], path: Path) -> None:
    with write_errors(path):
        path.unlink(missing_ok=True)
    entries = _unanswered(jobs)
    first = next(entries, None)
    if first is None:
        return
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for entry in chain([first], entries):
            file.write(json.dumps({key: value for key, value in entry._asdict().items() if value is not None}) + "\n")


def _result(jobs: Sequence[Job], written: Written | None) -> Predicted:
    images, objects = (sum(job.count_unanswered(thing) for job in jobs) for thing in ("image", "object"))
    reasons = [f"{entry.image}: {entry.reason}" for entry in islice(_unanswered(jobs), _NAMED)]
    return Predicted(written, images, objects, tuple(reasons))


def _unanswered(jobs: Sequence[Job]) -> Iterator[Unanswered]:
    return map(itemgetter(1), heapq.merge(*(job.unanswered() for job in jobs), key=itemgetter(0)))


def _fingerprint(path: Path) -> str:
    """SHA-256 over the content of a file, or over the names and sizes of the files in a folder."""
    return sha256_of_names(files_below(path), path) if path.is_dir() else sha256_of(path)
