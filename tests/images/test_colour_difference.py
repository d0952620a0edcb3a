"""Differences of colours are those of scikit-image."""

import numpy as np
import skimage.color

from vpuformer.images.colour_difference import ciede2000, to_lab

COLOURS = np.concatenate(
    [np.random.default_rng(0).random((200, 3)), np.eye(3), [[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5]]]
)


def test_lab_and_ciede2000_are_those_of_scikit_image() -> None:
    lab = to_lab(COLOURS)
    assert np.allclose(lab, skimage.color.rgb2lab(COLOURS), atol=1e-9)
    wanted = skimage.color.deltaE_ciede2000(lab[:, None], lab[None])
    assert np.allclose(ciede2000(lab[:, None], lab), wanted, atol=1e-9)
