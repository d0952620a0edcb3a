"""Cost of the paper's recipes: parameters, operations of a pass and of a whole training.

    python benchmarks/recipes.py

Counts floating-point operations with torch's counter on one forward pass at the recipe's crop (a multiply-add counts as
two). A backward pass takes twice as many. On average (1 + N) / 2 interactions of an image are supervised, and each is a
whole pass, because the paper's networks fuse the previous mask into the encoder. Earlier passes without gradients are
not counted. Writes `benchmarks/results/recipes.json`.
"""

import json
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from vpuformer.encoding.batch import PromptBatch
from vpuformer.geometry import Crop, FrameMap
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Click
from vpuformer.training.recipe import Recipe
from vpuformer.training.recipes import RECIPES

RESULTS = Path(__file__).parent / "results" / "recipes.json"
FORWARD_AND_BACKWARD = 3


def main() -> None:
    rows = {}
    for name, recipe_for in RECIPES.items():
        if name.startswith(("sbd_", "cocolvis_")):
            rows[name] = counted(recipe_for("", ""))
            print(name, rows[name], flush=True)
    content = {"command": "python benchmarks/recipes.py", "torch": torch.__version__, "recipes": rows}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n")


@torch.inference_mode()
def counted(recipe: Recipe) -> dict[str, float]:
    model = VPUFormer(recipe.model).eval()
    side = recipe.size
    prompts = PromptBatch.collate([[Click(100, 100)]], [FrameMap.to_canonical(Crop.whole((side, side)))])
    with FlopCounterMode(display=False) as counter:
        model(torch.rand(1, 3, side, side), torch.zeros(1, 1, side, side), prompts)
    passes = (
        recipe.length * recipe.images_per_step * recipe.objects_per_image * (1 + recipe.interaction.interactions) / 2
    )
    forward = counter.get_total_flops()
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "forward_gflops": forward / 1e9,
        "training_eflop": passes * FORWARD_AND_BACKWARD * forward / 1e18,
    }


if __name__ == "__main__":
    main()
