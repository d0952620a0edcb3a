"""The predictor, mostly with a network that does as it is told: objects where the prompts are, passes counted."""

from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from support.networks import predictor_of
from vpuformer.encoding.batch import PromptBatch
from vpuformer.errors import CheckpointError, ImageError, MaskError, PromptError, SessionError
from vpuformer.geometry import Crop
from vpuformer.inference.encoded import MAX_CROPS, EncodedImage
from vpuformer.inference.looks import OBJECT_THRESHOLD
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.zoom import next_crop
from vpuformer.model.checkpoint import save_checkpoint
from vpuformer.model.config import VARIANTS, VPUFormerConfig
from vpuformer.model.features import Features
from vpuformer.model.vpuformer import Output, VPUFormer
from vpuformer.prompts import Box, Click, Prompt, Scribble, encloses

SIDE = 112
TINY = VPUFormerConfig(input_size=64, dim=32, heads=2, ffn_dim=32, decoder_dim=16, pue_hidden=16)


class Obedient(VPUFormer):
    """Answers with the previous mask, plus the bounds of positive prompts, less those of negative ones."""

    def __init__(self, *, on_mask: bool = False, on_prompts: bool = False) -> None:
        nn.Module.__init__(self)
        self.weight = nn.Parameter(torch.zeros(1))
        self.config = VPUFormerConfig(
            input_size=SIDE,
            mask_fusion="early" if on_mask else "late",
            dense_prompts="early" if on_prompts else "none",
        )
        self.seen: list[Tensor] = []
        self.passes = 0

    def encode(self, image: Tensor, mask: Tensor | None = None, prompts: PromptBatch | None = None) -> Features:
        assert image.shape == (1, 3, SIDE, SIDE)
        assert not self.training
        assert torch.is_inference_mode_enabled()
        assert mask is not None
        assert prompts is not None or not self.features_depend_on_prompts
        self.seen.append(image)
        return cast(Features, image)

    def decode(self, features: Features, mask: Tensor, prompts: PromptBatch, *_: object) -> Output:
        assert isinstance(features, Tensor)
        assert mask.shape == (1, 1, SIDE, SIDE)
        self.passes += 1
        logits = (2 * mask[0, 0] - 1) * 9
        scale = SIDE / 448
        for i in range(int(prompts.valid.sum())):
            x0, y0, x1, y1 = (scale * (prompts.bounds[0, i] + 0.5) - 0.5).tolist()
            rows = slice(max(0, round(y0 - 1)), round(y1 + 2))
            columns = slice(max(0, round(x0 - 1)), round(x1 + 2))
            logits[rows, columns] = 9.0 if prompts.positive[0, i] else -9.0
        return Output(logits[None, None], features, features)


@pytest.fixture
def image() -> npt.NDArray[np.uint8]:
    """600 wide, 400 high; red grows to the right, green downwards."""
    rows, columns = np.mgrid[:400, :600]
    return np.stack([columns * 255 / 599, rows * 255 / 399, np.zeros((400, 600))], axis=2).astype(np.uint8)


def looking(image: npt.NDArray[np.uint8], **options: bool) -> tuple[Predictor, Obedient]:
    network = Obedient(**options)
    predictor = predictor_of(network)
    predictor.set_image(image)
    return predictor, network


