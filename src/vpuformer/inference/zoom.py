"""The crop that the network sees next, and the prompts in it.

After the first answer the object is known roughly, and a crop around it shows the network more of its boundary than
the whole image does. The rule is that of RITM's zoom-in (Sofiiuk et al., 2022), with four differences: the crop
contains every positive prompt, where RITM knows only clicks, so that a box or a scribble is never cut off; at the edge
of the image a small crop is moved inwards instead of being cut off; it is drawn closer around the object, and sooner
drawn anew; and the network looks again where its answer calls for another crop (`View.refine`). RITM's numbers
(`RULES["ritm"]`) come from clicks on objects of several hundred pixels; `benchmarks/zoom.py` measures others on the
validation split.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from typing import NamedTuple, Self

from vpuformer.arrays import Size
from vpuformer.errors import ConfigError, unknown_name
from vpuformer.fields import check_fields
from vpuformer.geometry import Crop, check_input_size
from vpuformer.inference.encoded import EncodedImage
from vpuformer.inference.looks import Look, Seen
from vpuformer.inference.raster import snapped
from vpuformer.prompts import Box, Extent, Prompt, clip, encloses, intersection


@dataclass(frozen=True, slots=True)
class ZoomRule:
    """The numbers of the rule.

    Raises:
        ConfigError: one of them is of another type or out of range.
    """

    expansion: float = 1.2
    """Width and height of the crop, in those of what it contains; at least 1."""
    min_side: int = 80
    """In pixels; along an axis on which the image is smaller, all of it is taken."""
    keep_iou: float = 0.85
    """The previous crop is kept while its intersection over union with the new one is at least this."""
    looks: int = 3
    """Largest number of passes for one prompt. In a second one the network refines its answer if that calls for
    another crop. While the object comes too near an inner border of the crop, a wider crop follows, at last the image.
    """
    inner_margin: float = 0.01
    """Least distance of the object from an inner border of the crop, in the crop's width or height; below 0, the
    object may touch it."""
    widening: float = 0.5
    """How far such a border is moved outwards, in the crop's width or height; at least 0."""

    def __post_init__(self) -> None:
        check_fields(self)
        least = min(self.expansion, self.min_side, self.looks)
        if not (least >= 1 and 0 <= self.keep_iou <= 1 and self.widening >= 0):
            raise ConfigError(
                "a zoom rule has an expansion, a least side and a number of looks of at least 1, an IoU from 0 to 1,"
                f" and a widening of at least 0, got {self}"
            )


