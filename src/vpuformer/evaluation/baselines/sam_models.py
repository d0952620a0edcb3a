"""Loads the models of Segment Anything from `transformers`, by name or from a folder.

They are read as safetensors alone, never as pickles. `transformers` and torch are imported when a model is loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vpuformer.errors import CheckpointError, MissingDependencyError
from vpuformer.extras import require


@dataclass(frozen=True, slots=True)
class Family:
    """One of the models called Segment Anything."""

    name: str
    model: str
    """Class of `transformers`."""
    processor: str
    checkpoint: str
    """On the Hugging Face hub: the one of about the size of ViT-B, which is the paper's largest encoder."""
    types: tuple[str, ...]
    """Values of `model_type` in its checkpoints."""
    embeddings: tuple[str, ...] = ("image_embeddings",)
    """Arguments of the model for what its `get_image_embeddings` makes of an image."""
    clamp: float | None = None
    """Largest size of the logits that go back into the model; the predictor of SAM 2 has one."""


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.name: family
        for family in (
            Family("sam", "SamModel", "SamProcessor", "facebook/sam-vit-base", ("sam",)),
            # The checkpoints for images and for videos are one and the same, and call themselves the latter.
            Family(
                "sam2",
                "Sam2Model",
                "Sam2Processor",
                "facebook/sam2.1-hiera-base-plus",
                ("sam2", "sam2_video"),
                clamp=32.0,
            ),
            Family(
                "sam-hq",
                "SamHQModel",
                "SamHQProcessor",
                "syscv-community/sam-hq-vit-base",
                ("sam_hq",),
                embeddings=("image_embeddings", "intermediate_embeddings"),
            ),
        )
    }
)


def load(family: Family, checkpoint: str) -> tuple[Any, Any]:
    """The model, in float32 on the CPU, and its processor.

    Args:
        family: which of the models.
        checkpoint: a folder that `save_pretrained` wrote, or a name on the Hugging Face hub.

    Raises:
        CheckpointError: there is no such folder, the hub is out of reach or knows no such model, or it is another one.
        MissingDependencyError: `transformers` is not installed, or does not know the model.
    """
    folder = Path(checkpoint).expanduser()
    # A hub name is NAME or OWNER/NAME; all else is meant as a folder, and need not be asked for over the net.
    is_name = not checkpoint.startswith(("/", ".", "~")) and checkpoint.count("/") <= 1 and "\\" not in checkpoint
    if not folder.is_dir() and not is_name:
        raise CheckpointError(f"no folder {checkpoint} with weights of {family.name}; give {_wanted(family)}")
    model_class, processor_class = _classes(family)
    where = str(folder) if folder.is_dir() else checkpoint
    try:
        _check_type(model_class.config_class.get_config_dict(where)[0], where, family)
        model, report = model_class.from_pretrained(where, use_safetensors=True, output_loading_info=True)
        processor = processor_class.from_pretrained(where)
    except CheckpointError:
        raise
    except Exception as error:  # the library raises anything from OSError to AttributeError over a broken checkpoint
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise CheckpointError(
            f"the weights {checkpoint} of {family.name} cannot be loaded ({reason}); give {_wanted(family)}"
        ) from error
    if report["missing_keys"]:  # the library goes on with random numbers in their place
        raise CheckpointError(
            f"the weights {checkpoint} of {family.name} lack {len(report['missing_keys'])} tensors, such as"
            f" {min(report['missing_keys'])}; give {_wanted(family)}"
        )
    return model.float().eval(), processor


def _classes(family: Family) -> tuple[Any, Any]:
    require("sam", f"the baseline {family.name}")
    import transformers

    try:
        return getattr(transformers, family.model), getattr(transformers, family.processor)
    except (AttributeError, ImportError) as error:
        raise MissingDependencyError(
            f"transformers {transformers.__version__} cannot provide {family.model}; install one that can with:"
            " pip install --upgrade 'vpuformer[sam]'"
        ) from error


def _check_type(config: Mapping[str, Any], where: str, family: Family) -> None:
    """The library itself would load weights of any model, and warn."""
    found = config.get("model_type")
    if found is None:
        raise OSError("config.json has no model_type")
    if found not in family.types:
        raise CheckpointError(f"{where} holds a model of the type {found!r}, and none of {family.name}; choose another")


def _wanted(family: Family) -> str:
    return (
        "a folder that transformers wrote (config.json, model.safetensors and the processor's settings), as in"
        f" {family.name}:FOLDER, or a name that the Hugging Face hub knows, as in {family.name}:{family.checkpoint}"
    )
