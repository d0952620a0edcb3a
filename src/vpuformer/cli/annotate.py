"""`vpuformer annotate`: the browser app on a folder of images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpuformer.cli.shared_options import DeviceOption, ModelOption, RuntimeOption, StoreOption, WindowOption
from vpuformer.errors import ConfigError
from vpuformer.extras import require

if TYPE_CHECKING:
    from vpuformer.formats.label_set import LabelSet
    from vpuformer.images.addresses import Window

PORT = 8123


def annotate(
    images: Annotated[
        Path | None,
        typer.Argument(metavar="IMAGE|FOLDER", help="Image or folder; by default a copy of three photographs."),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME|FILE",
            help="Labels to add at the start, or a .txt file with one a line, or a .json file, such as CVAT's.",
        ),
    ] = None,
    model: ModelOption = "default",
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    store: StoreOption = None,
    window: WindowOption = None,
    models: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Models that are fine-tuned on the page; by default .vpuformer-models in the folder of the images.",
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help=f"Port to listen on; by default {PORT}, or a free one.")
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on; 0.0.0.0 is open to other machines.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            envvar="VPUFORMER_TOKEN",
            help="Secret that opens the page, by default random; other users may see it in the list of processes.",
        ),
    ] = None,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Ask for no token: everyone who reaches the address has full access.")
    ] = False,
    root_path: Annotated[
        str, typer.Option(metavar="PATH", help="Path under which a proxy serves the page, such as /annotate.")
    ] = "",
    server_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the proxy through which the page is opened.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Show images and objects, and refuse every change; loads no network.")
    ] = False,
) -> None:
    """Annotate images in the browser, with clicks, boxes and scribbles.

    Every step is stored at once; the same command continues later. Without a folder, it copies three photographs into
    the folder vpuformer-examples here, to try the page. On another machine reached by ssh, forward the port:
    ssh -L 8123:127.0.0.1:8123 HOST.

    Example: vpuformer annotate holiday/ --labels cat,dog
    """
    label_set = _label_set(labels)
    if token is not None and no_token:
        raise ConfigError("a token (--token or VPUFORMER_TOKEN) and --no-token contradict each other; give one of them")
    if read_only and labels is not None:
        raise ConfigError("--labels adds labels, and --read-only refuses changes; leave one of them out")

    shown = _window(window, read_only)

    require("app", "vpuformer annotate")
    from vpuformer.memory import ENOUGH_TO_ANSWER, keep_freed_memory, no_garbage_collection

    keep_freed_memory(ENOUGH_TO_ANSWER)
    with no_garbage_collection():
        from vpuformer.app.annotation.background_segmenter import BackgroundSegmenter
        from vpuformer.app.http.root_path import checked_root_path
        from vpuformer.app.http.serving import bind, checked_server_name, checked_token, is_loopback, serve
        from vpuformer.app.images.examples import NAME, copy_examples
        from vpuformer.app.images.folder import Folder
        from vpuformer.app.store.store import FILE, Store
        from vpuformer.errors import counted

    root_path = checked_root_path(root_path)
    if token is not None:
        checked_token(token)
    if server_name is not None:
        checked_server_name(server_name)
    if images is None:
        copy_examples(Path(NAME))
        typer.echo(f"no folder was given: opening three photographs, copied to {Path(NAME).absolute()}")
    folder = Folder(NAME if images is None else images)
    segmenter = None if read_only else BackgroundSegmenter(model, device, runtime)
    with bind(host, PORT if port is None else port, any_free=port is None) as socket:
        annotations = Store(store or folder.root / FILE)
        if not read_only:
            annotations.check_writable()
            annotations.add_label_set(label_set)
            if shown is not None:
                annotations.set_window(shown)
        for sentence in folder.left_out:
            typer.echo(f"left out: {sentence}", err=True)
        if port is None and socket.getsockname()[1] != PORT:
            typer.echo(f"port {PORT} is in use, perhaps by another vpuformer", err=True)
        typer.echo(
            f"{counted(len(folder.names), 'image')} in {folder.root}; annotations are stored in {annotations.address}"
        )
        if no_token and not is_loopback(host):
            typer.echo(f"without a token, everyone who reaches {host} can see and change everything", err=True)
        serve(
            folder,
            annotations,
            segmenter,
            socket,
            token=token,
            no_token=no_token,
            server_name=server_name,
            root_path=root_path,
            hints=images is None,
            models=models,
            browser=not no_browser,
            say=typer.echo,
        )


def _window(text: str | None, read_only: bool) -> "Window | None":
    from vpuformer.images.addresses import parse_window

    if text is not None and read_only:
        raise ConfigError("--window is stored with the annotations, and --read-only refuses changes; leave one out")
    return None if text is None else parse_window(text)


def _label_set(labels: str | None) -> "LabelSet":
    """
    >>> [label.name for label in _label_set("cat, dog,cat").labels]
    ['cat', 'dog']
    """
    from vpuformer.formats.label_set import LabelDefinition, LabelSet, read_label_names, read_label_set
    from vpuformer.formats.labels import LONGEST_LABEL, label_name

    labels = labels or ""
    if labels.lower().endswith(".json"):
        return read_label_set(Path(labels))
    parts = read_label_names(Path(labels)) if labels.lower().endswith(".txt") else labels.split(",")
    names = list(dict.fromkeys(label_name(part) for part in parts if part.strip()))
    for name in names:
        if len(name) > LONGEST_LABEL:
            raise ConfigError(f"a label has at most {LONGEST_LABEL} characters, got {len(name)}: {name!r:.60}")
    return LabelSet(tuple(map(LabelDefinition, names)))
