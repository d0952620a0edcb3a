"""How good a network is on the validation objects, quickly: whole images, no zoom-in, deterministic prompts."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from vpuformer.data.sample import Sample
from vpuformer.encoding.batch import PromptBatch
from vpuformer.geometry import Crop, FrameMap
from vpuformer.inference.views import Prediction, stretch
from vpuformer.metrics import iou
from vpuformer.model.vpuformer import VPUFormer
from vpuformer.prompts import KINDS, Kind, Prompt
from vpuformer.simulation import next_prompt

SEQUENCES: dict[str, tuple[Kind, ...]] = {
    "click": ("click", "click", "click", "click", "click"),
    "box": ("box",),
    "scribble": ("scribble",),
    "mixed": ("click", "scribble", "box"),
}
"""What is prompted: each name's kinds, one after the other."""


@dataclass(frozen=True)
class Validation:
    """Mean IoU by name ("click@1", "box@1", ...), and the first images with what the network made of a click."""

    scores: dict[str, float]
    panels: list[np.ndarray]


@torch.inference_mode()
def validate(network: VPUFormer, samples: Sequence[Sample], size: int, *, panels: int = 6) -> Validation:
    """Mean IoU at the images' own size after 1, 3 and 5 clicks, a box, a scribble, and one prompt of each kind."""
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    scores: dict[str, list[float]] = {}
    shown: list[np.ndarray] = []
    for sample in samples:
        pixels, truth = sample.image(), sample.truth()
        small = stretch(pixels, (size, size))
        image = torch.from_numpy(small).to(device).permute(2, 0, 1)[None].float() / 255
        frame = FrameMap.to_canonical(Crop.whole(truth.shape))
        features = (
            None if network.features_depend_on_mask or network.features_depend_on_prompts else network.encode(image)
        )
        for name, kinds in SEQUENCES.items():
            prompts: list[Prompt] = []
            mask = torch.zeros(1, 1, size, size, device=device)
            prediction = np.zeros(truth.shape, bool)
            for k, kind in enumerate(kinds, start=1):
                prompt = next_prompt(kind, truth, prediction, earlier=prompts)
                if prompt is not None:
                    prompts.append(prompt)
                    tensors = PromptBatch.collate([prompts], [frame], device=device)
                    encoded = network.encode(image, mask, tensors) if features is None else features
                    logits = network.decode(encoded, mask, tensors).logits.float()
                    mask = logits.sigmoid()
                    answer = Prediction.from_logits(logits[0, 0].cpu().numpy(), frame.crop, frame.crop.size)
                    prediction = answer.mask
                scores.setdefault(f"{name}@{k}", []).append(iou(prediction, truth))
                if name == "click" and k == 1 and len(shown) < panels:
                    shown.append(_panel(pixels, truth, prediction))
    network.train(was_training)
    wanted = ("click@1", "click@3", "click@5", "box@1", "scribble@1", f"mixed@{len(KINDS)}")
    return Validation({name: float(np.mean(scores[name])) for name in wanted if name in scores}, shown)


def _panel(image: np.ndarray, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Image with the truth as a green and the prediction as a red tint, 192 px high."""
    tinted = image.astype(np.float32)
    tinted[truth == 1] = 0.6 * tinted[truth == 1] + 0.4 * np.array([0, 255, 0], np.float32)
    tinted[prediction] = 0.6 * tinted[prediction] + 0.4 * np.array([255, 0, 0], np.float32)
    width = max(1, round(image.shape[1] * 192 / image.shape[0]))
    return cv2.resize(tinted.clip(0, 255).astype(np.uint8), (width, 192), interpolation=cv2.INTER_AREA)
