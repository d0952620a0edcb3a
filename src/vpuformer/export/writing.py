"""The graphs of a checkpoint, written beside it; see `vpuformer.inference.graphs`.

A graph keeps no copy of the weights: it refers to `model.safetensors` as ONNX's external data, and casts what is stored
in half precision. So the weights exist once, and a graph is a few hundred kilobytes.
"""

import hashlib
import json
import logging
import os
import shutil
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from vpuformer.errors import CheckpointError, ConfigError
from vpuformer.export.enlarging import upsample_bilinear2d
from vpuformer.export.graphs import DecodeGraph, EncodeGraph, Inputs, example_inputs
from vpuformer.files import replacing, sha256_of, write_errors, write_file
from vpuformer.geometry import check_input_size
from vpuformer.inference.graphs import FORMAT
from vpuformer.model.checkpoint import load_model
from vpuformer.model.features import FEATURES
from vpuformer.model.manifest import (
    CONFIG_FILE,
    DECODE_FILE,
    ENCODE_FILE,
    GRAPHS_FILE,
    WEIGHTS_FILE,
    Manifest,
    names_repository,
    read_manifest,
)
from vpuformer.model.prompt_inputs import PER_PROMPT

_TYPES = {"F32": "FLOAT", "F16": "FLOAT16", "BF16": "BFLOAT16"}
"""ONNX's name of each type that a safetensors file may hold weights in."""


def export_graphs(
    name_or_path: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None = None,
    *,
    input_size: int | None = None,
) -> Path:
    """Write the graphs of a checkpoint, for any number of samples and prompts.

    Args:
        name_or_path: a checkpoint; see `vpuformer.model.checkpoint.load_model`.
        folder: where a copy of the checkpoint and its graphs go; by default the graphs go into its own folder. Graphs
            in it are replaced.
        input_size: side of the square that the graphs take, in pixels; by default the one of training.

    Returns:
        The folder.

    Raises:
        CheckpointError: the checkpoint is missing or broken, or the folder cannot be written or holds other weights.
        ConfigError: the size is out of range, or no folder is given for a model of the Hugging Face Hub.
    """
    if folder is None and names_repository(name_or_path):
        raise ConfigError(
            f"graphs of {name_or_path} do not go into the cache of downloads; give another folder with -o"
        )
    model = load_model(name_or_path)
    side = model.config.input_size if input_size is None else input_size
    check_input_size(side)
    manifest = _copied(read_manifest(name_or_path), folder)
    target = manifest.weights.parent
    encode, decode = example_inputs(model, side)
    features = [name for name in decode if name in FEATURES]
    weights = _Weights.of(manifest, model)
    contents: dict[str, bytes] = {}
    for file, graph, inputs, outputs in (
        (ENCODE_FILE, EncodeGraph(model), encode, features),
        (DECODE_FILE, DecodeGraph(model), decode, ["logits"]),
    ):
        proto = _onnx(graph, inputs, outputs)
        weights.refer_to(proto)
        contents[file] = proto.SerializeToString()
    with write_errors(target, error=CheckpointError):
        (target / GRAPHS_FILE).unlink(missing_ok=True)  # graphs are complete when it is there
    for file, content in contents.items():
        write_file(target / file, content, error=CheckpointError)
    values = {
        "format": FORMAT,
        "sha256": manifest.sha256,
        "input_size": side,
        "lateral_eighth": model.grids((side, side)).lateral_eighth,
        "features": features,
        "graphs": {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()},
    }
    write_file(target / GRAPHS_FILE, json.dumps(values, indent=2) + "\n", error=CheckpointError)
    return target


def _copied(manifest: Manifest, folder: str | os.PathLike[str] | None) -> Manifest:
    """The checkpoint in the folder; in its own by default."""
    source, target = manifest.weights.parent, manifest.weights.parent if folder is None else Path(folder)
    if manifest.weights.name != WEIGHTS_FILE and target == source:
        raise CheckpointError(
            f"{manifest.weights} cannot have graphs beside it, since they read {WEIGHTS_FILE}; give another folder"
        )
    copy = target / WEIGHTS_FILE
    if copy.is_file() and sha256_of(copy) != manifest.sha256:
        raise CheckpointError(f"{target} holds other weights, which would be lost; give another folder")
    with write_errors(target, error=CheckpointError):
        target.mkdir(parents=True, exist_ok=True)
        if target.samefile(source):
            return read_manifest(target)
    for origin, name in ((manifest.weights, WEIGHTS_FILE), (source / CONFIG_FILE, CONFIG_FILE)):
        with replacing(target / name, error=CheckpointError) as temporary:
            shutil.copyfile(origin, temporary)
    return read_manifest(target)


