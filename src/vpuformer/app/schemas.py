"""JSON messages between the page and the server.

The steps in them are defined in `vpuformer.app.step_schemas`, labels and attributes in `label_schemas`.
"""

from typing import Annotated, Literal

from pydantic import Field

from vpuformer.app.label_schemas import Label, LabelSettings, Names, Values
from vpuformer.app.step_schemas import MAX_OBJECTS, Identity, Message, Number, Point, RleMask, Step

MAX_COPIES = 1000
"""Maximum number of objects that are copied at once."""

Key = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9-]+$")]
"""Random key of a request that adds something, so that a repeated request counts once."""

MAX_COMMENT = 2000
"""Maximum length of a reviewer's comment in characters."""

Verdict = Literal["accepted", "rejected"]
"""What a reviewer decides about an image."""


class NewObject(Message):
    key: Key
    label: Identity | None = None
    size: tuple[int, int] | None = None
    """Image width and height that the page shows. The request is refused if the file has another size by now."""
    version: Annotated[str | None, Field(max_length=64)] = None
    """Version of the image that the page shows. The request is refused if the file was replaced since."""


class NewCopies(Message):
    """Copies of objects of any image, or boxes around them for the network."""

    key: Key
    objects: Annotated[list[Identity], Field(min_length=1, max_length=MAX_COPIES)]
    boxes: bool = False


class NewStep(Message):
    key: Key
    revision: Annotated[int, Field(ge=0)]
    """The object's revision on the page. If it is outdated, the answer is 409 with the current state."""
    step: Step
    keep_off: Annotated[list[Identity], Field(max_length=MAX_OBJECTS, default_factory=list)]
    """Ids of objects of the same image. The pixels that their masks have now are left out of the answer."""


class NewPreview(Message):
    """A positive click that nobody has given yet."""

    point: Point
    object: Identity | None = None
    """Id of the object that it would correct; null if it would begin one."""
    only_here: bool = False
    keep_off: Annotated[list[Identity], Field(max_length=MAX_OBJECTS, default_factory=list)]
    """As in `NewStep`."""


class Preview(Message):
    """The mask that a click would give. It is not stored."""

    mask: RleMask | None
    """None if it is empty, or if the network is at work: a preview never waits."""


class UndoRedo(Message):
    """Undo or redo one step."""

    revision: Annotated[int, Field(ge=0)]


class ClientState(Message):
    """The state of an object that the page already has."""

    revision: Annotated[int, Field(ge=0)]
    answered: Annotated[int, Field(ge=0)]


class ObjectChange(Message):
    """A change. Missing or null fields stay unchanged, but a `label` of null removes it."""

    label: Identity | None = None
    accepted: bool | None = None
    deleted: bool | None = None
    attributes: Values | None = None
    """All values that the object is to have."""
    known: ClientState | None = None
    """Omitted from the answer if it is still current; without it the answer holds all steps and the mask."""


class ImageReview(Message):
    """What a reviewer decided about an image.

    An accepted image becomes done, a rejected one not done.
    """

    verdict: Verdict | None
    """None removes the review."""
    comment: Annotated[str, Field(max_length=MAX_COMMENT)] = ""
    """Shown to whoever opens the image."""
    person: str | None = None
    """Name of the reviewer; set by the server."""
    outdated: bool = False
    """Whether the review accepted the image, and its objects have changed since; set by the server."""


class ImageChange(Message):
    """A change of an image. Missing or null fields stay unchanged.

    A done mark removes the verdict of a review.
    """

    done: bool | None = None
    review: ImageReview | None = None
    tags: Names | None = None


class LastImage(Message):
    """The image to open on the next visit. Others see that the window has it open."""

    image: Identity


class StoredStep(Message):
    """A step as the page draws and lists it. A mask step comes without its mask."""

    type: Literal[
        "click",
        "box",
        "scribble",
        "brush",
        "lasso",
        "mask",
        "polygon",
        "clear",
        "remove",
        "move",
        "choose",
        "tidy",
        "merge",
        "subtract",
        "split",
        "arrange",
    ]
    positive: bool = True
    only_here: bool = False
    point: Point | None = None
    box: tuple[Number, Number, Number, Number] | None = None
    path: list[Point] | None = None
    radius: float | None = None
    step: int | None = None
    index: int | None = None
    threshold: float | None = None
    holes: int | None = None
    specks: int | None = None
    smooth: int | None = None
    objects: list[int] | None = None
    """Ids of the objects that a step has merged, subtracted or split off."""
    live: bool
    """Whether this is an active prompt: in force, not removed, and later than the last fresh start."""
    person: str | None = None
    """Name of whoever took it."""


class Choice(Message):
    """The candidates for the active prompts, after a choose step."""

    index: int
    """Index of the candidate that was chosen, less than the number of scores."""
    scores: list[float]
    """Score of each candidate, in 0..1."""


