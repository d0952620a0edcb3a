"""The Python of docs/formats.md runs."""

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from vpuformer.formats import FORMATS, AnnotatedImage, LabelledMask, export, read_objects

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")


def test_the_page_runs_and_adds_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    try:
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.S):
            exec(block, names)
        mask = np.zeros((8, 9), bool)
        mask[2:5, 3:7] = True
        things = [LabelledMask(mask, "dog", id=1), LabelledMask(~mask, None, id=2)]
        written = export("npz", [AnnotatedImage("dogs/rex.jpg", 9, 8, things, id=1)], Path("npz"), ["dog"])
        assert (written.files, written.objects) == (("dogs/rex.npz",), 2)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.write("npz/dogs/rex.npz", "dogs/rex.npz")
        read = list(read_objects(packed.getvalue(), "dogs/rex.jpg", (8, 9)))
        assert [label for label, _ in read] == ["dog", None]
        assert all(np.array_equal(found, each.mask) for (_, found), each in zip(read, things, strict=True))
    finally:
        FORMATS.pop("npz", None)
