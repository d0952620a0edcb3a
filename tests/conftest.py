"""What all tests share: small images with a known object, and the same numbers on every run."""

import os
import sys

# Before anything loads torch: a test is too small to gain from more threads, and several suites may share a machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

# What several test files and the programs in benchmarks/ import.
sys.path.insert(0, str(Path(__file__).parent))

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from support.app_disks import Disks
    from support.hub_server import Hub
    from vpuformer.app.annotation.annotator import Annotator

# Shapes and types of all that computes with tensors are checked in every call while the tests run, and never in
# production. Not so at the rim: there a wrong type is somebody's input, and has a sentence of its own that is tested.
install_import_hook(
    [
        "vpuformer.encoding",
        *(
            f"vpuformer.model.{module}"
            for module in ("encoders", "injection", "features", "dma", "fine", "decoder", "vpuformer")
        ),
        *(f"vpuformer.training.{module}" for module in ("interaction", "losses")),
    ],
    "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))",
)


# Continuous integration tries the same cases every time; on a desk every run tries others.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    """Random weights are the same on every run, whatever ran before; the tests that need no torch do not load it."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20230611)


@pytest.fixture
def truth() -> npt.NDArray[np.int8]:
    """An ellipse of 31 x 21 pixels around (30, 20) in an image 64 wide and 48 high, shape (48, 64)."""
    rows, columns = np.mgrid[:48, :64]
    return (((columns - 30) / 15.5) ** 2 + ((rows - 20) / 10.5) ** 2 <= 1).astype(np.int8)


@pytest.fixture
def image(truth: npt.NDArray[np.int8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The orange object of `truth` on a dark, noisy ground, shape (48, 64, 3)."""
    colours = np.where(truth[..., None] == 1, np.array([220, 140, 40]), np.array([40, 60, 80]))
    return np.clip(colours + rng.normal(0, 8, colours.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def image_file(image: npt.NDArray[np.uint8], tmp_path: Path) -> Path:
    """`image` as a PNG file."""
    from PIL import Image

    path = tmp_path / "image.png"
    Image.fromarray(image).save(path)
    return path


@pytest.fixture
def grabcut(tmp_path: Path, image: npt.NDArray[np.uint8], truth: npt.NDArray[np.int8]) -> Path:
    """A data set of two objects in the layout of GrabCut."""
    from PIL import Image

    root = tmp_path / "GrabCut"
    for name, step in (("one", 1), ("two", -1)):
        for folder, pixels in (("data_GT", image), ("boundary_GT", (truth == 1) * np.uint8(255))):
            (root / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.ascontiguousarray(pixels[:, ::step])).save(root / folder / f"{name}.png")
    return root


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with random weights, in a folder."""
    import torch

    from vpuformer.model.checkpoint import save_checkpoint
    from vpuformer.model.config import VPUFormerConfig
    from vpuformer.model.vpuformer import VPUFormer

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    config = VPUFormerConfig(input_size=64, dim=32, heads=2, ffn_dim=32, decoder_dim=16, pue_hidden=32)
    save_checkpoint(VPUFormer(config), folder, metadata={"dataset": "none"})
    return folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Iterator[Hub]":
    """A server that is asked instead of the Hugging Face Hub, an empty cache, and `tmp_path` as working folder."""
    constants = pytest.importorskip("huggingface_hub").constants

    from support.hub_server import hub_server
    from vpuformer.model.repository import download

    with hub_server() as server:
        settings = {
            "ENDPOINT": server.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": server.url + "/{repo_id}/resolve/{revision}/{filename}",
            "HF_HUB_CACHE": str(tmp_path / "cache"),
            "HF_HUB_OFFLINE": False,
            "HF_TOKEN_PATH": str(tmp_path / "token"),
            "HF_HUB_DISABLE_XET": True,
        }
        for name, value in settings.items():
            monkeypatch.setattr(constants, name, value)
        monkeypatch.setattr("huggingface_hub.file_download.time", SimpleNamespace(sleep=lambda _: None))
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.chdir(tmp_path)
        download.cache_clear()
        yield server
        download.cache_clear()


@pytest.fixture(scope="session")
def database() -> "Iterator[str]":
    """The URL of a database on a PostgreSQL server, with the tables of other tests."""
    from support.postgres import database_server

    with database_server() as address:
        yield address


@pytest.fixture
def disks() -> "Disks":
    """A segmenter without a network."""
    from support.app_disks import Disks

    return Disks()


@pytest.fixture
def image_folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Three images: a.png of 120 x 90 pixels, b.jpg of 64 x 64, sub/c.png of 40 x 30."""
    from PIL import Image

    root = tmp_path / "images"
    for name, width, height in (("a.png", 120, 90), ("b.jpg", 64, 64), ("sub/c.png", 40, 30)):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(path)
    return root


@pytest.fixture
def annotator(image_folder: Path, disks: "Disks", tmp_path: Path) -> "Iterator[Annotator]":
    """The three images, annotated with `disks` and kept in `tmp_path / "annotator.sqlite"`."""
    from vpuformer.app.annotation.annotator import Annotator
    from vpuformer.app.images.folder import Folder
    from vpuformer.app.store.store import Store

    opened = Annotator(Folder(image_folder), Store(tmp_path / "annotator.sqlite"), disks)
    yield opened
    opened.close()


@pytest.fixture
def client(image_folder: Path, disks: "Disks", tmp_path: Path) -> "Iterator[TestClient]":
    """The page's view of a server on the three images with `disks`, kept in `tmp_path / "client.sqlite"`.

    The images' ids are 1, 2 and 3 in the order of their names.
    """
    from starlette.testclient import TestClient

    from vpuformer.app.http.server import create_app
    from vpuformer.app.images.folder import Folder
    from vpuformer.app.store.store import Store

    app = create_app(Folder(image_folder), Store(tmp_path / "client.sqlite"), disks)
    headers = {"X-VPUFormer": "1"}
    with TestClient(app, "http://127.0.0.1", raise_server_exceptions=False, headers=headers) as opened:
        yield opened