class ObjectState(Message):
    """The current state of an object.

    An answer to a change omits what the page has: see `since` and `mask_known`.
    The page has the state of the revision that its request names. If that revision is outdated, because the request was
    repeated or somebody else changed the object, nothing is omitted.
    """

    id: int
    image: int
    label: int | None
    accepted: bool
    deleted: bool
    attributes: dict[str, str | float]
    revision: int
    """Increases with every change."""
    at: int
    """Number of steps in force."""
    answered: int
    """Number of steps that the mask answers; less than `at` while the last ones wait for the network."""
    since: int = 0
    """Number of steps at the beginning that are omitted because they have not changed."""
    live: list[int] = Field(default_factory=list)
    """Indices of the omitted steps that are active prompts."""
    steps: list[StoredStep]
    """All steps from `since` on. Steps with an index of `at` or more are undone."""
    mask_known: bool = False
    """Whether the mask is omitted because it has not changed."""
    mask: RleMask | None
    """None if the mask is empty or omitted."""
    area: int
    """In pixels."""
    seconds: float | None
    """Time that the network took for this answer; None if the network was not used."""
    choice: Choice | None = None
    """The candidates that the mask was chosen from; None if no choose step came after the last prompt."""
    others: list["ObjectState"] = Field(default_factory=list)
    """Other objects that the step has added, deleted or restored, or its undo or redo."""
    order: list[int] | None = None
    """Ids of the objects of the image from back to front, if that step may have changed the order."""
    review: ImageReview | None = None
    """The review of the image, which a change of an object may have changed; None for an object of `ImageOpened`."""


class Polygon(Message):
    """The mask of an object as outlines, filled by the even-odd rule."""

    outlines: list[list[list[float]]]
    """Corners x, y of each outline."""
    tolerance: float
    """Distance in pixels within which the outlines are simplified."""
    iou: Annotated[float, Field(ge=0, le=1)]
    """Intersection over union of what they enclose and the mask."""
    edited: bool
    """Whether a person placed the corners. If not, they are traced from the mask."""


class ImportResult(Message):
    """The objects that were imported from a file."""

    objects: list[ObjectState]
    notes: list[str]
    """Sentences on how the file was read, what was guessed, and what was left out."""
    tags: list[str]
    """All tags that the image has now."""


class WaitingBoxes(Message):
    """Boxes that the network answers in the background: imported ones, and copies."""

    waiting: int
    answered: int
    """Number of boxes that were answered since the server began with those that wait."""


class ImageListed(Message):
    id: int
    name: str
    """Path within the folder, with forward slashes."""
    done: bool
    objects: int
    """Number of accepted objects."""
    unaccepted: int
    """Number of objects with a step in force that are not accepted."""
    labels: list[int | None]
    """Labels of these objects, each once; null if some have no label."""
    changed: float | None
    """Time of the last change of the image or its objects, in seconds since 1970."""
    review: Verdict | None
    tags: list[str]


class ImageOpened(Message):
    id: int
    name: str
    width: int
    height: int
    tile: int
    """Side of a tile in pixels."""
    levels: int
    """Number of pyramid levels. Level 0 is the image; each further level has half the size, rounded up."""
    version: str
    """Version of the file. It is part of the tile addresses, so browsers may cache tiles for ever."""
    range: tuple[float, float] | None
    """Smallest and largest value of an image with more than 8 bits per channel; None if all values are equal."""
    notes: list[str]
    """What the person should know, such as further frames or channels that are not shown."""
    done: bool
    review: ImageReview
    objects: list[ObjectState]
    """From back to front, without deleted objects."""


class ExportFormat(Message):
    """An entry of the export menu."""

    name: str
    title: str
    summary: str


class NetworkState(Message):
    """The state of the network, which is loaded after the start. Prompts wait for it."""

    state: Literal["loading", "ready", "failed"]
    progress: Annotated[float, Field(ge=0, le=1)]
    """Share of the loading time; 1 once the network is ready."""
    message: str | None = None
    """One sentence on why loading failed. The next prompt tries again."""


class Project(Message):
    id: str | None
    """Random id of the store; None if it was only read until now."""
    folder: str
    model: str
    model_sha256: str
    version: str
    labels: list[Label]
    """In the order in which people put them; groups are not put together."""
    label_settings: LabelSettings
    images: list[ImageListed]
    """In the order of the folder. With `since` in the request, those that have changed since then alone."""
    number: int
    """Number of images in the folder."""
    time: float
    """Time of the server in seconds since 1970, the `since` of the next request."""
    formats: list[ExportFormat]
    place: int | None
    """Id of the image that was open last."""
    news: int
    """Number of the last change, the first `since` of `/api/news`."""
    shared: bool
    """Whether other machines may reach the server, so that a page should ask for a name."""
    read_only: bool
    """Whether every change is refused."""
    hints: bool
    """Whether the page shows the hints of the first minute to whoever has not seen them."""
    finetuning: bool
    """Whether the page can fine-tune the model."""


class ImageCounts(Message):
    """Number of images in each state. Every image is in one of them."""

    untouched: int
    begun: int
    rejected: int
    done: int
    """Not reviewed."""
    accepted: int
    """Accepted in a review."""


class WorkCounts(Message):
    """Objects and work of one label, of one person, or of one day."""

    name: str | None
    """The label or the person, None for objects without one; or the day, such as 2026-11-29, of the server."""
    images: int
    objects: int
    accepted: int
    """Number of these objects that are accepted."""
    seconds: float
    """Time of work."""


class Progress(Message):
    """State of the images, and the work on them.

    `vpuformer.app.annotation.progress` defines the time of work.
    """

    images: ImageCounts
    objects: int
    accepted: int
    seconds: float
    """Time of work on all objects, deleted ones too."""
    seconds_per_object: float | None
    """Mean time of work on an object that people have worked on; None if there is none."""
    labels: list[WorkCounts]
    people: list[WorkCounts]
    """Objects belong to whoever changed them last. Empty if nobody has given a name."""
    days: list[WorkCounts]
    """Days on which people took steps or began objects."""


class Problem(Message):
    """The body of every answer with a status of 400 or more."""

    error: str
    """One sentence: what came, what was wanted, what to do."""
    state: ObjectState | None = None
    """The current state of the object, with status 409."""
