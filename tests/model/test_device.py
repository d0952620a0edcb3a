"""Devices: the best one that there is, and a sentence for those that there are not."""

import pytest
import torch

from vpuformer.errors import ConfigError
from vpuformer.inference.predictor import Predictor
from vpuformer.model.checkpoint import load_model
from vpuformer.model.device import choose_device


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"'warp' cannot be used .*; use 'cpu'"):
        choose_device("warp")
    for none in ("meta", []):
        with pytest.raises(ConfigError, match="cannot be used"):
            choose_device(none)  # type: ignore[arg-type]
    if not torch.cuda.is_available():
        assert choose_device() == torch.device("cpu")
        with pytest.raises(ConfigError, match="'cuda' cannot be used"):
            Predictor.from_pretrained(device="cuda")


def test_a_network_is_not_put_on_a_device_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"'warp' cannot be used .*; use 'cpu'"):
        load_model(device="warp")


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")], ids=str
)
def test_the_best_device_is_chosen(cuda: bool, mps: bool, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device() == torch.device(chosen)
