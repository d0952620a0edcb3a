"""Objects: their steps, back and forth, and what is known of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter, Response

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.http.error_handlers import OutdatedError
from vpuformer.app.http.routes.parameters import Identity, Opened
from vpuformer.app.http.telemetry import Telemetry
from vpuformer.app.images.probability_png import probability_png
from vpuformer.app.schemas import NewStep, ObjectChange, ObjectState, UndoRedo
from vpuformer.errors import ConflictError

MAX_SHOWN = 2048
"""Longer side of a probability map as the page gets it."""


def router(telemetry: Telemetry) -> APIRouter:
    """Routes of objects."""
    routes = APIRouter(tags=["objects"], prefix="/objects/{identity}")

    @routes.get("", summary="Read the state of an object")
    def state(identity: Identity, annotator: Opened) -> ObjectState:
        return annotator.state(identity)

    @routes.patch("", summary="Accept, label or delete an object")
    def change(identity: Identity, body: ObjectChange, annotator: Opened) -> ObjectState:
        given = body.model_dump(exclude_unset=True, exclude={"known"})
        changed = {name: value for name, value in given.items() if value is not None or name == "label"}
        return annotator.change(identity, body.known, **changed)

    @routes.post("/steps", summary="Add a prompt or another step")
    def step(identity: Identity, body: NewStep, annotator: Opened) -> ObjectState:
        with _shown_as_it_is(annotator, identity):
            answered = annotator.step(identity, body)
        telemetry.step(body.step.type, answered.seconds)
        return answered

    @routes.post("/undo", summary="Undo the last step")
    def undo(identity: Identity, body: UndoRedo, annotator: Opened) -> ObjectState:
        with _shown_as_it_is(annotator, identity):
            return annotator.undo(identity, body.revision)

    @routes.post("/redo", summary="Redo the step that was undone last")
    def redo(identity: Identity, body: UndoRedo, annotator: Opened) -> ObjectState:
        with _shown_as_it_is(annotator, identity):
            return annotator.redo(identity, body.revision)

    @routes.get("/probability", response_class=Response, summary="Read the probability map as a PNG")
    def probability(identity: Identity, annotator: Opened) -> Response:
        return Response(probability_png(annotator.probability(identity), MAX_SHOWN), media_type="image/png")

    return routes


@contextmanager
def _shown_as_it_is(annotator: Annotator, identity: int) -> Iterator[None]:
    """Answer a change that comes too late with the object's present state."""
    try:
        yield
    except ConflictError as error:
        raise OutdatedError(str(error), annotator.state(identity)) from error
