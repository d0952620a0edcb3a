"""Checkpoints: written and read back, and every way in which one can be broken as one sentence."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from vpuformer.errors import CheckpointError
from vpuformer.model import checkpoint, manifest
from vpuformer.model.checkpoint import load_model, save_checkpoint
from vpuformer.model.config import VPUFormerConfig
from vpuformer.model.manifest import describe, list_models
from vpuformer.model.vpuformer import VPUFormer

TINY = VPUFormerConfig(input_size=64, dim=32, heads=2, ffn_dim=32, decoder_dim=16, pue_hidden=16)


@pytest.fixture(scope="module")
def model() -> VPUFormer:
    return VPUFormer(TINY).eval()


@pytest.fixture(scope="module")
def written(model: VPUFormer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    save_checkpoint(model, folder, metadata={"dataset": "shapes"})
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A checkpoint that a test may break."""
    return Path(shutil.copytree(written, tmp_path / "checkpoint"))


def edit_config(folder: Path, change: Callable[[dict], object]) -> None:
    path = folder / "config.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def edit_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    path = folder / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    change(tensors)
    safetensors.torch.save_file(tensors, path)


def refused(name_or_path: object, *words: str) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_model(name_or_path)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


def test_what_is_written_is_read_back(model: VPUFormer, written: Path) -> None:
    loaded = load_model(written)
    assert loaded.config == TINY
    assert not loaded.training
    for (key, ours), theirs in zip(loaded.state_dict().items(), model.state_dict().values(), strict=True):
        assert ours.dtype == theirs.dtype, key
        assert torch.equal(ours, theirs), key


def test_the_safetensors_file_itself_may_be_named(written: Path) -> None:
    assert load_model(written / "model.safetensors").config == TINY
    assert load_model(str(written)).config == TINY


def test_half_precision_halves_the_file_and_is_loaded_as_float32(
    model: VPUFormer, written: Path, tmp_path: Path
) -> None:
    path = save_checkpoint(model, tmp_path, dtype=torch.float16)
    assert path.stat().st_size < 0.6 * (written / "model.safetensors").stat().st_size
    loaded = load_model(tmp_path)
    for (key, ours), theirs in zip(loaded.state_dict().items(), model.state_dict().values(), strict=True):
        assert ours.dtype == theirs.dtype, key
        assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-6), key
    assert describe(tmp_path)["dtype"] == "F16"


def test_a_checkpoint_is_replaced_whole_and_leaves_nothing_else(model: VPUFormer, folder: Path) -> None:
    save_checkpoint(model, folder, metadata={"dataset": "others"})
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert describe(folder)["metadata"] == {"dataset": "others"}


def test_a_failed_write_leaves_the_former_checkpoint(
    model: VPUFormer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CheckpointError, match="the disk is full"):
        save_checkpoint(model, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    load_model(folder)


def test_loading_does_not_touch_the_random_numbers_of_others(written: Path) -> None:
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    load_model(written)
    assert torch.equal(torch.rand(3), wanted)


def test_weights_that_are_no_numbers_are_not_written(tmp_path: Path) -> None:
    astray = VPUFormer(TINY)
    with torch.no_grad():
        astray.lateral_quarter.bias[0] = 1e6
    save_checkpoint(astray, tmp_path)
    with pytest.raises(CheckpointError, match=r"not finite as torch\.float16: lateral_quarter\.bias"):
        save_checkpoint(astray, tmp_path, dtype=torch.float16)


def test_metadata_are_text(model: VPUFormer, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="text to text"):
        save_checkpoint(model, tmp_path, metadata={"epochs": 3})  # pyright: ignore[reportArgumentType]


def test_a_folder_that_cannot_be_made(model: VPUFormer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="cannot be written"):
        save_checkpoint(model, tmp_path / "file" / "below")


def test_an_unknown_name(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(written, tmp_path / "tiny")
    monkeypatch.setattr(manifest, "_own_weights", lambda: tmp_path)
    assert list_models() == ["tiny"]
    assert load_model("tiny").config == TINY
    refused("tyny", "no model called 'tyny'; there are tiny. Did you mean 'tiny'?")


def test_an_unknown_name_where_there_are_no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "_own_weights", lambda: tmp_path / "none")
    assert list_models() == []
    refused("default", "no model called 'default'", "pass the folder")


@pytest.mark.parametrize("name", [None, "", 3])
def test_no_name_at_all(name: object) -> None:
    refused(name, "wanted the name of a model, or a folder")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "the folder", "does not exist")
    refused(tmp_path / "nowhere.safetensors", "the file", "does not exist")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_folder_without_one_of_the_files(folder: Path, name: str) -> None:
    (folder / name).unlink()
    refused(folder, f"the file {folder / name} does not exist")


