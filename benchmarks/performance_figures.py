"""Blocks of pages on time and memory; see figures.py."""

import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
KINDS = {
    "new image, first prompt": "new image and first prompt",
    "other object, first prompt": "first prompt on another object",
    "correction": "correction",
}


def blocks() -> dict[str, str]:
    """Every block by the name of its marker."""
    names = ("latency", "floor", "parts")
    latency, floor, measured = (json.loads((RESULTS / f"{name}.json").read_text("utf-8")) for name in names)
    return {
        "latency-in-short": latency_in_short(latency),
        "latency": answers(latency),
        "targets": targets(latency),
        "starts": starts(latency),
        "install": install(latency),
        "install-in-short": install_in_short(latency),
        "floor": stages(floor),
        "ceilings": ceilings(floor),
        "parts": parts(measured),
    }


def latency_in_short(latency: Mapping[str, Any]) -> str:
    """The speed in three sentences."""
    ours, sam = (latency["answers"][name] for name in (latency["runtime by default"], "SAM ViT-B"))
    first, other, correction = ([shown(each[kind]["median"]) for each in (ours, sam)] for kind in KINDS)
    segment = latency["starts"]["vpuformer segment"]
    cores = latency["machine"].split(", ")[1].removesuffix(" cores")
    text = (
        f"On {cores} CPU cores, a first prompt on a new image of {latency['image']} pixels takes {first[0]}, a first"
        f" prompt on another object {other[0]}, and a correction {correction[0]}. Segment Anything with its smallest"
        f" encoder, ViT-B, takes {first[1]}, {other[1]} and {correction[1]}. `vpuformer segment` takes"
        f" {segment['seconds']['median']:.1f} s from the command to the mask, and {segment['MiB']['median']:.0f} MiB of"
        " memory: [docs/performance.md](docs/performance.md)."
    )
    return wrapped(text)