def tight(mask: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def test_the_answer_lies_where_the_prompt_is(image: npt.NDArray[np.uint8]) -> None:
    predictor, _ = looking(image)
    prediction = predictor.predict([Box(99.5, 49.5, 299.5, 199.5)], zoom=False)
    assert prediction.crop == Crop(0, 0, 600, 400)
    assert prediction.probability.shape == (400, 600)
    assert prediction.probability.dtype == np.float32
    assert prediction.mask.dtype == np.bool_
    # A network pixel is 5.4 x 3.6 image pixels, and the obedient network draws one more on each side.
    np.testing.assert_allclose(tight(prediction.mask), (100, 50, 299, 199), atol=11)


def test_a_second_prompt_is_answered_within_the_crop(image: npt.NDArray[np.uint8]) -> None:
    predictor, network = looking(image)
    first = predictor.predict([Box(419.5, 299.5, 499.5, 349.5)])
    second = predictor.predict(
        [Box(419.5, 299.5, 499.5, 349.5), Click(430, 310, False)], mask=first.probability, crop=first.crop
    )
    crop = second.crop
    assert crop.width < 300
    assert encloses(crop.edges, (419.5, 299.5, 499.5, 349.5))
    np.testing.assert_allclose(tight(second.mask), (420, 300, 499, 349), atol=11)
    assert not second.mask[310, 430]
    outside = second.probability.copy()
    outside[crop.slices] = 0
    assert not outside.any()
    # The network saw that part of the image: red from left to right, green from top to bottom.
    seen = network.seen[-1][0]
    centre = crop.left + (crop.width - 1) / 2
    assert float(seen[0].mean()) == pytest.approx(centre / 599, abs=0.01)
    assert float(seen[1, -1].mean()) == pytest.approx((crop.top + crop.height - 1) / 399, abs=0.01)
    assert float(seen[2].max()) == 0


def test_the_crop_is_kept_while_it_fits(image: npt.NDArray[np.uint8]) -> None:
    predictor, _ = looking(image)
    prompts: list[Prompt] = [Box(100, 100, 180, 180)]
    first = predictor.predict(prompts)
    second = predictor.predict(prompts, mask=first.probability, crop=first.crop)
    prompts.append(Click(second.crop.left + 20, 150))
    third = predictor.predict(prompts, mask=second.probability, crop=second.crop)
    assert third.crop == second.crop
    prompts.append(Click(500, 300))
    assert predictor.predict(prompts, mask=third.probability, crop=third.crop).crop != second.crop


def test_without_zoom_the_whole_image_is_looked_at(image: npt.NDArray[np.uint8]) -> None:
    predictor, network = looking(image)
    mask = predictor.predict([Click(50, 50)], zoom=False).probability
    assert predictor.predict([Click(50, 50)], mask=mask, zoom=False).crop == Crop(0, 0, 600, 400)
    assert (len(network.seen), network.passes) == (1, 2)


def test_an_object_that_turns_out_to_lie_in_another_crop_is_looked_at_there_at_once(
    image: npt.NDArray[np.uint8],
) -> None:
    predictor, network = looking(image)
    prompts = [Box(419.5, 299.5, 499.5, 349.5), Click(9, 9, False)]
    first = predictor.predict(prompts)
    assert (len(network.seen), network.passes) == (2, 2)
    rough = predictor.predict(prompts, zoom=False)
    assert first.crop == next_crop((400, 600), Crop.around(rough.probability > OBJECT_THRESHOLD), prompts)
    # The second look starts from the first answer, and is the last: the next prompt finds its crop as it is.
    goes_on = predictor.predict(prompts, mask=rough.probability, crop=first.crop, new=0)
    assert np.array_equal(goes_on.probability, first.probability)
    predictor.predict([*prompts, Click(430, 310)], mask=first.probability, crop=first.crop)
    assert (len(network.seen), network.passes) == (2, 5)


def test_negative_prompts_outside_the_crop_do_not_matter(image: npt.NDArray[np.uint8]) -> None:
    predictor, _ = looking(image)
    first = predictor.predict([Box(50, 50, 90, 90)])
    with_one = predictor.predict([Box(50, 50, 90, 90), Click(590, 390, False)], mask=first.probability)
    without = predictor.predict([Box(50, 50, 90, 90)], mask=first.probability)
    assert np.array_equal(with_one.probability, without.probability)


def test_prompts_may_cross_the_edge_of_the_image(image: npt.NDArray[np.uint8]) -> None:
    predictor, _ = looking(image)
    across, within = Box(-100, -100, 100, 100), Box(-0.5, -0.5, 100, 100)
    assert np.array_equal(predictor.predict([across]).probability, predictor.predict([within]).probability)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (2, 2), (111, 113)])
