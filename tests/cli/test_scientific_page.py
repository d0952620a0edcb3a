"""The commands of docs/scientific.md that end by themselves, and its Python, run as they are written."""

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.commands import vpuformer
from support.volumes import write_nifti

PAGE = (Path(__file__).parents[2] / "docs" / "scientific.md").read_text(encoding="utf-8")


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a body of 40 and a lesion of 160, both in Hounsfield units."""
    pytest.importorskip("nibabel")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VPUFORMER_CACHE", str(tmp_path / "cache"))
    x, y, z = np.ogrid[:256, :200, :60]
    body = np.where(((x - 128) / 90) ** 2 + ((y - 100) / 70) ** 2 < 1, 40, -1000) + 0 * z
    lesion = ((x - 105) / 25) ** 2 + ((y - 79) / 20) ** 2 + ((z - 30) / 12) ** 2 < 1
    values = (body + 120 * lesion).astype(np.int16)
    (tmp_path / "scans").mkdir()
    write_nifti(tmp_path / "scans/scan.nii.gz", values, np.diag([1.0, 1, 3, 1]))


@pytest.mark.usefixtures("scans")
def test_the_commands_segment_what_they_say() -> None:
    commands = re.findall(r"^vpuformer (segment .*)$", PAGE, re.M)
    assert len(commands) == 2
    for command in commands:
        result = vpuformer(*shlex.split(command))
        assert result.exit_code == 0, result.stderr
        assert "(window 40,400)" in result.stdout


@pytest.mark.usefixtures("scans")
def test_boxes_on_slices_become_a_label_volume() -> None:
    import nibabel

    Path("boxes.csv").write_text("scan.nii.gz@z030,122,97,178,143\n")
    (command,) = re.findall(r"^vpuformer (predict .*)$", PAGE, re.M)
    result = vpuformer(*shlex.split(command))
    assert result.exit_code == 0, result.stderr
    image: Any = nibabel.load("predicted/labels/scan.nii.gz")
    marked = np.asarray(image.dataobj) > 0
    assert 1000 < marked.sum() < 2500
    assert marked[:, :, 30].sum() == marked.sum()


@pytest.mark.usefixtures("scans")
def test_the_python_finds_the_object(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    exec(block, {})
    area, path = capsys.readouterr().out.split()
    assert 1000 < int(area) < 2500
    assert path == str(Path("scans/scan.nii.gz@z030"))