def answers(latency: Mapping[str, Any]) -> str:
    """Time of each kind of prompt with each method; time and memory of one mask."""
    lines = [
        f"| {latency['image']} pixels, median (quartiles) | {' | '.join(KINDS.values())} | one mask, new process |"
        " its memory |",
        "|---|" + "--:|" * (len(KINDS) + 2),
    ]
    for name, kinds in latency["answers"].items():
        cells = [with_quartiles(kinds[kind]) for kind in KINDS]
        start = latency["starts"][name]
        cells += [shown(start["seconds"]["median"]), f"{start['MiB']['median']:.0f} MiB"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    passes = latency["answers"][latency["runtime by default"]]
    counts = ", ".join(f"{each['encoded']:g} and {each['decoded']:g}" for each in (passes[kind] for kind in KINDS))
    text = (
        f"Our network runs its image encoder and its decoder so many times on average: {counts}"
        f" (`{latency['command']}`; {latency['machine']})."
    )
    return "\n".join([*lines, "", wrapped(text)])


def targets(latency: Mapping[str, Any]) -> str:
    """What had to be reached, and what was measured."""
    lines = ["| target | at most | aim | measured | reached |", "|---|--:|--:|--:|---|"]
    for name, row in latency["targets"].items():
        must, aim, measured = (number(row[each]) for each in ("must", "aim", "measured"))
        lines.append(f"| {name} | {must} | {aim} | {measured} | {'yes' if row['reached'] else 'no'} |")
    return "\n".join(lines)


def starts(latency: Mapping[str, Any]) -> str:
    """Seconds from a command to its result, and what its imports take."""
    columns = {"files of the packages in memory": latency["starts"], "on the disk": latency["starts from the disk"]}
    columns = {title: column for title, column in columns.items() if column}  # clearing the memory needs root
    lines = [f"| from the command | {' | '.join(columns)} |", "|---" + "|--:" * len(columns) + "|"]
    for name in ("vpuformer segment", "annotate, to the page", "annotate, to the first mask"):
        cells = [f"{column[name]['seconds']['median']:.2f} s" if name in column else "-" for column in columns.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    imports = latency["imports of segment"]
    packages = ", ".join(f"{name} {1000 * taken:.0f} ms" for name, taken in imports["seconds of packages"].items())
    text = f"`vpuformer segment` imports {imports['modules']} modules in {imports['seconds']:.2f} s: {packages}."
    return "\n".join([*lines, "", wrapped(text)])


def install(latency: Mapping[str, Any]) -> str:
    """Size and time of installations."""
    if not latency["install"]:
        return "Not measured yet."
    lines = ["| in an empty environment, without pip's cache | size | time |", "|---|--:|--:|"]
    for name, row in latency["install"].items():
        title = f"`{name}`" if name.startswith("make") else f"`pip install '{name}'`"
        size = f"{row['MB']:.0f} MB" if "MB" in row else "-"
        lines.append(f"| {title} | {size} | {row['seconds']:.0f} s |")
    packages = ", ".join(f"{name} {size}" for name, size in latency["install"]["vpuformer"]["MB of packages"].items())
    return "\n".join([*lines, "", wrapped(f"The largest packages of `pip install vpuformer`, in MB: {packages}.")])


def install_in_short(latency: Mapping[str, Any]) -> str:
    """Sizes of installations in a sentence."""
    if not latency["install"]:
        return "Not measured yet."
    base, app, evaluate, torch = (row["MB"] for row in latency["install"].values() if "MB" in row)
    seconds = latency["install"]["vpuformer[app]"]["seconds"]
    return wrapped(
        f"The base takes {base:.0f} MB on the disk, the app {app - base:.0f} MB more, `evaluate`"
        f" {evaluate - base:.0f} MB, and `torch`, with CUDA, {(torch - app) / 1000:.1f} GB. Base and app are"
        f" installed in {seconds:.0f} s."
    )


def stages(floor: Mapping[str, Any]) -> str:
    """Each stage of the network, its floor and its time."""
    threads = [*next(iter(floor["stages"].values()))["ms"]]
    titles = " | ".join(f"ms, {count} thread{'s' * (count != '1')}" for count in threads)
    lines = [
        f"| stage | million multiply-adds | MB | floor, ms | {titles} | times its floor | where its time goes |",
        "|---|" + "--:|" * (4 + len(threads)) + "---|",
    ]
    for name, row in floor["stages"].items():
        limit, times = max(row["arithmetic ms"], row["transport ms"]), row["times its floor"]
        shares = ", ".join(f"{kind} {share:.0%}" for kind, share in row["shares"].items())
        cells = [
            *(f"{row[each]:.0f}" if times else "-" for each in ("MMAC", "MB")),
            f"{limit:.2f}" if times else "-",
            *(f"{row['ms'][count]:.2f}" for count in threads),
            f"{times:.1f}" if times else "-",
            shares or "-",
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    rows = floor["stages"].values()
    limit = sum(max(row["arithmetic ms"], row["transport ms"]) for row in rows)
    sums = [sum(row["ms"][count] for row in rows) for count in threads]
    cells = [*(f"{sum(row[each] for row in rows):.0f}" for each in ("MMAC", "MB")), f"{limit:.2f}"]
    cells += [*(f"{each:.2f}" for each in sums), f"{sums[0] / limit:.1f}", "-"]
    lines.append("| together | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", f"`{floor['command']}`; {floor['machine']}, ONNX Runtime {floor['onnxruntime']}"])


def ceilings(floor: Mapping[str, Any]) -> str:
    """The limits of the machine."""
    rows = floor["ceilings by threads"]
    lines = ["| limit | " + " | ".join(f"{count} thread{'s' * (count != '1')}" for count in rows) + " |"]
    lines.append("|---|" + "--:|" * len(rows))
    names = {
        "GMAC a second": "billion multiply-adds a second, best matrix product",
        "GB a second in the cache": "GB a second, copying 2 MB",
        "GB a second in memory": "GB a second, copying 256 MB",
    }
    lines += [
        f"| {title} | " + " | ".join(f"{row[name]:.0f}" for row in rows.values()) + " |"
        for name, title in names.items()
    ]
    return "\n".join(lines)


def parts(measured: Mapping[str, Any]) -> str:
    """Milliseconds of each part of a prompt, before and now."""
    runs = [*measured["milliseconds"].values()]
    columns = [(size, kind) for size, kinds in runs[-1].items() for kind in kinds]
    names = dict.fromkeys(name for run in reversed(runs) for size, kind in columns for name in run[size][kind])
    for last in ("the rest", "everything"):
        names[last] = names.pop(last)
    lines = [
        "| ms | " + " | ".join(f"{size}, {kind}" for size, kind in columns) + " |",
        "|---|" + "--:|" * len(columns),
    ]
    for name in names:
        cells = [" → ".join(f"{run[size][kind].get(name, 0):.1f}" for run in runs) for size, kind in columns]
        title = f"`{name}`" if "." in name else name
        lines.append(f"| {title} | " + " | ".join("-" if set(cell) <= set("0.→ ") else cell for cell in cells) + " |")
    return "\n".join([*lines, "", f"`{measured['command']}`; {measured['machine']}"])


def with_quartiles(row: Mapping[str, Any]) -> str:
    """Median and quartiles, with a unit where it differs from the median's.

    >>> with_quartiles({"median": 0.0412, "quartiles": [0.039, 1.2]})
    '41 ms (39 to 1.2 s)'
    """
    median = shown(row["median"])
    unit = median.partition(" ")[2]
    low, high = (shown(value).removesuffix(f" {unit}") for value in row["quartiles"])
    return f"{median} ({low} to {high})"


def shown(seconds: float) -> str:
    """A time with its unit.

    >>> shown(0.0412), shown(0.00412), shown(18.312)
    ('41 ms', '4.1 ms', '18.3 s')
    """
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{1000 * seconds:.0f} ms" if seconds >= 0.01 else f"{1000 * seconds:.1f} ms"


def number(value: float) -> str:
    """A ratio below a twentieth as a fraction, any other number in three digits.

    >>> number(0.004), number(0.18), number(350), number(1.5)
    ('1/250', '0.18', '350', '1.5')
    """
    return f"1/{1 / value:.0f}" if value < 0.05 else f"{value:.3g}"


def wrapped(text: str) -> str:
    """The text in lines of a page, with commands unbroken."""
    unbroken = re.sub("`[^`]*`", lambda command: command[0].replace(" ", "\0"), text)
    return textwrap.fill(unbroken, 120, break_long_words=False, break_on_hyphens=False).replace("\0", " ")
