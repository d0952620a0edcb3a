"""Give a trained network another image encoder, which it can read from the first step on.

    python benchmarks/change_encoder.py RECIPE --data DATA --split FILE --init MODEL \\
        --backbone efficientnet_lite2 --backbone-weights FILE --output FOLDER

Only the layers between the encoder and the rest of the network are new (`project`, `lateral_half`, `lateral_quarter`,
`lateral_eighth`). They are linear, so they are fitted by least squares: on views of the training images, they make of
the new encoder's stages what the trained network makes of its own. Prints the share of the variance that they explain.
What comes out is a start for `vpuformer train --init FOLDER`, not a network to use.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vpuformer.model.checkpoint import load_model, save_checkpoint
from vpuformer.model.features import map_size
from vpuformer.model.vpuformer import VPUFormer, resized_stage
from vpuformer.training.loader import open_data
from vpuformer.training.loop import build_network
from vpuformer.training.recipe import Recipe, read_recipe

VIEWS = 400
"""Views of training images."""

BATCH = 8

PENALTY = 1e-3
"""Weight of the squared weights in the fit, relative to the mean square of a feature."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", metavar="RECIPE")
    parser.add_argument("--data", required=True, action="append", help="as for vpuformer train")
    parser.add_argument("--split")
    parser.add_argument("--init", default="default", metavar="MODEL", help="the trained network")
    parser.add_argument("--backbone", required=True)
    parser.add_argument("--backbone-weights", metavar="FILE")
    parser.add_argument("--output", required=True, type=Path, metavar="FOLDER")
    options = parser.parse_args()
    if options.output.exists():
        parser.error(f"{options.output} already exists; choose another output folder")

    teacher = load_model(options.init)
    values = read_recipe(Path(options.recipe)) | {"data": options.data, "output": str(options.output)}
    recipe = replace(
        Recipe.from_dict(values),
        split=options.split,
        sizes=(),
        model=replace(teacher.config, backbone=options.backbone),
        init=options.init,
        backbone_weights=options.backbone_weights,
    )
    student = build_network(recipe).eval()
    for name, share in fit(teacher, student, views(recipe)).items():
        print(f"{name}: {share:.3f} of the variance explained")
    save_checkpoint(student, options.output, metadata={"steps": "0", "samples": "0"})


def views(recipe: Recipe) -> Iterator[Tensor]:
    """Batches of training views, with values in 0..1 (b, 3, s, s)."""
    data, _ = open_data(recipe)
    for start in range(0, VIEWS, BATCH):
        yield torch.stack([data[number]["image"] for number in range(start, start + BATCH)]).float() / 255


@torch.inference_mode()
def fit(teacher: VPUFormer, student: VPUFormer, batches: Iterator[Tensor]) -> dict[str, float]:
    """Fit the layers of `student` that read its encoder.

    Returns:
        The explained share of the variance of each map.
    """
    equations: dict[str, Equations] = {}
    for images in batches:
        pyramid, wanted = student.backbone(images), teacher.encode(images)
        stages = [resized_stage(stage, map_size(wanted.semantic)) for stage in pyramid.semantic]
        pairs = {"semantic": (torch.cat(stages, dim=1), wanted.semantic)}
        if pyramid.half is not None and wanted.lateral.half is not None:
            pairs["half"] = (_neighbourhoods(pyramid.half), wanted.lateral.half)
        if pyramid.quarter is not None:
            pairs["quarter"] = (pyramid.quarter, wanted.lateral.quarter)
        if pyramid.eighth is not None and wanted.lateral.eighth is not None:
            pairs["eighth"] = (pyramid.eighth, wanted.lateral.eighth)
        for name, pair in pairs.items():
            equations.setdefault(name, Equations()).add(*pair)
    for name, equation in equations.items():
        weight, bias = equation.solved()
        layers = [*student.project] if name == "semantic" else [student.get_submodule(f"lateral_{name}")]
        parts = weight.split([layer.get_parameter("weight")[0].numel() for layer in layers], dim=1)
        for i, (layer, part) in enumerate(zip(layers, parts, strict=True)):
            weights = layer.get_parameter("weight")
            weights.copy_(part.reshape(weights.shape))
            layer.get_parameter("bias").copy_(bias if i == 0 else torch.zeros_like(bias))
    return {name: equation.explained() for name, equation in equations.items()}


class Equations:
    """The normal equations of a linear layer from maps to maps."""

    def __init__(self) -> None:
        self._count, self._outputs, self._products, self._solution = 0, 0, torch.zeros(()), torch.zeros(())

    def add(self, inputs: Tensor, outputs: Tensor) -> None:
        """Maps (b, i, h, w) and what shall become of them (b, o, h, w)."""
        self._outputs = outputs.shape[1]
        rows = torch.cat([inputs, torch.ones_like(inputs[:, :1]), outputs], dim=1).transpose(0, 1).flatten(1).double()
        self._products = self._products + rows @ rows.T
        self._count += rows.shape[1]

    def solved(self) -> tuple[Tensor, Tensor]:
        """Weight (o, i) and bias (o)."""
        products = self._products[: -self._outputs] / self._count
        square, right = products[:, : -self._outputs], products[:, -self._outputs :]
        penalty = PENALTY * square.diagonal()[:-1].mean() * torch.eye(len(square)).double()
        penalty[-1, -1] = 0  # none for the bias
        self._solution = torch.linalg.solve(square + penalty, right)
        return self._solution[:-1].T.float(), self._solution[-1].float()

    def explained(self) -> float:
        """The share of the variance of the outputs, once solved."""
        products = self._products / self._count
        inputs = len(products) - self._outputs
        square, right = products[:inputs, :inputs], products[:inputs, inputs:]
        means, squares = right[-1], products.diagonal()[inputs:]
        error = squares - 2 * (self._solution * right).sum(0) + (self._solution * (square @ self._solution)).sum(0)
        return 1 - (error.sum() / (squares - means**2).sum()).item()


def _neighbourhoods(maps: Tensor) -> Tensor:
    """What a 3x3 convolution reads at each place: (b, 9 c, h, w)."""
    return F.unfold(maps, 3, padding=1).unflatten(2, map_size(maps))


if __name__ == "__main__":
    main()
