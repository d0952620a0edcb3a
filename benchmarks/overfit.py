"""Overfitting test: eight images with two objects each, learned by heart.

    python benchmarks/overfit.py --data FOLDER/coco_multi --backbone-weights FILE
    python benchmarks/overfit.py --variant paper --data FOLDER/coco_multi --backbone-weights FILE --set add_tokens=true

After training, one click, one box and one scribble on an object must give its mask (mean IoU of at least 0.95 for every
kind), and not the mask of the image's other object (IoU below 0.2). Writes `benchmarks/results/overfit/SIZE/NAME.json`,
whose name is that of the variant and its changes.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import torch

from vpuformer.data.kinds.coco import CocoFolder
from vpuformer.encoding.batch import PromptBatch
from vpuformer.files import write_file
from vpuformer.geometry import Crop, FrameMap
from vpuformer.metrics import MASK_THRESHOLD, iou
from vpuformer.model.config import VARIANTS, VPUFormerConfig
from vpuformer.model.features import repeat_samples
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import KINDS
from vpuformer.simulation import next_prompt
from vpuformer.training.config_io import assign
from vpuformer.training.interaction import Batch, Interactive, interact
from vpuformer.training.loop import build_network
from vpuformer.training.recipe import InteractionSettings, LossSettings, Precision, Recipe

RESULTS = Path(__file__).parent / "results" / "overfit"
IMAGES, OBJECTS = 8, 2
USER = InteractionSettings(
    mask_drop=0, repeat_without_prompt_prob=0, single_first_click_prob=0, evaluation_prompt_prob=0
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a COCO-format folder")
    parser.add_argument("--backbone-weights", help="pretrained image encoder, in timm's names")
    parser.add_argument("--variant", choices=VARIANTS, default="default")
    parser.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="changes of the network, such as dim=64"
    )
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--precision", choices=get_args(Precision), default="32-true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    data = images_with_two_objects(CocoFolder(options.data), options.size)
    config = VPUFormerConfig.from_dict(assign(VPUFormerConfig, VARIANTS[options.variant].to_dict(), options.set))
    recipe = Recipe(
        data="",
        output="",
        model=config,
        backbone_weights=options.backbone_weights,
        freeze_stem=config.mask_fusion == "late",
    )
    network = build_network(recipe)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    # Before training: at this rate some units of the encoder die on eight images.
    without = without_gradient(network, data)
    begun = time.monotonic()
    learn(network, data, options.steps, options.seed, bfloat16=options.precision == "bf16-mixed")
    changes = ["--set", *options.set] if options.set else []
    words = ["--variant", options.variant, "--size", str(options.size), "--steps", str(options.steps)]
    words += ["--precision", options.precision, *changes]
    result = {
        "command": f"python benchmarks/overfit.py --data coco_multi --backbone-weights FILE {' '.join(words)}",
        "variant": options.variant,
        "changes": options.set,
        "images": IMAGES,
        "objects": OBJECTS,
        "size": options.size,
        "steps": options.steps,
        "minutes": round((time.monotonic() - begun) / 60, 1),
        **check(network.eval(), data),
        "trainable parameters without a gradient": without,
    }
    name = "-".join([options.variant, *(change.replace("=", "-") for change in options.set)])
    write_file(RESULTS / str(options.size) / f"{name}.json", json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def images_with_two_objects(folder: CocoFolder, size: int) -> Batch:
    """First images with two disjoint objects of 4 to 40 % of the image each."""
    images, truths = [], []
    for image in range(len(folder)):
        masks = folder.masks(image).astype(bool)
        shares = masks.mean(axis=(1, 2))
        fit = [i for i in np.argsort(-shares) if 0.04 <= shares[i] <= 0.4]
        pairs = [(a, b) for a in fit for b in fit if a < b and not (masks[a] & masks[b]).any()]
        if not pairs:
            continue
        small = cv2.resize(folder.image(image), (size, size), interpolation=cv2.INTER_AREA)
        images.append(torch.from_numpy(small).permute(2, 0, 1))
        truths.append(
            np.stack([cv2.resize(masks[i].astype(np.float32), (size, size)) > 0.5 for i in pairs[0]]).astype(np.int8)
        )
        if len(images) == IMAGES:
            break
    truth = torch.from_numpy(np.stack(truths))
    return Batch(torch.stack(images), truth, truth.flip(1) == 1)


def learn(network: VPUFormer, data: Batch, steps: int, seed: int, *, bfloat16: bool) -> None:
    model = Interactive(network, bfloat16=bfloat16)
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.5e-3, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        rng = np.random.default_rng((seed, step))
        answer = interact(model, data, rng, USER, LossSettings(), supervised=1 + step % 2)
        optimizer.zero_grad()
        answer.loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 20 == 0:
            print(
                f"step {step}/{steps}  loss {answer.loss.item():.3f}  IoU {answer.figures['iou_last']:.3f}", flush=True
            )


@torch.inference_mode()
def check(network: VPUFormer, data: Batch) -> dict[str, Any]:
    """Mean and lowest IoU by kind with one prompt, and largest IoU with the other object."""
    size = (data.image.shape[-2], data.image.shape[-1])
    frame = FrameMap.to_canonical(Crop.whole(size))
    empty = np.zeros(size, bool)
    image = repeat_samples(data.image.float() / 255, data.objects)
    truths = list(data.truth.flatten(0, 1).numpy())
    result: dict[str, Any] = {}
    for kind in KINDS:
        prompts = [[prompt] for truth in truths if (prompt := next_prompt(kind, truth, empty)) is not None]
        mask = torch.zeros(len(truths), 1, *size)
        logits = network(image, mask, PromptBatch.collate(prompts, [frame] * len(prompts))).logits
        predictions = list((logits[:, 0].sigmoid() > MASK_THRESHOLD).numpy())
        own = [iou(p, t) for p, t in zip(predictions, truths, strict=True)]
        # Objects come in pairs: 2k and 2k + 1.
        other = [iou(predictions[i], truths[i ^ 1]) for i in range(len(truths))]
        result |= {
            f"IoU with one {kind}": round(float(np.mean(own)), 4),
            f"lowest IoU with one {kind}": round(float(np.min(own)), 4),
            f"largest IoU with the other object, {kind}": round(float(np.max(other)), 4),
        }
    return result


def without_gradient(network: VPUFormer, data: Batch) -> list[str]:
    network.train()
    network.zero_grad()
    rng = np.random.default_rng(0)
    interact(Interactive(network), data, rng, USER, LossSettings(), supervised=3).loss.backward()
    # The no-prompt token has a gradient only in samples without a prompt.
    return [
        name
        for name, p in network.named_parameters()
        if p.requires_grad and name != "pue.no_prompt" and (p.grad is None or not bool((p.grad != 0).any()))
    ]


if __name__ == "__main__":
    main()
