"""Colours of labels and objects: distinct, visible, and the same in Python and on the page."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

import vpuformer.app
from vpuformer.images.colour_difference import to_blind_lab
from vpuformer.images.palette import FEW, MOST, OKABE_ITO, UNLABELLED, colours, free_colour, rgb

PAGE = Path(vpuformer.app.__file__).parent / "page" / "colours.js"


def lab(hexadecimal):
    return rgb2lab(np.array([[int(text[i : i + 2], 16) for i in (1, 3, 5)] for text in hexadecimal]) / 255)


def closest(hexadecimal):
    """The least difference (CIEDE2000) of two of the colours."""
    return closest_of(lab(hexadecimal))


def closest_of(values):
    differences = deltaE_ciede2000(values[:, None], values[None])
    return differences[np.triu_indices(len(values), 1)].min()


def test_forty_labels_and_objects_without_one_are_told_apart():
    assert colours(7) == OKABE_ITO
    assert closest([*colours(40), UNLABELLED]) > 10
    assert closest([*colours(30), UNLABELLED]) > 12


def test_colour_blind_people_tell_thirty_apart():
    kinds = to_blind_lab(np.array([rgb(text) for text in [*colours(30), UNLABELLED]]) / 255)
    assert min(closest_of(values) for values in kinds) > 5


def test_colour_blind_people_see_greys_as_they_are_and_confuse_what_they_are_known_to_confuse():
    grey, red, green = np.array([[0.5, 0.5, 0.5], [0.69, 0.36, 0.0], [0.45, 0.45, 0.0]])
    for seen in to_blind_lab(grey[None]):
        assert np.abs(seen - rgb2lab(grey[None])).max() < 0.1
    without_red, without_green, without_blue = to_blind_lab(np.array([red, green]))
    usual = closest_of(rgb2lab(np.array([red, green])))
    assert closest_of(without_green) < usual / 3
    assert closest_of(without_red) < usual / 2
    assert closest_of(without_blue) > usual / 2


def test_no_colour_is_nearly_black_white_or_grey():
    lightness, red_green, blue_yellow = lab([*colours(MOST), UNLABELLED]).T
    assert (lightness > 30).all()
    assert (lightness < 92).all()
    assert (np.hypot(red_green, blue_yellow) > 25).all()


def test_labels_that_are_added_one_by_one_get_colours_that_differ():
    taken: list[str] = []
    for _ in range(40):
        taken.append(free_colour(taken))
    assert closest([*taken, UNLABELLED]) >= 10
    assert len({free_colour(colours(MOST)), *colours(MOST)}) == MOST, "where all are taken, one comes again"


@pytest.mark.parametrize("alike", ["#e69f00", "#e49e04"])
def test_a_colour_that_a_person_chose_is_not_given_again(alike):
    assert free_colour([alike]) == "#56b4e9"


@pytest.mark.parametrize("count", [-1, MOST + 1])
def test_more_colours_than_there_are_are_refused(count):
    with pytest.raises(ValueError, match="0 to 256 colours"):
        colours(count)


def test_the_page_has_the_same_colours():
    constants = dict(re.findall(r"^export const (\w+) = (.*?);$", PAGE.read_text(), re.MULTILINE | re.DOTALL))
    listed = tuple(json.loads(re.sub(r",\s*\]", "]", constants["COLOURS"])))
    assert listed == colours(len(listed))
    assert len(listed) == FEW
    assert json.loads(constants["UNLABELLED"]) == UNLABELLED
