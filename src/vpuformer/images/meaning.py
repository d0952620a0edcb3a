"""What the values of a mask mean: decided from the values alone, by one rule for files and arrays.

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

from vpuformer.arrays import BoolMask, FloatMap
from vpuformer.errors import MaskError, listed
from vpuformer.metrics import MASK_THRESHOLD

Values = npt.NDArray[Any]

VOC_IGNORE = 255
"""Index of a palette that PASCAL VOC leaves open: the border around objects."""

_TOLERANCE = 1e-3
"""How far a probability may lie outside 0..1: what resampling and half precision leave behind."""

_MOST_COLOURS = 256
"""A map of labels has no more; a photograph has."""

_LOWEST_RAMP = 1 / 8
"""Share of the scale that a grey ramp reaches at least; labels are small numbers."""

_GENTLE = 1 / 16
"""The height of a small step of a ramp, as a share of its largest value."""


@dataclass(frozen=True, eq=False, slots=True)
class Meaning:
    """A mask as it is to be understood.

    Attributes:
        kind: "binary", "probabilities" or "labels".
        values: shape (H, W): bool, float32 in 0..1, or the integers that are the labels.
        taken: what the values were taken as, such as "2 labels: 1, 2"; a noun phrase.
        labels: the labels, ascending; more than one, or none if `kind` is another.
        label: the value of a binary mask's object, where that is a whole number.
        colours: hexadecimal digits of a label that is a colour; 0 for other labels.
    """

    kind: Literal["binary", "probabilities", "labels"]
    values: Values
    taken: str
    labels: tuple[int, ...] = ()
    colours: int = 0
    label: int | None = None

    @property
    def foreground(self) -> BoolMask:
        """Everything that is not background: labels of any value, probabilities above `MASK_THRESHOLD`."""
        return self.values > (MASK_THRESHOLD if self.kind == "probabilities" else 0)

    def probability(self, name: str, label: int | None = None) -> FloatMap:
        """The object as probabilities in 0..1, that of `label` where there are several. A single label may be chosen.

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
    """What there is to be said of a mask of no pixel, or of every pixel; None for any other.

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
    if low == 0 and ((values == 0) | (values == high)).all():
        taken = f"a binary mask of 0 and {high:g}" if high else "a mask of 0 alone"
        return Meaning("binary", values > 0, taken, label=int(high) if high == int(high) else None)
    if np.issubdtype(values.dtype, np.floating):
        return _of_floats(values, float(low), float(high))
    if not palette and _is_ramp(values):
        top = np.iinfo(values.dtype).max
        probabilities = values.astype(np.float32) / np.float32(top)
        return Meaning("probabilities", probabilities, f"probabilities, 0 to {top} standing for 0 to 1")
    return _of_labels(values, palette=palette)


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
    remarks = ["indices of a palette"] if palette else []
    if found[0] < 0:
        remarks.append("values below 0 are background")
    if palette and VOC_IGNORE in labels and len(labels) > 1:
        labels.remove(VOC_IGNORE)
        remarks.append(f"{VOC_IGNORE} is ignored, as in PASCAL VOC")
    tail = f" ({'; '.join(remarks)})" if remarks else ""
    if len(labels) > 1:
        return Meaning("labels", values, f"{_counted(labels)}{tail}", tuple(labels))
    if not labels:
        return Meaning("binary", np.zeros(values.shape, np.bool_), f"no label{tail}")
    return Meaning("binary", values == labels[0], f"one label, {labels[0]}{tail}", label=labels[0])


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


def _is_ramp(values: Values) -> bool:
    """Whether integers change as the grey of a soft mask does, and not as labels do.

    Of a soft mask, values between 0 and the largest one lie on edges alone, or change in small steps. Labels fill areas
    with steps between them.
    """
    if values.dtype not in (np.uint8, np.uint16):
        return False
    largest = int(values.max())
    if largest < _LOWEST_RAMP * np.iinfo(values.dtype).max:
        return False
    between = (values > 0) & (values < largest)
    if 2 * np.count_nonzero(_in_squares(values) & between) < np.count_nonzero(between):
        return True
    gentle = steps = 0
    for one, other in ((values[:, 1:], values[:, :-1]), (values[1:], values[:-1])):
        heights = np.maximum(one, other) - np.minimum(one, other)
        steps += np.count_nonzero(heights)
        gentle += np.count_nonzero((heights > 0) & (heights <= _GENTLE * largest))
    return bool(3 * gentle > 2 * steps)


def _in_squares(values: Values) -> BoolMask:
    """The pixels that belong to a square of 2 x 2 pixels of one value."""
    first = values[:-1, :-1]
    same = (first == values[:-1, 1:]) & (first == values[1:, :-1]) & (first == values[1:, 1:])
    found = np.zeros(values.shape, np.bool_)
    for rows in (slice(0, -1), slice(1, None)):
        for columns in (slice(0, -1), slice(1, None)):
            found[rows, columns] |= same
    return found


def _named(label: int, colours: int) -> str:
    return f"#{label:0{colours}x}" if colours else str(label)


def _counted(labels: "list[int] | tuple[int, ...]", colours: int = 0) -> str:
    return f"{len(labels)} labels: {listed(_named(label, colours) for label in labels)}"
