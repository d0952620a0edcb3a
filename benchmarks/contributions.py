"""Mean IoU of the bundled weights with parts of their prompt path silenced.

    python benchmarks/contributions.py --root data/train --split data/split.json [--every 6]

Nothing is trained: parts of the shipped network are silenced. A network trained without a part may do better than one
that loses it afterwards; `ablation.py` compares trainings. Mean IoU over the natural images, with the simulated user
and crops of the evaluation. Writes `benchmarks/results/contributions.json`.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from natural import natural_objects
from numpy import ndarray as Array
from torch import Tensor, nn

from vpuformer.data.sample import Sample
from vpuformer.encoding.prior import NOWHERE, prompt_priors
from vpuformer.encoding.pue import VECTOR, prompt_vectors
from vpuformer.evaluation.run import evaluate
from vpuformer.evaluation.simulated_user import SimulatedUser
from vpuformer.files import write_file
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.torch_network import TorchNetwork
from vpuformer.memory import keep_freed_memory
from vpuformer.metrics import iou_at
from vpuformer.model.dma import Mixing
from vpuformer.model.manifest import read_manifest
from vpuformer.model.prompt_inputs import VECTORS
from vpuformer.model.pue import with_no_prompt_token
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import KINDS, Kind

RESULTS = Path(__file__).parent / "results" / "contributions.json"
MEASURED: dict[str, tuple[tuple[Kind, ...], tuple[int, ...]]] = {
    "click": (("click",), (1, 3, 5)),
    "box": (("box",), (1,)),
    "scribble": (("scribble",), (1,)),
    "mixed": (KINDS, (3,)),
}
"""Prompt kinds of a run, and the numbers of prompts after which the IoU is reported."""
Silence = Callable[[VPUFormer], AbstractContextManager[object]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="use every n-th object")
    parser.add_argument("--workers", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    keep_freed_memory()

    samples = natural_objects(options.root, options.split, options.every)
    network = TorchNetwork.from_pretrained("default", "cpu", threads=1)
    conditions: dict[str, Silence] = {
        "everything": lambda _: nullcontext(),
        "tokens without their position": lambda _: no_position(),
        "no prior": lambda _: no_prior(),
        "neither position nor prior": lambda _: neither(),
        "no attention at 1/8 and 1/4": no_fine_attention,
        "no mixing": no_mixing,
        "no prompts": no_prompts,
    }
    rows = {}
    for name, silence in conditions.items():
        with silence(network.model):
            rows[name] = measure(samples, network, options.workers)
        print(name, rows[name], flush=True)
    every = f" --every {options.every}" if options.every > 1 else ""
    content = {
        "command": f"python benchmarks/contributions.py --root data/train --split data/split.json{every}",
        "weights_sha256": read_manifest("default").sha256,
        "objects": len(samples),
        "measure": "mean IoU on the natural validation objects",
        "rows": rows,
    }
    write_file(RESULTS, json.dumps(content, indent=2) + "\n")


def measure(samples: Sequence[Sample], network: TorchNetwork, workers: int) -> dict[str, float]:
    """Mean IoU by kind and number of prompts."""
    scores = {}
    for name, (kinds, counts) in MEASURED.items():
        segmenter, user = VPUFormerSegmenter(network), SimulatedUser(kinds, max_interactions=max(counts))
        records = list(evaluate(samples, segmenter, user, workers=workers))
        for k in counts:
            scores[f"{name}@{k}"] = round(sum(iou_at(each.ious, k) for each in records) / len(records), 4)
    return scores


@contextmanager
def no_prompts(model: VPUFormer) -> Iterator[None]:
    """Leave the image and the last mask: every sample gets the no-prompt token, and no prior."""

    def silent(_module: object, _inputs: object, output: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        tokens, valid = output
        return with_no_prompt_token(torch.zeros_like(tokens), torch.zeros_like(valid), model.pue.no_prompt)

    with hooked([model.pue], silent), no_prior():
        yield


def no_position() -> AbstractContextManager[object]:
    """Set `q_h` and `q_v` to zero, so that tokens keep only kind and sign of a prompt."""

    def placeless(*arguments: Any, **options: Any) -> Array:
        vectors = prompt_vectors(*arguments, **options)
        vectors[..., : VECTOR - 2] = 0
        return vectors

    return mock.patch("vpuformer.model.prompt_inputs.VECTORS", {**VECTORS, "pue": placeless})


def no_prior() -> AbstractContextManager[object]:
    """Give every token the same prior at every position."""

    def flat(*arguments: Any, **options: Any) -> list[Array]:
        return [np.full_like(prior, np.log(NOWHERE)) for prior in prompt_priors(*arguments, **options)]

    return mock.patch("vpuformer.model.prompt_inputs.prompt_priors", flat)


@contextmanager
def neither() -> Iterator[None]:
    with no_position(), no_prior():
        yield


def no_fine_attention(model: VPUFormer) -> AbstractContextManager[object]:
    """Pass the decoder's maps on as they come to the attention."""
    return hooked(model.decoder.attend, lambda _module, inputs, _output: inputs[0])


def no_mixing(model: VPUFormer) -> AbstractContextManager[object]:
    layers = [module for module in model.modules() if isinstance(module, Mixing)]
    return hooked(layers, lambda _module, _inputs, output: torch.zeros_like(output))


@contextmanager
def hooked(modules: Iterable[nn.Module], hook: Callable[..., Any]) -> Iterator[None]:
    """Replace the output of `modules` by that of `hook`."""
    hooks = [module.register_forward_hook(hook) for module in modules]
    try:
        yield
    finally:
        for each in hooks:
            each.remove()


if __name__ == "__main__":
    main()
