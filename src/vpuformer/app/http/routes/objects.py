"""Routes of objects: state, steps, undo and redo, probability."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Query, Response

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.http.error_handlers import OutdatedError
from vpuformer.app.http.routes.parameters import Announce, Identity, Opened
from vpuformer.app.http.telemetry import Telemetry
from vpuformer.app.images.probability_png import probability_png
from vpuformer.app.schemas import NewStep, ObjectChange, ObjectState, Polygon, UndoRedo
from vpuformer.errors import ConflictError

MAX_SHOWN = 2048
"""Maximum length of the longer side of a probability map in pixels."""

Tolerance = Annotated[float | None, Query(ge=0, le=1000, allow_inf_nan=False)]


def router(telemetry: Telemetry) -> APIRouter:
    """Return the routes of objects."""
    routes = APIRouter(tags=["objects"], prefix="/objects/{identity}")

    @routes.get("", summary="Read the state of an object")
    def state(identity: Identity, annotator: Opened) -> ObjectState:
        return annotator.state(identity)

    @routes.patch("", summary="Accept, label or delete an object, or set its attributes")
    def change(identity: Identity, body: ObjectChange, annotator: Opened, announce: Announce) -> ObjectState:
        fields = body.model_dump(exclude_unset=True, exclude={"known"})
        changed = {name: value for name, value in fields.items() if value is not None or name == "label"}
        return _announced(announce, annotator.change(identity, body.known, **changed))

    @routes.post("/steps", summary="Add a prompt or another step")
    def step(identity: Identity, body: NewStep, annotator: Opened, announce: Announce) -> ObjectState:
        with _conflicts_with_state(annotator, identity):
            answered = annotator.step(identity, body)
        telemetry.step(body.step.type, answered.seconds)
        return _announced(announce, answered)

    @routes.post("/undo", summary="Undo the last step")
    def undo(identity: Identity, body: UndoRedo, annotator: Opened, announce: Announce) -> ObjectState:
        with _conflicts_with_state(annotator, identity):
            return _announced(announce, annotator.undo_redo(identity, body.revision, -1))

    @routes.post("/redo", summary="Redo the step that was undone last")
    def redo(identity: Identity, body: UndoRedo, annotator: Opened, announce: Announce) -> ObjectState:
        with _conflicts_with_state(annotator, identity):
            return _announced(announce, annotator.undo_redo(identity, body.revision, 1))

    @routes.get("/probability", response_class=Response, summary="Read the probability map as a PNG")
    def probability(identity: Identity, annotator: Opened) -> Response:
        return Response(probability_png(annotator.probability(identity), MAX_SHOWN), media_type="image/png")

    @routes.get("/polygon", summary="Read the mask as outlines")
    def polygon(identity: Identity, annotator: Opened, tolerance: Tolerance = None) -> Polygon:
        return annotator.polygon(identity, tolerance)

    return routes


def _announced(announce: Announce, state: ObjectState) -> ObjectState:
    """Add a change of an object to the news, or one of its image if other objects or their order have changed too."""
    announce(state.image, state.id if state.order is None else None)
    return state


@contextmanager
def _conflicts_with_state(annotator: Annotator, identity: int) -> Iterator[None]:
    """Add the object's current state to conflicts."""
    try:
        yield
    except ConflictError as error:
        raise OutdatedError(str(error), annotator.state(identity)) from error
