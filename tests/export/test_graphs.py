"""Exported graphs answer as the network in PyTorch does."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vpuformer.errors import CheckpointError, ConfigError
from vpuformer.export.writing import write_graphs
from vpuformer.extras import missing
from vpuformer.geometry import Crop, FrameMap
from vpuformer.images import read_image
from vpuformer.inference.graph_folder import NETWORK_FILE, GraphFolder
from vpuformer.inference.networks import Network, TorchNetwork
from vpuformer.inference.onnx_network import OnnxNetwork
from vpuformer.inference.protocol import Query
from vpuformer.inference.segment import VPUFormerSegmenter
from vpuformer.inference.zoom import ViewSettings
from vpuformer.model.checkpoint import load_model
from vpuformer.model.config import VARIANTS, VPUFormerConfig
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import Box, Click, Prompt, Scribble

pytestmark = pytest.mark.skipif(bool(missing("onnx")), reason="needs the extra onnx")

ROOT = Path(__file__).parents[2]
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


def random_network(config: VPUFormerConfig) -> VPUFormer:
    """A network with random weights, also in the parts that start as nothing."""
    model = VPUFormer(config).eval()
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1)
    torch.nn.init.normal_(model.decoder.head.weight)
    return model


def answers(network: Network, samples: list[list[Prompt]]) -> np.ndarray:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (len(samples), SIDE, SIDE, 3), np.uint8)
    masks = rng.random((len(samples), SIDE, SIDE), np.float32)
    prompts = [(each, FRAME) for each in samples]
    return network.decode(network.encode(pixels, masks, prompts), masks, prompts)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_graph_has_the_logits_of_its_network(name: str, tmp_path: Path) -> None:
    model = random_network(CONFIGS[name])
    graphs, network = OnnxNetwork(write_graphs(model, tmp_path)), TorchNetwork(model)
    assert graphs.features_depend_on_mask == network.features_depend_on_mask
    assert graphs.features_depend_on_prompts == network.features_depend_on_prompts
    for samples in SAMPLES:
        expected = answers(network, samples)
        assert expected.std() > 0.05
        np.testing.assert_allclose(answers(graphs, samples), expected, atol=1e-4, rtol=0)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled weights as graphs."""
    return write_graphs(load_model("default"), tmp_path_factory.mktemp("graphs"))


def test_the_bundled_weights_have_the_same_masks(exported: Path) -> None:
    segmenters = [
        VPUFormerSegmenter(network)
        for network in (TorchNetwork.from_pretrained("default", "cpu"), OnnxNetwork(exported))
    ]
    coffee = read_image(ROOT / "examples" / "coffee.jpg")
    parts = [coffee, coffee[::-1], coffee[:, ::-1], coffee[50:250, 100:400], 255 - coffee]
    equal = total = 0
    for part in parts:
        height, width = part.shape[:2]
        prompts = [Box(0.2 * width, 0.1 * height, 0.8 * width, 0.8 * height), Click(0.3 * width, 0.5 * height)]
        masks = []
        for segmenter in segmenters:
            encoded = segmenter.encode(part)
            (first,) = segmenter.segment([Query(encoded, prompts[:1])])
            (second,) = segmenter.segment([Query(encoded, prompts, first.probability, first.crop)])
            masks.append((first.mask, second.mask))
        for ours, theirs in zip(*masks, strict=True):
            equal, total = equal + (ours == theirs).sum(), total + ours.size
    assert equal / total > 0.999


PROGRAM = """
import json, sys
import numpy as np
from vpuformer import Click, Predictor
from vpuformer.inference.onnx_network import OnnxNetwork
from vpuformer.inference.segment import VPUFormerSegmenter
predictor = Predictor(VPUFormerSegmenter(OnnxNetwork(sys.argv[1])))
predictor.set_image(np.zeros((40, 60, 3), np.uint8))
first = predictor.predict([Click(30, 20)])
predictor.predict([Click(30, 20), Click(3, 3, False)], mask=first.probability, crop=first.crop)
print(json.dumps(list(sys.modules)))
"""


def test_a_mask_of_a_graph_loads_no_torch(exported: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM, exported], check=True, capture_output=True)
    packages = {name.partition(".")[0] for name in json.loads(ended.stdout)}
    assert "onnxruntime" in packages
    assert not packages & {"torch", "timm", "torchvision", "onnx", "skimage", "scipy"}


def test_another_input_size_is_refused_with_the_way_to_get_it(exported: Path) -> None:
    segmenter = VPUFormerSegmenter(OnnxNetwork(exported), views=ViewSettings(input_size=128))
    with pytest.raises(ConfigError, match="--input-size 128"):
        segmenter.encode(np.zeros((30, 40, 3), np.uint8))


def test_a_folder_without_graphs_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="vpuformer export-network MODEL"):
        OnnxNetwork(tmp_path)
    (tmp_path / NETWORK_FILE).write_text("{}")
    with pytest.raises(CheckpointError, match="does not describe"):
        OnnxNetwork(tmp_path)


def test_a_broken_graph_is_an_error(exported: Path, tmp_path: Path) -> None:
    (tmp_path / NETWORK_FILE).write_text((exported / NETWORK_FILE).read_text())
    GraphFolder.read(tmp_path, "onnx").encode.write_bytes(b"broken")
    with pytest.raises(CheckpointError, match="export it again"):
        OnnxNetwork(tmp_path)


@pytest.mark.skipif(bool(missing("openvino")), reason="needs the extra openvino")
def test_openvino_has_the_same_logits(tmp_path: Path) -> None:
    import openvino

    model = random_network(CONFIGS["tokens"])
    graphs = GraphFolder.read(write_graphs(model, tmp_path, "openvino"), "openvino")
    names = {each.any_name for each in openvino.Core().read_model(graphs.decode).inputs}
    assert {"mask", "vectors", *graphs.features} <= names
