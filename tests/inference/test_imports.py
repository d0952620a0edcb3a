"""What a mask of the bundled weights imports: ONNX Runtime, and nothing slow."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SLOW = {"timm", "torchvision", "sympy", "networkx", "huggingface_hub", "skimage", "scipy", "transformers", "onnx"}
"""Packages that are installed, and that no mask needs."""

EXAMPLE = Path(__file__).parents[2] / "examples" / "coffee.jpg"

COMMAND = """
import json, sys
from vpuformer.cli import main
sys.argv = ["vpuformer", "segment", *sys.argv[1:]]
try:
    main()
finally:
    print(json.dumps(list(sys.modules)))
"""

PROGRAM = """
import json, sys
import numpy as np
from vpuformer import Click, Predictor
predictor = Predictor.from_pretrained("default", "cpu", runtime=sys.argv[1])
predictor.set_image(np.zeros((40, 60, 3), np.uint8))
predictor.predict([Click(30, 20)])
print(json.dumps(list(sys.modules)))
"""


@pytest.mark.parametrize(("runtime", "package"), [("onnx", "onnxruntime"), ("torch", "torch")])
def test_a_mask_imports_nothing_slow_but_its_runtime(runtime: str, package: str) -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM, runtime], check=True, capture_output=True)
    modules = set(json.loads(ended.stdout))
    packages = {name.partition(".")[0] for name in modules}
    assert package in packages
    assert not packages & (SLOW | {"onnxruntime", "openvino", "torch"} - {package})
    assert not {"torch._dynamo", "torch._inductor", "torch.onnx"} & modules


def test_the_command_imports_no_decoder_but_that_of_its_image(tmp_path: Path) -> None:
    arguments = [EXAMPLE, "--click", "290,200", "--device", "cpu", "-o", tmp_path / "mask.png"]
    ended = subprocess.run([sys.executable, "-c", COMMAND, *arguments], check=True, capture_output=True)
    modules = set(json.loads(ended.stdout.splitlines()[-1]))
    assert "onnxruntime" in modules
    unneeded = {
        "torch",
        "tifffile",
        "pycocotools",
        "PIL.WebPImagePlugin",
        "PIL.TiffImagePlugin",
        "PIL.Jpeg2KImagePlugin",
    }
    assert not modules & (SLOW | unneeded | {"fastapi", "sqlalchemy"})
