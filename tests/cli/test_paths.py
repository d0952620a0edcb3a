"""Errors of the operating system about a path end in one sentence and exit code 2."""

import errno
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vpuformer.cli as cli
from support.commands import vpuformer

LONG = "x" * 256

ODD = "b\udcff"
"""The byte FF in a name, as Python decodes it."""

COMMANDS = [
    ["segment", "{}", "--click", "1,1", "--json"],
    ["segment", "p.png", "--click", "1,1", "-o", "{}.png"],
    ["segment", "p.png", "--click", "1,1", "--overlay", "{}.png"],
    ["segment", "p.png", "--mask", "{}", "--json"],
    ["segment", "p.png", "--prompts", "{}", "--json"],
    ["segment", "p.png", "--click", "1,1", "--json", "--model", "{}"],
    ["predict", "{}", "p.png", "-o", "out"],
    ["predict", ".", "{}", "-o", "out"],
    ["annotate", "{}", "--no-browser"],
    ["annotate", ".", "--no-browser", "--store", "{}"],
    ["export-masks", "{}", "-o", "out"],
    ["import", "{}", "a.json"],
    ["import", ".", "{}"],
    ["import", ".", "{}", "--model", "{}"],
    ["export-masks", ".", "-o", "{}"],
    ["export-masks", ".", "-o", "out", "--store", "{}"],
    ["evaluate", "--dataset", "grabcut", "--root", "{}", "--output", "out"],
    ["evaluate", "--dataset", "grabcut", "--root", ".", "--output", "{}"],
    ["evaluate", "--dataset", "grabcut", "--root", ".", "--output", "out", "--human", "{}"],
    ["evaluate", "--dataset", "grabcut", "--root", ".", "--output", "out", "--model", "{}"],
    ["merge", "{}", "--output", "out"],
    ["report", "{}", "--output", "out.html"],
    ["report", ".", "--output", "{}.html"],
    ["train", "--data", "{}", "--output", "out"],
    ["train", "--data", ".", "--output", "{}"],
    ["train", "{}", "--data", ".", "--output", "out"],
    ["train", "--resume", "--output", "{}"],
    ["train", "--data", ".", "--output", "out", "--split", "{}"],
    ["train", "--data", ".", "--output", "out", "--init", "{}"],
    ["data", "check", "grabcut", "--root", "{}"],
    ["data", "check", "masks", "--root", "{}"],
    ["data", "check", "coco", "--root", "{}"],
    ["info", "{}"],
]


@pytest.mark.parametrize("name", [LONG, "p.png/inside", "loop"], ids=["long", "file as folder", "loop"])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_path_that_cannot_be_is_one_sentence(
    words: list[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((8, 9, 3), np.uint8)).save("p.png")
    Path("loop").symlink_to("loop")
    Path("loop.png").symlink_to("loop.png")
    result = vpuformer(*(word.format(name) for word in words))
    assert result.exit_code == 2, (result.output, result.exception)
    last = result.stderr.splitlines()[-1]
    assert last.lower().startswith("error: ")
    assert "Usage:" not in result.output, result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "error: No space left on device; make room"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), "error: a: Permission denied; choose one that you"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "a"), "error: a: Is a directory; give the file itself"),
        (OSError(errno.ENAMETOOLONG, "File name too long", LONG), "...: File name too long; give a shorter name"),
        (OSError(errno.EXDEV, "Invalid cross-device link", "a", None, "b"), "error: a: b: Invalid cross-device link"),
        (OSError("the disk is on fire"), "error: the disk is on fire"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB."), "error: the memory is full; give smaller files"),
        (
            Exception("[ONNXRuntimeError] : 6 : Status Message: std::bad_alloc"),
            "error: the memory is full; give smaller",
        ),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "error: the memory is full; give smaller files"),
        (ValueError("embedded null byte"), "error: a path cannot be followed (embedded null byte)"),
    ],
)
def test_what_the_system_says_is_passed_on(error: Exception, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(cli.TyperGroup, "invoke", fails)
    result = vpuformer("info")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert said in line
    assert len(line) < 250


def test_other_faults_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ValueError("a fault of the program")

    monkeypatch.setattr(cli.TyperGroup, "invoke", fails)
    assert isinstance(vpuformer("info").exception, ValueError)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_name_that_is_no_text_can_be_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ODD
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
        Image.fromarray(np.eye(8, dtype=np.uint8)).save(folder / name / "a.png")
    (folder / "masks" / "notes.txt").touch()
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "utf-8"))
    monkeypatch.setattr(sys, "argv", ["vpuformer", "data", "check", "masks", "--root", str(folder)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    sys.stdout.flush()
    assert ended.value.code == 0
    assert rb"b\udcff/masks that are not read: 1 .txt" in written.getvalue()


def test_memory_that_is_full_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def read(_: Path) -> bytes:
        raise MemoryError

    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((8, 9, 3), np.uint8)).save("p.png")
    Path("endless").touch()
    monkeypatch.setattr(Path, "read_bytes", read)
    result = vpuformer("segment", "p.png", "--prompts", "endless", "--json")
    assert result.exit_code == 2
    assert result.stderr == "error: the memory is full; use a smaller image, or --device cpu\n"
