"""JSON messages about fine-tuning the model on what was annotated."""

from typing import Annotated, Literal

from pydantic import Field

from vpuformer.app.step_schemas import Message

MOST_MINUTES = 24 * 60


class NewFinetuning(Message):
    """A fine-tuning to start."""

    minutes: Annotated[float, Field(gt=0, le=MOST_MINUTES)] = 20.0
    """Time for all of it, at most a day."""


class ModelChoice(Message):
    """The model to answer prompts from now on."""

    use: Literal["result", "first"]
    """The last result, or the model that the server was started with."""


class FinetuningData(Message):
    """What a fine-tuning would be trained on now."""

    ready: bool
    """Whether the check has ended."""
    done: int
    """Images that were checked."""
    total: int
    """Images to check; 0 until they are counted."""
    images: int
    """Images with an object to train on."""
    objects: int
    """Accepted objects to train on."""
    prompts: int
    """Prompts of people for these objects."""
    notes: list[str]
    """Sentences about the values that are shown, ignored pixels, and images that are kept together."""
    left_out: list[str]
    """Sentences about what takes no part, and why."""
    problem: str | None
    """Reason why nothing can be trained on, as a sentence."""


class FinetuningRun(Message):
    """A fine-tuning that goes on, or that ended without a result."""

    state: Literal["running", "stopping", "stopped", "failed", "interrupted"]
    stage: str
    """Name of the present stage, as `vpuformer finetune` has it; empty before the first."""
    done: float
    """Share of the stage that is done, in 0..1."""
    seconds_left: int | None
    """Seconds left of the time that was given; None if nobody can say."""
    minutes: float
    """Time that was given."""
    person: str | None
    """Name of whoever started it."""
    problem: str | None
    """Reason of a failure, as a sentence."""
    resumable: bool
    """Whether it can be continued."""


class FinetuningRow(Message):
    """A number on the held-out images."""

    name: str
    before: float
    after: float
    change: tuple[float, float] | None
    """95 % interval of the change; None for too few images."""


class FinetuningResult(Message):
    """A model that a fine-tuning has made."""

    model: str
    """Name of its folder."""
    start: str
    """Name of the model that it started from."""
    rows: list[FinetuningRow]
    images: int
    """Held-out images."""
    objects: int
    """Held-out objects that were measured."""
    steps: int
    minutes: float
    """Time that it took."""
    share: float
    """Share of the best weights in the result; 0 if they are those of the start."""
    in_use: bool
    """Whether the server answers prompts with it."""
    command: str
    """Line that opens the folder with it."""


class FinetuningState(Message):
    """All that a page shows about fine-tuning."""

    model: str
    """Name of the model in use, from which the next fine-tuning starts."""
    model_sha256: str
    first: str
    """Name of the model that the server was started with."""
    missing: str | None
    """Command that installs what fine-tuning needs and the server has not; None if nothing is missing."""
    data: FinetuningData | None
    """The last check of the data; None before the first."""
    run: FinetuningRun | None
    """The fine-tuning that goes on, or the last one if it ended without a result."""
    result: FinetuningResult | None
    """The last result."""
