"""Refusal of pages that show another project.

A page stays open when the server of another folder takes its address, and its ids mean something else there.
"""

from fastapi import Request

from vpuformer.app.http.error_handlers import OtherProjectError

HEADER = "x-vpuformer-project"
"""Header with the id of the project that a page shows. Programs may leave it out."""


async def same_project(request: Request) -> None:
    """Refuse a request that names another project.

    Raises:
        OtherProjectError: the project of this server has another id.
    """
    shown = request.headers.get(HEADER)
    if shown is not None and shown != request.app.state.annotator.project:
        raise OtherProjectError(
            "this page shows another project than the server at this address; reload the page, or start the server of"
            " that project here again to send what waits"
        )