def test_images_of_any_size(size: tuple[int, int]) -> None:
    predictor, _ = looking(np.full((*size, 3), 128, np.uint8))
    everything = Box(-0.5, -0.5, size[1] - 0.5, size[0] - 0.5)
    first = predictor.predict([everything])
    second = predictor.predict([everything, Click(size[1] - 1, size[0] - 1)], mask=first.probability, crop=first.crop)
    for prediction in (first, second):
        assert prediction.probability.shape == size
        assert prediction.mask.all()


def test_the_first_look_at_every_object_costs_the_decoder_alone(image: npt.NDArray[np.uint8]) -> None:
    for options in ({}, {"on_mask": True}):
        predictor, network = looking(image, **options)
        assert len(network.seen) == 1
        for x in range(50, 550, 100):
            predictor.predict([Click(x, 200)], zoom=False)
        assert (len(network.seen), network.passes) == (1, 5)
        # An empty mask is as good as none.
        predictor.predict([Click(9, 9)], mask=np.zeros((400, 600), bool), zoom=False)
        assert len(network.seen) == 1


def test_features_of_a_crop_are_kept_where_they_depend_on_the_image_alone(image: npt.NDArray[np.uint8]) -> None:
    mask = np.zeros((400, 600), bool)
    mask[100:150, 100:150] = True
    predictor, network = looking(image)
    one = predictor.predict([Click(120, 120)], mask=mask)
    again = predictor.predict([Click(120, 120), Click(110, 110, False)], mask=one.probability, crop=one.crop)
    assert again.crop == one.crop
    assert len(network.seen) == 2

    predictor, network = looking(image, on_mask=True)
    one = predictor.predict([Click(120, 120)], mask=mask)
    predictor.predict([Click(120, 120), Click(110, 110, False)], mask=one.probability, crop=one.crop)
    assert len(network.seen) == 3


def test_only_the_last_crops_are_kept_and_the_whole_image_always(image: npt.NDArray[np.uint8]) -> None:
    predictor, network = looking(image)

    def look(i: int) -> None:
        mask = np.zeros((400, 600), bool)
        mask[100:150, 100 + 10 * i : 150 + 10 * i] = True
        predictor.predict([Box(99.5 + 10 * i, 99.5, 149.5 + 10 * i, 149.5)], mask=mask)

    for i in range(MAX_CROPS + 1):
        look(i)
    assert len(network.seen) == 1 + MAX_CROPS + 1
    look(1)
    assert len(network.seen) == 1 + MAX_CROPS + 1
    look(0)  # the oldest was given up
    assert len(network.seen) == 1 + MAX_CROPS + 2
    predictor.predict([Click(5, 5)], zoom=False)
    assert len(network.seen) == 1 + MAX_CROPS + 2


def test_the_memory_of_features_is_known_in_advance(image: npt.NDArray[np.uint8]) -> None:
    predictor = predictor_of(VPUFormer(TINY))
    predictor.set_image(image)
    encoded = cast(EncodedImage, predictor.encoded)
    [features] = cast(tuple[Features], encoded.get(Crop.whole(encoded.size)))
    numbers = sum(part.numel() for part in (features.semantic, *features.lateral) if part is not None)
    assert encoded.nbytes == image.nbytes + (1 + MAX_CROPS) * numbers * 4
    mask = np.zeros((400, 600), bool)
    mask[100:150, 100:150] = True
    predictor.predict([Click(120, 120)], mask=mask)
    assert encoded.nbytes == image.nbytes + (1 + MAX_CROPS) * numbers * 4


def test_where_features_depend_on_prompts_nothing_is_kept(image: npt.NDArray[np.uint8]) -> None:
    predictor, network = looking(image, on_prompts=True)
    assert (len(network.seen), predictor.encoded.nbytes) == (0, image.nbytes)
    predictor.predict([Click(120, 120)], zoom=False)
    predictor.predict([Click(120, 120)], zoom=False)
    assert len(network.seen) == 2


