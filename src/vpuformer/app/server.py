"""The server: the parts joined to one application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from vpuformer import __version__
from vpuformer.app.annotator import Annotator
from vpuformer.app.folder import Folder
from vpuformer.app.guard import Guard
from vpuformer.app.measures import Measures
from vpuformer.app.problems import RESPONSES, answer_problems
from vpuformer.app.routes import objects, pages, pictures, project
from vpuformer.app.segmenter import Segmenter
from vpuformer.app.store import Store

STATIC = Path(__file__).parent / "static"


def create_app(
    folder: Folder, store: Store, segmenter: Segmenter, *, token: str | None = None, any_host: bool = False
) -> FastAPI:
    """The whole server, ready for uvicorn.

    Args:
        folder: the pictures.
        store: where everything is kept; closed with the server.
        segmenter: the network, or whatever else answers.
        token: the secret that every request must carry; see `vpuformer.app.guard`.
        any_host: whether requests to other names than loopback ones are answered.
    """
    annotator = Annotator(folder, store, segmenter)
    measures = Measures(annotator)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        annotator.close()

    app = FastAPI(
        title="VPUFormer",
        summary="Annotate pictures with clicks, boxes and scribbles",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=RESPONSES,
    )
    answer_problems(app)
    app.include_router(pages.router(STATIC, measures))
    app.include_router(project.router(annotator), prefix="/api")
    app.include_router(pictures.router(annotator), prefix="/api")
    app.include_router(objects.router(annotator, measures), prefix="/api")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Guard, token=token, any_host=any_host)
    app.add_middleware(measures.middleware)
    return app
