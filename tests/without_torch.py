"""The examples of the README in an environment without PyTorch and SciPy, which `make demo` has made.

    make demo && .venv/bin/python tests/without_torch.py

Runs the Python and the commands of README.md as they stand there, a report of recorded evaluations, and the browser app
from its start to an exported mask.
Imports the standard library alone, since such an environment has no test tools.
"""

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = Path(sys.executable).parent
PROMPTS = [{"type": "click", "point": [270, 255]}, {"type": "box", "box": [170, 16, 410, 310]}]


def main() -> None:
    for module in ("torch", "scipy", "skimage"):
        if find_spec(module) is not None:
            sys.exit(f"this environment has {module}; make one without it: rm -rf .venv && make demo")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        shutil.copytree(ROOT / "examples", work / "examples")
        (work / "prompts.json").write_text(json.dumps(PROMPTS))
        subprocess.run([sys.executable, "-c", block("## Use it from Python", "python")], cwd=work, check=True)
        environment = os.environ | {"PATH": f"{COMMANDS}{os.pathsep}{os.environ['PATH']}"}
        commands = block("## Use it from the command line", "bash")
        subprocess.run(["bash", "-euxc", commands], cwd=work, env=environment, check=True)
        annotate(work / "examples")
        for words in (
            ["export-masks", "examples", "--format", "coco", "--output", "coco"],
            ["report", str(ROOT / "benchmarks/results/grabcut/default-click"), "--output", "page.html"],
        ):
            subprocess.run([COMMANDS / "vpuformer", *words], cwd=work, check=True)
        evaluate = [COMMANDS / "vpuformer", "evaluate", "--dataset", "grabcut", "--root", ".", "--output", "run"]
        ended = subprocess.run(evaluate, cwd=work, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended.stderr
        assert "pip install 'vpuformer[evaluate]'" in ended.stderr


def block(heading: str, language: str) -> str:
    """The first code of a section of the README."""
    section = README[README.index(f"\n{heading}\n") :]
    found = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found is not None, heading
    return found[1]


def annotate(folder: Path) -> None:
    """Start the app, click once, and accept the mask."""
    command = [str(COMMANDS / "vpuformer"), "annotate", str(folder), "--no-browser", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        found = next(at for line in process.stdout if (at := re.search(r"127\.0\.0\.1:(\d+)/\?token=(\S+)", line)))
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=60)
        headers = {"Authorization": f"Bearer {found[2]}", "X-VPUFormer": "1", "Content-Type": "application/json"}
        state: dict[str, Any] = {}
        for method, path, body in (
            ("POST", "/api/images/1/objects", {"key": "key-00000001"}),
            ("POST", "/api/objects/{id}/steps", {"key": "key-00000002", "step": PROMPTS[0], "revision": 0}),
            ("PATCH", "/api/objects/{id}", {"accepted": True}),
        ):
            connection.request(method, path.format(**state), json.dumps(body), headers)
            state = json.loads(connection.getresponse().read())
        assert state["area"] > 0, state
        assert state["accepted"], state
        connection.close()
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


if __name__ == "__main__":
    main()
