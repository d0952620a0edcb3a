"""Paths that name a slice."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vpuformer.errors import ConfigError
from vpuformer.images import slice_path
from vpuformer.images.addresses import AXES, Address, Window, parse_window

NAMES = st.text(st.sampled_from("ab.@z01,-window#"), min_size=1, max_size=12).filter(lambda name: name.strip(".") != "")


MAYBE = st.one_of(st.none(), st.integers(-2000, 2000))


@given(NAMES, st.sampled_from(AXES), st.integers(0, 10**6), MAYBE, st.one_of(st.none(), st.integers(0, 10**6)))
def test_an_address_is_read_as_it_was_written(name, axis, index, center, time):
    window = None if center is None else Window(center, 400)
    address = Address(Path("folder", name), axis, index, window, time)
    assert Address.of(address.path) == address


@given(NAMES)
def test_every_path_is_an_address(name):
    assert Address.of(Path(name)).path == Path(name)


@pytest.mark.parametrize(
    "name",
    [
        "a@z1.png",
        "@z001",
        ".@z001",
        "..@z001",
        "a@z\u0967\u0967\u0967",
        "a@z001\n",
        "a@z01",
        "a@t001",
        "a@window40",
        "a@window1e40,3",
    ],
)
def test_other_names_with_a_sign_are_files(name):
    assert Address.of(Path(name)) == Address(Path(name))


@pytest.mark.parametrize("text", ["40", "40,0", "40,-1", "a,b", "nan,1", "1,inf", "1,2,3", ""])
def test_what_is_no_window_is_refused(text):
    with pytest.raises(ConfigError, match="CENTER,WIDTH"):
        parse_window(text)


def test_a_window_keeps_its_digits_and_is_checked(tmp_path):
    Image.new("L", (2, 2)).save(tmp_path / "a.png")
    path = slice_path(tmp_path / "a.png", window=(1234567.25, 0.1))
    assert Address.of(path).window == Window(1234567.25, 0.1)
    for window in ((40, -5), (np.nan, 1)):
        with pytest.raises(ConfigError, match="a window is CENTER,WIDTH"):
            slice_path(tmp_path / "a.png", window=window)
