"""Model cards: pages of models on the Hugging Face Hub, with the front matter it reads."""

import os
import re
from collections.abc import Sequence
from typing import Any

from vpuformer.errors import InputError
from vpuformer.evaluation import RECORDS
from vpuformer.evaluation.report import Run, open_runs, prompts_shown
from vpuformer.evaluation.report.summary import count_title, number_shown
from vpuformer.files import files_below, read_json
from vpuformer.model.manifest import GRAPHS_FILE, Manifest, names_repository

CARD_FILE = "README.md"
REPORT_FILE = "report.json"
"""Report of `vpuformer finetune`."""

_OWN_IMAGE = re.compile(r"^!\[[^\]]*\]\((?!https?:)[^)]*\)\n*", re.M)
"""An image that is a file: it may show what nobody wants to publish, and is not uploaded."""

_OWN_PATH = re.compile(r"--model ('[^']*'|\S+)")

_NUMBERS = ("IoU@1", "IoU@3", "NoC@85", "NoC@90")
"""Figures of a card, if a run has them."""


def model_card(
    manifest: Manifest,
    repository: str,
    *,
    licence: str | None = None,
    results: Sequence[str | os.PathLike[str]] = (),
) -> str:
    """The card of a checkpoint: how to use it, its network, its training and its figures.

    A `README.md` in the folder of the checkpoint, such as `vpuformer finetune` writes, is the card instead. It gets a
    front matter if it has none, and the name of the repository after `--model`; images of the folder are left out.

    Figures are those of `results`, of runs of `vpuformer evaluate` in the folder that measured these weights, and of
    `vpuformer finetune`.

    Args:
        manifest: the checkpoint.
        repository: `owner/name`.
        licence: the Hub's name of a licence, such as "apache-2.0".
        results: folders that `vpuformer evaluate` wrote for these weights.

    Raises:
        InputError: the results are missing or broken, or those of other weights.
    """
    runs = _runs(manifest, results)
    front = _front_matter(manifest, repository, licence, runs)
    own = manifest.weights.with_name(CARD_FILE)
    if own.is_file():
        text = _OWN_IMAGE.sub("", _OWN_PATH.sub(f"--model {repository}", own.read_text(encoding="utf-8")))
        return _joined(front, text) if text.startswith("---") else front + text
    return front + _body(manifest, repository, licence, runs)


def _joined(front: str, text: str) -> str:
    """A card with front matter of its own, which gets what it lacks, and the licence and figures that were given."""
    from huggingface_hub import ModelCard

    card, given = ModelCard(text, ignore_metadata_errors=True), ModelCard(front).data
    for name, value in given.__dict__.items():
        if value and (name in ("license", "eval_results") or not getattr(card.data, name, None)):
            setattr(card.data, name, value)
    return str(card)


def _runs(manifest: Manifest, results: Sequence[str | os.PathLike[str]]) -> list[Run]:
    runs = open_runs(results) if results else []
    for run in runs:
        if run.header.weights_sha256 != manifest.sha256:
            raise InputError(
                f"{run.folder} measured other weights ({str(run.header.weights_sha256)[:12]}) than those of"
                f" {manifest.weights} ({manifest.sha256[:12]}); evaluate this model first"
            )
    named = {run.folder.resolve() for run in runs}
    own = [path.parent for path in files_below(manifest.weights.parent) if path.name == RECORDS]
    found = open_runs(unnamed) if (unnamed := [path for path in own if path.resolve() not in named]) else []
    return runs + [run for run in found if run.header.weights_sha256 == manifest.sha256]