RULES: Mapping[str, ZoomRule] = {
    "ours": ZoomRule(),
    "ritm": ZoomRule(expansion=1.4, min_side=200, keep_iou=0.5, looks=1),
}
"""By name: ours, and that of RITM, SimpleClick and the paper, with one pass a prompt."""


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """Settings of the views that a network gets.

    Raises:
        ConfigError: a field is of another type, or `input_size` out of range.
    """

    zoom: ZoomRule | None = RULES["ours"]
    """None: always the whole image."""
    flip: bool = False
    """Show the network the mirror image of each view as well, and average the logits, as RITM does."""
    input_size: int | None = None
    """Side of the square that the network sees, in pixels. None for the size of its training."""
    steady: bool = True
    """Keep pixels far from a new prompt unless the network is surer of them than before, put every prompt on the right
    side of the outline, and begin afresh where a box around the object says so. False: the network's answer as it is,
    as in the field's protocol."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.input_size is not None:
            check_input_size(self.input_size)

    def to_options(self) -> dict[str, str | int | float | bool | None]:
        """The settings for the header of a run: whether to zoom, and all that is not default.

        >>> ViewSettings(zoom=RULES["ritm"], flip=True).to_options()
        {'zoom': True, 'zoom_rule': 'ritm', 'flip': True}

        Raises:
            ConfigError: the zoom rule has no name.
        """
        options: dict[str, str | int | float | bool | None] = {"zoom": self.zoom is not None}
        if self.zoom not in (None, RULES["ours"]):
            names = [name for name, rule in RULES.items() if rule == self.zoom]
            if not names:
                raise ConfigError(f"{self.zoom} has no name; choose one of the rules {', '.join(RULES)}")
            options["zoom_rule"] = names[0]
        if self.flip:
            options["flip"] = True
        if self.input_size is not None:
            options["input_size"] = self.input_size
        if not self.steady:
            options["steady"] = False
        return options

    @classmethod
    def from_options(cls, options: Mapping[str, str | int | float | bool | None]) -> Self:
        """The inverse of `to_options`.

        Raises:
            ConfigError: there is no such rule, or a size is out of range.
        """
        rule, size = str(options.get("zoom_rule", "ours")), options.get("input_size")
        if rule not in RULES:
            raise ConfigError(unknown_name("zoom rule", rule, RULES))
        zoom = RULES[rule] if options.get("zoom", True) else None
        return cls(
            zoom,
            bool(options.get("flip", False)),
            None if size is None else int(size),
            bool(options.get("steady", True)),
        )


USUAL = ViewSettings()
"""The settings of `Predictor` and of the annotation server."""


class View(NamedTuple):
    """The input of the network for one object in one pass."""

    encoded: EncodedImage
    crop: Crop
    """The part of the image that is shown."""
    prompts: tuple[Prompt, ...]
    """The prompts in the crop, in image pixels."""
    mask: Seen | Look | None
    """The mask so far: the previous answer, or that of a look."""
    all_prompts: Sequence[Prompt]
    """All prompts of the object, in image pixels."""

    @classmethod
    def choose(
        cls,
        encoded: EncodedImage,
        prompts: Sequence[Prompt],
        mask: Seen | None,
        previous: Crop | None = None,
        rule: ZoomRule | None = RULES["ours"],
    ) -> "View":
        """The view in the crop of `next_crop`; without a rule, of the whole image.

        >>> import numpy as np
        >>> View.choose(EncodedImage(np.zeros((30, 40, 3), np.uint8)), [], None).crop
        Crop(left=0, top=0, width=40, height=30)
        """
        size = encoded.size
        around = None if mask is None else mask.object_around()
        prompts = with_object_shown(prompts, around)
        crop = Crop.whole(size) if rule is None else next_crop(size, around, prompts, previous, rule)
        return cls(encoded, crop, prompts_in_crop(prompts, crop), mask, prompts)

    def refine(self, answer: Look, look: int, rule: ZoomRule | None = RULES["ours"]) -> "View | None":
        """The view for another look after the `look`-th one, if the rule calls for it.

        A first answer comes from the whole image; a look at the object itself, before anybody corrects what could
        not be seen, makes it better. The next prompt needs the features of this crop anyway. An object that reaches an
        inner border of the crop may go on beyond it: it is looked at again in a wider crop, and at the last look in
        the whole image, so that no outline is cut off in a straight line.
        """
        if rule is None or look >= rule.looks:
            return None
        size, around = self.encoded.size, answer.object_around()
        wider = None if around is None else widened(self.crop, around, size, rule)
        if wider is None:
            if look > 1:
                return None
            crop = next_crop(size, around, self.all_prompts, self.crop, rule)
        else:
            crop = wider if look < rule.looks - 1 else Crop.whole(size)
        if crop == self.crop:
            return None
        return View(self.encoded, crop, prompts_in_crop(self.all_prompts, crop), answer, self.all_prompts)


def widened(crop: Crop, around: Crop, size: Size, rule: ZoomRule = RULES["ours"]) -> Crop | None:
    """The crop, wider where the object comes too near an inner border; None if it does not.

    >>> widened(Crop(300, 300, 400, 300), Crop(left=300, top=400, width=300, height=100), (1000, 1000))
    Crop(left=100, top=300, width=600, height=300)

    Args:
        crop: of the answer.
        around: the rectangle around the object.
        size: height and width of the image.
        rule: the numbers.
    """
    height, width = size
    left, right = _widened(crop.left, crop.width, around.left, around.width, width, rule)
    top, bottom = _widened(crop.top, crop.height, around.top, around.height, height, rule)
    wider = snapped(Crop(left, top, right - left, bottom - top), size)
    return None if wider == crop else wider


def _widened(first: int, side: int, inner: int, inner_side: int, length: int, rule: ZoomRule) -> tuple[int, int]:
    """First pixel and end of a crop along an axis of `length`, around an object from `inner` on."""
    margin, step = rule.inner_margin * side, ceil(rule.widening * side)
    end = first + side
    low = max(first - step, 0) if inner - first <= margin else first
    high = min(end + step, length) if end - (inner + inner_side) <= margin else end
    return low, high


def next_crop(
    size: Size,
    around: Crop | None,
    prompts: Iterable[Prompt],
    previous: Crop | None = None,
    rule: ZoomRule = RULES["ours"],
) -> Crop:
    """The crop for the next pass of the network.

    It is the bounding box of the object so far (probability above 0.5) and of all positive prompts, expanded about its
    centre, cut off at the edges of the image, and at least `rule.min_side` pixels wide and high. In a large image, the
    edges of a large crop lie on multiples of `raster.STEP`. Without an object, as before the first answer, it is the
    whole image: prompts alone do not show how far an object reaches.

    A crop that moved with every prompt would show the network another image each time. So the previous one is kept
    unless the object or a positive prompt reaches outside it, or it has become too large or too small.

    >>> around = Crop(left=300, top=400, width=300, height=100)
    >>> next_crop((1000, 1000), around, [])
    Crop(left=270, top=390, width=360, height=120)
    >>> from vpuformer.prompts import Click
    >>> next_crop((1000, 1000), around, [Click(900, 450)])
    Crop(left=239, top=390, width=723, height=120)

    Args:
        size: height and width of the image.
        around: the rectangle around the object so far; None without one.
        prompts: all prompts so far, in image pixels and within the image (`prompts.fit_to_image`).
        previous: the crop of the answer so far.
        rule: the numbers.
    """
    whole = Crop.whole(size)
    if around is None:
        return whole
    extents = [around.edges, *(_prompt_extent(prompt) for prompt in prompts if prompt.positive)]
    needed = intersection(_around(extents), whole.edges)
    left, width = _expanded(needed[0], needed[2], whole.width, rule)
    top, height = _expanded(needed[1], needed[3], whole.height, rule)
    wanted = snapped(Crop(left, top, width, height), size)
    if previous is None or not encloses(whole.edges, previous.edges):
        return wanted
    return previous if encloses(previous.edges, needed) and _iou(wanted, previous) >= rule.keep_iou else wanted


def with_object_shown(prompts: Sequence[Prompt], around: Crop | None) -> Sequence[Prompt]:
    """The prompts, after the box around an object that no positive one shows.

    Every object of training has a positive prompt. From a mask alone, or with negative prompts, as for a mask from
    elsewhere, the network would take parts of it only (`benchmarks/given_masks.py`).

    >>> from vpuformer.prompts import Click
    >>> with_object_shown([Click(3, 3, positive=False)], Crop(2, 1, 4, 3))[0]
    Box(x0=1.5, y0=0.5, x1=5.5, y1=3.5, positive=True)

    Args:
        prompts: all of them, oldest first.
        around: the rectangle around the object so far; None without one.
    """
    if around is None or any(prompt.positive for prompt in prompts):
        return prompts
    return (Box(*around.edges), *prompts)


def prompts_in_crop(prompts: Iterable[Prompt], crop: Crop) -> tuple[Prompt, ...]:
    """The prompts as far as they lie in the crop, in their order, still in image pixels.

    Boxes and scribbles that cross its edge are clipped (`prompts.clip`). Prompts wholly outside are left out; they are
    negative, if the crop comes from `next_crop`.

    >>> from vpuformer.prompts import Box, Click
    >>> prompts_in_crop([Click(3, 3), Box(0, 30, 40, 50)], Crop(left=20, top=20, width=40, height=40))
    (Box(x0=19.5, y0=30.0, x1=40.0, y1=50.0, positive=True),)
    """
    clipped = (clip(prompt, crop.edges) for prompt in prompts)
    return tuple(prompt for prompt in clipped if prompt is not None)


def closer_crop(size: Size, prompts: Iterable[Prompt], rule: ZoomRule = RULES["ours"]) -> Crop:
    """The crop around all positive prompts, half as wide and high as the image, or more.

    It is larger where the prompts, expanded as an object is in `next_crop`, need more.

    >>> from vpuformer.prompts import Box, Click
    >>> closer_crop((1000, 1000), [Click(700, 450)]), closer_crop((1000, 1000), [Box(0, 0, 999, 600)])
    (Crop(left=451, top=201, width=500, height=500), Crop(left=0, top=0, width=1000, height=661))

    Returns:
        The whole image without a positive prompt.
    """
    extents = [_prompt_extent(prompt) for prompt in prompts if prompt.positive]
    if not extents:
        return Crop.whole(size)
    x0, y0, x1, y1 = _around(extents)
    left, width = _expanded(x0, x1, size[1], replace(rule, min_side=max(rule.min_side, ceil(size[1] / 2))))
    top, height = _expanded(y0, y1, size[0], replace(rule, min_side=max(rule.min_side, ceil(size[0] / 2))))
    return Crop(left, top, width, height)


def _around(extents: Iterable[Extent]) -> Extent:
    """The extent that contains all these."""
    x0, y0, x1, y1 = zip(*extents, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def _prompt_extent(prompt: Prompt) -> Extent:
    """The bounds of a prompt; a point stands for the pixel around it."""
    x0, y0, x1, y1 = prompt.bounds
    around = 0.0 if prompt.kind == "box" else 0.5
    return (x0 - around, y0 - around, x1 + around, y1 + around)


def _expanded(low: float, high: float, length: int, rule: ZoomRule) -> tuple[int, int]:
    """First pixel and number of pixels, along an axis of `length`, for the interval from edge `low` to edge `high`."""
    centre, half = (low + high + 1) / 2, (high - low) * rule.expansion / 2
    # Rounded to 1e-6 first: 1.4 is not a binary fraction, and must not cost a pixel. Nor may rounding cut off anything.
    first = max(min(floor(round(centre - half, 6)), floor(low + 0.5)), 0)
    end = min(max(ceil(round(centre + half, 6)), ceil(high + 0.5)), length)
    side = min(max(end - first, rule.min_side), length)
    first = min(max(first - (side - (end - first)) // 2, 0), length - side)
    return first, side


def _iou(a: Crop, b: Crop) -> float:
    """The product of the intersections over union of the two axes, as RITM measures it; not that of the areas."""
    return _iou_axis(a.left, a.width, b.left, b.width) * _iou_axis(a.top, a.height, b.top, b.height)


def _iou_axis(a: int, a_length: int, b: int, b_length: int) -> float:
    shared = max(0, min(a + a_length, b + b_length) - max(a, b))
    return shared / (a_length + b_length - shared)
