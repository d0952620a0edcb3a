"""JSON of the steps that a person takes on an object.

Coordinates are (x, y) in image pixels, with the centre of the top left pixel at (0, 0). A prompt has the form that
`vpuformer.prompts.prompts_from_json` reads; `positive` is true by default.

A *step* is anything a person does to an object: a prompt, a brush stroke, a mask to start from. Steps are ordered. Undo
and redo only change `at`, the number of steps in force.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field, field_validator, model_validator

from vpuformer.errors import InputError, PromptError
from vpuformer.images import MAX_PIXELS
from vpuformer.metrics import MASK_THRESHOLD

MAX_POINTS = 10_000
"""Maximum number of points in a scribble, brush stroke or lasso, or in all outlines of a polygon."""

MAX_OUTLINES = 3_000
"""Maximum number of outlines of a polygon."""

MAX_OBJECTS = 10_000
"""Maximum number of objects that a step names."""

MAX_RUNS = 16_000_000
"""Maximum length of a run-length text in characters; 12 MB decoded."""

_MOST_FIELDS = 50
"""Maximum number of fields of a message, with unknown ones."""

Identity = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""Id of an image, label or object, in the range that every database can store."""

Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Point = tuple[Number, Number]
Path = Annotated[list[Point], Field(min_length=1, max_length=MAX_POINTS)]
# An outline has no maximum of its own. Without FailFast, every bad point of millions would become an error, in minutes.
Outline = Annotated[list[Point], FailFast(), Field(min_length=3)]


class Message(BaseModel):
    """Base of all messages. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and len(fields) > _MOST_FIELDS:  # each unknown field is an error of its own
            raise InputError(
                f"got {len(fields)} fields, and at most {_MOST_FIELDS} are read; see /docs for this request"
            )
        return fields


class RleMask(Message):
    """A mask as run lengths: LEB128 numbers in base64. See `vpuformer.app.store.rle`."""

    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    runs: Annotated[str, Field(max_length=MAX_RUNS)]


class ClickStep(Message):
    type: Literal["click"]
    point: Point
    positive: bool = True
    only_here: bool = False
    """Change the mask near this prompt alone. Boxes and scribbles have the same switch."""


class BoxStep(Message):
    """A box with the edges x0, y0, x1, y1. The box around pixel (3, 5) is 2.5, 4.5, 3.5, 5.5."""

    type: Literal["box"]
    box: tuple[Number, Number, Number, Number]
    positive: bool = True
    only_here: bool = False


class ScribbleStep(Message):
    type: Literal["scribble"]
    path: Path
    positive: bool = True
    only_here: bool = False


class BrushStep(Message):
    """Paint or erase the mask along a path, without the network.

    These pixels stay as they are set, whatever follows, until a later stroke crosses them, the stroke is undone, or the
    object starts again from another mask.
    """

    type: Literal["brush"]
    path: Path
    radius: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]
    """In image pixels."""
    positive: bool = True


class LassoStep(Message):
    """A closed line around the object. The network refines the enclosed area."""

    type: Literal["lasso"]
    path: Path


class MaskStep(Message):
    """Start again from this mask. Earlier prompts become inactive."""

    type: Literal["mask"]
    mask: RleMask


class PolygonStep(Message):
    """Start again from a mask that outlines enclose by the even-odd rule.

    Earlier prompts become inactive.
    """

    type: Literal["polygon"]
    outlines: Annotated[list[Outline], FailFast(), Field(min_length=1, max_length=MAX_OUTLINES)]

    @field_validator("outlines")
    @classmethod
    def _few(cls, outlines: list[list[Point]]) -> list[list[Point]]:
        if (corners := sum(map(len, outlines))) > MAX_POINTS:
            raise PromptError(f"the polygon has {corners} corners, and at most {MAX_POINTS} are stored; simplify it")
        return outlines


class ClearStep(Message):
    """Start again from an empty mask. Can be undone."""

    type: Literal["clear"]


class RemoveStep(Message):
    """Remove a prompt: go back to the mask before it, and segment with the prompts after it."""

    type: Literal["remove"]
    step: Annotated[int, Field(ge=0)]
    """Index of the prompt among the steps."""


class MoveStep(Message):
    """Move or resize a prompt: segment anew from the mask before it.

    The field of the prompt's kind has the new place, and the other two are null. Prompts keep their order.
    """

    type: Literal["move"]
    step: Annotated[int, Field(ge=0)]
    """Index of the prompt among the steps."""
    point: Point | None = None
    box: tuple[Number, Number, Number, Number] | None = None
    path: Path | None = None


class ChooseStep(Message):
    """Replace the mask by another candidate for the active prompts.

    After a click on a shirt, for example, the candidates are the shirt and the person.
    """

    type: Literal["choose"]
    index: Annotated[int, Field(ge=0, le=1_000_000)]
    """Index of the candidate; 0 is the network's own answer. After the last one it starts again from 0."""


class TidyStep(Message):
    """Tidy the answer of the last step that neither tidies nor arranges, without the network."""

    type: Literal["tidy"]
    threshold: Annotated[float, Field(ge=0.01, le=0.99, allow_inf_nan=False)] = MASK_THRESHOLD
    """Pixels with a higher probability are the object."""
    holes: Annotated[int, Field(ge=0, le=MAX_PIXELS)] = 0
    """Fill holes of at most so many pixels."""
    specks: Annotated[int, Field(ge=0, le=MAX_PIXELS)] = 0
    """Drop parts of at most so many pixels."""
    smooth: Annotated[int, Field(ge=0, le=1000)] = 0
    """Radius in pixels within which the outline is smoothed."""


class MergeStep(Message):
    """Add the masks of other objects, and delete these. Earlier prompts become inactive."""

    type: Literal["merge"]
    objects: Annotated[list[Identity], Field(min_length=1, max_length=MAX_OBJECTS)]


class SubtractStep(Message):
    """Remove the pixels of other objects. Earlier prompts become inactive."""

    type: Literal["subtract"]
    objects: Annotated[list[Identity], Field(min_length=1, max_length=MAX_OBJECTS)]


class SplitStep(Message):
    """Make each connected part an object of its own. This object keeps the largest.

    Earlier prompts become inactive.
    """

    type: Literal["split"]
    path: Annotated[list[Point], Field(min_length=2, max_length=MAX_POINTS)] | None = None
    """A line that cuts the mask. Only parts that it separates are split off."""


class ArrangeStep(Message):
    """Move the object right above another one, in the order from back to front."""

    type: Literal["arrange"]
    above: Identity | None
    """Id of the object below; null to move to the back."""


Step = Annotated[
    ClickStep
    | BoxStep
    | ScribbleStep
    | BrushStep
    | LassoStep
    | MaskStep
    | PolygonStep
    | ClearStep
    | RemoveStep
    | MoveStep
    | ChooseStep
    | TidyStep
    | MergeStep
    | SubtractStep
    | SplitStep
    | ArrangeStep,
    Field(discriminator="type"),
]
PROMPTS = ("click", "box", "scribble")
"""Types of the steps that are prompts."""
