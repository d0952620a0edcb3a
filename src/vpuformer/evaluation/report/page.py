"""One HTML page about several runs. It needs no server, script or other file."""

import os
from collections.abc import Sequence
from importlib.resources import files

from vpuformer.errors import counted
from vpuformer.evaluation.report.figures import Figure, all_figures
from vpuformer.evaluation.report.markup import Markup, element, joined
from vpuformer.evaluation.report.panels import Gallery, Shot
from vpuformer.evaluation.report.published import PAPER
from vpuformer.evaluation.report.runs import Run, run_names
from vpuformer.evaluation.report.tables import Cell, Group, Row, Table, all_tables
from vpuformer.files import write_file

_INTRODUCTION = (
    "Measured numbers come from the records of the runs below. The smaller numbers are 95 % intervals of the means,"
    " from a bootstrap over images with all their objects (2000 resamples). They estimate the spread over other images"
    " of the same kind, not over other trainings."
)
_QUOTED = (
    f"Quoted numbers, in italics, are copied from the tables of {PAPER}: other weights and other training data,"
    " not run here. They appear only for data sets that were measured as a whole."
)


def write_page(path: str | os.PathLike[str], runs: Sequence[Run], galleries: Sequence[Gallery] = ()) -> None:
    """Write the page of the runs to a file, atomically.

    Args:
        path: the HTML file; its folder must exist.
        runs: see `vpuformer.evaluation.report.runs.open_runs`.
        galleries: see `vpuformer.evaluation.report.panels.galleries`.

    Raises:
        InputError: the file cannot be written.
    """
    write_file(path, render_page(runs, galleries))


def render_page(runs: Sequence[Run], galleries: Sequence[Gallery] = ()) -> str:
    """HTML text of the page; see `write_page`."""
    title = "Interactive segmentation: evaluation"
    style = files("vpuformer.evaluation.report").joinpath("page.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(style)),
    )
    tables = all_tables(runs)
    quoted = any(group.source == "quoted" for table in tables for group in table.groups)
    figures = all_figures(runs)
    body = element(
        "body",
        element("h1", title),
        element("p", _INTRODUCTION),
        element("p", _QUOTED) if quoted else None,
        element("h2", "Tables"),
        *map(_table, tables),
        joined(element("h2", "Figures"), element("div", *map(_figure, figures), class_="figures")) if figures else None,
        element("h2", "Images") if galleries else None,
        *map(_gallery, galleries),
        element("h2", "Where the numbers come from"),
        *(_provenance(name, run) for name, run in zip(run_names(runs), runs, strict=True)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _table(table: Table) -> Markup:
    caption = element("caption", element("span", element("strong", table.name), table.caption))
    two = any(above for above, _ in table.columns)
    words = [element("th", word, scope="col", rowspan=2 if two else None) for word in table.words]
    above = [element("th", name, scope="colgroup", colspan=len(names), class_="above") for name, names in table.columns]
    single = [element("th", name, scope="col", class_="number") for _, names in table.columns for name in names]
    rows = [element("tr", *words, *above), element("tr", *single)] if two else [element("tr", *words, *single)]
    groups = [_group(group, table) for group in table.groups]
    # Focusable, so that it can be scrolled with the keyboard.
    attributes: dict[str, str | int] = {"class_": "scroll", "tabindex": 0, "role": "region", "aria_label": table.name}
    scroll = element("div", element("table", caption, element("thead", *rows), *groups), **attributes)
    return element("details", element("summary", table.name), scroll) if table.detail else scroll


def _group(group: Group, table: Table) -> Markup:
    width = len(table.words) + len(table.titles)
    text = "Measured" if group.source == "measured" else f"Quoted from {PAPER}: {group.title}"
    title = element("th", element("span", text), colspan=width, scope="rowgroup")
    head = element("tr", title, class_="source")
    return element("tbody", head, *(_row(row, group) for row in group.rows))


def _row(row: Row, group: Group) -> Markup:
    first, *others = row.words
    words = [element("th", first, scope="row"), *(element("td", word, class_=group.source) for word in others)]
    return element("tr", *words, *(_cell(cell, group) for cell in row.cells), class_=group.source)


def _cell(cell: Cell, group: Group) -> Markup:
    if not cell.text:
        return element("td", "-", class_="number")
    source = element("span", f" {group.source}", class_="hidden")
    interval = element("small", cell.interval) if cell.interval else None
    return element("td", cell.text, source, interval, class_=f"number {group.source}", title=group.source_text)


def _figure(figure: Figure) -> Markup:
    return element("figure", element("figcaption", figure.caption), figure.drawing, figure.key, class_="chart")


def _gallery(gallery: Gallery) -> Markup:
    strips = [
        joined(element("h4", name) if name else None, element("div", *map(_shot, shots), class_="strip"))
        for name, shots in gallery.strips
    ]
    return element("section", element("h3", gallery.title), element("p", gallery.text, class_="soft"), *strips)


def _shot(shot: Shot) -> Markup:
    height, width = shot.size
    image = element("img", src=shot.source, alt=shot.alt, width=width, height=height, loading="lazy")
    return element("figure", image, element("figcaption", shot.caption))


def _provenance(name: str, run: Run) -> Markup:
    head = run.header
    facts = {
        "command": element("code", head.command or "not recorded"),
        "model": head.model,
        "weights, SHA-256": element("code", head.weights_sha256) if head.weights_sha256 else "none",
        "data set": f"{head.dataset}, {len(run.objects)} objects in {run.summary['images']} images",
        "data, SHA-256 of names and sizes": element("code", head.data_sha256),
        "protocol": _protocol(run),
        "seed": str(head.seed),
        "options": ", ".join(f"{key}={value}" for key, value in head.options.items()) or "none",
        "prompts given": ", ".join(f"{count} {kind}" for kind, count in run.summary["prompts"].items()),
        "device": head.device,
        "versions": ", ".join(f"{key} {value}" for key, value in head.versions.items()),
        "started": head.started,
    }
    items = joined(*(joined(element("dt", key), element("dd", value)) for key, value in facts.items()))
    return element("section", element("h3", name), element("dl", items), class_="run")


def _protocol(run: Run) -> str:
    target = "" if run.header.stop_at_iou is None else f", until an IoU of {run.header.stop_at_iou:g}"
    first = "" if run.header.first_kind is None else f"{run.header.first_kind} first, then "
    return f"{first}{' + '.join(run.header.kinds)}, at most {counted(run.header.max_interactions, 'prompt')}{target}"
