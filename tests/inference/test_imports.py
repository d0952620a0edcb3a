"""What a mask of the bundled weights imports: PyTorch, and nothing that takes as long again."""

import json
import subprocess
import sys

SLOW = {"timm", "torchvision", "sympy", "networkx", "huggingface_hub", "skimage", "scipy", "transformers"}
"""Packages that are installed, and that no mask needs."""

PROGRAM = """
import json, sys
import numpy as np
from vpuformer import Click, Predictor
predictor = Predictor.from_pretrained("default", "cpu")
predictor.set_image(np.zeros((40, 60, 3), np.uint8))
predictor.predict([Click(30, 20)])
print(json.dumps(list(sys.modules)))
"""


def test_a_mask_imports_nothing_slow_but_torch() -> None:
    modules = json.loads(subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True).stdout)
    packages = {name.partition(".")[0] for name in modules}
    assert "torch" in packages
    assert not packages & SLOW
    assert not {"torch._dynamo", "torch._inductor", "torch.onnx"} & set(modules)
