"""A checkpoint as a folder of graphs; see `vpuformer.inference.graph_folder`."""

import json
import logging
import os
import warnings
from importlib import import_module
from pathlib import Path

import torch
from torch import nn

from vpuformer.errors import CheckpointError, ConfigError, unknown_name
from vpuformer.export.graphs import DecodeGraph, EncodeGraph, Inputs, example_inputs
from vpuformer.extras import require
from vpuformer.files import write_errors, write_file
from vpuformer.geometry import check_input_size
from vpuformer.inference.graph_folder import FORMAT, NETWORK_FILE, SUFFIXES
from vpuformer.model.features import FEATURES
from vpuformer.model.prompt_inputs import PER_PROMPT
from vpuformer.model.vpuformer import VPUFormer


def write_graphs(
    model: VPUFormer,
    folder: str | os.PathLike[str],
    runtime: str = "onnx",
    *,
    sha256: str = "",
    input_size: int | None = None,
) -> Path:
    """Write the graphs of a network, for any number of samples and prompts.

    Args:
        model: on the CPU, in evaluation mode.
        folder: created if it is missing; graphs in it are replaced.
        runtime: "onnx" or "openvino".
        sha256: digest of the weights.
        input_size: side of the square that the graphs take, in pixels; by default the one of training.

    Raises:
        ConfigError: the runtime is unknown, or the size out of range.
        MissingDependencyError: a package that writes graphs is missing.
        CheckpointError: the folder cannot be written.
    """
    if runtime not in SUFFIXES:
        raise ConfigError(unknown_name("format", runtime, SUFFIXES))
    require("onnx", "the export of a network")
    if runtime == "openvino":
        require("openvino", "an export for OpenVINO")
    side = input_size or model.config.input_size
    check_input_size(side)
    encode, decode = example_inputs(model, side)
    features = [name for name in decode if name in FEATURES]
    target = Path(folder)
    with write_errors(target, error=CheckpointError):
        target.mkdir(parents=True, exist_ok=True)
        (target / NETWORK_FILE).unlink(missing_ok=True)  # a folder is complete when it has one
        for name, graph, inputs, outputs in (
            ("encode", EncodeGraph(model), encode, features),
            ("decode", DecodeGraph(model), decode, ["logits"]),
        ):
            _write_onnx(graph, inputs, outputs, target / f"{name}.onnx")
            if runtime == "openvino":
                _convert_to_openvino(target / f"{name}.onnx")
    values = {
        "format": FORMAT,
        "runtime": runtime,
        "config": model.config.to_dict(),
        "sha256": sha256,
        "input_size": side,
        "lateral_eighth": model.grids((side, side)).lateral_eighth,
        "features": features,
    }
    write_file(target / NETWORK_FILE, json.dumps(values, indent=2) + "\n", error=CheckpointError)
    return target


def _write_onnx(graph: nn.Module, inputs: Inputs, outputs: list[str], path: Path) -> None:
    dynamic = torch.export.Dim.DYNAMIC
    shapes = {name: {0: dynamic, 1: dynamic} if name in PER_PROMPT else {0: dynamic} for name in inputs}
    level = logging.getLogger("torch.onnx").level
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the exporter's own, of versions to come
            program = torch.onnx.export(
                graph,
                kwargs={"inputs": inputs},
                input_names=list(inputs),
                output_names=outputs,
                dynamic_shapes={"inputs": shapes},
                dynamo=True,
                verbose=False,
            )
            assert program is not None
            program.save(path, external_data=False)
    finally:
        logging.getLogger("torch.onnx").setLevel(level)


def _convert_to_openvino(path: Path) -> None:
    openvino = import_module("openvino")
    openvino.save_model(openvino.convert_model(path), path.with_suffix(".xml"), compress_to_fp16=False)
    path.unlink()
