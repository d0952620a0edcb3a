"""`vpuformer import`: annotations made elsewhere, for all images of a folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vpuformer.cli.progress import progress_bar
from vpuformer.cli.shared_options import DeviceOption, ModelOption, RuntimeOption, StoreOption
from vpuformer.errors import InputError
from vpuformer.extras import require

if TYPE_CHECKING:
    from vpuformer.app.import_report import FolderImport
    from vpuformer.inference.protocol import Segmenter


def import_annotations(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Images, or one image.")],
    annotations: Annotated[
        Path, typer.Argument(metavar="ANNOTATIONS", help="File, zip archive or folder with annotations of the images.")
    ],
    store: StoreOption = None,
    label: Annotated[
        str | None, typer.Option(metavar="NAME", help="Label of objects that have none in the files.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept imported masks; by default a person accepts each.")
    ] = False,
    model: ModelOption = "default",
    device: DeviceOption = None,
    runtime: RuntimeOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report, and change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object.")] = False,
) -> None:
    """Import annotations made elsewhere, for all images of a folder.

    COCO, YOLO, LabelMe, PASCAL VOC, CVAT, Label Studio, masks and label maps are recognized. A box without a mask
    becomes an object whose mask the network makes; it is not accepted, and corrected like any other. Run again, the
    command adds what is new and updates what nobody has touched; what was changed by hand stays.

    Example: vpuformer import holiday/ annotations.json
    """
    require("app", "vpuformer import")
    from vpuformer.app.annotation.box_answers import BoxAnswers
    from vpuformer.app.annotation.folder_import import ImportSettings, import_folder
    from vpuformer.app.images.folder import Folder
    from vpuformer.app.store.store import FILE, Store
    from vpuformer.formats.bundle import Bundle
    from vpuformer.formats.labels import label_name
    from vpuformer.inference.runtimes import choose_runtime

    choose_runtime(model, device, runtime)
    images = Folder(folder)
    settings = ImportSettings(None if label is None else label_name(label), accept, dry_run)
    bundle = Bundle(annotations)
    address = store or str(images.root / FILE)
    if dry_run and "://" not in address and not Path(address).exists():
        address = ":memory:"
    opened = Store(address)
    answer = BoxAnswers(images, opened, lambda: _network(model, device, runtime))
    try:
        with progress_bar(silent=as_json) as bar:
            report = import_folder(
                images,
                opened,
                bundle,
                settings,
                answer=answer,
                track=lambda entries: bar.track(entries, description="images"),
            )
    finally:
        opened.close()
    typer.echo(report.model_dump_json() if as_json else summary_text(report))
    if report.refused:
        from vpuformer.errors import counted

        raise InputError(
            f"{counted(report.refused, 'image')} left out, named above; all others are imported. Mend the annotations"
            " and run the command again"
        )


def _network(model: str, device: str | None, runtime: str | None) -> "Segmenter":
    from vpuformer.inference.segment import VPUFormerSegmenter

    return VPUFormerSegmenter.from_pretrained(model, device, runtime=runtime)


def summary_text(report: "FolderImport") -> str:
    """The report as text, one fact a line."""
    from vpuformer.errors import counted, listed

    verb = "would be " if report.dry_run else ""
    lines = [
        f"{report.format}: {counted(report.images, 'image')}; {counted(report.new, 'object')} {verb}new,"
        f" {report.changed:,} {verb}updated, {report.same:,} as before"
    ]
    if report.answered:
        lines.append(f"{counted(report.answered, 'mask')} made from boxes; look at each before you accept it")
    if report.waiting:
        when = "would be made a mask" if report.dry_run else "answered by vpuformer annotate"
        lines.append(f"{counted(report.waiting, 'box')} without a mask, {when}")
    for title, reasons in (("left out", report.left_out), ("note", report.remarks)):
        for reason in reasons:
            examples = listed([*reason.examples, *([] if len(reason.examples) == reason.number else ["..."])])
            lines.append(f"{title}: {counted(reason.number, reason.thing)}: {reason.why} ({examples})")
    return "\n".join(lines)
