"""Exported graphs answer as the network in PyTorch does."""

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vpuformer.errors import CheckpointError, ConfigError
from vpuformer.export.writing import export_graphs
from vpuformer.extras import missing
from vpuformer.files import sha256_of
from vpuformer.geometry import Crop, FrameMap
from vpuformer.inference.graphs import Graphs
from vpuformer.inference.network import Network
from vpuformer.inference.onnx_network import OnnxNetwork
from vpuformer.inference.openvino_network import OpenVinoNetwork
from vpuformer.inference.runtimes import RUNTIMES
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.torch_network import TorchNetwork
from vpuformer.inference.zoom import ViewSettings
from vpuformer.model.checkpoint import save_checkpoint
from vpuformer.model.config import VARIANTS, VPUFormerConfig
from vpuformer.model.manifest import DECODE_FILE, ENCODE_FILE, GRAPHS_FILE, WEIGHTS_FILE
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click, Prompt, Scribble

onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.skipif(bool(missing("export")), reason="needs the extra export")

SIDE, LARGER = 64, 96
SMALL: dict[str, Any] = {
    "input_size": SIDE, "dim": 32, "heads": 4, "ffn_dim": 32, "decoder_dim": 16, "pue_hidden": 32
}  # fmt: skip
DEFAULT, PAPER = (replace(VARIANTS[name], **SMALL) for name in ("default", "paper"))
CONFIGS = {
    "default": DEFAULT,
    "paper, vit_b": replace(PAPER, backbone="vit_b"),
    "baseline, hrnet18s": replace(PAPER, dma=False, dense_prompts="early", backbone="hrnet18s"),
    "distance maps, resnet50": replace(
        PAPER, prompt_encoding="distance-map", residual=True, dense_prompts="early", backbone="resnet50"
    ),
    "learned vectors, efficientnet_lite2": replace(
        PAPER, prompt_encoding="learned-vector", mask_fusion="late", backbone="efficientnet_lite2"
    ),
    "default, mit_b0": replace(DEFAULT, backbone="mit_b0"),
}
"""Every encoder and every way of prompts and masks into the network; an export takes seconds."""
SAMPLES: list[list[list[Prompt]]] = [
    [[]],
    [[Click(20, 20)]],
    [[Click(9, 9), Box(3, 3, 40, 50)], [], [Scribble(((4, 4), (50, 30)), False), Click(60, 60), Box(30, 30, 60, 60)]],
    [[Click(3 * i, 3 * i, i % 2 == 0) for i in range(20)]],
]
"""Batches of one and three samples, with up to 20 prompts each."""


def checkpoint(config: VPUFormerConfig, folder: Path, dtype: torch.dtype = torch.float32) -> Path:
    """A checkpoint with random weights."""
    model = VPUFormer(config).eval()
    for parameter in model.parameters():
        if not parameter.any():  # parts that start as nothing
            torch.nn.init.normal_(parameter, std=0.1)
    torch.nn.init.normal_(model.decoder.head.weight)
    save_checkpoint(model, folder, dtype=dtype)
    return folder


def answers(network: Network, samples: list[list[Prompt]], side: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (len(samples), side, side, 3), np.uint8)
    masks = rng.random((len(samples), side, side), np.float32)
    frame = FrameMap.to_canonical(Crop.whole((side, side)))
    prompts = [(each, frame) for each in samples]
    return network.decode(network.encode(pixels, masks, prompts), masks, prompts)


def assert_same_answers(graphs: Network, checkpoint: Path, side: int = SIDE) -> None:
    network = TorchNetwork.from_pretrained(checkpoint, "cpu")
    assert graphs.features_depend_on_mask == network.features_depend_on_mask
    assert graphs.features_depend_on_prompts == network.features_depend_on_prompts
    for samples in SAMPLES:
        expected = answers(network, samples, side)
        assert expected.std() > 0.05
        np.testing.assert_allclose(answers(graphs, samples, side), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_graph_has_the_logits_of_its_network(name: str, tmp_path: Path) -> None:
    folder = export_graphs(checkpoint(CONFIGS[name], tmp_path))
    assert folder == tmp_path
    assert_same_answers(OnnxNetwork(folder), folder)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkpoint in half precision, copied with graphs of another size than that of training."""
    folder = checkpoint(DEFAULT, tmp_path_factory.mktemp("tokens"), torch.float16)
    copy = export_graphs(folder, folder / "larger", input_size=LARGER)
    with pytest.raises(CheckpointError, match="has no graphs"):
        Graphs.read(folder)
    return copy


def test_weights_in_half_precision_are_read_from_their_file(tokens: Path) -> None:
    assert_same_answers(OnnxNetwork(tokens), tokens, LARGER)
    graphs = Graphs.read(tokens)
    assert graphs.input_size == LARGER
    assert graphs.encode.stat().st_size + graphs.decode.stat().st_size < graphs.manifest.weights.stat().st_size


def test_a_segmenter_says_that_its_graphs_have_another_size(tokens: Path) -> None:
    sizes = [VPUFormerSegmenter.from_pretrained(tokens, "cpu", runtime=name).views.input_size for name in RUNTIMES]
    assert sizes == [LARGER, LARGER, None]


@pytest.mark.skipif(bool(missing("openvino")), reason="needs the extra openvino")
def test_openvino_reads_the_same_graphs(tokens: Path) -> None:
    assert_same_answers(OpenVinoNetwork(tokens), tokens, LARGER)


def test_a_graph_answers_several_threads_at_once(tokens: Path) -> None:
    network = OnnxNetwork(tokens, threads=1)
    expected = [answers(network, samples, LARGER) for samples in SAMPLES]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda samples: answers(network, samples, LARGER), SAMPLES * 4))
    for ours, theirs in zip(found, expected * 4, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_bundled_graphs_are_those_of_the_bundled_weights() -> None:
    graphs, network = OnnxNetwork("default"), TorchNetwork.from_pretrained("default", "cpu")
    samples: list[list[Prompt]] = [[Click(90, 90)], [Box(30, 30, 200, 180), Scribble(((60, 60), (90, 140)), False)]]
    ours, theirs = (answers(each, samples, graphs.input_size) for each in (graphs, network))
    np.testing.assert_allclose(ours, theirs, atol=1e-3)  # logits up to 20
    assert ((ours > 0) == (theirs > 0)).mean() > 0.999


def test_a_graph_of_another_export_is_refused(tokens: Path, tmp_path: Path) -> None:
    mixed = shutil.copytree(tokens, tmp_path / "mixed")
    for break_it in (lambda: shutil.copyfile(mixed / DECODE_FILE, mixed / ENCODE_FILE), (mixed / ENCODE_FILE).unlink):
        break_it()
        with pytest.raises(CheckpointError, match=f"{ENCODE_FILE} is missing or of another export; .* export-network"):
            OnnxNetwork(mixed)


def test_a_broken_graph_is_an_error(tokens: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(tokens, tmp_path / "broken")
    (broken / ENCODE_FILE).write_bytes(b"broken")
    sign(broken)
    with pytest.raises(CheckpointError, match="export it again"):
        OnnxNetwork(broken)


@pytest.mark.parametrize("network", [OnnxNetwork, OpenVinoNetwork])
def test_a_graph_reads_no_file_of_another_folder(
    network: Callable[[Path], Network], tokens: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(tokens, tmp_path / "folder")
    shutil.copyfile(folder / WEIGHTS_FILE, tmp_path / WEIGHTS_FILE)
    graph = (folder / DECODE_FILE).read_bytes()
    proto = onnx.load_model_from_string(graph)
    for weights in proto.graph.initializer:
        for entry in weights.external_data:
            entry.value = entry.value.replace(WEIGHTS_FILE, f"../{WEIGHTS_FILE}")
    (folder / DECODE_FILE).write_bytes(proto.SerializeToString())
    sign(folder)
    with pytest.raises(CheckpointError, match="cannot be read as a graph"):
        network(folder)


def sign(folder: Path) -> None:
    """Make the graphs in a folder those that its description is about."""
    values = json.loads((folder / GRAPHS_FILE).read_text())
    values["graphs"] = {name: sha256_of(folder / name) for name in (ENCODE_FILE, DECODE_FILE)}
    (folder / GRAPHS_FILE).write_text(json.dumps(values))


def test_an_export_keeps_other_weights(tokens: Path, tmp_path: Path) -> None:
    other = checkpoint(DEFAULT, tmp_path / "other")
    before = (other / WEIGHTS_FILE).read_bytes()
    with pytest.raises(CheckpointError, match="holds other weights"):
        export_graphs(tokens, other)
    assert (other / WEIGHTS_FILE).read_bytes() == before


@pytest.mark.parametrize("side", [0, 63])
def test_a_size_out_of_range_is_refused(side: int, tokens: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"input_size={side}"):
        export_graphs(tokens, tmp_path, input_size=side)


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


@pytest.mark.parametrize(("killed", "kept"), [("_onnx", True), ("write_file", False)])
def test_a_killed_export_leaves_the_former_graphs_or_none(
    killed: str, kept: bool, tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(tokens, tmp_path / "killed")

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    if not kept:
        monkeypatch.setattr("vpuformer.export.writing._onnx", lambda *_: onnx.ModelProto())
    monkeypatch.setattr(f"vpuformer.export.writing.{killed}", fail)
    with pytest.raises(KeyboardInterrupt):
        export_graphs(folder)
    assert (folder / GRAPHS_FILE).exists() == kept
    with nullcontext() if kept else pytest.raises(CheckpointError, match="vpuformer export-network"):
        Graphs.read(folder)


def test_another_input_size_is_refused_with_the_way_to_get_it(tokens: Path) -> None:
    segmenter = VPUFormerSegmenter(OnnxNetwork(tokens), views=ViewSettings(input_size=128))
    with pytest.raises(ConfigError, match="--input-size 128"):
        segmenter.encode(np.zeros((30, 40, 3), np.uint8))