def _onnx(graph: nn.Module, inputs: Inputs, outputs: list[str]) -> Any:
    """The graph as a `ModelProto`, with constants folded but for the weights."""
    dynamic = torch.export.Dim.DYNAMIC
    shapes = {name: {0: dynamic, 1: dynamic} if name in PER_PROMPT else {0: dynamic} for name in inputs}
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
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
                optimize=False,  # it would fold batch norms into weights, which then are not those of the file
                custom_translation_table={torch.ops.aten.upsample_bilinear2d.vec: upsample_bilinear2d},
                verbose=False,
            )
            assert program is not None
            optimizer = import_module("onnxscript.optimizer")
            optimizer.inline(program.model)
            optimizer.fold_constants(program.model, input_size_limit=64, output_size_limit=4096)
            optimizer.remove_unused_nodes(program.model)
    finally:
        logger.setLevel(level)
    proto = program.model_proto
    del proto.graph.value_info[:]  # a runtime infers the shapes by itself
    for node in proto.graph.node:
        del node.metadata_props[:]  # lines of the program that was traced
        node.doc_string = ""
    return proto


class _Stored(NamedTuple):
    """A tensor in the safetensors file."""

    key: str
    type: str
    shape: list[int]
    offset: int
    length: int


class _Weights(NamedTuple):
    """The tensors of a checkpoint by what they hold, as they are and transposed."""

    stored: Mapping[bytes, tuple[_Stored, bool]]

    @classmethod
    def of(cls, manifest: Manifest, model: nn.Module) -> "_Weights":
        with manifest.weights.open("rb") as file:
            start = 8 + int.from_bytes(file.read(8), "little")
        found: dict[bytes, tuple[_Stored, bool]] = {}
        for key, tensor in model.state_dict().items():
            entry = manifest.header[key]
            if entry["dtype"] in _TYPES:
                first, end = entry["data_offsets"]
                stored = _Stored(key, _TYPES[entry["dtype"]], entry["shape"], start + first, end - first)
                if tensor.ndim == 2:
                    found[_digest(tensor.T.numpy())] = stored, True
                found[_digest(tensor.numpy())] = stored, False
        return cls(found)

    def refer_to(self, proto: Any) -> None:
        """Make every initializer that is a weight a reference to the file."""
        onnx = import_module("onnx")
        types, graph = onnx.TensorProto, proto.graph
        kept, added, nodes = [], {}, []
        for initializer in graph.initializer:
            array = onnx.numpy_helper.to_array(initializer)
            if array.dtype != np.float32 or (found := self.stored.get(_digest(array))) is None:
                kept.append(initializer)
                continue
            stored, transposed = found
            name = f"file.{stored.key}"
            added.setdefault(name, _reference(onnx, name, stored))
            cast = f"{initializer.name}.cast" if transposed else initializer.name
            nodes.append(onnx.helper.make_node("Cast", [name], [cast], to=types.FLOAT))
            if transposed:
                nodes.append(onnx.helper.make_node("Transpose", [cast], [initializer.name], perm=[1, 0]))
        del graph.initializer[:]
        graph.initializer.extend([*kept, *added.values()])
        rest = list(graph.node)
        del graph.node[:]
        graph.node.extend([*nodes, *rest])


def _reference(onnx: Any, name: str, stored: _Stored) -> Any:
    tensor = onnx.TensorProto(name=name, data_type=onnx.TensorProto.DataType.Value(stored.type), dims=stored.shape)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", WEIGHTS_FILE), ("offset", stored.offset), ("length", stored.length)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def _digest(array: npt.NDArray[Any]) -> bytes:
    """Digest of shape and values."""
    return hashlib.sha256(f"{array.shape}".encode() + np.ascontiguousarray(array).tobytes()).digest()
