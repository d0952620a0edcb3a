"""Write the numbers in `benchmarks/results/` into the pages that quote them.

    python benchmarks/figures.py

A block of a page stands between `<!-- NAME -->` and `<!-- /NAME -->`; `blocks` has the names.
"""

import json
import re
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import Any

import cost_figures
import limit_figures
import performance_figures
from bundled import marked, of_bundled_weights
from validation_objects import GROUPS, VALIDATION, first_objects, validation_group

from vpuformer.evaluation.records import read_records
from vpuformer.evaluation.report.summary import count_title, formatted, interval_shown, number_shown, summarise
from vpuformer.evaluation.report.trust import TITLES, trust
from vpuformer.prompts import KINDS

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
PAGES = (
    "README.md",
    "docs/annotate.md",
    "docs/costs.md",
    "docs/network.md",
    "docs/performance.md",
    "docs/encoders.md",
    "docs/evaluation.md",
    "docs/finetune.md",
    "docs/idea.md",
    "docs/predict.md",
    "docs/python.md",
    "docs/training.md",
    "docs/training-log.md",
    "docs/trust.md",
    "docs/web.md",
    "src/vpuformer/weights/default/README.md",
)

SETS = {"grabcut": "GrabCut", "davis": "DAVIS", "sstem": "ssTEM, mitochondria"}
RUNS = {
    "default-click": "ours, clicks",
    "default-box": "ours, boxes",
    "default-scribble": "ours, scribbles",
    "default-click+box": "ours, clicks and boxes",
    "default-click+scribble": "ours, clicks and scribbles",
    "default-click+box+scribble": "ours, all three",
    "default-click-ritm": "ours, clicks",
    "default-box-ritm": "ours, boxes",
    "default-scribble-ritm": "ours, scribbles",
    "default-box-first": "ours, a box first",
    "default-scribble-first": "ours, a scribble first",
    "opencv-grabcut-click": "OpenCV GrabCut, better seeds",
    "opencv-grabcut-plain-click": "OpenCV GrabCut, seeded by the clicks alone",
    "random-walker-click": "random walker, clicks",
}
SHORT = {
    "default-click": "ours, clicks",
    "default-box": "ours, boxes",
    "default-scribble": "ours, scribbles",
    "default-click+box+scribble": "ours, clicks, boxes, scribbles",
    "default-click-ritm": "ours, clicks",
    "default-box-ritm": "ours, boxes",
    "default-scribble-ritm": "ours, scribbles",
    "opencv-grabcut-click": "OpenCV's GrabCut, clicks",
    "random-walker-click": "random walker, clicks",
}
"""Runs that the README quotes, and their titles there."""
TABLES = {
    "dense": "Where prompts are drawn",
    "table4": "Table IV, prompt encoding",
    "table5": "Table V, DMA and P2CL",
    "table6": "Table VI, lambda",
    "parts": "Other parts",
    "contrast": "P2CL, query and target",
    "left_open": "What the paper leaves open",
    "tokens": "Prompts by their tokens",
}
EXPERIMENTS = {
    "random-clicks": "from step 9,430 on, 310 steps: several random first clicks, loose boxes",
    "lone-clicks": "the same with .6 of the first clicks single, half of clicks and boxes as in evaluation",
    "sharpen": "from there, 290 steps: logits sharpened at 1/2",
    "encoder-rate": "the same with the image encoder at .4 of the learning rate instead of .1",
    "one-look": "the weights of 175,280 samples, without a second look",
    "late": "the weights of 224,880 samples, prompts drawn after the image encoder alone",
}
"""Experiments on the validation split that led to a decision."""
OVERFIT = (
    "paper-null_tokens-0",
    "paper",
    "paper-prior-shapes",
    "paper-add_tokens-true",
    "paper-prior-shapes-add_tokens-true",
    "default",
)
"""Networks that learn eight images by heart, from the paper's formulas to ours."""
MEASURES = ("NoC@85", "NoC@90", "NoF@90", "IoU@1", "IoU@3", "IoU@5")


def main() -> None:
    written = blocks()
    for name in PAGES:
        page = ROOT / name
        page.write_text(fill(page.read_text(encoding="utf-8"), written), encoding="utf-8")


def fill(page: str, written: dict[str, str]) -> str:
    """The text of a page with these blocks between their markers."""
    for marker, block in written.items():
        between = rf"(?<=<!-- {marker} -->\n).*?(?=<!-- /{marker} -->)"
        page = re.sub(between, lambda _: f"\n{block}\n\n", page, flags=re.DOTALL)  # noqa: B023
    return page


