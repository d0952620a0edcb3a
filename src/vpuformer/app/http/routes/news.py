"""Routes of news: who else is here, and what they have changed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.presence import Person
from vpuformer.app.http.routes.parameters import MaybeId, Opened, Visitor
from vpuformer.app.news_schemas import News, NewsChange, PersonHere
from vpuformer.app.schemas import Key

STREAMING = 10.0
"""Seconds for which a window counts as open after its stream of news was last alive."""

ASKING = 15.0
"""Seconds for which a window counts as open after it asked for news."""

HIDDEN = 90.0
"""The same for a hidden page, which browsers let ask once a minute."""

PAUSE = 0.25
"""Seconds between two looks for news."""

PULSE = 15.0
"""Seconds after which a stream without news sends a message, so that nobody takes it for a broken one."""

Window = Annotated[Key, Query()]
Since = Annotated[int | None, Query(ge=0, le=2**53)]


class EventStream(StreamingResponse):
    """A stream of messages for `EventSource`. The header asks nginx not to hold it back."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncIterator[str], **more: Any) -> None:
        super().__init__(content, headers={"x-accel-buffering": "no"}, **more)


def router() -> APIRouter:
    """Return the routes of news."""
    routes = APIRouter(tags=["people"], prefix="/news")

    @routes.get("", summary="Read who else is here, and what they have changed")
    async def read(
        annotator: Opened,
        visitor: Visitor,
        window: Window,
        since: Since = None,
        image: MaybeId = None,
        hidden: bool = False,
    ) -> News:  # async: it needs no thread
        annotator.presence.note(window, visitor, image, HIDDEN if hidden else ASKING)
        return news(annotator, window, since)

    @routes.get("/stream", response_class=EventStream, include_in_schema=False)  # it has no end to describe
    async def stream(
        request: Request,
        annotator: Opened,
        visitor: Visitor,
        window: Window,
        since: Since = None,
        image: MaybeId = None,
    ) -> EventStream:
        return EventStream(_messages(request, annotator, visitor, window, since, image))

    return routes


def news(annotator: Annotator, window: str, since: int | None) -> News:
    """Return the news for a window since the change with this number."""
    number, changes = annotator.changes.since(annotator.changes.number if since is None else since, window)
    return News(
        number=number,
        people=[PersonHere(name=here.name, image=here.image) for here in annotator.presence.others(window)],
        changes=None if changes is None else [NewsChange(image=each.image, object=each.object) for each in changes],
    )


async def _messages(
    request: Request, annotator: Annotator, visitor: Person, window: str, since: int | None, image: int | None
) -> AsyncIterator[str]:
    """News as server-sent events, at once and then whenever there are some."""
    sent: list[PersonHere] | None = None
    silent = 0.0
    while not (request.app.state.ends() or await request.is_disconnected()):
        annotator.presence.note(window, visitor, image, STREAMING)
        latest = news(annotator, window, since)
        if latest.changes != [] or latest.people != sent or silent >= PULSE:
            yield f"data: {latest.model_dump_json()}\n\n"
            sent, silent = latest.people, 0.0
        since, image = latest.number, None
        await asyncio.sleep(PAUSE)
        silent += PAUSE
