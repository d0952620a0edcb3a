"""Pictures: opened, in tiles, small, marked as done; and masks that come from elsewhere."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from vpuformer.app.annotation.importing import read_masks
from vpuformer.app.http.routes.fields import Bound, Identity, MaybeLabel, Opened
from vpuformer.app.http.routes.project import listed
from vpuformer.app.images.thumbnails import thumbnail
from vpuformer.app.protocol import MasksRead, NewObject, ObjectState, PictureChange, PictureListed, PictureOpened

_FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}
_A_WHILE = {"cache-control": "private, max-age=600"}

Number = Annotated[int, Path(ge=0)]

_ANY_FILE = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


async def _body(request: Request) -> bytes:
    """As it came, whatever its type: FastAPI would read JSON, and the importer is to see its bytes."""
    return await request.body()


def router() -> APIRouter:
    """Routes of pictures."""
    routes = APIRouter(tags=["pictures"])

    @routes.get("/pictures/{identity}", summary="Open a picture with its objects")
    def opened(identity: Identity, annotator: Opened) -> PictureOpened:
        return annotator.open(identity)

    @routes.patch("/pictures/{identity}", summary="Mark a picture as done or not done")
    def change(identity: Identity, body: PictureChange, annotator: Opened) -> PictureListed:
        store = annotator.store
        store.picture(identity)
        return listed(store.change_picture(identity, done=body.done))

    @routes.get("/pictures/{identity}/thumbnail", response_class=Response, summary="Read a small JPEG of a picture")
    def small(identity: Identity, annotator: Opened) -> Response:
        path = annotator.folder.path_of(annotator.store.picture(identity).name)
        return Response(thumbnail(path), media_type="image/jpeg", headers=_A_WHILE)

    @routes.get(
        "/pictures/{identity}/tiles/{version}/{level}/{x}/{y}",
        response_class=Response,
        summary="Read a tile of a level of the pyramid",
    )
    def tile(
        annotator: Opened,
        identity: Identity,
        version: str,
        level: Number,
        x: Number,
        y: Number,
        low: Bound = None,
        high: Bound = None,
    ) -> Response:
        picture = annotator.picture(identity)
        content, kind = picture.tile(level, x, y, low=low, high=high)
        return Response(content, media_type=kind, headers=_FOR_EVER if version == picture.version else None)

    @routes.post("/pictures/{identity}/objects", status_code=201, summary="Begin an object")
    def new_object(identity: Identity, body: NewObject, annotator: Opened) -> ObjectState:
        return annotator.begin(identity, body.key, body.label, body.size)

    @routes.post(
        "/pictures/{identity}/masks",
        status_code=201,
        openapi_extra=_ANY_FILE,
        summary="Import a mask, annotations or an exported archive as objects",
    )
    def new_masks(
        annotator: Opened,
        identity: Identity,
        content: Annotated[bytes, Depends(_body)],
        label: MaybeLabel = None,
        name: Annotated[str, Query(max_length=1000)] = "",
    ) -> MasksRead:
        return read_masks(annotator, identity, content, label, name)

    return routes
