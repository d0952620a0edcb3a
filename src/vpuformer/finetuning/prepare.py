"""The data of a run: a COCO file, prompts, and the split, in the folder of the result."""

import json
from functools import partial
from pathlib import Path

import numpy as np

from vpuformer.data.kinds.coco import ANNOTATIONS, CocoFolder
from vpuformer.data.sample import Sample
from vpuformer.data.split import SPLIT, Split, ValidationObject, validation_samples
from vpuformer.files import write_file
from vpuformer.finetuning.checking import UsableData, UsableImage
from vpuformer.finetuning.groups import Groups, choose_held_out
from vpuformer.formats import coco
from vpuformer.formats.annotated_image import AnnotatedImage, LabelledMask
from vpuformer.formats.coco_masks import decode_mask
from vpuformer.images.addresses import Window
from vpuformer.prompts import prompt_to_dict

DATA = "data"
"""Subfolder with the data, and name of the set."""

PROMPTS, IGNORED = "prompts.json", "ignored.json"
"""Names of the files with the prompts of people, and with the ignored pixels of images."""


def prepare(data: UsableData, groups: Groups, folder: Path) -> Split:
    """Write the data and the split into a folder; the images stay where they are.

    Raises:
        InputError: the folder cannot be written.
    """
    first: dict[str, int] = {}
    number = 1
    for image in data.images:
        first[image.name] = number
        number += len(image.objects)
    target = folder / DATA
    target.mkdir(parents=True, exist_ok=True)
    images = (_annotated(image, number, first[image.name]) for number, image in enumerate(data.images, start=1))
    coco.write(images, target, list(data.labels))
    prompts = {
        str(first[image.name] + i): [prompt_to_dict(prompt) for prompt in each.prompts]
        for image in data.images
        for i, each in enumerate(image.objects)
        if each.prompts
    }
    write_file(target / PROMPTS, json.dumps(prompts) + "\n")
    ignored = {
        image.name: {"size": list(image.size), "counts": image.ignored.decode("ascii")}
        for image in data.images
        if image.ignored is not None
    }
    write_file(target / IGNORED, json.dumps(ignored) + "\n")
    held_out = choose_held_out(groups)
    split = Split(
        images={DATA: held_out},
        objects=tuple(
            ValidationObject(DATA, image.name, first[image.name] + i)
            for image in data.images
            if image.name in held_out
            for i in range(len(image.objects))
        ),
    )
    write_file(folder / SPLIT, json.dumps(split.to_dict(), indent=1) + "\n")
    return split


def spec(folder: Path, root: Path, window: Window | None = None) -> str:
    """The prepared data as `vpuformer.data.sources.open_sources` opens them."""
    data = (folder / DATA).resolve()
    shown = "" if window is None else f",window={window}"
    return f"{spec_of(data, data / ANNOTATIONS, root)},prompts={data / PROMPTS},ignored={data / IGNORED}{shown}"


def spec_of(folder: Path, annotations: Path, images: Path) -> str:
    """A COCO file as `open_sources` opens it, from any working folder."""
    return f"coco={folder.resolve()},annotations={annotations.resolve()},images={images.resolve()}"


def held_out_samples(folder: Path, root: Path, window: Window | None = None) -> list[Sample]:
    """The objects of the held-out images, in a random order.

    Raises:
        DatasetError: the prepared data are missing or broken.
    """
    data = folder / DATA
    source = CocoFolder(data, images=root, name=DATA, ignored=data / IGNORED, window=window)
    samples = validation_samples({DATA: source}, Split.load(folder / SPLIT))
    return [samples[i] for i in np.random.default_rng(0).permutation(len(samples))]


def _annotated(image: UsableImage, number: int, first: int) -> AnnotatedImage:
    height, width = image.size
    return AnnotatedImage(image.name, width, height, partial(_masks, image, first), number)


def _masks(image: UsableImage, first: int) -> list[LabelledMask]:
    return [
        LabelledMask(decode_mask(each.runs, image.size), each.label, first + i) for i, each in enumerate(image.objects)
    ]
