"""The page itself, and what machines ask."""

from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from vpuformer.app.http.telemetry import Telemetry


def router(static: Path, telemetry: Telemetry) -> APIRouter:
    """Routes of the page in the folder `static`, of health, telemetry and the list of operations."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def page() -> FileResponse:
        return FileResponse(static / "index.html")

    @routes.get("/docs")
    def docs() -> FileResponse:
        return FileResponse(static / "docs.html")

    @routes.get("/favicon.ico")
    def icon() -> FileResponse:
        return FileResponse(static / "favicon.svg")

    @routes.get("/healthz")
    async def health() -> dict[str, str]:  # in no thread: all of them may be waiting for the network
        return {"status": "ok"}

    @routes.get("/metrics")
    async def metrics() -> Response:
        return Response(telemetry.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes
