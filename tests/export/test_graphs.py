"""Exported graphs answer as the network in PyTorch does."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vpuformer.errors import CheckpointError, ConfigError
from vpuformer.export.writing import export_graphs
from vpuformer.extras import missing
from vpuformer.geometry import Crop, FrameMap
from vpuformer.inference.graphs import ENCODE_FILE, GRAPHS_FILE, Graphs
from vpuformer.inference.network import Network
from vpuformer.inference.onnx_network import OnnxNetwork
from vpuformer.inference.openvino_network import OpenVinoNetwork
from vpuformer.inference.protocol import Query
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.torch_network import TorchNetwork
from vpuformer.inference.zoom import ViewSettings
from vpuformer.model.checkpoint import save_checkpoint
from vpuformer.model.config import VARIANTS, VPUFormerConfig
from vpuformer.model.manifest import WEIGHTS_FILE
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click, Prompt, Scribble

pytestmark = pytest.mark.skipif(bool(missing("export")), reason="needs the extra export")

SIDE = 64
SMALL: dict[str, Any] = {
    "input_size": SIDE, "dim": 32, "heads": 4, "ffn_dim": 32, "decoder_dim": 16, "pue_hidden": 32
}  # fmt: skip
TOKENS: dict[str, Any] = {"dense_prompts": "none", "null_tokens": 4, "prior": "shapes"}
DEFAULT, PAPER = (replace(VARIANTS[name], **SMALL) for name in ("default", "paper"))
CONFIGS = {
    "default": DEFAULT,
    "paper": PAPER,
    "tokens": replace(DEFAULT, **TOKENS, fine_attention="quarter"),
    "mixing": replace(DEFAULT, **TOKENS, mixing=True),
    "late": replace(DEFAULT, dense_prompts="late"),
    "early": replace(DEFAULT, dense_prompts="early", mask_fusion="early"),
    "baseline": replace(PAPER, dma=False, dense_prompts="early"),
    "distance map": replace(PAPER, prompt_encoding="distance-map"),
    "learned vector": replace(PAPER, prompt_encoding="learned-vector"),
    "tokens, hrnet18s": replace(DEFAULT, **TOKENS, fine_attention="quarter", backbone="hrnet18s"),
    "tokens, mit_b0": replace(DEFAULT, **TOKENS, fine_attention="quarter", backbone="mit_b0"),
}
FRAME = FrameMap.to_canonical(Crop.whole((SIDE, SIDE)))
SAMPLES: list[list[list[Prompt]]] = [
    [[]],
    [[Click(20, 20)]],
    [[Click(9, 9), Box(3, 3, 40, 50)], [], [Scribble(((4, 4), (50, 30)), False), Click(60, 60), Box(30, 30, 60, 60)]],
    [[Click(3 * i, 3 * i, i % 2 == 0) for i in range(20)]],
]
"""Batches of one and three samples, with up to 20 prompts each."""


def exported(config: VPUFormerConfig, folder: Path, dtype: torch.dtype = torch.float32) -> TorchNetwork:
    """A checkpoint with random weights and its graphs, and its network in PyTorch."""
    model = VPUFormer(config).eval()
    for parameter in model.parameters():
        if not parameter.any():  # parts that start as nothing
            torch.nn.init.normal_(parameter, std=0.1)
    torch.nn.init.normal_(model.decoder.head.weight)
    save_checkpoint(model, folder, dtype=dtype)
    export_graphs(folder)
    return TorchNetwork.from_pretrained(folder, "cpu")


def answers(network: Network, samples: list[list[Prompt]]) -> np.ndarray:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (len(samples), SIDE, SIDE, 3), np.uint8)
    masks = rng.random((len(samples), SIDE, SIDE), np.float32)
    prompts = [(each, FRAME) for each in samples]
    return network.decode(network.encode(pixels, masks, prompts), masks, prompts)


def assert_same_answers(graphs: Network, network: Network) -> None:
    assert graphs.features_depend_on_mask == network.features_depend_on_mask
    assert graphs.features_depend_on_prompts == network.features_depend_on_prompts
    for samples in SAMPLES:
        expected = answers(network, samples)
        assert expected.std() > 0.05
        np.testing.assert_allclose(answers(graphs, samples), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_graph_has_the_logits_of_its_network(name: str, tmp_path: Path) -> None:
    network = exported(CONFIGS[name], tmp_path)
    assert_same_answers(OnnxNetwork(tmp_path), network)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint in half precision, with graphs."""
    folder = tmp_path_factory.mktemp("tokens")
    exported(CONFIGS["tokens"], folder, torch.float16)
    return folder


def test_weights_in_half_precision_are_read_from_their_file(tokens: Path) -> None:
    assert_same_answers(OnnxNetwork(tokens), TorchNetwork.from_pretrained(tokens, "cpu"))
    graphs = Graphs.read(tokens)
    assert graphs.encode.stat().st_size + graphs.decode.stat().st_size < graphs.manifest.weights.stat().st_size


@pytest.mark.skipif(bool(missing("openvino")), reason="needs the extra openvino")
def test_openvino_reads_the_same_graphs(tokens: Path) -> None:
    assert_same_answers(OpenVinoNetwork(tokens), TorchNetwork.from_pretrained(tokens, "cpu"))


def test_a_copy_has_another_input_size(tokens: Path, tmp_path: Path) -> None:
    folder = export_graphs(tokens, tmp_path / "larger", input_size=96)
    assert (Graphs.read(folder).input_size, Graphs.read(tokens).input_size) == (96, SIDE)
    image = np.random.default_rng(1).integers(0, 256, (80, 90, 3), np.uint8)
    views = ViewSettings(input_size=96)
    ours, theirs = (
        segmenter.segment([Query(segmenter.encode(image), [Click(40, 40)])])[0]
        for segmenter in (
            VPUFormerSegmenter(OnnxNetwork(folder), views=views),
            VPUFormerSegmenter(TorchNetwork.from_pretrained(tokens, "cpu"), views=views),
        )
    )
    np.testing.assert_allclose(ours.probability, theirs.probability, atol=1e-4)


def test_the_bundled_graphs_are_those_of_the_bundled_weights(tmp_path: Path) -> None:
    bundled, fresh = Graphs.read("default"), Graphs.read(export_graphs("default", tmp_path))
    assert replace(bundled, manifest=fresh.manifest) == fresh
    frame = FrameMap.to_canonical(Crop.whole((bundled.input_size,) * 2))
    prompts = [([Click(90, 90), Box(30, 30, 200, 180)], frame)]
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (1, bundled.input_size, bundled.input_size, 3), np.uint8)
    mask = rng.random(pixels.shape[:3], np.float32)
    networks = OnnxNetwork("default"), OnnxNetwork(tmp_path), TorchNetwork.from_pretrained("default", "cpu")
    first, *others = (network.decode(network.encode(pixels, mask, prompts), mask, prompts) for network in networks)
    for other in others:
        np.testing.assert_allclose(first, other, atol=1e-3)  # logits up to 20
        assert ((first > 0) == (other > 0)).mean() > 0.999


def test_a_broken_graph_is_an_error(tokens: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(tokens, tmp_path / "broken")
    (broken / ENCODE_FILE).write_bytes(b"broken")
    with pytest.raises(CheckpointError, match="export it again"):
        OnnxNetwork(broken)


def test_graphs_of_other_weights_are_refused(tokens: Path, tmp_path: Path) -> None:
    other = shutil.copytree(tokens, tmp_path / "other")
    values = json.loads((other / GRAPHS_FILE).read_text())
    (other / GRAPHS_FILE).write_text(json.dumps(values | {"sha256": "0" * 64}))
    with pytest.raises(CheckpointError, match="are of other weights"):
        OnnxNetwork(other)
    (other / GRAPHS_FILE).write_text("{}")
    with pytest.raises(CheckpointError, match="does not describe graphs"):
        OnnxNetwork(other)


def test_weights_that_changed_are_refused(tokens: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(tokens, tmp_path / "changed")
    weights = changed / WEIGHTS_FILE
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(CheckpointError, match="copy or download both again"):
        OnnxNetwork(changed)


def test_a_killed_export_leaves_no_graphs(tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(tokens, tmp_path / "killed")

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vpuformer.export.writing._onnx", fail)
    with pytest.raises(KeyboardInterrupt):
        export_graphs(folder)
    assert not (folder / GRAPHS_FILE).exists()
    with pytest.raises(CheckpointError, match="vpuformer export-network"):
        Graphs.read(folder)


def test_another_input_size_is_refused_with_the_way_to_get_it(tokens: Path) -> None:
    segmenter = VPUFormerSegmenter(OnnxNetwork(tokens), views=ViewSettings(input_size=128))
    with pytest.raises(ConfigError, match="--input-size 128"):
        segmenter.encode(np.zeros((30, 40, 3), np.uint8))
