"""Masks for many images as a stage of Ray Data."""

from collections.abc import Mapping
from typing import Any

from vpuformer.extras import require
from vpuformer.formats.image_folder import ImageFolder
from vpuformer.formats.prompt_lines import read_line
from vpuformer.formats.prompted import NO_OBJECT_LEFT, Listed, PromptedImage, Unanswered
from vpuformer.prediction.predict import answer_image


def predict_dataset(
    lines: Any,
    folder: str,
    *,
    model: str = "default",
    device: str | None = None,
    runtime: str | None = None,
    workers: int = 1,
    **resources: Any,
) -> Any:
    """Segment the prompted objects of images, each worker with a network of its own.

    Args:
        lines: a `ray.data.Dataset` with rows like the lines of `vpuformer.formats.prompt_lines.read`. An image is
            encoded once a row, so give a row for each image, with `objects`.
        folder: the folder of the images, which every machine of the cluster sees.
        model, device, runtime: see `vpuformer.inference.segment.VPUFormerSegmenter.from_pretrained`.
        workers: number of workers, with a core each.
        resources: further arguments of `Dataset.map`, such as `num_gpus`.

    Returns:
        A `ray.data.Dataset` with a row for each row: `image`; `height` and `width`, 0 for an image that is left out;
        `objects` with `id`, `label` and COCO's compressed run lengths `counts`; `left_out`, the reasons for what has no
        mask.

    Raises:
        MissingDependencyError: Ray is not installed.
    """
    require("ray", "a stage of Ray Data")
    arguments = {"folder": folder, "model": model, "device": device, "runtime": runtime}
    return lines.map(Stage, fn_constructor_kwargs=arguments, concurrency=workers, **{"num_cpus": 1, **resources})


class Stage:
    """The function of one worker; see `predict_dataset`."""

    def __init__(self, folder: str, model: str, device: str | None, runtime: str | None) -> None:
        from vpuformer.inference.segment import VPUFormerSegmenter

        self._folder = ImageFolder(folder)
        self._segmenter = VPUFormerSegmenter.from_pretrained(model, device, runtime=runtime, threads=1)

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The masks of one row."""
        entries = list(read_line(_plain(row), self._folder, f"the row of {row.get('image')!r:.80}"))
        left_out = [entry for entry in entries if isinstance(entry, Unanswered)]
        listed = [entry for entry in entries if isinstance(entry, Listed)]
        name = listed[0].image if listed else left_out[0].image
        objects, height, width = [], 0, 0
        found = [entry.found for entry in listed if entry.found is not None]
        if left_out and listed and not found:
            left_out.append(Unanswered(name, NO_OBJECT_LEFT))
        elif listed:
            answer = answer_image(PromptedImage(name, found), self._segmenter, self._folder)
            height, width = answer.size or (0, 0)
            left_out += answer.unanswered
            objects = [
                {"id": each.id, "label": each.label, "counts": runs.decode("ascii")}
                for each, runs in zip(found, answer.runs, strict=False)
                if runs is not None
            ]
        reasons = [entry.reason for entry in left_out]
        return {"image": name, "height": height, "width": width, "objects": objects, "left_out": reasons}


def _plain(value: Any) -> Any:
    """Arrays of Ray as lists, and its objects without the fields that only others have."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items() if each is not None}
    value = value.tolist() if hasattr(value, "tolist") else value
    return [_plain(each) for each in value] if isinstance(value, list) else value
