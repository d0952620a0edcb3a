"""The simulated interaction on a batch: prompts, answers, corrections and losses."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int64, UInt8
from numpy import ndarray as Array
from torch import Tensor

from vpuformer.arrays import BoolMask, Truth
from vpuformer.encoding.batch import PromptBatch, kept_prompts
from vpuformer.encoding.seeding import derive_seed
from vpuformer.geometry import Crop, FrameMap
from vpuformer.metrics import MASK_THRESHOLD, iou
from vpuformer.model.features import Features, repeat_samples
from vpuformer.model.vpuformer import Output, VPUFormer
from vpuformer.prompts import KINDS, Kind, Prompt
from vpuformer.simulation import initial_clicks, next_prompt
from vpuformer.training.losses import (
    Mean,
    anchor_loss,
    batch_mean,
    dice_loss,
    normalized_focal_loss,
    prompt_regions,
    prompt_to_pixel_contrastive_loss,
)
from vpuformer.training.precision import keep_depthwise_in_float32
from vpuformer.training.recipe import InteractionSettings, LossSettings


@dataclass(frozen=True)
class Batch:
    """`b` images with `m` objects each."""

    image: UInt8[Tensor, "b 3 h w"]
    truth: Int[Tensor, "b m h w"]
    """1 object, 0 background, `IGNORE`."""
    others: Bool[Tensor, "b m h w"]
    """Pixels of other annotated objects."""
    recorded: Sequence[Sequence[Prompt]] = ()
    """Prompts that people gave for each of the `b * m` objects, in pixels of the image; () if none has any."""

    @property
    def objects(self) -> int:
        return self.truth.shape[1]

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Any], device: torch.device | str) -> "Batch":
        """Make a batch of collated samples; with one object an image, its axis may be missing."""
        image, truth, others = (tensors[name].to(device) for name in ("image", "truth", "others"))
        if truth.ndim == 3:
            truth, others = truth[:, None], others[:, None]
        return cls(image, truth, others, [prompts for own in tensors.get("recorded", ()) for prompts in own])


@dataclass(frozen=True)
class Answer:
    """The weighted loss of a batch over its interactions, and its figures for the log.

    With a `mean` over several processes, loss and figures are the share of this process; their sum is the loss.
    """

    loss: Float[Tensor, ""]
    figures: dict[str, float]
    """NFL, DICE, P2CL and, with a weight, anchor of the last interaction; mean IoU after the first and the last
    supervised one."""
    passes: int
    """Samples that passed through the network, over all interactions."""
    probability: Float[Tensor, "s 1 h w"]
    """The last answer for every sample. A sample is one object of one image; the objects of an image are adjacent."""
    prompts: list[list[Prompt]]
    """All prompts of each sample, in pixels of the crop."""


def interact(
    model: torch.nn.Module,
    batch: Batch,
    rng: np.random.Generator | Sequence[np.random.Generator],
    settings: InteractionSettings,
    loss: LossSettings,
    *,
    supervised: int,
    warmup: int = 0,
    mean: Mean = batch_mean,
) -> Answer:
    """Prompt, predict and correct `warmup + supervised` times.

    Only supervised interactions have a gradient. Their loss weights are 1, 2, 3, ... All three kinds of prompts are fed
    iteratively, as in section IV-B; the previous mask is detached.

    Args:
        model: an `Interactive`, perhaps wrapped for several devices.
        rng: random numbers of the simulated user: one generator for each sample, so that a sample does not depend on
            its neighbours, or one that spawns them.
        settings: how the user prompts.
        loss: weights and forms of the losses.
        supervised: number of interactions with a loss.
        warmup: number of interactions without gradient before them.
        mean: makes the means of the losses, over more than this batch where several processes share one.
    """
    image = (batch.image.float() / 255).contiguous(memory_format=torch.channels_last)
    truth = batch.truth.flatten(0, 1)[:, None]
    truths: list[Truth] = list(truth[:, 0].cpu().numpy())
    others: list[BoolMask] = list(batch.others.flatten(0, 1).cpu().numpy())
    frame = FrameMap.to_canonical(Crop.whole((image.shape[-2], image.shape[-1])))
    rngs = rng.spawn(len(truths)) if isinstance(rng, np.random.Generator) else list(rng)
    seeds = np.array([int(own.integers(2**62)) for own in rngs])

    probability = torch.zeros(truth.shape, device=image.device)
    user = _TrainingUser(settings)
    recorded = batch.recorded or [()] * len(truths)
    prompts = [user.first(*each) for each in zip(truths, others, recorded, rngs, strict=True)]
    sides = [(t == 0, t == 1) for t in truths]  # pixels of negative and of positive prompts
    regions = [[side[prompt.positive] for prompt in own] for own, side in zip(prompts, sides, strict=True)]
    total, weights = image.new_zeros(()), 0.0
    features: Features | None = None
    figures: dict[str, float] = {}
    for k in range(-warmup, supervised):
        if k == 0:
            features = None  # the features of the warm-up have no gradient
        collated = PromptBatch.collate(prompts, [frame] * len(prompts))
        with nullcontext() if k >= 0 else torch.no_grad():
            output, features = model(
                image, batch.objects, probability, collated, features, derive_seed(seeds, warmup + k)
            )
        previous, probability = probability, output.logits.detach().float().sigmoid()
        predictions = list((probability[:, 0] > MASK_THRESHOLD).cpu().numpy())
        if k >= 0:
            errors = [[own[i] for i in kept_prompts(shown)] for own, shown in zip(regions, prompts, strict=True)]
            nfl, overlap, contrast = _losses(output, truth, collated, errors, loss, mean)
            summed = nfl + overlap + loss.p2cl_weight * contrast
            broken = anchor_loss(output.logits, truth, previous, mean=mean) if loss.anchor_weight else None
            if broken is not None:
                summed = summed + loss.anchor_weight * broken
            total = total + (k + 1) * summed
            weights += k + 1
            ious = [iou(p, t) for p, t in zip(predictions, truths, strict=True)]
            mean_iou = mean(torch.tensor(sum(ious)), torch.tensor(float(len(ious)))).item()
            figures = {
                "nfl": nfl.item(),
                "dice": overlap.item(),
                "p2cl": contrast.item(),
                **({} if broken is None else {"anchor": broken.item()}),
                "iou_first": figures.get("iou_first", mean_iou),
                "iou_last": mean_iou,
            }
        if k + 1 < supervised:
            keeps_mask = [user.correct(*each) for each in zip(prompts, truths, predictions, rngs, strict=True)]
            for own, shown, side, prediction in zip(regions, prompts, sides, predictions, strict=True):
                own += [side[new.positive] & (prediction != new.positive) for new in shown[len(own) :]]
            probability = probability * torch.tensor(keeps_mask, device=image.device)[:, None, None, None]
    # Division by the sum of the weights keeps gradient clipping independent of the number of interactions.
    return Answer(total / weights, figures, (warmup + supervised) * len(prompts), probability, prompts)


class Interactive(torch.nn.Module):
    """One step of an interaction as one module call, as distributed wrappers need it.

    Features that depend on the image alone are computed once and shared by all objects and interactions. Mixed
    precision starts here, not in the wrapper, which would also round the coordinates of prompts.
    """

    def __init__(self, network: VPUFormer, *, bfloat16: bool = False) -> None:
        super().__init__()
        self.network = network
        self._bfloat16 = bfloat16
        if bfloat16:
            keep_depthwise_in_float32(network)

    def forward(
        self,
        image: Tensor,
        objects: int,
        mask: Tensor,
        prompts: PromptBatch,
        features: Features | None,
        seeds: Int64[Array, " s"],
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
class _TrainingUser:
    """The simulated user of training."""

    settings: InteractionSettings

    def first(
        self, truth: Truth, others: BoolMask, recorded: Sequence[Prompt], rng: np.random.Generator
    ) -> list[Prompt]:
        """The prompts before the first pass.

        At random these are the first of the `recorded` ones, as many as it takes to have a positive one, or more.
        """
        positive = next((i for i, prompt in enumerate(recorded) if prompt.positive), None)
        if positive is not None and rng.random() < self.settings.recorded_prompt_prob:
            return list(recorded[: 1 + int(rng.integers(positive, len(recorded)))])
        kind = self._kind(rng)
        if kind == "click" and rng.random() >= self.settings.single_first_click_prob:
            return list(initial_clicks(truth, others, rng))
        prompt = self._prompt(kind, truth, np.zeros(truth.shape, bool), [], rng)
        return [prompt] if prompt is not None else []

    def correct(self, prompts: list[Prompt], truth: Truth, prediction: BoolMask, rng: np.random.Generator) -> bool:
        """Add a correction to the prompts; return whether the next pass sees the mask."""
        dropped = rng.random() < self.settings.mask_drop
        if dropped or rng.random() >= self.settings.repeat_without_prompt_prob:
            correction = self._prompt(self._kind(rng), truth, prediction, prompts, rng)
            if correction is not None:
                prompts.append(correction)
        return not dropped

    def _kind(self, rng: np.random.Generator) -> Kind:
        return KINDS[rng.choice(len(KINDS), p=self.settings.kind_probabilities)]

    def _prompt(
        self, kind: Kind, truth: Truth, prediction: BoolMask, earlier: Sequence[Prompt], rng: np.random.Generator
    ) -> Prompt | None:
        as_evaluated = kind != "scribble" and rng.random() < self.settings.evaluation_prompt_prob
        return next_prompt(kind, truth, prediction, rng=None if as_evaluated else rng, earlier=earlier)


def _losses(
    output: Output,
    truth: Tensor,
    prompts: PromptBatch,
    errors: Sequence[Sequence[BoolMask]],
    settings: LossSettings,
    mean: Mean,
) -> tuple[Tensor, Tensor, Tensor]:
    """NFL, DICE and P2CL. `errors` are the pixels that each prompt corrects."""
    positive, valid = (torch.from_numpy(each).to(truth.device) for each in (prompts.positive, prompts.valid))
    size = (output.pixel_embeddings.shape[-2], output.pixel_embeddings.shape[-1])
    regions = None if settings.p2cl_target == "object" else prompt_regions(errors, truth, valid.shape[1], size)
    return (
        normalized_focal_loss(output.logits, truth, mean=mean),
        dice_loss(output.logits, truth, denominators=settings.dice, mean=mean),
        prompt_to_pixel_contrastive_loss(
            output.prompt_embeddings, output.pixel_embeddings, truth, positive, valid, regions=regions, mean=mean
        ),
    )
