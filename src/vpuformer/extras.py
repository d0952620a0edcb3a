"""Extras of the package: the modules that each installs, and the error if one is missing."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from vpuformer.errors import MissingDependencyError

_EVALUATE = ("filelock", "scipy", "skimage")
_TORCH = ("einops", "safetensors", "timm", "torch", "torchvision")

EXTRAS = {
    "app": ("fastapi", "prometheus_client", "pydantic", "sqlalchemy", "uvicorn"),
    "evaluate": _EVALUATE,
    "torch": _TORCH,
    "train": (*_EVALUATE, *_TORCH, "lightning_fabric", "tensorboard"),
    "export": (*_TORCH, "onnx", "onnxscript"),
    "hub": ("huggingface_hub",),
    "medical": ("nibabel", "pydicom"),
    "openvino": ("openvino",),
    "ray": ("ray",),
    "supervision": ("supervision",),
    "fiftyone": ("fiftyone",),
    "napari": ("napari",),
    "cvat": ("cvat_sdk",),
    "sam": (*_EVALUATE, *_TORCH, "transformers"),
    "segformer": (*_TORCH, "segmentation_models_pytorch"),
}
"""Names of the modules that each extra of `pyproject.toml` installs."""


def require(extra: str, purpose: str) -> None:
    """Check that an extra is installed, without importing it.

    Args:
        extra: a key of `EXTRAS`.
        purpose: what needs the extra, as the first words of the error: "training".

    Raises:
        MissingDependencyError: one of its modules is missing.
    """
    if modules := missing(extra):
        raise MissingDependencyError(
            f"{purpose} needs {', '.join(modules)}; install it with: pip install 'vpuformer[{extra}]'"
        )


def imported(module: str) -> ModuleType:
    """Import a package whose libraries may be missing or broken.

    Raises:
        MissingDependencyError: it cannot be imported.
    """
    try:
        return import_module(module)
    except (ImportError, OSError) as error:
        reason = " ".join(str(error).split())
        raise MissingDependencyError(
            f"{module} cannot be imported ({reason:.200}); install it again with:"
            f" pip install --force-reinstall {module}"
        ) from error


def missing(extra: str) -> list[str]:
    """Modules of an extra that are not installed."""
    return [module for module in EXTRAS[extra] if not _is_installed(module)]


def installed_version(package: str) -> str | None:
    """Version of a package, by the name that pip knows; None if it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False