def result_of(*names: str) -> Any:
    """The result in this file, by the names of its folders and its own."""
    return json.loads(RESULTS.joinpath(*names).read_text())


def blocks() -> dict[str, str]:
    """Every block by the name of its marker."""
    made = {
        "figures": tests(),
        "figures-in-short": tests_in_short(),
        "validation": validation(),
        "falls": falls(),
        "experiments": experiments(),
        "zoom": zoom(),
        "trust": trust_in_answers(),
        "trust-on-tests": trust_on_tests(),
        "candidates": candidates(),
        "off-centre": off_centre(),
        "enclosing-box": enclosing_box(),
        "given-masks": given_masks(),
        "finetuning": finetuning(),
        "stages": stages(),
        "ablation": ablation("drawn/ablation-*[0-9].json"),
        "trials": ablation("drawn/ablation-*-warm.json"),
        "contributions": contributions(),
        "gates": gates(),
        "overfit": overfit(),
        "contributions-in-short": contributions_in_short(),
        "contributions-at-most": contributions_at_most(),
        "encoders": encoders(),
        "harness": harness(),
        "likeness": likeness(),
        "recipes": recipes(),
        "human": human(),
        "page": page_times(),
        "web": web_times(),
        "large": large_folder(),
        "precompute": precompute(),
        "predict": prediction(),
        "sessions": sessions(),
        "day": day(),
        "kill": kills(),
        **cost_figures.blocks(),
        **limit_figures.blocks(),
        **performance_figures.blocks(),
    }
    return {marker: marked(marker, block) for marker, block in made.items()}


