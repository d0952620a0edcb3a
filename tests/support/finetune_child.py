"""`vpuformer finetune` as the app starts it, with quick steps and without graphs, whose export takes long."""

from dataclasses import replace
from typing import Any

from vpuformer import extras
from vpuformer.cli import main
from vpuformer.finetuning import run
from vpuformer.finetuning.plan import recipe_for
from vpuformer.training.recipe import Recipe


def _quick(*settings: Any) -> Recipe:
    return replace(recipe_for(*settings), images_per_step=2, workers=1, precision="32-true", save_minutes=0.0)


if __name__ == "__main__":
    run.recipe_for = _quick
    extras.EXTRAS["export"] = ("no_such_module",)
    main()
