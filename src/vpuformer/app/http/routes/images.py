"""Routes of images: opening, tiles, thumbnails, new objects, import."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.concurrency import run_in_threadpool

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.copying import copy_objects
from vpuformer.app.annotation.importing import import_masks
from vpuformer.app.http.routes.parameters import ANY_FILE, Announce, Body, Bound, Identity, MaybeId, Opened
from vpuformer.app.http.routes.project import listed
from vpuformer.app.images.thumbnails import thumbnail
from vpuformer.app.schemas import (
    ImageChange,
    ImageListed,
    ImageOpened,
    ImportResult,
    NewCopies,
    NewObject,
    NewPreview,
    ObjectState,
    Preview,
)

_FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}
_A_WHILE = {"cache-control": "private, max-age=600"}

Number = Annotated[int, Path(ge=0)]


def router() -> APIRouter:
    """Return the routes of images."""
    routes = APIRouter(tags=["images"])
    # A list requests many thumbnails at once, and decoding one may need the memory of a huge image. Those that wait
    # occupy no thread, which a prompt may need.
    decoding = asyncio.Semaphore(2)

    @routes.get("/images/{identity}", summary="Open an image with its objects")
    def opened(identity: Identity, annotator: Opened, following: MaybeId = None) -> ImageOpened:
        return annotator.open(identity, following)

    @routes.patch("/images/{identity}", summary="Mark an image as done or not done, review it, or set its tags")
    def change(identity: Identity, body: ImageChange, annotator: Opened, announce: Announce) -> ImageListed:
        store = annotator.store
        store.image(identity)
        row = store.change_image(identity, done=body.done, tags=body.tags)
        if body.review is not None:
            row = store.review_image(identity, body.review.verdict, body.review.comment)
        announce(identity)
        return listed(row)

    @routes.get("/images/{identity}/thumbnail", response_class=Response, summary="Read a small JPEG of an image")
    async def small(identity: Identity, annotator: Opened) -> Response:
        async with decoding:
            content = await run_in_threadpool(_thumbnail_of, annotator, identity)
        return Response(content, media_type="image/jpeg", headers=_A_WHILE)

    @routes.get(
        "/images/{identity}/tiles/{version}/{level}/{x}/{y}",
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
        image = annotator.image(identity)
        content, kind = image.tile(level, x, y, low=low, high=high)
        return Response(content, media_type=kind, headers=_FOR_EVER if version == image.version else None)

    @routes.post("/images/{identity}/objects", status_code=201, summary="Begin an object")
    def new_object(identity: Identity, body: NewObject, annotator: Opened) -> ObjectState:
        return annotator.begin(identity, body.key, body.label, body.size, body.version)

    @routes.post(
        "/images/{identity}/masks",
        status_code=201,
        openapi_extra=ANY_FILE,
        summary="Import a mask, annotations or an exported archive as objects",
    )
    def new_masks(
        annotator: Opened,
        announce: Announce,
        identity: Identity,
        content: Body,
        label: MaybeId = None,
        name: Annotated[str, Query(max_length=1000)] = "",
    ) -> ImportResult:
        result = import_masks(annotator, identity, content, label, name)
        announce(identity)
        return result

    @routes.post("/images/{identity}/preview", summary="Ask for the mask that a click would give, without storing it")
    def preview(identity: Identity, body: NewPreview, annotator: Opened) -> Preview:
        return annotator.preview(identity, body)

    @routes.post("/images/{identity}/copies", status_code=201, summary="Copy objects of any image to this one")
    def new_copies(identity: Identity, body: NewCopies, annotator: Opened, announce: Announce) -> ImportResult:
        result = copy_objects(annotator, identity, body)
        announce(identity)
        return result

    return routes


def _thumbnail_of(annotator: Annotator, identity: int) -> bytes:
    return thumbnail(annotator.folder.path_of(annotator.store.image(identity).name))