def tests() -> str:
    """One table per test set, one row per run."""
    tables = []
    for dataset, title in SETS.items():
        runs = {name: RESULTS / dataset / name / "summary.json" for name in RUNS}
        summaries = {name: json.loads(path.read_text()) for name, path in runs.items() if path.exists()}
        if not summaries:
            continue
        whole = max(summary["objects"] for summary in summaries.values())
        titles = [count_title(measure, list(summaries.values())) for measure in MEASURES]
        head = f"| {title}, {whole} objects | protocol | "
        lines = [head + " | ".join(titles) + " |", "|---|---|" + "--:|" * len(titles)]
        for name, summary in summaries.items():
            part = "" if summary["objects"] == whole else f", every {round(whole / summary['objects'])}th object"
            if name.startswith("default") and not of_bundled_weights(summary):
                part += " (earlier weights)"
            cells = [protocol(summary), *(cell(summary, measure) for measure in MEASURES)]
            lines.append(f"| {RUNS[name]}{part} | " + " | ".join(cells) + " |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def tests_in_short() -> str:
    """One table of all test sets, with the runs of `SHORT` that measured a whole set."""
    measures = {"NoC@85": "85 %", "NoC@90": "90 %"}
    titles = [f"{title.partition(',')[0]}, {share}" for title in SETS.values() for share in measures.values()]
    head = "| mean number of prompts | protocol | "
    lines = [head + " | ".join(titles) + " |", "|---|---|" + "--:|" * len(titles)]
    for name, title in SHORT.items():
        shown, cells, mark = None, [], ""
        for dataset in SETS:
            paths = [RESULTS / dataset / run / "summary.json" for run in (name, "default-click")]
            summary, ours = (json.loads(path.read_text()) if path.exists() else {"objects": 0} for path in paths)
            fits = summary["objects"] == ours["objects"] and protocol(summary) == (shown or protocol(summary))
            shown = protocol(summary) if fits else shown
            if fits and name.startswith("default") and not of_bundled_weights(summary):
                mark = " (earlier weights)"
            cells += [number_shown(summary, measure) if fits else "-" for measure in measures]
        lines.append(f"| {title}{mark} | {shown or '-'} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def protocol(summary: dict[str, Any]) -> str:
    """Protocol of a run in words; "-" for a method that has no such options.

    >>> protocol({"options": {"zoom": True}, "corrected": 0.02}), protocol({"options": {"zoom": True}})
    ('ours', 'ours, no corrections')
    """
    options = summary["options"]
    if not options:
        return "-"
    parts = ["" if options["zoom"] else "no zoom"]
    parts.append("RITM's zoom" if options.get("zoom_rule") == "ritm" else "")
    parts.append("flip" if options.get("flip") else "")
    parts.append(f"input {options['input_size']} px" if "input_size" in options else "")
    # Runs from before there were corrections do not count them.
    parts.append("" if options.get("steady", True) and "corrected" in summary else "no corrections")
    named = [part for part in parts if part]
    return ", ".join(named if named and named != ["no corrections"] else ["ours", *named])


def validation() -> str:
    """Mean IoU of the shipped weights on the validation objects."""
    runs = {mix: RESULTS / "validation" / f"default-{mix}" for mix in dict(VALIDATION.values())}
    if not all((folder / "records.jsonl.gz").exists() for folder in runs.values()):
        return "Not measured yet."
    records = {mix: read_records(folder / "records.jsonl.gz") for mix, folder in runs.items()}
    lines = ["| validation, mean IoU after | " + " | ".join(VALIDATION) + " |", "|---|" + "--:|" * len(VALIDATION)]
    for name, group in GROUPS.items():
        members = {
            mix: [each for each in objects if validation_group(each.name) == group]
            for mix, (_, objects) in records.items()
        }
        if not members["click"]:
            continue
        part = {mix: summarise(records[mix].header, chosen) for mix, chosen in members.items()}
        cells = [cell(part[mix], f"IoU@{k}") for mix, k in VALIDATION.values()]
        lines.append(f"| {name}, {part['click']['objects']} objects | " + " | ".join(cells) + " |")
    commands = [header.command for header, _ in records.values()]
    paths = {mix: RESULTS / "validation" / f"seen-{mix}" / "summary.json" for mix in runs}
    seen = {mix: json.loads(path.read_text()) for mix, path in paths.items() if path.exists()}
    if seen:
        cells = [cell(seen[mix], f"IoU@{k}") if mix in seen else "-" for mix, k in VALIDATION.values()]
        count = next(iter(seen.values()))["objects"]
        lines.append(f"| trained on, {count} objects like the natural ones | " + " | ".join(cells) + " |")
        commands += [summary["command"] for summary in seen.values()]
    return "\n".join([*lines, "", *(f"`{command}`  " for command in commands)])


def experiments() -> str:
    """Experiments on the validation split."""
    lines = ["| validation, mean IoU after | 1 click | 3 clicks | 5 clicks | 1 box |", "|---|--:|--:|--:|--:|"]
    runs = {title: RESULTS / "experiments" / name for name, title in EXPERIMENTS.items()}
    bundled = of_bundled_weights(result_of("validation", "default-click", "summary.json"))
    last = "the weights that are bundled now" if bundled else "the weights measured last"
    for title, run in {**runs, last: RESULTS / "validation" / "default"}.items():
        paths = [run.parent / f"{run.name}-{kind}" / "summary.json" for kind in ("click", "box")]
        if all(path.exists() for path in paths):
            click, box = (first_objects(path) for path in paths)
            cells = [f"{summary[f'IoU@{k}']:.3f}" for summary, k in ((click, 1), (click, 3), (click, 5), (box, 1))]
            lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def zoom() -> str:
    """Rules of the zoom-in."""
    result = result_of("zoom.json")
    measures = list(next(iter(result["rules"].values())))
    titles = [name.replace("a prompt", "per prompt") for name in measures]
    lines = ["| expansion, smallest side, kept from | " + " | ".join(titles) + " |", "|---|" + "--:|" * len(measures)]
    for rule, scores in result["rules"].items():
        expansion, side, kept = rule.split(",")
        cells = [f"{value:.2f}" if "passes" in name else f"{value:.3f}" for name, value in scores.items()]
        lines.append(f"| {expansion}, {side} px, IoU {kept} | " + " | ".join(cells) + " |")
    weights = "" if of_bundled_weights(result) else ", earlier weights"
    return "\n".join([*lines, "", f"{result['objects']} natural objects{weights}; `{result['command']}`"])


def trust_in_answers() -> str:
    """What the corrections change on the validation objects, before and after."""
    result = result_of("trust.json")
    variants, users = result["variants"], list(result["variants"]["after"])
    lines = [
        "| | " + " | ".join(users) + " |",
        "|---|" + "--:|" * len(users),
    ]
    titles = {
        "cut": ("objects with a straight cut", "{:.1%}"),
        "ignored": ("objects with an ignored prompt", "{:.1%}"),
        "corrected": ("answers with a corrected prompt", "{:.1%}"),
        "harmful": ("further prompts that break more than they mend", "{:.1%}"),
        "broken": ("pixels that a further prompt breaks", "{:.0f}"),
        "falls": ("further prompts after which IoU falls by more than .01", "{:.1%}"),
        **{name: (name, "{:.3f}") for name in ("IoU@1", "IoU@2", "IoU@3", "IoU@5", "IoU@10")},
        **{name: (name, "{:.2f}") for name in ("NoI@85%", "NoI@90%")},
        "looks": ("passes of the network for a prompt", "{:.2f}"),
    }
    for name, (title, form) in titles.items():
        pairs = [(variants["before"][user][name], variants["after"][user][name]) for user in users]
        cells = [" → ".join(form.format(value) for value in pair) for pair in pairs]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    about = f"{result['objects']} natural validation objects, {result['prompts']} prompts each; `{result['command']}`"
    return "\n".join([*lines, "", about])


def trust_on_tests() -> str:
    """What further prompts break on the test sets."""
    titles = [*TITLES.values(), "objects that lose more than .2 of IoU at one prompt"]
    lines = ["| | " + " | ".join(titles) + " |", "|---|" + "--:|" * len(titles)]
    for dataset in ("grabcut", "davis"):
        for run in ("default-click", "default-click+box+scribble"):
            summary = result_of(dataset, run, "summary.json")
            cells = [f"{summary[name]:.0f}" if name == "broken" else f"{summary[name]:.1%}" for name in TITLES]
            _, objects = read_records(RESULTS / dataset / run / "records.jsonl.gz")
            ruined = sum(any(b < a - 0.2 for a, b in pairwise(each.ious)) for each in objects)
            cells.append(f"{ruined} of {len(objects)}")
            lines.append(f"| {SETS[dataset]}, {RUNS[run].removeprefix('ours, ')} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def off_centre() -> str:
    """How thick a change may be around a click."""
    result = result_of("off_centre.json")
    usual = str(result["usual"])
    names = [f"{float(factor):g}{' (the rule)' if factor == usual else ''}" for factor in result["users"]["anywhere"]]
    lines = [f"| clicks | {' | '.join(names)} |", "|---|" + "--:|" * len(names)]
    for where, rows in result["users"].items():
        cells = [f"{row['gain']:+.4f}, {row['falls']:.1%}, {row['ruins']}" for row in rows.values()]
        lines.append(f"| {where} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"{result['objects']} natural validation objects; `{result['command']}`"])


def enclosing_box() -> str:
    """The IoU after clicks and a box around the object."""
    result = result_of("enclosing_box.json")
    boxes = ("tight", "too large", "too small")
    ious = result["IoU"]
    lines = ["| | before the box | " + " | ".join(boxes) + " |", "|---|--:|" + "--:|" * len(boxes)]
    lines.append("| the box alone | | " + " | ".join(f"{ious[f'{box}, alone']:.3f}" for box in boxes) + " |")
    for number, title in enumerate(("one click", "two clicks", "three clicks"), start=1):
        cells = [f"{ious[f'{number}, {box}, without']:.3f} → {ious[f'{number}, {box}, with']:.3f}" for box in boxes]
        lines.append(f"| after {title} | {ious[f'{number}, before']:.3f} | {' | '.join(cells)} |")
    taken, parts = result["of these mistaken for boxes around the object"], result["boxes around missing parts"]
    return "\n".join(
        [
            *lines,
            "",
            f"{result['objects']} natural validation objects. Of {parts} boxes around missing parts, the rule mistook"
            f" {taken} for one around the object; `{result['command']}`",
        ]
    )


def candidates() -> str:
    """What candidates of a first prompt are worth, and what they cost."""
    result = result_of("candidates.json")
    lines = [
        "| first prompt | IoU of the answer | best candidate | highest score | the best is the 1st, 2nd, 3rd |"
        " seconds without, with |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for kind, row in result["kinds"].items():
        shares = ", ".join(f"{share:.0%}" for share in row["the best is candidate 1, 2, 3"])
        scores = " | ".join(f"{row[name]:.3f}" for name in ("IoU@1", "best of three", "highest score"))
        seconds = f"{row['seconds without']:.2f}, {row['seconds with']:.2f}"
        lines.append(f"| {kind} | {scores} | {shares} | {seconds} |")
    return "\n".join([*lines, "", f"{result['objects']} natural validation objects; `{result['command']}`"])


def given_masks() -> str:
    """What becomes of masks that do not come from prompts."""
    result = result_of("given_masks.json")
    titles = {
        "lasso": "lasso, refined",
        "too much, click": "15 % too much, a click",
        "too much, scribble": "15 % too much, a scribble",
        "too little, click": "15 % too little, a click",
        "too little, scribble": "15 % too little, a scribble",
    }
    lines = [
        "| mask and prompt | IoU of the mask | IoU of the answer | answers that are worse by more than .01 |",
        "|---|--:|--:|--:|",
    ]
    for name, title in titles.items():
        row = result["masks"][name]
        better = f"{row['IoU without the box']:.3f} → {row['IoU']:.3f}"
        worse = f"{row['worse without the box']:.1%} → {row['worse']:.1%}"
        lines.append(f"| {title} | {row['IoU of the mask']:.3f} | {better} | {worse} |")
    return "\n".join([*lines, "", f"{result['objects']} natural validation objects; `{result['command']}`"])


def finetuning() -> str:
    """What fine-tuning gains, and what it forgets."""
    result = result_of("finetune.json")
    titles = {
        "sstem": "ssTEM: mitochondria in electron microscopy",
        "polyps": "polyps in endoscopy",
        "skin": "skin lesions",
        "plants": "crops and weeds",
    }
    rows = {name: result["sets"][name] for name in titles}
    lines = ["| images | " + " | ".join(titles.values()) + " |", "|---|" + "--:|" * len(rows)]
    for title, key, digits in (("NoC@85", "NoC@85", 2), ("NoC@90", "NoC@90", 2), ("IoU after 1 click", "IoU@1", 3)):
        cells = [f"{row[key]['before']:.{digits}f} → {row[key]['after']:.{digits}f}" for row in rows.values()]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    changes = [(row["NoC@85"]["change"], *row["NoC@85"]["interval"]) for row in rows.values()]
    cells = [f"{change:+.2f} ({low:+.2f} to {high:+.2f})" for change, low, high in changes]
    lines.append(f"| change of NoC@85, 95 % interval | {' | '.join(cells)} |")
    changes = [(row["forgotten"]["change"], *row["forgotten"]["interval"]) for row in rows.values()]
    cells = [f"{change:+.3f} ({low:+.3f} to {high:+.3f})" for change, low, high in changes]
    lines.append(f"| natural images: change of IoU after 3 clicks | {' | '.join(cells)} |")
    lines.append(f"| held-out objects | {' | '.join(str(row['NoC@85']['objects']) for row in rows.values())} |")
    lines.append(f"| steps | {' | '.join(str(row['report']['steps']) for row in rows.values())} |")
    return "\n".join([*lines, "", f"{result['natural_objects']} natural objects; `{result['command']}`"])


def stages() -> str:
    """Scores of the shipped weights over the samples seen."""
    result = result_of("validation", "stages.json")
    rows = list(result["stages"].values())
    names = [name for name in rows[0] if "IoU" in name]
    lines = ["| samples seen | " + " | ".join(names) + " |", "|--:|" + "--:|" * len(names)]
    lines += [f"| {row['samples']:,} | " + " | ".join(f"{row[name]:.3f}" for name in names) + " |" for row in rows]
    return "\n".join([*lines, "", f"All {rows[0]['objects']} validation objects, clicks; `{result['command']}`"])


def falls() -> str:
    """Share of prompts that make the mask worse."""
    lines = ["| prompts after which IoU falls by more than .01 | clicks | all three kinds |", "|---|--:|--:|"]
    for dataset, title in SETS.items():
        shares = [share_of_falls(RESULTS / dataset / f"default-{mix}") for mix in ("click", "click+box+scribble")]
        lines.append(f"| {title} | " + " | ".join(shares) + " |")
    return "\n".join(lines)


def share_of_falls(folder: Path) -> str:
    path = folder / "records.jsonl.gz"
    if not path.exists():
        return "-"
    return formatted("falls", trust(read_records(path).objects)[0]["falls"])


def cell(summary: dict[str, Any], measure: str) -> str:
    # NoC and NoF are undefined for a run with fewer than twenty prompts.
    if measure.startswith("No") and summary["max_interactions"] < 20:
        return "-"
    value, interval = number_shown(summary, measure), interval_shown(summary, measure)
    return f"{value} ({interval})" if interval else value or "-"


def ablation(files: str) -> str:
    """One table per size and table of the ablation: mean over the seeds, and their range."""
    blocks = []
    for path in sorted(RESULTS.glob(files), key=lambda path: int(path.stem.split("-")[1])):
        result = json.loads(path.read_text())
        rows: dict[str, dict[str, Any]] = result["rows"]
        measures = list(next(iter(next(iter(rows.values()))["seeds"].values())))
        for table in dict.fromkeys(row["table"] for row in rows.values()):
            seeds = max(len(row["seeds"]) for row in rows.values() if row["table"] == table)
            title = f"{TABLES[table]}, crops of {result['settings']['size']} px, {seeds} seed{'s' * (seeds > 1)}"
            lines = [f"| {title} | " + " | ".join(measures) + " |", "|---|" + "--:|" * len(measures)]
            if start := result.get("start"):
                lines.append(
                    "| weights that all rows start from | " + " | ".join(f"{v:.3f}" for v in start.values()) + " |"
                )
            for row in rows.values():
                if row["table"] == table:
                    changes = ", ".join(f"`{name}={value}`" for name, value in row["changes"].items()) or "no change"
                    lines.append(f"| {changes} | " + " | ".join(spread(row["seeds"], name) for name in measures) + " |")
            blocks.append("\n".join(lines))
    return "\n\n".join(blocks) or "Not measured yet."


def contributions() -> str:
    """Scores of the bundled weights with one part silenced."""
    summary = result_of("contributions.json")
    weights = "bundled" if of_bundled_weights(summary) else "earlier"
    return "\n".join([*rows_of_scores(f"{weights} weights", summary), "", contributions_at_most()])


def gates() -> str:
    """Scores with gates and with constants in their place, and the values of the gates."""
    summary = result_of("gates.json")
    lines = [*rows_of_scores("the last weights with gates", summary), ""]
    lines += ["| gates of Eqs. 9 and 10 | mean | lowest | highest |", "|---|--:|--:|--:|"]
    for name, gate in summary["gates"].items():
        lines.append(f"| {name} | {gate['mean']:.4f} | {gate['lowest']:.4f} | {gate['highest']:.4f} |")
    return "\n".join(lines)


def overfit() -> str:
    """IoU of the variants on images that they have learned by heart."""
    results = [result_of("overfit", "128", f"{name}.json") for name in OVERFIT]
    size, steps = results[0]["size"], results[0]["steps"]
    lines = [f"| {steps} steps, {size} px | " + " | ".join(f"one {kind}" for kind in KINDS) + " |", "|---|--:|--:|--:|"]
    for result in results:
        name = ", ".join(f"`{change}`" for change in [result["variant"], *result["changes"]])
        lines.append(f"| {name} | " + " | ".join(f"{result[f'IoU with one {kind}']:.3f}" for kind in KINDS) + " |")
    command = results[-1]["command"].replace("--variant default", "--variant VARIANT [--set NAME=VALUE ...]")
    return "\n".join([*lines, "", f"Mean IoU of the two objects of each image; `{command}`"])


def rows_of_scores(weights: str, summary: dict[str, Any]) -> list[str]:
    """The lines of a table of scores, and what they come from."""
    measures = list(next(iter(summary["rows"].values())))
    lines = [f"| {weights}, mean IoU after | " + " | ".join(measures) + " |", "|---|" + "--:|" * len(measures)]
    for name, scores in summary["rows"].items():
        lines.append(f"| {name} | " + " | ".join(f"{scores[measure]:.3f}" for measure in measures) + " |")
    return [*lines, "", f"{summary['objects']} natural objects; `{summary['command']}`"]


def contributions_at_most() -> str:
    """What is lost at most without position and prior."""
    rows = result_of("contributions.json")["rows"]
    whole = rows["everything"]
    position, prior = (
        max(whole[measure] - rows[name][measure] for measure in whole)
        for name in ("tokens without their position", "no prior")
    )
    return (
        f"If the tokens lose their position, the IoU falls by at most {position:.3f}; without the prior, by at most"
        f" {prior:.3f}."
    )


def contributions_in_short() -> str:
    """`contributions` in two sentences."""
    summary = result_of("contributions.json")
    whole, position, prior, neither = (
        summary["rows"][name]["click@1"]
        for name in ("everything", "tokens without their position", "no prior", "neither position nor prior")
    )
    text = (
        f"On {summary['objects']} of the natural validation objects, the mean IoU after a click is {whole:.3f}. If the"
        f" tokens lose their position, it is {position:.3f}; without the prior, {prior:.3f}; without both,"
        f" {neither:.3f}: [what each part is worth](docs/network.md#what-each-part-is-worth)."
    )
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def spread(seeds: dict[str, dict[str, float]], measure: str) -> str:
    values = [scores[measure] for scores in seeds.values()]
    mean = f"{sum(values) / len(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.3f} to {max(values):.3f})"


def encoders() -> str:
    path = RESULTS / "encoders.json"
    lines = [
        "| encoder | parameters (M): encoder, network | GFLOPs at 448 px: first prompt, each further prompt |"
        " ms per image | ms per prompt |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, row in json.loads(path.read_text())["encoders"].items():
        lines.append(
            f"| `{name}` | {row['encoder_parameters'] / 1e6:.1f}, {row['parameters'] / 1e6:.1f} |"
            f" {row['first_gflops']:.1f}, {row['next_gflops']:.1f} |"
            f" {1000 * row['image_seconds']:.0f} | {1000 * row['prompt_seconds']:.0f} |"
        )
    return "\n".join(lines)


def recipes() -> str:
    rows = result_of("recipes.json")["recipes"]
    lines = [
        "| rows | parameters | a forward pass | all of training on SBD | on COCO+LVIS |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, row in rows.items():
        if name.startswith("sbd_"):
            encoder = name.removeprefix("sbd_")
            eflops = " | ".join(
                f"{rows[f'{data}_{encoder}']['training_eflop']:.2f} EFLOP" for data in ("sbd", "cocolvis")
            )
            lines.append(
                f"| `*_{encoder}` | {row['parameters'] / 1e6:.0f} M | {row['forward_gflops']:.0f} GFLOP | {eflops} |"
            )
    return "\n".join([*lines, "", "`python benchmarks/recipes.py`"])


def human() -> str:
    result = result_of("human", "human.json")
    lines = [
        "| GrabCut, scribbles of people | IoU, all strokes | longest alone | simulated alone |"
        " length, longest | simulated |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    shown = ("iou", "human_iou", "simulated_iou", "human_length", "simulated_length")
    for name, numbers in result["sets"].items():
        lines.append(f"| {name} | " + " | ".join(f"{numbers[each]:.3f}" for each in shown) + " |")
    return "\n".join([*lines, "", f"`{result['command']}`"])


def harness() -> str:
    result = result_of("harness.json")
    mixes = result["prompts"]
    rates = [mix["objects_per_minute"] for mix in mixes.values()]
    shares = [mix["share_of_ceiling"] for mix in mixes.values()]
    ratios = [mix["times_as_fast_as_plain"] for mix in mixes.values()]
    rows = {"one after the other": "plain", "in blocks": "blocks", "the passes of the network alone": "ceiling"}
    names = [f"{name.replace('+', ', ')}: objects per minute" for name in mixes]
    lines = [
        f"| {result['objects']} objects of DAVIS, {result['workers']} cores | {' | '.join(names)} |",
        "|---|" + "--:|" * len(mixes),
        *(f"| {title} | " + " | ".join(f"{rate[way]:.0f}" for rate in rates) + " |" for title, way in rows.items()),
        f"| blocks, share of the network alone | {' | '.join(f'{share:.0%}' for share in shares)} |",
        f"| blocks, times as fast as one after the other | {' | '.join(f'{times:.1f}' for times in ratios)} |",
        "",
        "`python benchmarks/harness.py --root data/DAVIS`",
    ]
    return "\n".join(lines)


def likeness() -> str:
    """What fine-tuning keeps together, in sequences and in sets of single images."""
    kinds = {
        "DAVIS": "frames of 50 videos",
        "street": "frames of a few videos, about every tenth",
        "ssTEM": "slices of a stack",
        "polyps": "frames of videos, in a random order",
        "faces": "portraits",
        "skin": "single images",
        "coco_single": "photographs",
        "pets": "photographs, two of them twice",
    }
    results = result_of("likeness.json")
    lines = ["| set | holds | neighbours alike | any two alike | images kept together |", "|---|---|--:|--:|--:|"]
    for name, row in results.items():
        shares = f"{row['alike_neighbours']:.1%} | {row['alike_pairs']:.1%}"
        lines.append(f"| {name} | {kinds[name]} | {shares} | {row['kept_together']} of {row['images']} |")
    return "\n".join([*lines, "", "`python benchmarks/likeness.py --data data`"])


def page_times() -> str:
    """Milliseconds from a prompt to its mask on the screen."""
    path = RESULTS / "page.json"
    lines = [
        "| image | prompts | prompt to mask, median | network alone, median | target |",
        "|---|--:|--:|--:|--:|",
    ]
    for each in json.loads(path.read_text())["images"].values():
        lines.append(
            f"| {each['width']} x {each['height']} | {each['prompts']} | {each['median_ms']:.0f} ms"
            f" | {each['predictor_median_ms']:.0f} ms | {each['wanted_ms']:.0f} ms |"
        )
    return "\n".join(lines)


def web_times() -> str:
    """Times on the page that needs no server."""
    result = result_of("web.json")
    lines = [
        f"From the page's address to the first mask: {result['first_mask_ms'] / 1000:.1f} s, with an empty cache. Page"
        f" and network compute for {result['first_mask_cpu_ms'] / 1000:.1f} s of it. The folder takes"
        f" {result['bytes'] / 1e6:.0f} MB.",
        "",
        "| image | first prompt on an object, median | correction, median |",
        "|---|--:|--:|",
    ]
    for image, times in result["later_ms"].items():
        lines.append(f"| {image} | {times['first prompt']:.0f} ms | {times['correction']:.0f} ms |")
    machine = f"{result['machine']}, {result['cores']} cores"
    machine += " with an average load of {load:.0f}".format(**result) if result["load"] > 1 else ""
    lines += ["", f"`python benchmarks/web.py`; headless Chromium, one thread, {machine}, files from the same machine"]
    return "\n".join(lines)


def large_folder() -> str:
    """Waits with many images, many objects and a large image."""
    result = result_of("large_folder.json")
    lines = ["| wait | median |", "|---|--:|"]
    for name, wait in result["ms"].items():
        lines.append(f"| {name} | {f'{wait / 1000:.1f} s' if wait >= 1000 else f'{wait:.0f} ms'} |")
    lines += ["", "| prompt to mask, median | 600 x 400 | 6000 x 4000 | ratio |", "|---|--:|--:|--:|"]
    for name in ("first prompt", "correction"):
        row = result[name]
        lines.append(f"| {name} | {row['small']:.0f} ms | {row['large']:.0f} ms | {row['ratio']:.2f} |")
    return "\n".join(lines)


def prediction() -> str:
    """Throughput of many images, beside that of the network alone."""
    result = result_of("predict.json")
    lines = [
        "| objects an image | objects a second | passes of the network a second | network alone | per CPU second |",
        "|--:|--:|--:|--:|--:|",
    ]
    for row in result["rows"]:
        passes = row["passes_per_second"]
        cells = [row["objects"] // row["images"], f"{row['objects_per_second']:.1f}", f"{passes['command']:.1f}"]
        cells += [f"{passes['network']:.1f}", f"{row['share_per_core']:.0%}"]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    text = (
        f"Measured with {result['runtime']}, {result['workers']} threads and {result['rows'][0]['images']} photographs"
        " of GrabCut. The last column is the throughput for each second of CPU, as a share of the network's own"
        f" (`{result['command']}`)."
    )
    return "\n".join([*lines, "", performance_figures.wrapped(text)])


def precompute() -> str:
    """Milliseconds to compute the features of an image, to store them, and to read them."""
    result = result_of("precompute.json")
    lines = ["| image encoder | compute | store | read back | size |", "|---|--:|--:|--:|--:|"]
    for name, row in result["networks"].items():
        taken = (f"{row['median_ms'][way]:.0f} ms" for way in ("compute", "write", "read"))
        title = f"{name}, {row['runtime']}, {row['input_size']} px"
        lines.append(f"| {title} | {' | '.join(taken)} | {row['bytes'] / 1e6:.1f} MB |")
    images = (
        f"{sum(image['median_ms'].values()):.0f} ms for {image['width']} x {image['height']} pixels"
        for image in result["images"]
    )
    text = f"Reading and resizing the image comes on top: {', '.join(images)} (`{result['command']}`)."
    return "\n".join([*lines, "", textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)])


def sessions() -> str:
    """Twenty people on one server."""
    result = result_of("sessions.json")
    memory, taken = result["memory_mb"], result["step_seconds"]
    return (
        f"{result['people']} people, {result['seconds']:.0f} seconds: {result['requests']} requests,"
        f" {result['steps']} prompts, {result['errors']} errors, {result['mix_ups']} mix-ups. A prompt took"
        f" {taken['median']} s in the median with all of them waiting for one network"
        f" ({taken['network_alone_median']} s alone); memory {memory['second_quarter']} MB in the second quarter of the"
        f" time, {memory['last_quarter']} MB in the last."
    )


def day() -> str:
    """A day's work of two people."""
    result = result_of("day.json")
    titles = {
        "begun by hand": "begun by hand",
        "begun from boxes": "boxes made masks by `vpuformer import`, then corrected",
    }
    names = list(result["begun by hand"])
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "--:|" * len(names)]
    lines += [f"| {title} | {' | '.join(str(result[key][each]) for each in names)} |" for key, title in titles.items()]
    lost = sum(result["objects that an export lacks or holds otherwise"].values())
    text = (
        f"{result['objects']} objects with {result['labels']} labels on {result['photographs']} photographs:"
        f" {result['seconds of work, all waits for the network included']:.0f} s of computing for both people together,"
        f" and {result['seconds of the import']:.0f} s for the import. {lost} objects were lost or differ in an export."
    )
    return "\n".join([*lines, "", performance_figures.wrapped(text)])


def kills() -> str:
    """Steps lost when the server was killed."""
    result = result_of("kill.json")
    return (
        f"{result['kills']} kills, {result['steps_acknowledged']} steps acknowledged, {result['lost']} lost,"
        f" {result['doubled']} counted twice, {result['broken']} broken databases (`benchmarks/results/kill.json`)."
    )


if __name__ == "__main__":
    main()