def test_another_image_forgets_the_features_of_the_former(image: npt.NDArray[np.uint8]) -> None:
    predictor, network = looking(image)
    mask = np.zeros((400, 600), bool)
    mask[100:150, 100:150] = True
    predictor.predict([Click(120, 120)], mask=mask)
    predictor.set_image(255 - image)
    predictor.predict([Click(120, 120)], mask=mask)
    assert len(network.seen) == 4
    torch.testing.assert_close(network.seen[1] + network.seen[3], torch.ones(1, 3, SIDE, SIDE), atol=0.01, rtol=0)


def test_channels_lie_last_on_a_cpu(image: npt.NDArray[np.uint8]) -> None:
    _, network = looking(image)
    assert network.seen[0].is_contiguous(memory_format=torch.channels_last)
    assert network.seen[0].max() <= 1


def test_paths_pillow_images_and_arrays(image: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    Image.fromarray(image).save(tmp_path / "image.png")
    predictor = predictor_of(Obedient())
    for source in (image, Image.fromarray(image), tmp_path / "image.png", str(tmp_path / "image.png")):
        predictor.set_image(source)
        assert np.array_equal(predictor.encoded.image, image)
        assert predictor.encoded.size == (400, 600)


def test_the_image_is_the_predictors_own(image: npt.NDArray[np.uint8]) -> None:
    predictor, _ = looking(image)
    image[:] = 0
    assert predictor.encoded.image.any()
    with pytest.raises(ValueError, match="read-only"):
        predictor.encoded.image[0, 0] = 1


def test_a_image_that_cannot_be_read_leaves_the_former(image: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    predictor, _ = looking(image)
    with pytest.raises(ImageError):
        predictor.set_image(tmp_path / "missing.png")
    assert np.array_equal(predictor.encoded.image, image)


def test_without_a_image(image: npt.NDArray[np.uint8]) -> None:
    predictor = predictor_of(Obedient())
    with pytest.raises(SessionError, match="call set_image"):
        predictor.predict([Click(1, 1)])
    predictor.set_image(image)
    predictor.reset_image()
    with pytest.raises(SessionError, match="call set_image"):
        predictor.predict([Click(1, 1)])


def test_a_mask_alone_is_refined(image: npt.NDArray[np.uint8]) -> None:
    predictor, _ = looking(image)
    mask = np.zeros((400, 600), np.uint8)
    mask[150:250, 200:400] = 255
    refined = predictor.predict(mask=mask)
    np.testing.assert_allclose(tight(refined.mask), (200, 150, 399, 249), atol=3)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "nothing to go by: give at least one"),
        ({"prompts": Click(1, 1)}, "a list of Click, Box and Scribble"),
        ({"prompts": [(1, 1)]}, r"a Click, a Box or a Scribble, got \(1, 1\)"),
        ({"prompts": [Click(700, 1)]}, "lies outside the image"),
    ],
)
def test_prompts_that_are_none(image: npt.NDArray[np.uint8], arguments: dict, sentence: str) -> None:
    predictor, _ = looking(image)
    with pytest.raises(PromptError, match=sentence):
        predictor.predict(**arguments)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"mask": np.zeros((1, 256, 256), np.float32)}, "logits of Segment Anything"),
        ({"mask": np.zeros((600, 400), bool)}, "very same size"),
        ({"mask": np.full((400, 600), np.nan, np.float32)}, "not a number"),
        ({"mask": np.full((400, 600), -7.5, np.float32)}, "sigmoid"),
    ],
)
def test_masks_that_are_none(image: npt.NDArray[np.uint8], arguments: dict, sentence: str) -> None:
    predictor, _ = looking(image)
    with pytest.raises(MaskError, match=sentence):
        predictor.predict([Click(1, 1)], **arguments)


