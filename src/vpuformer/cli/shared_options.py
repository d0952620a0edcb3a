"""Options that several commands have."""

from typing import Annotated

import typer

ModelOption = Annotated[
    str,
    typer.Option(metavar="MODEL", help="Model: a name, a folder, or owner/name[@revision] on the Hugging Face Hub."),
]
DeviceOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Device, such as cpu; by default CUDA, then MPS, then the CPU.")
]
RuntimeOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Runtime: onnx, openvino or torch; by default chosen for model and device."),
]
FormatOption = Annotated[str, typer.Option("--format", metavar="NAME", help="One of the formats below.")]
PolygonsOption = Annotated[
    bool | None,
    typer.Option("--polygons/--masks", help="Outlines or masks; by default masks in coco, outlines in labelme."),
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace the files of an earlier export in this format; other files stay.")
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        help="Database of the annotations; by default vpuformer.sqlite in the folder of the images.",
    ),
]
WindowOption = Annotated[
    str | None,
    typer.Option(
        metavar="CENTER,WIDTH", help="Values shown from black to white, such as 40,400 for CT; by default the file's."
    ),
]
