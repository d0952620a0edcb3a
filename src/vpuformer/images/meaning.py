"""Meaning of the values of a mask, decided from the values alone, for files and arrays.

* **Binary**: bool, or two values, one of them 0, on any scale.
* **Probabilities**: floats in 0..1; and integers of 8 or 16 bits that are a grey ramp, on the scale of their type.
* **Labels**: other integers, also where they are stored as floats. What is 0 or below is background, and every other
  value an object. One label alone is a binary mask.

Colours whose channels agree are grey; others are labels. Where the colours say nothing, the mask is in the alpha
channel.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import BoolMask, FloatMap, row_strips
from vpuformer.errors import MaskError, listed
from vpuformer.metrics import MASK_THRESHOLD

Values = npt.NDArray[Any]

VOC_IGNORE = 255
"""Palette index that PASCAL VOC ignores: the border around objects."""

_TOLERANCE = 1e-3
"""Excess of probabilities over 0..1 that is accepted, as from resampling or half precision."""

_MOST_COLOURS = 256
"""A map of labels has no more; a photograph has."""

_LOWEST_RAMP = 1 / 8
"""Share of the scale that a grey ramp reaches at least; labels are small numbers."""

_ALIKE = 0.75
"""Share of equal neighbours. On the training sets, label maps have at least 0.82, and 99 % of masks blurred by 12 px
less than 0.62."""

_MANY = 64
"""Values from which on small steps make a gradient."""

_GENTLE = 1 / 16
"""Height of a small step, as a share of the largest value."""


@dataclass(frozen=True, eq=False, slots=True)
class Meaning:
    """A mask as it is to be understood.

    Attributes:
        kind: "binary", "probabilities" or "labels".
        values: shape (H, W): bool, float32 in 0..1, or the integers that are the labels.
        taken: what the values were taken as, such as "2 labels: 1, 2"; a noun phrase.
        labels: the labels, ascending; more than one, or none if `kind` is another.
        label: the value of a binary mask's object, where that is a whole number.
        ignored: pixels that are neither object nor background, bool (H, W); None without any.
        colours: hexadecimal digits of a label that is a colour; 0 for other labels.
    """

    kind: Literal["binary", "probabilities", "labels"]
    values: Values
    taken: str
    labels: tuple[int, ...] = ()
    colours: int = 0
    label: int | None = None
    ignored: BoolMask | None = None

    @property
    def foreground(self) -> BoolMask:
        """All that is not background: any label, or probabilities above `MASK_THRESHOLD`."""
        return self.values > (MASK_THRESHOLD if self.kind == "probabilities" else 0)

    def probability(self, name: str, label: int | None = None) -> FloatMap:
        """The object as probabilities in 0..1; with several labels, that of `label`.

        Raises:
            MaskError: there are several labels and none was chosen, or the chosen one is not among them.
        """
        if self.kind != "labels":
            if label is not None and label != self.label:
                raise MaskError(f"{name} has no label {self.named(label)}, it holds {self.taken}; choose none")
            return self.values.astype(np.float32, copy=False)
        if label is None:
            raise MaskError(f"{name} holds {self.taken}; choose one of them")
        if label not in self.labels:
            raise MaskError(f"{name} has no label {self.named(label)}, it holds {self.taken}; choose one of these")
        return (self.values == label).astype(np.float32)

    def objects(self) -> Iterator[tuple[int | None, BoolMask]]:
        """Every object with its label; one object with the label None if the mask has no labels."""
        if self.kind == "labels":
            for label in self.labels:
                yield label, self.values == label
        else:
            yield None, self.foreground

    def named(self, label: int) -> str:
        """A label as people write it.

        >>> Meaning("labels", np.zeros((1, 1)), "", (), 6).named(128), meaning_of(np.ones((1, 1))).named(3)
        ('#000080', '3')
        """
        return _named(label, self.colours)


def coverage(mask: BoolMask) -> str | None:
    """A remark on a mask that is empty or full; None for any other.

    >>> coverage(np.array([[True, True]])), coverage(np.array([[True, False]]))
    ('every pixel is object', None)
    """
    if not mask.any():
        return "no pixel is object"
    return "every pixel is object" if mask.all() else None


def meaning_of(values: Values, alpha: Values | None = None, *, palette: bool = False) -> Meaning:
    """What the values of a mask mean.

    >>> meaning_of(np.array([[0, 200]], np.uint8)).taken
    'a binary mask of 0 and 200'
    >>> meaning_of(np.array([[0, 1], [2, 2]], np.uint8)).taken
    '2 labels: 1, 2'
    >>> meaning_of(np.array([[0, 3], [128, 255]], np.uint8)).taken
    'probabilities, 0 to 255 standing for 0 to 1'

    Args:
        values: bool or numbers, shape (H, W), or (H, W, 3) of colours; at least one pixel.
        alpha: shape (H, W), if there is an alpha channel.
        palette: the values are indices of one.

    Raises:
        MaskError: the values are floats that are neither probabilities nor labels, or more colours than a map of labels
            has, or no numbers.
    """
    if alpha is not None and alpha.min() < alpha.max():
        return _beside_alpha(values, alpha)
    if values.ndim == 3:
        if not np.array_equal(values, np.broadcast_to(values[:, :, :1], values.shape)):
            return _of_colours(values)
        values = values[:, :, 0]
    if values.dtype == np.bool_:
        return Meaning("binary", values, "a binary mask", label=1)
    if not (np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)):
        raise MaskError(
            f"the mask is of type {values.dtype}; a mask is of bool, of probabilities in 0..1, or of labels"
        )
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise MaskError(
            f"the mask holds floats from {low:g} to {high:g}, wanted probabilities in 0..1; replace what is not a"
            " number"
        )
    if low == 0 and _holds_only(values, low, high):
        taken = f"a binary mask of 0 and {high:g}" if high else "a mask of 0 alone"
        return Meaning("binary", values > 0, taken, label=int(high) if high == int(high) else None)
    if np.issubdtype(values.dtype, np.floating):
        return _of_floats(values, float(low), float(high))
    if not palette and is_soft(values):
        top = np.iinfo(values.dtype).max
        probabilities = values.astype(np.float32) / np.float32(top)
        return Meaning("probabilities", probabilities, f"probabilities, 0 to {top} standing for 0 to 1")
    return _of_labels(values, palette=palette)


def _holds_only(values: Values, low: Any, high: Any) -> bool:
    """Whether every value is one of these two."""
    strips = row_strips((values.shape[0], values.shape[1]))  # most masks have others in the first strips
    return all(((values[rows] == low) | (values[rows] == high)).all() for rows in strips)


def _of_floats(values: Values, low: float, high: float) -> Meaning:
    if low >= -_TOLERANCE and high <= 1 + _TOLERANCE:
        floats = values.astype(np.float32)
        return Meaning("probabilities", floats.clip(0, 1) if low < 0 or high > 1 else floats, "probabilities in 0..1")
    if low >= -1 and high < 2**53 and (values == np.rint(values)).all():
        return _of_labels(values.astype(np.int64), palette=False)
    advice = "pass logits through a sigmoid" if low < 0 or high < 100 else f"divide by {high:g}, or by the full scale"
    raise MaskError(f"the mask holds floats from {low:g} to {high:g}, wanted probabilities in 0..1; {advice}")


def _of_labels(values: Values, *, palette: bool) -> Meaning:
    found = [int(value) for value in np.unique(values)]
    labels = [value for value in found if value > 0]
    remarks, ignored = ["indices of a palette"] if palette else [], None
    if found[0] < 0:
        remarks.append("values below 0 are background")
    if palette and VOC_IGNORE in labels and len(labels) > 1:
        labels.remove(VOC_IGNORE)
        ignored = values == VOC_IGNORE
        remarks.append(f"{VOC_IGNORE} is ignored, as in PASCAL VOC")
    tail = f" ({'; '.join(remarks)})" if remarks else ""
    if len(labels) > 1:
        return Meaning("labels", values, f"{_counted(labels)}{tail}", tuple(labels), ignored=ignored)
    if not labels:
        return Meaning("binary", np.zeros(values.shape, np.bool_), f"no label{tail}")
    return Meaning("binary", values == labels[0], f"one label, {labels[0]}{tail}", label=labels[0], ignored=ignored)


def _of_colours(colours: Values) -> Meaning:
    if not np.issubdtype(colours.dtype, np.unsignedinteger):
        raise MaskError(f"the mask holds colours of type {colours.dtype}; labels that are colours are of 8 or 16 bits")
    digits = 2 * colours.dtype.itemsize
    bits = np.uint64(4 * digits)
    packed = np.zeros(colours.shape[:2], np.uint64)
    for channel in range(3):
        packed = packed << bits | colours[:, :, channel]
    labels = tuple(int(value) for value in np.unique(packed) if value)
    if len(labels) > _MOST_COLOURS:
        raise MaskError(
            f"the mask has {len(labels):,} colours, as a photograph or a JPEG does; a map of labels has at most"
            f" {_MOST_COLOURS}: write it as PNG, with a value or a colour a label"
        )
    if len(labels) == 1:
        return Meaning("binary", packed > 0, f"one label, {_named(labels[0], 3 * digits)}", label=labels[0])
    return Meaning("labels", packed, _counted(labels, 3 * digits), labels, 3 * digits)


def _beside_alpha(values: Values, alpha: Values) -> Meaning:
    visible = alpha > 0
    seen = values[visible]
    plain = (seen == seen[:1]).all()
    if not plain:
        hidden = visible if values.ndim == 2 else visible[:, :, None]
        try:
            return meaning_of(np.where(hidden, values, values.dtype.type(0)))
        except MaskError:  # a photograph that was cut out
            pass
    found = meaning_of(alpha)
    taken = f"{found.taken}, in the alpha channel"
    return replace(found, taken=taken)


def is_soft(values: Values) -> bool:
    """Whether these are grey values that change from pixel to pixel, and not labels of areas.

    They are of 8 or 16 bits and reach `_LOWEST_RAMP` of that scale. Off the background and outside the largest area few
    neighbours are equal; or there are many values, and most steps between neighbours are small.

    >>> ramp = np.array([[0, 70, 180, 255]] * 4, np.uint8)
    >>> is_soft(ramp), is_soft(np.repeat(ramp, 4, axis=1))
    (True, False)
    """
    found, counts = np.unique(values[values > 0], return_counts=True)
    if values.dtype not in (np.uint8, np.uint16) or len(found) < 2:
        return False
    if found[-1] < _LOWEST_RAMP * np.iinfo(values.dtype).max:
        return False
    main = found[counts.argmax()]
    same = pairs = gentle = steps = 0
    for one, other in ((values[1:], values[:-1]), (values[:, 1:], values[:, :-1])):
        inside = (one > 0) & (other > 0) & ((one != main) | (other != main))
        pairs += np.count_nonzero(inside)
        same += np.count_nonzero(inside & (one == other))
        heights = np.maximum(one, other) - np.minimum(one, other)
        steps += np.count_nonzero(heights)
        gentle += np.count_nonzero((heights > 0) & (heights <= _GENTLE * int(found[-1])))
    return bool(same < _ALIKE * pairs or (len(found) >= _MANY and 3 * gentle > 2 * steps))


def _named(label: int, colours: int) -> str:
    return f"#{label:0{colours}x}" if colours else str(label)


def _counted(labels: "list[int] | tuple[int, ...]", colours: int = 0) -> str:
    return f"{len(labels)} labels: {listed(_named(label, colours) for label in labels)}"
