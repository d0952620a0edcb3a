"""The FastAPI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.staticfiles import StaticFiles

from vpuformer import __version__
from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.background_segmenter import BackgroundSegmenter
from vpuformer.app.annotation.finetuning import MODELS, Finetuning
from vpuformer.app.http.error_handlers import RESPONSES, add_error_handlers
from vpuformer.app.http.guard import Guard
from vpuformer.app.http.person import person_of
from vpuformer.app.http.root_path import RootPath
from vpuformer.app.http.routes import finetuning, images, labels, news, objects, pages, project
from vpuformer.app.http.same_project import same_project
from vpuformer.app.http.telemetry import Telemetry
from vpuformer.app.images.folder import Folder
from vpuformer.app.store.store import FILE, Store
from vpuformer.inference.protocol import Segmenter

STATIC = Path(__file__).parents[1] / "page"


def create_app(
    folder: Annotator | Folder | str | Path,
    store: Store | str | Path | None,
    segmenter: Segmenter | None,
    *,
    token: str | None = None,
    once: str | None = None,
    any_host: bool = False,
    server_name: str | None = None,
    root_path: str = "",
    hints: bool = False,
    models: Path | None = None,
) -> FastAPI:
    """Create the application for uvicorn. Nothing is opened or read before it runs.

    Args:
        folder: the images, or the annotator of the folder, `store` and `segmenter`; a path is opened when the server
            starts.
        store: the annotations, closed with the server. A path or database URL is opened when the server starts; None
            means `vpuformer.sqlite` in the folder.
        segmenter: answers prompts; used by this application only. None makes a read-only view: every change is refused.
        token: secret that every request must carry, see `guard`. Without one, everybody who reaches the address can see
            and change everything.
        once: another token, which opens the page a single time. Other users of the machine can read the command line of
            a browser, so an address in it must not hold the token itself.
        any_host: whether to answer requests to names other than loopback names.
        server_name: an additional name to answer, such as that of a proxy.
        root_path: path under which a proxy shows the server, such as "/annotate".
        hints: whether the page shows the hints of the first minute to whoever has not seen them.
        models: folder of the models that are fine-tuned on the page; None means `.vpuformer-models` in the folder. A
            page fine-tunes a model of this package alone: a `BackgroundSegmenter`.
    """
    telemetry = Telemetry()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        annotator = folder if isinstance(folder, Annotator) else _opened(folder, store, segmenter)
        app.state.annotator = annotator
        if segmenter is not None:
            annotator.boxes.look()  # those that waited when the server stopped
        tuning = None
        if isinstance(segmenter, BackgroundSegmenter):
            tuning = Finetuning(annotator, segmenter, models or annotator.folder.root / MODELS)
        app.state.finetuning = tuning
        telemetry.watch(annotator)
        yield
        if tuning is not None:
            tuning.close()
        annotator.close()

    app = FastAPI(
        title="VPUFormer",
        summary="Annotate images with clicks, boxes and scribbles",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=RESPONSES,
    )
    app.state.shared = any_host or server_name is not None
    app.state.ends = lambda: False  # whether to end streams, without which a server waits for their readers
    add_error_handlers(app)
    app.include_router(pages.router(STATIC, telemetry))
    for router in (
        project.router(hints=hints),
        finetuning.router(),
        news.router(),
        labels.router(),
        images.router(),
        objects.router(telemetry),
    ):
        app.include_router(router, prefix="/api", dependencies=[Depends(same_project), Depends(person_of)])
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(
        Guard,
        static=STATIC,
        token=token,
        once=once,
        any_host=any_host,
        server_name=server_name,
        read_only=segmenter is None,
    )
    app.add_middleware(RootPath, root_path=root_path)
    app.add_middleware(telemetry.middleware)
    return app


def _opened(folder: Folder | str | Path, store: Store | str | Path | None, segmenter: Segmenter | None) -> Annotator:
    if not isinstance(folder, Folder):
        folder = Folder(folder)
    if not isinstance(store, Store):
        store = Store(folder.root / FILE if store is None else store)
    return Annotator(folder, store, segmenter)
