"""`vpuformer export-masks`: accepted masks in a format that other programs read."""

import ast
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from vpuformer.cli.progress import progress_bar
from vpuformer.cli.shared_options import FormatOption, OverwriteOption, PolygonsOption, StoreOption
from vpuformer.errors import InputError, StoreError
from vpuformer.extras import require

if TYPE_CHECKING:
    from vpuformer.formats import AnnotatedImage


class FormatsBelow(TyperCommand):
    """A command whose help ends with the export formats. The registry is parsed, not imported."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        super().format_epilog(ctx, formatter)
        source = (Path(__file__).parents[1] / "formats" / "registry.py").read_text(encoding="utf-8")
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
        entries = [call.args for call in calls if ast.unparse(call.func) == "Format"]
        with formatter.section("Formats"):
            formatter.write_dl([(ast.literal_eval(name), ast.literal_eval(text)) for name, _, text, *_ in entries])


def export_masks(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Annotated images.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="New or empty folder for the files.")
    ],
    format_name: FormatOption = "coco",
    store: StoreOption = None,
    polygons: PolygonsOption = None,
    overwrite: OverwriteOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Write the accepted masks of all images in a format that other programs read.

    Images that are marked as done are written even without an accepted object. The last lines of the output list what
    the format cannot hold. Either all files are written, or none.

    Example: vpuformer export-masks holiday/ --format coco -o holiday_coco/
    """
    from vpuformer.formats import find_format
    from vpuformer.formats.publish import check_target, seen_from

    chosen = find_format(format_name, polygons=polygons)
    check_target(output, overwrite=overwrite)
    root = folder.parent if folder.is_file() else folder
    if not root.is_dir():
        raise InputError(f"there is no folder {root}; give the one that was annotated")

    require("app", "vpuformer export-masks")
    from vpuformer.app.annotation.exporting import accepted_images, label_names, left_out_notes
    from vpuformer.app.images.originals import notes_on_files
    from vpuformer.app.store.store import FILE, Store
    from vpuformer.formats import export

    address = str(root / FILE) if store is None else store
    if "://" not in address and not Path(address).is_file():
        raise StoreError(f"there is no {address}; annotate the images with `vpuformer annotate {root}` first")
    annotations = Store(address)
    try:
        images = list(accepted_images(annotations))  # without their masks, which are read one by one
        sentences = [*left_out_notes(annotations), *notes_on_files(annotations, root)]
        if not images:
            raise InputError(
                f"nothing to export: no object in {annotations.address} is accepted and no image done"
                + "".join(f" ({sentence.rstrip('.')})" for sentence in sentences)
            )
        tracked = _tracked(images, silent=as_json)
        at = seen_from(output, root)
        written = export(
            format_name,
            tracked,
            output,
            label_names(annotations),
            polygons=polygons,
            images_at=at,
            root=root,
            overwrite=overwrite,
        )
    finally:
        annotations.close()
    summary = {
        "format": format_name,
        "folder": str(output),
        "images": written.images,
        "objects": written.objects,
        "files": len(written.files),
        "lost": chosen.lost,
        "notes": [*sentences, *written.notes],
    }
    typer.echo(json.dumps(summary) if as_json else _summary_text(summary))


def _tracked(images: Sequence["AnnotatedImage"], *, silent: bool) -> Iterator["AnnotatedImage"]:
    with progress_bar(silent=silent) as bar:
        yield from bar.track(images, description="export")


def _summary_text(summary: dict[str, object]) -> str:
    from vpuformer.errors import counted

    def of(what: str) -> str:
        return counted(int(str(summary[f"{what}s"])), what)

    first = f"{summary['format']}: {of('object')} on {of('image')}, in {of('file')} in {summary['folder']}"
    notes = summary["notes"]
    assert isinstance(notes, list)
    return "\n".join([first, *notes])
