"""Runs the server on a port of this machine, and opens the page."""

import errno
import ipaddress
import re
import secrets
import socket as sockets
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.http.browser import open_page
from vpuformer.app.http.root_path import checked_root_path
from vpuformer.app.http.server import create_app
from vpuformer.app.images.folder import Folder
from vpuformer.app.store.store import Store
from vpuformer.errors import ConfigError
from vpuformer.inference.protocol import Segmenter


def bind(host: str, port: int, *, any_free: bool = False) -> sockets.socket:
    """Return a socket that listens at this address.

    With `any_free`, another port is used if this one is taken.

    Raises:
        ConfigError: the port is taken, or this machine does not have the address.
    """
    try:
        family = sockets.getaddrinfo(host, port, type=sockets.SOCK_STREAM)[0][0]
    except OSError as error:
        raise ConfigError(f"there is no address {host!r} ({error.strerror}); use 127.0.0.1 or 0.0.0.0") from error
    reason = None
    for tried in (port, 0) if any_free else (port,):
        # With an explicit protocol, asyncio sends at once; otherwise the second half of an answer waits for 40 ms.
        bound = sockets.socket(family, sockets.SOCK_STREAM, sockets.IPPROTO_TCP)
        bound.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        try:
            bound.bind((host, tried))
            bound.listen(128)
            return bound
        except OSError as error:
            bound.close()
            if error.errno == errno.EADDRNOTAVAIL:
                raise ConfigError(f"{host!r} is not an address of this machine; use 127.0.0.1 or 0.0.0.0") from error
            reason = error
    why = "" if reason is None else f" ({reason.strerror})"
    raise ConfigError(f"the port {port} of {host} cannot be used{why}; choose another with --port") from reason


def is_loopback(host: str) -> bool:
    """Whether the address can be reached from this machine only.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0"), is_loopback("example.org")
    (True, True, False, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_token(token: str) -> str:
    """Return the token if a cookie and an address can hold it.

    Raises:
        ConfigError: the token is too short or too long, or has other characters.
    """
    if not re.fullmatch(r"[A-Za-z0-9._~-]{8,200}", token, re.ASCII):
        raise ConfigError(
            f"the token ({len(token)} characters) is not valid; use 8 to 200 letters, digits or any of . _ ~ -, or"
            " leave out --token for a random one"
        )
    return token


def checked_server_name(name: str) -> str:
    """Return a host name in lower case.

    >>> checked_server_name("Images.example.org")
    'images.example.org'

    Raises:
        ConfigError: it is not a host name. A name with a port or a path would match no request.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", name, re.ASCII):
        raise ConfigError(
            f"the server name {name!r:.80} is not a host name like images.example.org; leave out https://, port, path"
        )
    return name.lower()


def serve(
    folder: Folder,
    store: Store,
    segmenter: Segmenter | None,
    socket: sockets.socket,
    *,
    token: str | None = None,
    no_token: bool = False,
    server_name: str | None = None,
    root_path: str = "",
    hints: bool = False,
    models: Path | None = None,
    browser: bool = True,
    say: Callable[[str], object] = print,
) -> None:
    """Serve until interrupted.

    Args:
        store: closed at the end.
        segmenter: answers prompts; None for a read-only view.
        socket: from `bind`.
        token: secret that every request must carry; a random one if None.
        server_name: name of a proxy to answer, in addition to the names of this machine.
        root_path: path under which the proxy shows the server.
        hints: whether the page shows the hints of the first minute.
        models: folder of the models that are fine-tuned on the page, see `create_app`.
        browser: whether to open the page.
        say: prints the address of the page, which holds the token if it is a random one.

    Raises:
        ConfigError: the token, the root path or the server name cannot be used.
    """
    host, port = socket.getsockname()[:2]
    local = is_loopback(host)
    secret = None if no_token else secrets.token_urlsafe(24) if token is None else checked_token(token)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}/"
    if not local and host in ("0.0.0.0", "::"):
        address = address.replace(shown, sockets.gethostname(), 1)
    once = None if secret is None or not browser else secrets.token_urlsafe(24)
    app = create_app(
        Annotator(folder, store, segmenter),  # fails here, and not while the server starts
        store,
        segmenter,
        token=secret,
        once=once,
        any_host=not local,
        server_name=None if server_name is None else checked_server_name(server_name),
        root_path=checked_root_path(root_path),
        hints=hints,
        models=models,
    )
    # No access log: it would contain the token of the first request.
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=3
    )
    server = uvicorn.Server(config)
    app.state.ends = lambda: server.should_exit
    # A token that was given is a secret of its own, which a log must not hold.
    printed = _with_token(address, secret) if token is None else f"{address} with the token that was given"
    say(f"open {printed} (Ctrl+C ends)")
    if browser:
        opener = threading.Timer(0.3, open_page, [_with_token(address, once)])  # when the server answers
        opener.daemon = True
        opener.start()
    # Uvicorn raises the interrupt again in most cases; on a busy machine it may just return.
    with suppress(KeyboardInterrupt):
        server.run(sockets=[socket])
    say("ended; everything is stored")


def _with_token(address: str, token: str | None) -> str:
    return address if token is None else f"{address}?token={token}"
