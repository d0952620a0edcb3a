"""Routes of the page, the health check and the metrics."""

from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from vpuformer.app.http.telemetry import Telemetry


def router(static: Path, telemetry: Telemetry) -> APIRouter:
    """Return the routes of the page in the folder `static`, the API docs, health and metrics."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def page() -> FileResponse:
        return FileResponse(static / "index.html")

    @routes.get("/docs")
    def docs() -> FileResponse:
        return FileResponse(static / "docs.html")

    @routes.get("/healthz")
    async def health() -> dict[str, str]:  # async: all threads may be waiting for the network
        return {"status": "ok"}

    @routes.get("/metrics")
    async def metrics() -> Response:
        return Response(telemetry.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return routes
