"""The path under which a proxy shows the server. The proxy may keep or remove it."""

import re

from vpuformer.app.http.asgi import App, Receive, Scope, Send
from vpuformer.errors import ConfigError

_WORD = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+"


class RootPath:
    """Middleware that restores the path that ASGI defines: one that begins with the root path.

    An empty `root_path` stands for the root path of the ASGI server.
    """

    def __init__(self, app: App, *, root_path: str) -> None:
        self._app, self._root_path = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            root = self._root_path or scope.get("root_path", "")
            cut_off = root and not f"{scope['path']}/".startswith(f"{root}/")
            scope = {**scope, "root_path": root, "path": root + scope["path"] if cut_off else scope["path"]}
        await self._app(scope, receive, send)


def checked_root_path(path: str) -> str:
    """Return the root path without a trailing slash; empty for the root itself.

    >>> checked_root_path("/annotate/"), checked_root_path("annotate"), checked_root_path("/")
    ('/annotate', '/annotate', '')

    Raises:
        ConfigError: the path has other characters than letters, digits, slashes and . _ ~ -.
    """
    words = path.strip("/")
    if words and not re.fullmatch(f"{_WORD}(?:/{_WORD})*", words, re.ASCII):
        raise ConfigError(f"the root path {path!r:.80} is not valid; use letters, digits and slashes, as in /annotate")
    return f"/{words}" if words else ""
