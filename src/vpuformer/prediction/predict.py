"""Prompted images to annotated images."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

from vpuformer.arrays import Size
from vpuformer.errors import ConfigError, ImageError, PromptError
from vpuformer.formats.annotated_image import AnnotatedImage, LabelledMask
from vpuformer.formats.coco_masks import decode_mask, encode
from vpuformer.formats.image_folder import ImageFolder
from vpuformer.formats.prompted import NO_OBJECT_LEFT, PromptedImage, Unanswered
from vpuformer.images import image_size, read_image
from vpuformer.images.addresses import as_window
from vpuformer.inference.protocol import Query, Segmenter

_AHEAD = 4
"""Images a thread that are begun, or done and not yet taken."""

_PIXELS = 32_000_000
"""Pixels of the masks that are computed together: 4 bytes each, and as much again while they are."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer for one image."""

    asked: PromptedImage
    size: Size | None
    """(height, width); None for an image that is left out."""
    runs: Sequence[bytes | None] = ()
    """Compressed run lengths of each object's mask; None for an object that is left out."""
    unanswered: Sequence[Unanswered] = ()


def predict(
    images: Iterable[PromptedImage],
    segmenter: Segmenter,
    *,
    folder: str | os.PathLike[str] = ".",
    window: tuple[float, float] | None = None,
    workers: int = 1,
    on_unanswered: Callable[[Unanswered], object] | None = None,
) -> Iterator[AnnotatedImage]:
    """Segment the prompted objects of images, and yield the images in their order.

    An image is encoded once. Its masks depend on the image and its prompts alone, whatever comes before or after it.
    Few images are in memory at a time, with compressed masks; `vpuformer.formats.export` writes what comes out.

    Args:
        images: taken when their turn comes. Images and objects without an id are numbered from 1.
        segmenter: what to ask.
        folder: the folder of the images; links out of it are not followed.
        window: centre and width of the values that images of more than 8 bits are shown in, in the unit of the files;
            by default what each file asks for.
        workers: threads, for a segmenter that several threads may use. One with `threads=1` computes most with one
            worker for each core.
        on_unanswered: called for every image and object that is left out, with the reason: the image is missing or
            broken, a prompt lies outside, or each object of the image is left out.

    Raises:
        ConfigError: `workers` is below 1, or the window is not one.
        DatasetError: there is no such folder.
    """
    image_numbers, object_numbers = count(1), count(1)
    for answer in answers(images, segmenter, ImageFolder(folder, as_window(window)), workers=workers):
        for each in answer.unanswered:
            if on_unanswered is not None:
                on_unanswered(each)
        if answer.size is not None:
            asked = answer.asked
            things = [
                (next(object_numbers) if each.id is None else each.id, each.label, runs)
                for each, runs in zip(asked.objects, answer.runs, strict=True)
                if runs is not None
            ]
            yield annotated(
                asked.image,
                answer.size,
                next(image_numbers) if asked.id is None else asked.id,
                lambda things=things: things,
            )


def annotated(
    image: str, size: Size, image_id: int, things: Callable[[], Iterable[tuple[int, str | None, bytes]]]
) -> AnnotatedImage:
    """An image whose objects (id, label, compressed run lengths) are decoded one by one."""

    def masks() -> Iterator[LabelledMask]:
        for object_id, label, runs in things():
            yield LabelledMask(decode_mask(runs, size), label, object_id)

    return AnnotatedImage(image, size[1], size[0], masks, image_id)


def answers(
    images: Iterable[PromptedImage], segmenter: Segmenter, folder: ImageFolder, *, workers: int = 1
) -> Iterator[Answer]:
    """The answers for the images, in their order; see `predict`."""
    if workers < 1:
        raise ConfigError(f"workers is at least 1, got {workers}")
    threads = ThreadPoolExecutor(workers, "predict")
    running: deque[Future[Answer]] = deque()
    try:
        for image in images:
            running.append(threads.submit(answer_image, image, segmenter, folder))
            if len(running) > _AHEAD * workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        threads.shutdown(cancel_futures=True)


def answer_image(asked: PromptedImage, segmenter: Segmenter, folder: ImageFolder) -> Answer:
    """The answer for one image."""
    try:
        path = folder.path_of(asked.image)
        if not asked.objects:
            return Answer(asked, image_size(path))
        pixels = read_image(path)
    except ImageError as error:
        return Answer(asked, None, unanswered=[Unanswered(asked.image, str(error))])
    pixels.setflags(write=False)
    encoded = segmenter.encode(pixels)
    queries: list[Query | None] = []
    unanswered: list[Unanswered] = []
    for each in asked.objects:
        try:
            queries.append(Query(encoded, each.prompts))
        except PromptError as error:
            queries.append(None)
            unanswered.append(Unanswered(asked.image, str(error), "object", each.id))
    if len(unanswered) == len(queries):
        return Answer(asked, None, unanswered=[*unanswered, Unanswered(asked.image, NO_OBJECT_LEFT)])
    asking = iter(_segmented(segmenter, [query for query in queries if query is not None]))
    return Answer(asked, encoded.size, [None if query is None else next(asking) for query in queries], unanswered)


def _segmented(segmenter: Segmenter, queries: Sequence[Query]) -> Iterator[bytes]:
    """The compressed masks of queries about one image."""
    height, width = queries[0].encoded.size
    together = max(1, _PIXELS // (height * width))
    for start in range(0, len(queries), together):
        for prediction in segmenter.segment(queries[start : start + together]):
            yield encode(prediction.mask)
