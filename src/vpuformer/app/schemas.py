"""What the page and the server say to each other, as JSON. Needs neither torch nor the web framework.

Coordinates are (x, y) in pixels of the image, the centre of the top left pixel at (0, 0), sizes (width, height) are
spelled out. A prompt has the form that `vpuformer.prompts.prompts_from_json` reads, with `positive` true if left out.

A *step* is whatever a person does to an object: a prompt, a stroke of the brush, a mask to start from. Steps are kept
in order; undo and redo only move the number `at`, how many of them are in force.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from vpuformer.formats.labels import label_name

MAX_POINTS = 10_000
"""Of one scribble, brush stroke or lasso."""

MAX_RUNS = 16_000_000
"""Letters of the text that holds a mask's runs: 12 MB."""

MAX_TEXT = 200
"""Letters of a label's name."""

Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Point = tuple[Number, Number]
Path = Annotated[list[Point], Field(min_length=1, max_length=MAX_POINTS)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]


Name = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(label_name)]


class Message(BaseModel):
    """No field that is not known: a misspelt one is an error and not silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RleMask(Message):
    """A mask: lengths of runs, row after row from the top left, the first one of background (perhaps of length 0).

    Each length is a little-endian base-128 number (LEB128), all of them together base64. See `vpuformer.app.store.rle`.
    """

    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    runs: Annotated[str, Field(max_length=MAX_RUNS)]


class ClickStep(Message):
    type: Literal["click"]
    point: Point
    positive: bool = True


class BoxStep(Message):
    """Edges x0, y0, x1, y1; the box around the pixel (3, 5) is 2.5, 4.5, 3.5, 5.5."""

    type: Literal["box"]
    box: tuple[Number, Number, Number, Number]
    positive: bool = True


class ScribbleStep(Message):
    type: Literal["scribble"]
    path: Path
    positive: bool = True


class BrushStep(Message):
    """Paint the mask itself along a path, or erase it; the network is not asked."""

    type: Literal["brush"]
    path: Path
    radius: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)]
    """Pixels of the image."""
    positive: bool = True


class LassoStep(Message):
    """A closed line around the object: what it encloses becomes the mask so far, which the network refines."""

    type: Literal["lasso"]
    path: Path


class MaskStep(Message):
    """Start from this mask instead; former prompts no longer count."""

    type: Literal["mask"]
    mask: RleMask


class ClearStep(Message):
    """Begin again with nothing; can be undone."""

    type: Literal["clear"]


class RemoveStep(Message):
    """Take one prompt away, and segment anew by those that remain; strokes of the brush are drawn on that again."""

    type: Literal["remove"]
    step: Annotated[int, Field(ge=0)]
    """Which: its place among the steps."""


Step = Annotated[
    ClickStep | BoxStep | ScribbleStep | BrushStep | LassoStep | MaskStep | ClearStep | RemoveStep,
    Field(discriminator="type"),
]
PROMPTS = ("click", "box", "scribble")
"""The types of steps that are prompts."""

Key = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9-]+$")]
"""Drawn by the page for every request that adds something, so that a request sent twice counts once."""


Identity = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""Of an image, label or object, as every database can hold it."""


class NewObject(Message):
    key: Key
    label: Identity | None = None
    size: tuple[int, int] | None = None
    """Width and height of the image on which the page begins it; nothing is begun if its file has others by now."""


class NewStep(Message):
    key: Key
    revision: Annotated[int, Field(ge=0)]
    """Of the object as the page knows it; another one is answered with 409 and the present state."""
    step: Step


class UndoRedo(Message):
    """Undo or redo."""

    revision: Annotated[int, Field(ge=0)]


class ClientState(Message):
    """What the page has of an object."""

    revision: Annotated[int, Field(ge=0)]
    answered: Annotated[int, Field(ge=0)]


class ObjectChange(Message):
    """Fields left out, or null, stay as they are; but a `label` of null takes the label away."""

    label: Identity | None = None
    accepted: bool | None = None
    deleted: bool | None = None
    known: ClientState | None = None
    """Left out of the answer, where the object still is so; without it the answer holds all steps and the mask."""


class ImageChange(Message):
    done: bool


class LastImage(Message):
    """Where a person is, to come back to."""

    image: Identity


class NewLabel(Message):
    name: Name
    colour: Colour | None = None


class LabelChange(Message):
    name: Name | None = None
    colour: Colour | None = None


class Label(Message):
    id: int
    name: str
    colour: str


class StoredStep(Message):
    """A step as the page draws and lists it: a mask to start from comes without its runs."""

    type: Literal["click", "box", "scribble", "brush", "lasso", "mask", "clear", "remove"]
    positive: bool = True
    point: Point | None = None
    box: tuple[Number, Number, Number, Number] | None = None
    path: list[Point] | None = None
    radius: float | None = None
    step: int | None = None
    live: bool
    """A prompt that counts now: in force, not removed, and given since the last mask to start from."""


class ObjectState(Message):
    """An object as it stands. An answer to a change leaves out what the page has: see `since` and `mask_known`.

    The page has what came with the revision that its request names. If that is no longer the present one, as when a
    request is sent again or somebody else was faster, nothing is left out.
    """

    id: int
    image: int
    label: int | None
    accepted: bool
    deleted: bool
    revision: int
    """Grows with every change."""
    at: int
    """How many steps are in force."""
    answered: int
    """How many steps the mask answers: less than `at` while the network owes the last ones."""
    since: int = 0
    """How many steps at the beginning are left out, being as they were."""
    live: list[int] = []
    """Those left out that are prompts which count now."""
    steps: list[StoredStep]
    """All others; those from `at` on, counted from the very first one, have been undone."""
    mask_known: bool = False
    """The mask is left out, being as it was."""
    mask: RleMask | None
    """None where it is empty, or left out."""
    area: int
    """Pixels."""
    seconds: float | None
    """What the network took for the present answer; None where it was not asked."""


class ImportResult(Message):
    """What came of a file with masks."""

    objects: list[ObjectState]
    notes: list[str]
    """Sentences on what the file was taken as, what was guessed, and what was left out."""


class ImageListed(Message):
    id: int
    name: str
    """Path within the folder, with forward slashes."""
    done: bool
    objects: int
    """Accepted ones."""
    unaccepted: int
    """Objects that are not accepted yet."""


class ImageOpened(Message):
    id: int
    name: str
    width: int
    height: int
    tile: int
    """Side of a tile in pixels."""
    levels: int
    """Of the pyramid: level 0 is the image itself, each further one half as wide and high, rounded up."""
    version: str
    """Of the file: part of the addresses of tiles, which may be kept for ever."""
    range: tuple[float, float] | None
    """Smallest and largest value of an image with more than 8 bits, which may be shown with another window.

    None where all values are the same."""
    notes: list[str]
    """What the person should know: first of several frames, channels left out."""
    done: bool
    objects: list[ObjectState]
    """Without the deleted ones, in the order in which they were begun."""


class Project(Message):
    folder: str
    model: str
    model_sha256: str
    version: str
    labels: list[Label]
    images: list[ImageListed]
    place: int | None
    """The image that was open last."""


class Problem(Message):
    """The body of every answer of 400 and above."""

    error: str
    """One sentence: what came, what was wanted, what to do."""
    state: ObjectState | None = None
    """With 409: how the object stands now."""
