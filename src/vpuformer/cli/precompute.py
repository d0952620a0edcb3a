"""`vpuformer precompute`: features of images, computed in advance and kept on disk."""

from pathlib import Path
from typing import Annotated

import typer

from vpuformer.cli.progress import progress_bar
from vpuformer.cli.shared_options import DeviceOption, ModelOption, RuntimeOption, WindowOption
from vpuformer.errors import ConfigError, ImageError, InputError


def precompute(
    images: Annotated[Path, typer.Argument(metavar="IMAGE|FOLDER", help="Image, or folder of images.")],
    window: WindowOption = None,
    model: ModelOption = "default",
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    max_size: Annotated[
        float, typer.Option(metavar="GB", help="Largest size of all stored features; the oldest make room.")
    ] = 10,
) -> None:
    """Compute the features of images in advance, for models with a slow image encoder.

    `annotate` and `segment` then read them. They lie in the user's folder for caches, or in the folder that the
    variable VPUFORMER_CACHE names, and can be deleted at any time.

    Example: vpuformer precompute holiday/ --model runs/mine
    """
    if not 0 < max_size * 1e9 < float("inf"):
        raise ConfigError(f"--max-size is a positive number of GB, got {max_size:g}")

    from vpuformer.app.images.folder import Folder
    from vpuformer.errors import counted
    from vpuformer.geometry import Crop
    from vpuformer.images import read_image
    from vpuformer.images.addresses import parse_window
    from vpuformer.inference.feature_store import FeatureStore
    from vpuformer.inference.segment import VPUFormerSegmenter

    folder = Folder(images)
    folder.window = None if window is None else parse_window(window)
    store = FeatureStore(max_bytes=round(max_size * 1e9))
    segmenter = VPUFormerSegmenter.from_pretrained(model, device, runtime=runtime, features=store)
    if segmenter.network.features_depend_on_prompts:
        raise ConfigError(f"in the model {model}, features depend on the prompts; none can be computed before these")
    unreadable = []
    with progress_bar() as bar:
        for name in bar.track(folder.names, description="images"):
            try:
                encoded = segmenter.encode(read_image(folder.path_of(name)))
            except ImageError as error:
                unreadable.append(str(error))
                continue
            if store.write_error is not None:
                raise store.write_error
            features = encoded.get(Crop.whole(encoded.size)) or ()
            needed = len(folder.names) * sum(each.nbytes for each in features)
            if needed > store.max_bytes:
                raise ConfigError(
                    f"the features of {counted(len(folder.names), 'image')} take {needed / 1e9:.2g} GB, and at most"
                    f" {max_size:g} GB are kept; raise --max-size, or give fewer images"
                )
    for sentence in [*folder.left_out, *unreadable]:
        typer.echo(f"left out: {sentence}", err=True)
    typer.echo(
        f"computed the features of {counted(store.writes, 'image')}, found those of {store.hits};"
        f" {store.nbytes / 1e6:,.0f} MB in {store.folder}"
    )
    if unreadable:
        raise InputError(f"{counted(len(unreadable), 'image')} cannot be read, named above")
