"""Features as they are kept, repeated, taken apart and joined."""

import torch

from vpuformer.model.features import Features, LateralScales


def features() -> Features:
    """Three samples in channels last, without a map at 1/8 on the way to the decoder."""
    coarse = torch.rand(3, 8, 2, 2).contiguous(memory_format=torch.channels_last)
    quarter = torch.rand(3, 4, 8, 8).contiguous(memory_format=torch.channels_last)
    lateral = LateralScales(quarter, None, torch.rand(3, 2, 16, 16))
    return Features(coarse, lateral)


def test_repeated_features_keep_their_order_and_layout() -> None:
    whole = features()
    repeated = whole.repeat(2)
    assert repeated.lateral.eighth is None
    assert repeated.lateral.quarter.is_contiguous(memory_format=torch.channels_last)
    for i in range(6):
        assert torch.equal(repeated.semantic[i], whole.semantic[i // 2])
        assert torch.equal(repeated.lateral.quarter[i], whole.lateral.quarter[i // 2])


def test_joined_samples_are_the_whole() -> None:
    whole = features()
    samples = whole.samples()
    assert [len(each.lateral.quarter) for each in samples] == [1, 1, 1]
    joined = Features.joined(samples)
    assert torch.equal(joined.semantic, whole.semantic)
    assert torch.equal(joined.lateral.quarter, whole.lateral.quarter)
    assert joined.lateral.eighth is None


def test_memory_is_that_of_every_tensor() -> None:
    assert features().nbytes == 4 * 3 * (8 * 2 * 2 + 4 * 8 * 8 + 2 * 16 * 16)