def test_broken_weights_are_noticed(image: npt.NDArray[np.uint8]) -> None:
    model = VPUFormer(TINY)
    with torch.no_grad():
        model.lateral_quarter.bias.fill_(float("nan"))
    predictor = predictor_of(model)
    predictor.set_image(image)
    with pytest.raises(CheckpointError, match="weights are broken"):
        predictor.predict([Click(100, 100)])


def test_weights_from_a_folder(image: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    model = VPUFormer(TINY)
    save_checkpoint(model, tmp_path)
    ours, theirs = predictor_of(model), Predictor.from_pretrained(tmp_path, device="cpu")
    for predictor in (ours, theirs):
        predictor.set_image(image)
    prompts = [Click(100, 100), Box(10, 10, 300, 300, False)]
    assert np.array_equal(ours.predict(prompts).probability, theirs.predict(prompts).probability)
    with pytest.raises(CheckpointError, match="no model called"):
        Predictor.from_pretrained("nonesuch")


@pytest.mark.parametrize(
    "change",
    [{}, {"mask_fusion": "early"}, {"dense_prompts": "early"}],
    ids=str,
)
def test_the_real_network_and_what_is_kept_of_it(image: npt.NDArray[np.uint8], change: dict) -> None:
    """What comes out of kept features is what a predictor that has kept nothing says."""
    model = VPUFormer(VPUFormerConfig(**(TINY.to_dict() | change)))
    predictor, fresh = predictor_of(model), predictor_of(model)
    predictor.set_image(image)
    mask = np.zeros((400, 600), np.float32)
    mask[100:200, 100:250] = 0.8
    steps: list[list[Prompt]] = [[Click(150, 150)]]
    steps.append([*steps[-1], Scribble([(110, 120), (180, 190)]), Click(240, 110, False)])
    steps.append([*steps[-1], Box(590, 390, 599, 399, False)])
    for prompts in (*steps, []):
        fresh.set_image(image)
        ours, theirs = (each.predict(prompts, mask=mask) for each in (predictor, fresh))
        assert np.array_equal(ours.probability, theirs.probability)
        assert np.isfinite(ours.probability).all()
    assert predictor.predict(steps[-1]).probability.shape == (400, 600)


def test_the_default_variant(image: npt.NDArray[np.uint8]) -> None:
    predictor = predictor_of(VPUFormer(VARIANTS["default"]))
    predictor.set_image(image)
    first = predictor.predict([Click(300, 200)])
    second = predictor.predict([Click(300, 200), Click(10, 10, False)], mask=first.probability, crop=first.crop)
    assert first.probability.shape == second.probability.shape == (400, 600)


@pytest.mark.parametrize("opened_before", [False, True])
def test_a_file_may_be_a_link_and_may_go_once_it_is_looked_at(
    image: npt.NDArray[np.uint8], tmp_path: Path, opened_before: bool
) -> None:
    file, link = tmp_path / "file.png", tmp_path / "link.png"
    Image.fromarray(image).save(file)
    link.symlink_to(file)
    predictor, _ = looking(image)
    wanted = predictor.predict([Click(30, 20)])
    if opened_before:
        with Image.open(link) as opened:
            file.rename(tmp_path / "renamed.png")
            predictor.set_image(opened)
    else:
        predictor.set_image(link)
        file.rename(tmp_path / "renamed.png")
    assert np.array_equal(predictor.predict([Click(30, 20)]).probability, wanted.probability)
    with pytest.raises(ImageError, match="there is no file"):
        predictor.set_image(link)
    assert np.array_equal(predictor.predict([Click(30, 20)]).probability, wanted.probability)


def test_a_image_that_is_closed_is_refused(image: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    Image.fromarray(image).save(tmp_path / "file.png")
    with Image.open(tmp_path / "file.png") as opened:
        pass
    predictor, _ = looking(image)
    with pytest.raises(ImageError, match="the image is broken"):
        predictor.set_image(opened)
