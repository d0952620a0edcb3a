"""`vpuformer annotate`: the browser app on a folder of images."""

from pathlib import Path
from typing import Annotated

import typer

from vpuformer.errors import ConfigError

PORT = 8123
LONGEST_LABEL = 200  # as `vpuformer.app.protocol` has it


def annotate(
    images: Annotated[Path, typer.Argument(metavar="IMAGE|FOLDER", help="What to annotate.")],
    labels: Annotated[str | None, typer.Option(metavar="NAME,NAME", help="Labels to begin with.")] = None,
    model: Annotated[str, typer.Option(metavar="MODEL", help="A model by name, or its folder.")] = "default",
    device: Annotated[str | None, typer.Option(metavar="NAME", help="Such as cpu; by default cuda, if any.")] = None,
    store: Annotated[
        str | None,
        typer.Option(metavar="FILE|URL", help="Where all is kept; by default vpuformer.sqlite beside the images."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help=f"By default {PORT}, or another that is free.")
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0 is reached from other machines.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            envvar="VPUFORMER_TOKEN",
            help="Secret that opens the page, by default drawn anew; others may see it in a list of processes.",
        ),
    ] = None,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Ask for no token: whoever reaches the address can do everything.")
    ] = False,
    root_path: Annotated[
        str, typer.Option(metavar="PATH", help="Path under which a proxy shows the page, such as /annotate.")
    ] = "",
    server_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of a proxy under which the page is opened.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
) -> None:
    """Annotate images in the browser, with clicks, boxes and scribbles.

    Everything is stored at once; the same command opens it again where it was left. On another machine reached by ssh,
    forward the port: ssh -L 8123:127.0.0.1:8123 HOST.

    Example: vpuformer annotate holiday/ --labels cat,dog
    """
    names = _names(labels)
    if token is not None and no_token:
        raise ConfigError("a token (--token or VPUFORMER_TOKEN) and --no-token contradict each other; give one of them")

    from vpuformer.app.annotation.segmenter import LazySegmenter
    from vpuformer.app.http.root_path import checked_root_path
    from vpuformer.app.http.serving import bind, checked_server_name, checked_token, is_loopback, serve
    from vpuformer.app.images.folder import Folder
    from vpuformer.app.store.store import FILE, Store
    from vpuformer.formats.messages import counted

    root_path = checked_root_path(root_path)
    if token is not None:
        checked_token(token)
    if server_name is not None:
        checked_server_name(server_name)
    folder = Folder(images)
    segmenter = LazySegmenter(model, device)
    with bind(host, PORT if port is None else port, any_free=port is None) as socket:
        kept = Store(store or folder.root / FILE)
        kept.check_writable()
        there = {label.name for label in kept.labels()}
        for name in names:
            if name not in there:
                kept.add_label(name)
        for sentence in folder.left_out:
            typer.echo(f"left out: {sentence}", err=True)
        if port is None and socket.getsockname()[1] != PORT:
            typer.echo(f"the port {PORT} is taken, by another vpuformer perhaps", err=True)
        typer.echo(f"{counted(len(folder.names), 'image')} in {folder.root}; everything is kept in {kept.address}")
        if no_token and not is_loopback(host):
            typer.echo(f"without a token everybody who reaches {host} can see and change everything", err=True)
        serve(
            folder,
            kept,
            segmenter,
            socket,
            token=token,
            no_token=no_token,
            server_name=server_name,
            root_path=root_path,
            browser=not no_browser,
            say=typer.echo,
        )


def _names(labels: str | None) -> list[str]:
    """
    >>> _names("cat, dog,cat")
    ['cat', 'dog']
    """
    from vpuformer.formats.labels import label_name

    names = list(dict.fromkeys(label_name(part) for part in (labels or "").split(",") if part.strip()))
    for name in names:
        if len(name) > LONGEST_LABEL:
            raise ConfigError(f"a label is at most {LONGEST_LABEL} letters of text, got {len(name)}: {name!r:.60}")
    return names
