"""Masks of imported boxes, from the network, before anybody opens their images."""

import time
from collections.abc import Callable, Sequence

from vpuformer.app.annotation.answering import as_network_answer
from vpuformer.app.annotation.loaded_object import LoadedObject
from vpuformer.app.images.folder import Folder
from vpuformer.app.images.gallery import check_size
from vpuformer.app.store.store import Store
from vpuformer.images import read_image
from vpuformer.inference.protocol import Query, Segmenter
from vpuformer.prompts import prompt_from_dict

_MOST = 16
"""Boxes that pass the network together."""

_PIXELS = 20_000_000
"""Pixels of all masks that pass the network together, if there is more than one."""


class BoxAnswers:
    """Answers boxes of one image at a time, so that a single image is in memory.

    Args:
        segmenter: returns the segmenter; called once, for the first box.
    """

    def __init__(self, folder: Folder, store: Store, segmenter: Callable[[], Segmenter]) -> None:
        self._folder, self._store, self._load = folder, store, segmenter
        self._segmenter: Segmenter | None = None

    def __call__(self, image: str, objects: Sequence[int]) -> int:
        """Answer the first step, a box, of objects on an image. Return how many were answered.

        An object that a person has begun to work on is left to the page.

        Raises:
            ImageError: the image cannot be read, or has another size than its boxes were drawn on.
            Exception: whatever the segmenter raises; boxes that have their answer keep it.
        """
        loaded = (LoadedObject(self._store, *self._store.history(each)) for each in objects)
        unanswered = [each for each in loaded if each.waits and not each.row.deleted]
        if not unanswered:
            return 0
        waiting = [(each.steps[0].id, prompt_from_dict(each.steps[0].content)) for each in unanswered]
        pixels = read_image(self._folder.path_of(image))
        check_size(image, (pixels.shape[0], pixels.shape[1]), self._store.image(unanswered[0].row.image).size)
        self._segmenter = self._segmenter or self._load()
        encoded = self._segmenter.encode(pixels)
        together = max(1, min(_MOST, _PIXELS // (encoded.size[0] * encoded.size[1])))
        for first in range(0, len(waiting), together):
            batch = waiting[first : first + together]
            begun = time.perf_counter()
            predictions = self._segmenter.segment([Query(encoded, [box]) for _, box in batch])
            seconds = (time.perf_counter() - begun) / len(batch)
            for (step, _), prediction in zip(batch, predictions, strict=True):
                self._store.answer(
                    step, as_network_answer(prediction, prediction.mask, seconds, self._segmenter.sha256)
                )
        return len(waiting)
