import os
from pathlib import Path

import pytest
from PIL import Image

from support.app_kills import kill_again_and_again
from support.app_ledger import SIZE, Ledger

KILLS = 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="servers are forked")
def test_a_server_that_is_killed_loses_nothing_that_it_has_acknowledged(tmp_path: Path) -> None:
    Image.new("RGB", (SIZE[1], SIZE[0])).save(tmp_path / "a.png")
    tally = kill_again_and_again(tmp_path, tmp_path / "kept.sqlite", KILLS, seed=int.from_bytes(os.urandom(3)))
    assert tally.sound, tally
    assert tally.kills == KILLS
    # Otherwise the server died of idleness.
    assert tally.steps_acknowledged >= 3
    assert tally.under_way >= KILLS


def test_the_ledger_would_notice() -> None:
    step = {"type": "brush", "path": [[1, 1]], "radius": 0.5, "positive": True}
    ledger = Ledger().after("step", step)
    state = {
        "steps": [{**step, "live": False}],
        "area": 1,
        "mask": {"width": 80, "height": 60, "runs": "UQHuJA=="},
        "at": 1,
        "accepted": False,
        "revision": 1,
    }
    assert ledger.fits(state) is None
    for name, value in (("steps", []), ("mask", None), ("at", 0), ("accepted", True), ("revision", 2), ("area", 2)):
        assert ledger.fits({**state, name: value}) is not None
    assert ledger.fits({**state, "steps": [{**step, "radius": 1, "live": False}]}) == (
        f"steps: {[{**step, 'radius': 1}]} instead of {[step]}"
    )
