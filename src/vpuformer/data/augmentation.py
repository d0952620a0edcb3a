"""Settings of `vpuformer.data.augment`, with two presets from the field. Imports no torch."""

from dataclasses import dataclass, replace

from vpuformer.errors import ConfigError
from vpuformer.fields import check_fields, check_least, check_shares

_SHARES = ("whole", "partial", "flip", "upset", "quarter_turns", "rotate", "recolour", "linear", "tint")
_SHARES += ("grey", "blur", "jpeg", "paste", "smallest", "kept")


@dataclass(frozen=True, kw_only=True, slots=True)
class Augmentation:
    """Settings of augmentation. Probabilities are in 0..1, ranges are sampled uniformly.

    The view is the whole image (`whole`), a crop that cuts through the object (`partial`), else a crop around it; or,
    with `resize`, a crop of the resized image wherever it falls.

    Raises:
        ConfigError: a field is of the wrong type, a probability lies outside 0..1, or a range begins above its end.
    """

    whole: float = 0.4
    partial: float = 0.1
    expansion: tuple[float, float] = (1.1, 3.0)
    """Side of a crop around the object, in sides of its bounding box."""
    aspect: tuple[float, float] = (0.8, 1.25)
    """Change of the aspect of a crop."""
    resize: tuple[float, float] | None = None
    """Scale of the image's own pixels, of which the view is then a crop (black where the image ends), as RITM and
    SimpleClick have it; `whole`, `partial`, `expansion` and `aspect` are not used."""
    shift: float = 0.0
    """With `resize`: how far the crop is moved beyond that, in sides of the image."""
    quarter_turns: float = 0.0
    """With `resize`: probability of a turn by 0, 90, 180 or 270 degrees, each equally likely."""
    upset: float = 0.0
    """With `resize`: probability of exchanging top and bottom."""
    flip: float = 0.5
    """Probability of exchanging left and right."""
    rotate: float = 0.3
    angle: float = 15.0
    """Largest rotation either way, in degrees. Pixels from outside are black background."""
    recolour: float = 0.75
    """Probability that brightness, contrast and saturation are multiplied by random factors."""
    brightness: tuple[float, float] = (0.75, 1.25)
    contrast: tuple[float, float] = (0.8, 1.4)
    saturation: tuple[float, float] = (0.6, 1.4)
    linear: float = 0.0
    """Probability that values are multiplied by a `gain` and shifted by an `offset` (shares of white)."""
    gain: tuple[float, float] = (0.85, 1.4)
    offset: tuple[float, float] = (-0.25, 0.25)
    tint: float = 0.0
    """Probability that each channel is shifted by up to `tint_range`, in shares of white."""
    tint_range: float = 10 / 255
    grey: float = 0.05
    blur: float = 0.05
    jpeg: float = 0.1
    paste: float = 0.15
    """Probability that a foreign object is pasted onto the image, if there is one."""
    paste_side: tuple[float, float] = (0.25, 0.8)
    """Longer side of the pasted object, in sides of the view."""
    smallest: float = 0.001
    """Least share of the view that the object covers; below it another view is sampled."""
    kept: float = 0.3
    """Least share of the object that a crop contains."""
    attempts: int = 5

    def __post_init__(self) -> None:
        check_fields(self, "augmentation.")
        check_shares(self, "augmentation.", *_SHARES)
        check_least(self, "augmentation.", 1, "attempts")
        for name in ("expansion", "aspect", "resize", "brightness", "contrast", "saturation", "gain", "offset"):
            low, high = getattr(self, name) or (0, 0)
            if low > high:
                raise ConfigError(f"augmentation.{name}={low},{high} must begin with the smaller number")


_FIELD_STYLE = Augmentation(
    recolour=0.0,
    linear=0.75,
    tint=0.75,
    grey=0.0,
    blur=0.0,
    jpeg=0.0,
    paste=0.0,
    kept=0.0,
    attempts=10,
)
"""What RITM's and SimpleClick's recipes for both sets share."""

SBD_STYLE = replace(
    _FIELD_STYLE,
    resize=(0.75, 1.25),
    shift=0.03,
    quarter_turns=0.5,
    upset=1 / 3,
    flip=1 / 3,
    rotate=0.75,
    angle=3.0,
    smallest=80 / 448**2,
)
"""What the paper lists (section IV-B), with the numbers of RITM's and SimpleClick's recipe for SBD: resizing by .75 to
1.25, mirroring both ways, quarter turns, up to 3 degrees and 3 % of the side, a crop, brightness, contrast and tint."""

COCOLVIS_STYLE = replace(_FIELD_STYLE, resize=(0.75, 1.40), flip=0.5, rotate=0.0, smallest=1000 / 448**2)
"""Their recipe for COCO+LVIS: resizing by .75 to 1.40, mirrored left to right alone, not turned; objects of 1000 pixels
at least. The paper names one range, .75 to 1.25, for both sets."""
