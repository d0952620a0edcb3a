"""Weights of image encoders from files of all kinds."""

from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch

from vpuformer.errors import CheckpointError
from vpuformer.model.pretrained import load_backbone_weights


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a whole classifier, as timm names them."""
    path = tmp_path_factory.mktemp("timm") / "mobilenetv2.safetensors"
    safetensors.torch.save_file(timm.create_model("mobilenetv2_100", num_classes=0).state_dict(), path)
    return path


def test_an_image_encoder_takes_the_weights_of_a_classifier(classifier: Path) -> None:
    encoder = timm.create_model("mobilenetv2_100", features_only=True)
    report = load_backbone_weights(encoder, classifier)
    assert report.missing == ()
    assert {key.split(".")[0] for key in report.extra} == {"conv_head", "bn2"}
    assert torch.equal(encoder.conv_stem.weight, safetensors.torch.load_file(classifier)["conv_stem.weight"])


def test_names_that_timm_flattens_or_wraps_are_found(tmp_path: Path) -> None:
    whole = timm.create_model("convnextv2_atto")
    torch.save({"model": whole.state_dict(), "epoch": 3}, tmp_path / "convnext.pth")
    flattened = timm.create_model("convnextv2_atto", features_only=True)
    report = load_backbone_weights(flattened, tmp_path / "convnext.pth")
    assert report.missing == ()
    assert all(key.startswith("head") for key in report.extra)
    weight = whole.state_dict()["stages.1.blocks.0.conv_dw.weight"]
    assert torch.equal(flattened.state_dict()["stages_1.blocks.0.conv_dw.weight"], weight)

    safetensors.torch.save_file(
        {f"module.{k}": v for k, v in flattened.state_dict().items()}, tmp_path / "w.safetensors"
    )
    assert load_backbone_weights(timm.create_model("convnextv2_atto", features_only=True), tmp_path / "w.safetensors")


def test_only_the_counters_of_batch_norms_may_be_missing(classifier: Path, tmp_path: Path) -> None:
    tensors = safetensors.torch.load_file(classifier)
    old = {key: tensor for key, tensor in tensors.items() if not key.endswith("num_batches_tracked")}
    torch.save(old, tmp_path / "old.bin")
    report = load_backbone_weights(timm.create_model("mobilenetv2_100", features_only=True), tmp_path / "old.bin")
    assert report.missing
    assert all(key.endswith("num_batches_tracked") for key in report.missing)

    del tensors["bn1.weight"]
    safetensors.torch.save_file(tensors, tmp_path / "short.safetensors")
    encoder = timm.create_model("mobilenetv2_100", features_only=True)
    before = encoder.conv_stem.weight.clone()
    with pytest.raises(CheckpointError, match=r"another network: missing: bn1\.weight; extra"):
        load_backbone_weights(encoder, tmp_path / "short.safetensors")
    assert torch.equal(encoder.conv_stem.weight, before)


def test_weights_of_another_encoder_are_an_error(classifier: Path) -> None:
    with pytest.raises(CheckpointError, match=r"another network: missing: .* and \d+ more; extra: "):
        load_backbone_weights(torch.nn.ModuleDict({f"wing{i}": torch.nn.Linear(1, 1) for i in range(9)}), classifier)
    with pytest.raises(CheckpointError, match="of another shape: conv_stem"):
        load_backbone_weights(timm.create_model("mobilenetv2_140", features_only=True), classifier)


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("executed",)


def test_no_code_of_a_file_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"model": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(CheckpointError, match="cannot be read as weights"):
        load_backbone_weights(torch.nn.Linear(1, 1), tmp_path / "bomb.pth")
    assert "executed" not in capsys.readouterr().out


def test_other_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "noise.pth").write_bytes(b"noise")
    (tmp_path / "empty.pt").write_bytes(b"")
    torch.save([1, 2], tmp_path / "list.pth")
    for name, words in {
        "weights.h5": "not a file of weights by its name",
        "nowhere.safetensors": "does not exist",
        "nowhere.pth": "cannot be read as weights",
        "noise.pth": "cannot be read as weights",
        "empty.pt": "cannot be read as weights",
        "list.pth": "holds a list instead of weights",
    }.items():
        with pytest.raises(CheckpointError, match=words):
            load_backbone_weights(torch.nn.Linear(1, 1), tmp_path / name)
