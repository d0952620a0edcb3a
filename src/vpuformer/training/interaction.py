"""One batch: the simulated user prompts, the network answers, the user corrects; the losses of every answer."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int64, UInt8
from torch import Tensor

from vpuformer.arrays import BoolMask, Truth
from vpuformer.encoding.batch import PromptBatch
from vpuformer.encoding.seeding import derive_seed
from vpuformer.geometry import Crop, FrameMap
from vpuformer.metrics import MASK_THRESHOLD, iou
from vpuformer.model.features import Features, repeat_samples
from vpuformer.model.vpuformer import Output, VPUFormer
from vpuformer.prompts import KINDS, Kind, Prompt
from vpuformer.simulation import initial_clicks, next_prompt
from vpuformer.training.losses import (
    Mean,
    batch_mean,
    dice_loss,
    normalized_focal_loss,
    prompt_regions,
    prompt_to_pixel_contrastive_loss,
)
from vpuformer.training.precision import keep_strided_depthwise_in_float32


@dataclass(frozen=True)
class Batch:
    """`b` images with `m` objects each."""

    image: UInt8[Tensor, "b 3 h w"]
    truth: Int[Tensor, "b m h w"]
    """1 object, 0 background, `IGNORE`."""
    others: Bool[Tensor, "b m h w"]
    """Where other annotated objects are."""

    @property
    def objects(self) -> int:
        return self.truth.shape[1]

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], device: torch.device | str) -> "Batch":
        """From what the loader collates; samples with one object may come without its axis."""
        image, truth, others = (tensors[name].to(device) for name in ("image", "truth", "others"))
        if truth.ndim == 3:
            truth, others = truth[:, None], others[:, None]
        return cls(image, truth, others)


@dataclass(frozen=True)
class Answer:
    """The weighted loss of a batch over its interactions, and what to log of it.

    With a `mean` over several processes, loss and parts are this one's share: the sum over all is the loss.
    """

    loss: Float[Tensor, ""]
    parts: dict[str, float]
    """NFL, DICE and P2CL of the last interaction, mean IoU after the first and the last."""
    passes: int
    """Samples that went through the network, over all interactions."""
    probability: Float[Tensor, "s 1 h w"]
    """The last answer for every sample: object after object, image after image."""
    prompts: list[list[Prompt]]
    """What the simulated user gave for each, in pixels of the crop."""


def interact(
    model: torch.nn.Module,
    batch: Batch,
    rng: np.random.Generator | Sequence[np.random.Generator],
    *,
    interactions: int,
    earlier: int = 0,
    kind_shares: Sequence[float],
    p2cl: float,
    p2cl_target: Literal["object", "error"] = "object",
    dice: Literal["linear", "squared"] = "linear",
    mask_drop: float = 0.0,
    second_look: float = 0.0,
    lone_click: float = 0.0,
    exact: float = 0.0,
    mean: Mean = batch_mean,
) -> Answer:
    """Prompt, predict and correct `earlier + interactions` times; the last `interactions` are supervised, with weights
    1, 2, 3, ...

    Prompts of all three kinds are fed iteratively, as in section IV-B; the previous mask is detached.

    Args:
        model: an `Interactive`, perhaps wrapped for several devices.
        rng: of everything the simulated user does here: one for every sample (object after object, image after
            image), so that what happens to a sample does not depend on its neighbours, or one that makes these.
        earlier: interactions without gradient, which bring the masks and prompts that the supervised ones start from.
        kind_shares: probabilities of click, box and scribble.
        p2cl: weight of that loss.
        p2cl_target: pixels that it draws a prompt to: the object or background, or the error that the prompt corrects.
        dice: denominators of the DICE loss; see `dice_loss`.
        mask_drop: how often an object's previous mask is taken away, so that all its prompts so far speak at once.
        second_look: how often a previous mask that is not taken away comes back without a correction.
        lone_click: how often a first click comes alone, and not as several random ones.
        exact: how often a click or box is the one that evaluation gives, and not a random one.
        mean: makes the means of the losses, over more than this batch where several processes share one.
    """
    image = (batch.image.float() / 255).contiguous(memory_format=torch.channels_last)
    truth = batch.truth.flatten(0, 1)[:, None]
    truths: list[Truth] = list(truth[:, 0].cpu().numpy())
    others: list[BoolMask] = list(batch.others.flatten(0, 1).cpu().numpy())
    frame = FrameMap.to_canonical(Crop.whole((image.shape[-2], image.shape[-1])))
    rngs = rng.spawn(len(truths)) if isinstance(rng, np.random.Generator) else list(rng)
    seeds = torch.tensor([int(own.integers(2**62)) for own in rngs]).to(image.device)

    probability = torch.zeros(truth.shape, device=image.device)
    user = _User(kind_shares, mask_drop, second_look, lone_click, exact)
    prompts = [user.first(t, o, own) for t, o, own in zip(truths, others, rngs, strict=True)]
    sides = [(t == 0, t == 1) for t in truths]  # what negative prompts speak of, and what positive ones do
    regions = [[side[prompt.positive] for prompt in own] for own, side in zip(prompts, sides, strict=True)]
    total, weights = image.new_zeros(()), 0.0
    features: Features | None = None
    parts: dict[str, float] = {}
    for k in range(-earlier, interactions):
        if k == 0:
            features = None  # those of the earlier interactions have no gradient
        tensors = PromptBatch.collate(prompts, [frame] * len(prompts), device=image.device)
        with nullcontext() if k >= 0 else torch.no_grad():
            output, features = model(
                image, batch.objects, probability, tensors, features, derive_seed(seeds, earlier + k)
            )
        probability = output.logits.detach().float().sigmoid()
        predictions = list((probability[:, 0] > MASK_THRESHOLD).cpu().numpy())
        if k >= 0:
            nfl, overlap, contrast = _losses(
                output, truth, tensors, mean, dice, regions if p2cl_target == "error" else None
            )
            total = total + (k + 1) * (nfl + overlap + p2cl * contrast)
            weights += k + 1
            ious = [iou(p, t) for p, t in zip(predictions, truths, strict=True)]
            mean_iou = mean(torch.tensor(sum(ious)), torch.tensor(float(len(ious)))).item()
            parts = {
                "nfl": nfl.item(),
                "dice": overlap.item(),
                "p2cl": contrast.item(),
                "iou_first": parts.get("iou_first", mean_iou),
                "iou_last": mean_iou,
            }
        if k + 1 < interactions:
            kept = [user.correct(*each) for each in zip(prompts, truths, predictions, rngs, strict=True)]
            for own, shown, side, prediction in zip(regions, prompts, sides, predictions, strict=True):
                own += [side[new.positive] & (prediction != new.positive) for new in shown[len(own) :]]
            probability = probability * torch.tensor(kept, device=image.device)[:, None, None, None]
    # Divided by the sum of the weights, so that clipping does not depend on how many interactions there were.
    return Answer(total / weights, parts, (earlier + interactions) * len(prompts), probability, prompts)


class Interactive(torch.nn.Module):
    """The network as one callable step of an interaction, which is what distributed wrappers need.

    Features that depend on the image alone are computed once and shared by all objects and interactions.

    Mixed precision is entered here and not by the wrapper: that would round coordinates of prompts as well.
    """

    def __init__(self, network: VPUFormer, *, bfloat16: bool = False) -> None:
        super().__init__()
        self.network = network
        self._bfloat16 = bfloat16
        if bfloat16:
            keep_strided_depthwise_in_float32(network)

    def forward(
        self,
        image: Tensor,
        objects: int,
        mask: Tensor,
        prompts: PromptBatch,
        features: Features | None,
        seeds: Int64[Tensor, " s"],
    ) -> tuple[Output, Features | None]:
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self._bfloat16):
            network = self.network
            if network.features_depend_on_mask or network.features_depend_on_prompts:
                repeated = repeat_samples(image, objects)
                return network.decode(network.encode(repeated, mask, prompts), mask, prompts, seeds), None
            if features is None:
                features = network.encode(image).repeat(objects)
            return network.decode(features, mask, prompts, seeds), features


@dataclass(frozen=True)
class _User:
    """Who prompts in training; the settings are those of `interact`."""

    kind_shares: Sequence[float]
    mask_drop: float
    second_look: float
    lone_click: float
    exact: float

    def first(self, truth: Truth, others: BoolMask, rng: np.random.Generator) -> list[Prompt]:
        """The prompts of the first pass."""
        kind = self._kind(rng)
        if kind == "click" and rng.random() >= self.lone_click:
            return list(initial_clicks(truth, others, rng))
        prompt = self._prompt(kind, truth, np.zeros(truth.shape, bool), [], rng)
        return [prompt] if prompt is not None else []

    def correct(self, prompts: list[Prompt], truth: Truth, prediction: BoolMask, rng: np.random.Generator) -> bool:
        """Add what corrects this prediction to the prompts; whether the next pass is to know the mask."""
        dropped = rng.random() < self.mask_drop
        if dropped or rng.random() >= self.second_look:
            correction = self._prompt(self._kind(rng), truth, prediction, prompts, rng)
            if correction is not None:
                prompts.append(correction)
        return not dropped

    def _kind(self, rng: np.random.Generator) -> Kind:
        return KINDS[rng.choice(len(KINDS), p=self.kind_shares)]

    def _prompt(
        self, kind: Kind, truth: Truth, prediction: BoolMask, earlier: Sequence[Prompt], rng: np.random.Generator
    ) -> Prompt | None:
        exact = kind != "scribble" and rng.random() < self.exact
        return next_prompt(kind, truth, prediction, rng=None if exact else rng, earlier=earlier)


def _losses(
    output: Output,
    truth: Tensor,
    prompts: PromptBatch,
    mean: Mean,
    dice: Literal["linear", "squared"],
    errors: Sequence[Sequence[BoolMask]] | None,
) -> tuple[Tensor, Tensor, Tensor]:
    positive, valid = prompts.positive, prompts.valid
    size = (output.pixels.shape[-2], output.pixels.shape[-1])
    regions = None if errors is None else prompt_regions(errors, truth, valid.shape[1], size)
    return (
        normalized_focal_loss(output.logits, truth, mean=mean),
        dice_loss(output.logits, truth, denominators=dice, mean=mean),
        prompt_to_pixel_contrastive_loss(
            output.prompts, output.pixels, truth, positive, valid, regions=regions, mean=mean
        ),
    )
