"""Peak memory of P2CL: the library's form at 1/4 of the resolution, and the naive form.

    python benchmarks/p2cl_memory.py

The naive form follows the formulas, as the paper's authors run them: the similarity of every prompt to every pixel,
enlarged to the size of the crop, and Eq. 16 there. Each form runs once forwards and backwards in a process of its own;
the result is the rise of its peak resident memory, without the inputs. The default is a batch of 8 with 48 prompts each
and crops of 448; the target is at most a tenth. Writes `benchmarks/results/p2cl_memory.json`. The naive form needs
several gigabytes.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vpuformer.training.losses import prompt_to_pixel_contrastive_loss

RESULTS = Path(__file__).parent / "results" / "p2cl_memory.json"
WANTED = 0.1
CHANNELS = 256
MIB = 2**20


def naive(prompts: Tensor, pixels: Tensor, truth: Tensor, positive: Tensor, valid: Tensor) -> Tensor:
    """Eqs. 14-17 at full resolution, with the arguments of the library's form."""
    size = (truth.shape[-2], truth.shape[-1])
    z_q, z_v = F.normalize(prompts, dim=-1), F.normalize(pixels, dim=1)
    rho = (torch.einsum("bnd,bdhw->bnhw", z_q, z_v) + 1) / 2
    rho = F.interpolate(rho, size=size, mode="bilinear", align_corners=True)
    wanted = torch.where(positive[..., None, None], truth == 1, truth != 1).float()
    loss = -(wanted * torch.log(rho + 1e-12) + (1 - wanted) * torch.log(1 - rho + 1e-12))
    counted = ((truth >= 0) & valid[..., None, None]).float()
    return (loss * counted).sum() / counted.sum()


FORMS: dict[str, Callable[..., Tensor]] = {"ours": prompt_to_pixel_contrastive_loss, "naive": naive}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--prompts", type=int, default=48)
    parser.add_argument("--size", type=int, default=448)
    parser.add_argument("--form", choices=FORMS, help="measure this form in this process and print its numbers")
    options = parser.parse_args()
    if options.form is not None:
        print(json.dumps(measure(options.form, options.batch, options.prompts, options.size)))
        return
    shape = ["--batch", str(options.batch), "--prompts", str(options.prompts), "--size", str(options.size)]
    measured = {}
    for form in FORMS:
        command = [sys.executable, __file__, "--form", form, *shape]
        measured[form] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    ratio = measured["ours"]["peak MiB"] / measured["naive"]["peak MiB"]
    result = {
        "command": "python benchmarks/p2cl_memory.py",
        "batch": options.batch,
        "prompts": options.prompts,
        "crop": options.size,
        "channels": CHANNELS,
        "machine": f"{platform.machine()}, CPU, float32, torch {torch.__version__}",
        "forms": measured,
        "ours / naive": round(ratio, 4),
        "wanted": WANTED,
        "reached": ratio <= WANTED,
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def measure(form: str, batch: int, prompts: int, size: int) -> dict[str, float]:
    """Rise of the peak resident memory in MiB, and the loss."""
    torch.manual_seed(0)
    loss(form, *inputs(1, 2, 64)).backward()  # so that one-time allocations are not counted
    arguments = inputs(batch, prompts, size)
    before = peak()
    value = loss(form, *arguments)
    value.backward()
    return {"peak MiB": round((peak() - before) / MIB, 1), "loss": round(value.item(), 4)}


def loss(form: str, *arguments: Tensor) -> Tensor:
    return FORMS[form](*arguments)


def inputs(batch: int, prompts: int, size: int) -> tuple[Tensor, ...]:
    """Random features, an object of a quarter of the image, half of the prompts negative."""
    tokens = torch.randn(batch, prompts, CHANNELS, requires_grad=True)
    pixels = torch.randn(batch, CHANNELS, size // 4, size // 4, requires_grad=True)
    truth = torch.zeros(batch, 1, size, size, dtype=torch.int8)
    truth[:, :, size // 4 : -size // 4, size // 4 : -size // 4] = 1
    positive = (torch.arange(prompts) < (prompts + 1) // 2).expand(batch, prompts)
    return tokens, pixels, truth, positive, torch.ones(batch, prompts, dtype=torch.bool)


def peak() -> int:
    """Peak resident memory of this process in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()
