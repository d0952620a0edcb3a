"""Routes of the project: list of images, import, export, network."""

import time
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from pydantic_core import to_json

from vpuformer import __version__
from vpuformer.app.annotation.background_segmenter import BackgroundSegmenter
from vpuformer.app.annotation.exporting import accepted_images, label_names, left_out_notes, zip_export
from vpuformer.app.annotation.finetuning import model_title
from vpuformer.app.annotation.folder_import import ImportSettings, import_folder
from vpuformer.app.annotation.progress import csv_text, progress
from vpuformer.app.http.routes.labels import label_message, settings_message
from vpuformer.app.http.routes.news import STREAMING
from vpuformer.app.http.routes.parameters import ANY_FILE, Announce, Body, Bound, Opened, Visitor, WindowId
from vpuformer.app.images.folder import Folder
from vpuformer.app.images.originals import notes_on_files
from vpuformer.app.import_report import FolderImport
from vpuformer.app.label_schemas import Name
from vpuformer.app.schemas import (
    ExportFormat,
    ImageListed,
    LastImage,
    NetworkState,
    Progress,
    Project,
    WaitingBoxes,
)
from vpuformer.app.store.rows import ImageRow
from vpuformer.formats import FORMATS
from vpuformer.formats.bundle import Bundle

_LATEST = 10.0
"""Seconds by which a change may be stored later than its time says."""


class _Table(PlainTextResponse):
    media_type = "text/csv"


def listed(row: ImageRow) -> ImageListed:
    """Return an image as the list shows it."""
    return ImageListed(**_listed(row))


def _listed(row: ImageRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "done": row.done,
        "objects": row.objects,
        "unaccepted": row.unaccepted,
        "labels": list(row.labels),
        "changed": row.changed,
        "review": row.review,
        "tags": list(row.tags),
    }


def _download(name: str) -> dict[str, str]:
    """Headers of a file to save."""
    return {"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}"}


def _title(folder: Folder) -> str:
    """The folder's name for display. Names on disk may contain bytes that are not text."""
    return folder.root.name.encode(errors="replace").decode()


def router(*, hints: bool = False) -> APIRouter:
    """Return the routes of the project.

    With `hints`, the page shows the hints of the first minute.
    """
    routes = APIRouter(tags=["project"])

    @routes.get("/project", response_model=Project, summary="List the images, labels and export formats")
    def project(request: Request, annotator: Opened, since: Bound = None) -> Response:
        store, now = annotator.store, time.time()
        news = annotator.changes.number  # before all is read: what changes meanwhile is reported again
        # No model is made of each image: of 50,000, that would take longer than to read them.
        images = [_listed(row) for row in annotator.gallery.listed(None if since is None else since - _LATEST)]
        content = Project(
            id=annotator.project,
            folder=_title(annotator.folder),
            model=model_title(annotator.segmenter.name),
            model_sha256=annotator.segmenter.sha256,
            version=__version__,
            labels=[label_message(row) for row in store.ordered_labels()],
            label_settings=settings_message(store.label_settings()),
            images=[],
            number=len(annotator.gallery),
            time=now,
            formats=[ExportFormat(name=each.name, title=each.title, summary=each.summary) for each in FORMATS.values()],
            place=store.last_image,
            news=news,
            shared=request.app.state.shared,
            read_only=annotator.read_only,
            hints=hints,
            finetuning=request.app.state.finetuning is not None,
        )
        return Response(to_json(content.model_dump() | {"images": images}), media_type="application/json")

    @routes.get("/progress", summary="Count images by state, objects by label and day, and the time of work")
    def counts(annotator: Opened) -> Progress:
        return progress(annotator.store, annotator.folder.names)

    @routes.get("/progress.csv", response_class=_Table, summary="Read these counts as a table")
    def counts_table(annotator: Opened) -> _Table:
        return _Table(csv_text(counts(annotator)), headers=_download(f"{_title(annotator.folder)}.csv"))

    @routes.get("/network", summary="Read whether the network is loaded")
    async def network(annotator: Opened) -> NetworkState:  # async: all threads may be waiting for the network
        segmenter = annotator.segmenter
        if isinstance(segmenter, BackgroundSegmenter):
            return NetworkState(**segmenter.state._asdict())
        return NetworkState(state="ready", progress=1)

    @routes.put("/place", status_code=204, summary="Remember which image was open last, and that it is open now")
    def place(body: LastImage, annotator: Opened, visitor: Visitor, window: WindowId) -> None:
        annotator.store.set_last_image(body.image)
        if window is not None:
            annotator.presence.note(window, visitor, body.image, STREAMING)

    @routes.get("/export", response_class=StreamingResponse, summary="Export the accepted objects as a zip file")
    def export(annotator: Opened, form: Annotated[str, Query(alias="format", max_length=20)]) -> StreamingResponse:
        store, folder = annotator.store, annotator.folder
        notes = [*left_out_notes(store), *notes_on_files(store, folder.root)]
        stream = zip_export(form, accepted_images(store), label_names(store), root=folder.root, notes=notes)
        headers = _download(f"{_title(folder)}_{form}.zip")
        return StreamingResponse(stream, media_type="application/zip", headers=headers)

    @routes.post("/import", openapi_extra=ANY_FILE, summary="Import annotations of all images")
    def import_all(
        annotator: Opened,
        announce: Announce,
        content: Body,
        name: Annotated[str, Query(max_length=1000)] = "",
        label: Annotated[Name | None, Query()] = None,
        accept: bool = False,
        dry_run: bool = False,
    ) -> FolderImport:
        settings = ImportSettings(label, accept, dry_run)
        report = import_folder(annotator.folder, annotator.store, Bundle(content, name), settings)
        if report.waiting and not dry_run:
            annotator.boxes.look()
        if not dry_run:
            announce(0)
        return report

    @routes.get("/boxes", summary="Read how many boxes wait for the network")
    async def boxes(annotator: Opened) -> WaitingBoxes:  # async: all threads may be waiting for the network
        return annotator.boxes.state

    return routes