def _front_matter(manifest: Manifest, repository: str, licence: str | None, runs: Sequence[Run]) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    measured = [
        EvalResult(
            task_type="mask-generation",
            dataset_type=run.header.dataset,
            dataset_name=f"{run.header.dataset} ({len(run.objects)} objects)",
            metric_type=name,
            metric_name=f"{name}, {prompts_shown(run.summary)}",
            metric_value=round(run.summary[name], 4),
        )
        for run in runs
        for name in (count_title(each, [run.summary]) for each in _NUMBERS)
        if name in run.summary
    ]
    report = _finetuning(manifest)
    measured += [
        EvalResult(
            task_type="mask-generation",
            dataset_type="custom",
            dataset_name="held-out images of the fine-tuning",
            metric_type=row["name"],
            metric_value=round(row["after"], 4),
        )
        for row in report["rows"]
    ]
    data = ModelCardData(
        license=licence,
        base_model=report["start"] if names_repository(report["start"]) else None,
        library_name="vpuformer",
        pipeline_tag="mask-generation",
        tags=[
            "vpuformer",
            "interactive-segmentation",
            "image-segmentation",
            *(["onnx"] if _has_graphs(manifest) else []),
        ],
        model_name=repository.partition("/")[2],
        eval_results=measured or None,
    )
    return f"---\n{data.to_yaml()}\n---\n\n"


def _finetuning(manifest: Manifest) -> dict[str, Any]:
    """The report of `vpuformer finetune` in the folder of a checkpoint."""
    path = manifest.weights.with_name(REPORT_FILE)
    report = read_json(path, error=InputError) if path.is_file() else None
    return report if isinstance(report, dict) and {"start", "rows"} <= report.keys() else {"start": "", "rows": []}


def _body(manifest: Manifest, repository: str, licence: str | None, runs: Sequence[Run]) -> str:
    config = manifest.config
    runtimes = "ONNX Runtime, OpenVINO and PyTorch" if _has_graphs(manifest) else "PyTorch; it has no graphs"
    facts = {
        "image encoder": config.backbone,
        "parameters": f"{manifest.parameters / 1e6:.2f} million",
        "input": f"{config.input_size} x {config.input_size} pixels",
        "runs in": runtimes,
        "SHA-256 of the weights": f"`{manifest.sha256}`",
        **manifest.metadata,
    }
    terms = f"Licence: {licence}." if licence else "The owner of this repository has not stated a licence."
    parts = [
        f"# {repository.partition('/')[2]}",
        "A model for [VPUFormer](https://arxiv.org/abs/2306.06656): it outlines one object at a time in an image, from"
        " clicks, boxes and scribbles.",
        "## Use",
        f"""```bash
pip install 'vpuformer[hub]'
vpuformer segment photo.jpg --click 120,80 --model {repository} -o mask.png
```""",
        f"""```python
from vpuformer import Click, Predictor

predictor = Predictor.from_pretrained("{repository}")
predictor.set_image("photo.jpg")
mask = predictor.predict([Click(120, 80)]).mask
```""",
        "## Network and training",
        "\n".join(["| | |", "|---|---|", *(f"| {name} | {_cell(value)} |" for name, value in facts.items())]),
        "## Figures",
        _figures(runs),
        "## Limits and licence",
        "A person has to check the masks. Objects unlike those of the training images are segmented less well."
        f" {terms}",
    ]
    return "\n\n".join(parts) + "\n"


def _figures(runs: Sequence[Run]) -> str:
    if not runs:
        return "None were given. `vpuformer evaluate` measures them."
    rows = [
        [
            run.header.dataset,
            str(len(run.objects)),
            prompts_shown(run.summary),
            *(number_shown(run.summary, name) or "-" for name in _NUMBERS),
        ]
        for run in runs
    ]
    titles = ["data set", "objects", "prompts", *_NUMBERS]
    lines = ["| " + " | ".join(map(_cell, row)) + " |" for row in (titles, *rows)]
    rule = "|---|--:|---|" + "--:|" * len(_NUMBERS)
    meaning = (
        "IoU@k is the mean IoU after k prompts of a simulated user; NoC@85 the mean number of prompts to an IoU of"
        " 85 %, at most 20."
    )
    return "\n".join([lines[0], rule, *lines[1:], "", meaning])


def _has_graphs(manifest: Manifest) -> bool:
    return manifest.weights.with_name(GRAPHS_FILE).is_file()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
