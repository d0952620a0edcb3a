"""The page on data sets: what it shows works, and it names every set and setting."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from vpuformer.cli import app
from vpuformer.data import sources
from vpuformer.data.augment import Augmentation
from vpuformer.data.kinds import benchmarks
from vpuformer.data.training_set import TrainingSet

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")


def test_a_further_set_is_a_reader_and_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks, "BENCHMARKS", dict(benchmarks.BENCHMARKS))
    monkeypatch.setattr(sources, "KINDS", dict(sources.KINDS))
    monkeypatch.setattr("vpuformer.data.check.BENCHMARKS", benchmarks.BENCHMARKS)
    monkeypatch.setattr("vpuformer.data.check.KINDS", sources.KINDS)
    cells = np.zeros((40, 50), np.uint8)
    cells[5:25, 5:20], cells[5:30, 25:45] = 1, 7
    for folder, pixels in (("photos", np.dstack([cells] * 3)), ("cells", cells)):
        (tmp_path / folder).mkdir()
        for name in ("a", "b"):
            Image.fromarray(pixels).save(tmp_path / folder / f"{name}.png")

    names: dict[str, object] = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S):
        exec(block, names)

    samples = benchmarks.open_benchmark("cells", tmp_path)
    assert [sample.name for sample in samples] == ["cells/a/1", "cells/a/7", "cells/b/1", "cells/b/7"]
    np.testing.assert_array_equal(samples[1].truth(), cells == 7)
    opened = sources.open_sources(f"cells={tmp_path}")
    assert opened["cells"].areas(0).tolist() == [300, 500]
    assert (TrainingSet(opened, size=32, augmentation=Augmentation(paste=0))[0]["truth"] == 1).any()
    result = CliRunner().invoke(app, ["data", "check", "cells", "--root", str(tmp_path)])
    assert result.stdout.splitlines() == [
        "cells: 2 images, 4 objects; published: 2 images",
        "cells: 2 images, 4 objects",
    ]
    assert result.exit_code == 0


def test_every_set_and_every_setting_is_on_the_page() -> None:
    for name in benchmarks.BENCHMARKS:
        assert f"| `{name}` |" in PAGE
    for name, kind in sources.KINDS.items():
        (row,) = re.findall(rf"^\| `{name}` \|[^|]*\|([^|]*)\|$", PAGE.partition("## Data sets for training")[2], re.M)
        assert set(re.findall(r"`(\w+)`", row)) >= set(kind.options)
