"""The results on time and memory fit together, and fit the bundled network."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture
def latency(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program as a module."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return pytest.importorskip("latency")


def test_targets_follow_from_what_was_measured(latency: Any) -> None:
    content = json.loads((RESULTS / "latency.json").read_text(encoding="utf-8"))
    assert latency.targets(content) == content["targets"]


def test_a_target_is_reached_at_its_bound(latency: Any) -> None:
    kinds = (latency.FIRST, latency.OTHER, latency.CORRECTION)
    answers = {
        name: {kind: {"median": seconds} for kind in kinds} for name, seconds in (("ours", 0.018), ("SAM ViT-B", 0.1))
    }
    segment = {"seconds": {"median": 1.6}, "MiB": {"median": 350.0}}
    content = {
        "answers": answers,
        "runtime by default": "ours",
        "starts": {"vpuformer segment": segment},
        "install": {},
    }
    rows = latency.targets(content)
    assert {name: (row["measured"], row["reached"]) for name, row in rows.items()} == {
        f"{latency.FIRST}, of SAM ViT-B": (0.18, False),
        "correction, of SAM ViT-B's": (0.18, True),
        "first prompt on another object, of SAM ViT-B's": (0.18, True),
        "vpuformer segment, seconds": (1.6, False),
        "vpuformer segment, MiB": (350, True),
    }


def test_the_floor_counts_the_operations_that_pytorch_counts() -> None:
    pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    from vpuformer.geometry import Crop, FrameMap
    from vpuformer.inference.runtimes import load_network
    from vpuformer.prompts import Click

    floor = json.loads((RESULTS / "floor.json").read_text(encoding="utf-8"))
    encoder, *others = (stage["MMAC"] for stage in floor["stages"].values())
    network = load_network("default", "cpu", runtime="torch", threads=1)
    side = network.input_size
    pixels, masks = np.zeros((1, side, side, 3), np.uint8), np.zeros((1, side, side), np.float32)
    prompts = [([Click(100, 100)], FrameMap.to_canonical(Crop.whole((side, side))))]
    counts = []
    with FlopCounterMode(display=False) as counter:
        features = network.encode(pixels, masks, prompts)
        counts.append(counter.get_total_flops())
        network.decode(features, masks, prompts)
        counts.append(counter.get_total_flops() - counts[0])
    # A multiply-add counts as two. Run benchmarks/floor.py again when the network changes.
    assert [encoder, sum(others)] == pytest.approx([count / 2e6 for count in counts], rel=1e-3)
