"""Options that several commands have."""

from typing import Annotated

import typer

ModelOption = Annotated[str, typer.Option(metavar="MODEL", help="Model to use, by name or folder.")]
DeviceOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Device, such as cpu; by default CUDA, then MPS, then the CPU.")
]
RuntimeOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Runtime: onnx, openvino or torch; by default chosen for model and device."),
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        help="Database of the annotations; by default vpuformer.sqlite in the folder of the images.",
    ),
]
