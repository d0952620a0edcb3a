"""VPUFormer as a segmenter: queries in, one prediction each out. Imports no torch."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vpuformer.arrays import RGB, FloatMap
from vpuformer.errors import CheckpointError, InputError
from vpuformer.geometry import FrameMap
from vpuformer.inference.candidates import distinct, further_views
from vpuformer.inference.corrections import corrected
from vpuformer.inference.enclosing import begins_afresh
from vpuformer.inference.encoded import CropFeatures, EncodedImage
from vpuformer.inference.feature_store import CachedEncoder, FeatureStore
from vpuformer.inference.looks import Look, Seen
from vpuformer.inference.network import Network
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Query
from vpuformer.inference.runtimes import load_network
from vpuformer.inference.zoom import USUAL, View, ViewSettings, ZoomRule
from vpuformer.model.manifest import read_manifest
from vpuformer.prompts import Prompt

MAX_BATCH = 64
"""Queries in one pass of the network; more are answered in several."""


class VPUFormerSegmenter:
    """A network that answers queries. Safe to share between threads.

    >>> from vpuformer.inference.torch_network import TorchNetwork
    >>> from vpuformer.model.config import VPUFormerConfig
    >>> from vpuformer.model.vpuformer import VPUFormer
    >>> from vpuformer.prompts import Box, Click
    >>> model = VPUFormer(VPUFormerConfig(input_size=64, dim=32, decoder_dim=16)).eval()
    >>> segmenter = VPUFormerSegmenter(TorchNetwork(model))
    >>> cat, dog = (segmenter.encode(np.zeros((height, 40, 3), np.uint8)) for height in (30, 50))
    >>> answers = segmenter.segment([Query(cat, [Click(20, 15)]), Query(dog, [Box(2, 2, 15, 40)])])
    >>> [answer.mask.shape for answer in answers]
    [(30, 40), (50, 40)]

    An object gets the same answer in any batch but for rounding: sums over another batch may be taken in another order.

    Args:
        network: the network, on its device.
        views: how the network is shown an object: zoom rule, size of its input, mirrored views.
        name: name for tables and for the app.
        sha256: digest of the weights.
        features: store from which the features of whole images are read, and in which they are kept.

    Raises:
        ConfigError: there is a store, and no digest.
    """

    def __init__(
        self,
        network: Network,
        *,
        views: ViewSettings = USUAL,
        name: str = "vpuformer",
        sha256: str = "",
        features: FeatureStore | None = None,
    ) -> None:
        self.network, self.views, self.name, self.sha256 = network, views, name, sha256
        self._image_encoder = network if features is None else CachedEncoder(network, sha256, features)
        self._side = views.input_size or network.input_size

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str] = "default",
        device: str | None = None,
        *,
        runtime: str | None = None,
        threads: int | None = None,
        views: ViewSettings = USUAL,
        features: FeatureStore | None = None,
    ) -> "VPUFormerSegmenter":
        """The segmenter with the weights of this name, or in this folder.

        Args:
            name_or_path: a name of `vpuformer.list_models()`, the folder of a checkpoint, or a repository of the
                Hugging Face Hub, `owner/name` or `owner/name@revision`; see `vpuformer.model.manifest.read_manifest`.
            device: such as "cpu" or "cuda"; by default CUDA, else Apple's MPS, else the CPU.
            runtime: "onnx", "openvino" or "torch"; by default the one of `choose_runtime`.
            threads: number of threads for one operation on the CPU; see `load_network`.
            views: how the network is shown an object.
            features: see the class.

        Raises:
            CheckpointError: the weights are missing or broken.
            ConfigError: there is no such device or runtime, or `threads` is below 1 or not a whole number.
            MissingDependencyError: the runtime is not installed.
        """
        network = load_network(name_or_path, device, runtime, input_size=views.input_size, threads=threads)
        manifest = read_manifest(name_or_path)
        if network.input_size != manifest.config.input_size:  # graphs of another size than that of training
            views = replace(views, input_size=network.input_size)
        return cls(network, views=views, name=str(name_or_path), sha256=manifest.sha256, features=features)

    @property
    def device(self) -> str:
        """Name of the network's device."""
        return self.network.device

    def encode(self, image: RGB) -> EncodedImage:
        """Run the image encoder on the whole image, as far as it depends on the image alone.

        Raises:
            ImageError: see `vpuformer.inference.protocol.as_readonly_rgb`.
        """
        encoded = EncodedImage(image, self)
        if not self.network.features_depend_on_prompts:
            whole = [View.choose(encoded, (), None)]
            (features,) = self._encode(whole, self._masks(whole), self._image_encoder)
            encoded.keep(whole[0].crop, features)
        return encoded

    def segment(self, queries: Sequence[Query]) -> list[Prediction]:
        """Answer all queries, in one pass of the network for each `MAX_BATCH` of them.

        Those whose answer calls for another crop are refined in further passes (`ZoomRule.looks`). All answers are
        corrected (`ViewSettings.steady`).

        Raises:
            InputError: another segmenter has encoded the image of a query.
        """
        answers: list[Prediction] = []
        for start in range(0, len(queries), MAX_BATCH):
            batch = [self._afresh(query) for query in queries[start : start + MAX_BATCH]]
            rules = [self.views.zoom if query.zoom else None for query in batch]
            views = [
                View.choose(self._own(query), query.prompts, _before(query), query.crop, rule)
                for query, rule in zip(batch, rules, strict=True)
            ]
            first = self._look(views)
            refined = self._refined(batch, views, rules, first)
            answers += self._with_candidates(batch, views, rules, first, refined)
        return answers

    def _with_candidates(
        self,
        queries: Sequence[Query],
        views: Sequence[View],
        rules: Sequence[ZoomRule | None],
        first: Sequence[Look],
        answers: Sequence[Prediction],
    ) -> list[Prediction]:
        """The answers, with candidates where the queries ask for them; without a mask, also from further views."""
        further = [
            (i, view, rule)
            for i, query in enumerate(queries)
            if query.candidates and query.previous is None
            for view, rule in further_views(views[i], first[i].prediction, rules[i])
        ]
        seen = [view for _, view, _ in further]
        others = self._refined(
            [queries[i] for i, _, _ in further], seen, [rule for _, _, rule in further], self._look(seen)
        )
        found: dict[int, list[Prediction]] = {}
        for (i, _, _), answer in zip(further, others, strict=True):
            found.setdefault(i, []).append(answer)
        return [
            answer.with_candidates(distinct([answer, *found.get(i, ())])) if query.candidates else answer
            for i, (query, answer) in enumerate(zip(queries, answers, strict=True))
        ]

    def _afresh(self, query: Query) -> Query:
        """The query, without its mask if that is best forgotten."""
        if not self.views.steady or not begins_afresh(query):
            return query
        return Query(query.encoded, query.prompts, zoom=query.zoom, candidates=query.candidates)

    def _own(self, query: Query) -> EncodedImage:
        encoded = query.encoded_as(EncodedImage)
        if encoded.encoder is not self:  # of another size or of another network
            raise InputError("the image was encoded by another segmenter; encode it with the segmenter that is asked")
        return encoded

    def _refined(
        self,
        queries: Sequence[Query],
        views: Sequence[View],
        rules: Sequence[ZoomRule | None],
        first: Sequence[Look],
    ) -> list[Prediction]:
        """One answer a view: the first, refined in as many looks as the rules call for, and corrected."""
        looks, seen = [[look] for look in first], dict(enumerate(views))
        for number in range(1, max((rule.looks for rule in rules if rule), default=1)):
            refined = {i: view.refine(looks[i][-1], number, rules[i]) for i, view in seen.items()}
            seen = {i: view for i, view in refined.items() if view is not None}
            for i, look in zip(seen, self._look([*seen.values()]), strict=True):
                looks[i].append(look)
        if not self.views.steady:
            return [each[-1].prediction for each in looks]
        return [
            corrected(query, view.mask if isinstance(view.mask, Seen) and query.previous is not None else None, each)
            for query, view, each in zip(queries, views, looks, strict=True)
        ]

    def _look(self, views: Sequence[View]) -> list[Look]:
        """One pass of the network."""
        if not views:
            return []
        masks = self._masks(views)
        kept = self._features(views, masks)
        features = [each[k] for k in range(len(kept[0])) for each in kept]  # mirror images behind the others
        logits = self.network.decode(features, self._with_mirror_images(masks), self._prompts(views))
        if not np.isfinite(logits).all():
            raise CheckpointError(
                "the network answers with values that are not numbers; its weights are broken, load others"
            )
        if self.views.flip:
            logits = (logits[: len(views)] + logits[len(views) :, :, ::-1]) / np.float32(2)
        if len(views) > 1:
            logits = [answer.copy() for answer in logits]  # what is kept of one must not keep the whole batch
        return [Look(answer, view.crop, view.encoded.size) for answer, view in zip(logits, views, strict=True)]

    def _features(self, views: Sequence[View], masks: FloatMap) -> list[CropFeatures]:
        """Features of each view. Those that depend on the image alone come from the image's store, or go there."""
        network = self.network
        fixed = [
            not network.features_depend_on_prompts and not (network.features_depend_on_mask and mask.any())
            for mask in masks
        ]
        features = [view.encoded.get(view.crop) if keep else None for view, keep in zip(views, fixed, strict=True)]
        new = [i for i, each in enumerate(features) if each is None]
        if new:
            for i, each in zip(new, self._encode([views[i] for i in new], masks[new], network), strict=True):
                features[i] = each
                if fixed[i]:
                    views[i].encoded.keep(views[i].crop, each)
        return [each for each in features if each is not None]

    def _encode(self, views: Sequence[View], masks: FloatMap, encoder: Network | CachedEncoder) -> list[CropFeatures]:
        pixels = np.stack([view.encoded.pixels(view.crop, self._side) for view in views])
        features = encoder.encode(
            self._with_mirror_images(pixels), self._with_mirror_images(masks), self._prompts(views)
        )
        return [tuple(features[i :: len(views)]) for i in range(len(views))]

    def _masks(self, views: Sequence[View]) -> FloatMap:
        """The masks so far as the network sees them, shape (B, S, S); zeros where there is none."""
        masks = np.zeros((len(views), self._side, self._side), np.float32)
        for i, view in enumerate(views):
            if view.mask is not None:
                masks[i] = view.mask.probability_in(view.crop, self._side)
        return masks

    def _prompts(self, views: Sequence[View]) -> list[tuple[Sequence[Prompt], FrameMap]]:
        return [
            (view.prompts, FrameMap.to_canonical(view.crop, mirrored=mirrored))
            for mirrored in ((False, True) if self.views.flip else (False,))
            for view in views
        ]

    def _with_mirror_images(self, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A batch (B, S, S, ...) and, if the network is shown them, its mirror images behind it."""
        return np.concatenate([batch, batch[:, :, ::-1]]) if self.views.flip else batch


def _before(query: Query) -> Seen | None:
    """The mask so far."""
    mask = query.previous
    if isinstance(mask, np.ndarray):
        mask = mask.view()
        mask.setflags(write=False)  # for these passes: a copy of a large map takes a while
        mask = Prediction(mask)
    return None if mask is None else Seen(mask)