@pytest.mark.parametrize("name", ["weights.pth", "weights.pt", "pytorch_model.bin"])
def test_a_pickle_is_never_opened(tmp_path: Path, name: str) -> None:
    torch.save({}, tmp_path / name)
    refused(tmp_path / name, "is a pickle", "can run any program")


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "weights.onnx").touch()
    refused(tmp_path / "weights.onnx", "not a safetensors file by its name")


def test_a_broken_config(folder: Path) -> None:
    (folder / "config.json").write_text('{"format": 1,')
    refused(folder, "config.json is not JSON")
    (folder / "config.json").write_text("[" * 100_000)
    refused(folder, "config.json is nested too deeply")
    (folder / "config.json").write_text("[1]")
    refused(folder, "wanted an object")


def test_another_format(folder: Path) -> None:
    edit_config(folder, lambda values: values.update(format=2))
    refused(folder, "is of format 2", "reads format 1", "install a version")


def test_fields_that_are_unknown_missing_or_of_another_type(folder: Path) -> None:
    edit_config(folder, lambda values: values.update(sha265="0"))
    refused(folder, "no field called 'sha265'", "Did you mean 'sha256'?")
    edit_config(folder, lambda values: (values.pop("sha265"), values.update(sha256=5)))
    refused(folder, "has 5 as 'sha256', wanted str")
    edit_config(folder, lambda values: values.pop("sha256"))
    refused(folder, "has no field 'sha256'")


def test_a_network_of_a_later_version(folder: Path) -> None:
    edit_config(folder, lambda values: values["config"].update(wings=2))
    refused(folder, "cannot build", "'wings'")


@pytest.mark.parametrize("size", [0, 5, 400, 100_000])
def test_a_file_cut_short(folder: Path, size: int) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    refused(folder, "cut short", "copy or download it again")
    with pytest.raises(CheckpointError, match="cut short"):
        describe(folder)


def test_a_file_that_is_something_else(folder: Path) -> None:
    path = folder / "model.safetensors"
    for content in (
        b"<!DOCTYPE html>" * 9,
        b"\x02\0\0\0\0\0\0\0{}tail",
        b"\x02\0\0\0\0\0\0\0[]",
        b'\x07\0\0\0\0\0\0\0{"a":1}',
    ):
        path.write_bytes(content)
        refused(folder, "model.safetensors", "copy or download it again")


def test_a_file_that_is_not_the_one_described(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors["lateral_quarter.bias"].add_(1))
    refused(folder, "does not belong to its", "SHA-256")


def test_every_key_that_is_missing_or_left_over_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "check_sha256", lambda _: None)

    def change(tensors: dict[str, torch.Tensor]) -> None:
        del tensors["lateral_quarter.bias"]
        tensors["wing"] = torch.zeros(1)
        tensors["lateral_quarter.weight"] = torch.zeros(2, 3)

    edit_weights(folder, change)
    refused(
        folder,
        "missing: lateral_quarter.bias;",
        "not in the network: wing;",
        "of another shape: lateral_quarter.weight [2, 3] instead of [16, 24, 1, 1]",
    )


def test_of_many_keys_ten_are_named_and_the_others_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "check_sha256", lambda _: None)
    edit_weights(folder, lambda tensors: tensors.update({f"wing{i}": torch.zeros(1) for i in range(25)}))
    message = refused(folder, "and 15 more")
    assert message.count("wing") == 10


def test_the_description_needs_no_torch(written: Path, model: VPUFormer) -> None:
    description = describe(written)
    assert description["config"] == TINY.to_dict()
    assert description["metadata"] == {"dataset": "shapes"}
    assert description["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    assert description["dtype"] == "F32"
    assert description["bytes"] == (written / "model.safetensors").stat().st_size
    assert len(description["sha256"]) == 64
    program = (
        "import sys; from vpuformer.model.manifest import describe; describe(sys.argv[1]);"
        " assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, str(written)], check=True)


def test_without_the_count_all_numbers_are_counted(folder: Path) -> None:
    edit_weights(folder, lambda _: None)
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    assert describe(folder)["parameters"] == sum(tensor.numel() for tensor in tensors.values())
