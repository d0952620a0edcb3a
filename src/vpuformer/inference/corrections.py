"""The network's answer, corrected.

Changes stay near the new prompts (`steady`), and every prompt is on the right side of the outline (`honoured`).
"""

from collections.abc import Sequence
from functools import reduce
from math import sqrt

import numpy as np

from vpuformer.arrays import BoolMask, FloatMap
from vpuformer.geometry import Crop
from vpuformer.inference.honoured import honoured, is_honoured, put_right, shown_pixels
from vpuformer.inference.looks import Look, Seen
from vpuformer.inference.pixels import changed_logits
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Query
from vpuformer.inference.raster import Raster
from vpuformer.inference.steady import refused_changes, yielding
from vpuformer.metrics import MASK_THRESHOLD


def corrected(query: Query, before: Seen | None, looks: Sequence[Look]) -> Prediction:
    """The last look, with changes near the new prompts, and with every prompt on its side.

    It is empty if nobody has shown an object: negative prompts alone take away from nothing. Answers are compared on a
    raster (`vpuformer.inference.raster`); a small image is its own.

    Args:
        query: the question.
        before: its previous answer.
        looks: at least one, in their order.
    """
    answer, size = looks[-1].prediction, query.encoded.size
    assert answer.logits is not None
    kept = None if before is None else before.kept
    if kept is None and not any(prompt.positive for prompt in query.prompts):
        return Prediction.from_logits(answer.logits, answer.crop, size, np.zeros(size, bool))
    base = before if kept is not None and query.new else None  # of which some is to be kept
    part = answer.crop if base is None or kept is None else reduce(Crop.union, (look.crop for look in looks), kept)
    raster = Raster.over(part, size, answer.crop, max(answer.logits.shape))
    own, new = answer.on(raster), raster.prompts(query.new_prompts)
    earlier = None if base is None else base.prediction.on(raster)
    shown = shown_pixels(raster.prompts(query.prompts), raster.size, earlier, len(new))
    looked, values, wrong = own, own, 0
    mask: BoolMask | None = None  # where it differs from that of the answer
    changed: BoolMask | None = None
    if earlier is not None and kept is not None:
        looked, within = _looked(looks, kept, raster)
        refused = refused_changes(
            looked,
            earlier,
            new,
            looked_at=query.crop and raster.cells(query.crop),
            seen=raster.cells(answer.crop),
            within=within,
            only_here=query.only_here,
        )
        if refused is not None:
            mask, changed = refused, refused.copy()
            values = earlier if query.only_here else yielding(earlier, looked, refused)
            mask[within.slices] ^= looked[within.slices] > MASK_THRESHOLD
    if not is_honoured(values if mask is None else mask, shown):
        merged = values if changed is None else np.where(changed, values, looked)
        extent = sqrt(answer.crop.width * answer.crop.height) / raster.factor
        values, wrong = honoured(merged, shown, extent)
        mask, changed, looked = values > MASK_THRESHOLD, values != own, values
    logits = answer.logits
    if changed is not None:
        cells = raster.cells(answer.crop).slices
        logits = changed_logits(logits, own[cells], values[cells], changed[cells])
    if raster.factor > 1:
        merged = looked if changed is None else np.where(changed, values, looked)
        lasting = None if base is None else base.prediction.kept_mask
        mask = raster.lifted(answer.kept_mask if lasting is None else lasting, merged)
        put_right(mask, shown_pixels(query.prompts, size, lasting, len(query.new_prompts)))
    elif mask is None and raster.whole:
        return answer
    elif mask is None:  # so that what follows does so from what is stored, to the bit
        mask = answer.kept_mask
    else:
        mask = raster.placed(mask, size)
    return Prediction.from_logits(logits, answer.crop, size, mask, corrected=wrong)


def _looked(looks: Sequence[Look], kept: Crop, raster: Raster) -> tuple[FloatMap, Crop]:
    """The last probability that a look gave each cell, and the cells outside which there is no object, nor was one.

    Outside the crop of a look, an earlier one can only say that there is background.
    """
    looked, part = looks[0].prediction.on(raster), looks[0].crop.union(kept)
    for look in looks[1:]:
        probability = np.zeros(looked.shape, np.float32)  # zeros_like would write all of it
        before, inside = raster.cells(part).slices, raster.cells(look.crop).slices
        np.minimum(looked[before], np.float32(MASK_THRESHOLD), out=probability[before])
        probability[inside] = look.prediction.on(raster)[inside]
        looked, part = probability, part.union(look.crop)
    return looked, raster.cells(part)
