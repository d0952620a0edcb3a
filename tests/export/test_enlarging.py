"""Bilinear interpolation as matrix products."""

import pytest
import torch
import torch.nn.functional as F

from vpuformer.export.enlarging import interpolation


@pytest.mark.parametrize(("length", "target"), [(1, 4), (8, 64), (64, 128), (5, 12), (12, 5), (7, 7)])
def test_the_products_interpolate_as_pytorch(length: int, target: int) -> None:
    maps = torch.rand(2, 3, length, 6)
    down, across = torch.from_numpy(interpolation(length, target)), torch.from_numpy(interpolation(6, 9))
    expected = F.interpolate(maps, size=(target, 9), mode="bilinear", align_corners=False)
    torch.testing.assert_close(down @ (maps @ across.T), expected)
