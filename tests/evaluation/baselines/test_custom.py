"""A segmenter of your own, by the name of its module and attribute."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from support.measured import measure
from vpuformer.data.sample import Sample
from vpuformer.errors import ConfigError
from vpuformer.evaluation.baselines import open_baseline
from vpuformer.prompts import KINDS

SOURCE = '''
import numpy as np

from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Encoded


class Half:
    """The left half of every image."""

    name, sha256 = "half", ""

    def encode(self, image):
        return Encoded(image)

    def segment(self, queries):
        return [Prediction(self.half(query.encoded.size)) for query in queries]

    def half(self, size):
        answer = np.zeros(size, np.float32)
        answer[:, : size[1] // 2] = 1
        return answer


class Named(Half):
    name = "left half"
    device = "cpu"


class Needy(Half):
    def __init__(self, weights):
        self.weights = weights


class Mute:
    name = "mute"

    def encode(self, image):
        pass


def make():
    return Named()


def broken():
    raise ValueError("no such weights\\nand more")


instance = Half()
number = 3
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The name of a module in the current folder, another one in every test: modules are imported once."""
    name = f"mine_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return name


@pytest.mark.parametrize(
    ("attribute", "name"), [("Half", "half"), ("Named", "left half"), ("make", "left half"), ("instance", "half")]
)
def test_a_class_a_function_and_an_object_are_measured(
    module: str, attribute: str, name: str, image: np.ndarray, truth: np.ndarray
) -> None:
    baseline = open_baseline(f"{module}:{attribute}")
    assert baseline.name == name
    [record] = measure([Sample("toy/ellipse", 1, lambda: image, lambda: truth)], baseline, max_interactions=2)
    half = np.arange(64) < 32
    assert record.ious[0] == pytest.approx((truth == 1)[:, half].sum() / (48 * 32 + (truth == 1)[:, ~half].sum()))


def test_an_object_is_used_as_it_is(module: str) -> None:
    assert open_baseline(f"{module}:instance") is open_baseline(f"{module}:instance")


def test_the_example_of_the_manual_runs(module: str, tmp_path: Path, image: np.ndarray, truth: np.ndarray) -> None:
    manual = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text("utf-8")
    [example] = re.findall(r"^```python\n(.*?)^```", manual, re.M | re.S)
    (tmp_path / f"{module}.py").write_text(example)
    baseline = open_baseline(f"{module}:Blobs")
    [record] = measure([Sample("toy/ellipse", 1, lambda: image, lambda: truth)], baseline, kinds=KINDS)
    assert max(record.ious) > 0.3


def test_a_module_in_a_package_is_found(module: str, tmp_path: Path) -> None:
    package = tmp_path / f"{module}_package"
    package.mkdir()
    (tmp_path / f"{module}.py").rename(package / "inner.py")
    assert open_baseline(f"{package.name}.inner:Named").name == "left half"


@pytest.mark.parametrize(
    ("rest", "sentence"),
    [
        (":", "names no segmenter; wanted MODULE:ATTRIBUTE, as in mypackage.mymodule:MySegmenter"),
        (".inner:Half", "no module called '{module}.inner', neither in the current folder nor installed; go to"),
        ("x.inner:Half", "no module called '{module}x', neither in the current folder nor installed; go to"),
        (":Halv", "no attribute of {module} called 'Halv'; there are .*Half, .* Did you mean 'Half'?"),
        (
            ":number",
            "of the type int, lacks name and sha256 and encode and segment; a segmenter has name, sha256,",
        ),
        (":Mute", "of the type Mute, lacks sha256 and segment; a segmenter has"),
        (":Needy", "fails when it is called without arguments (TypeError: Needy.__init__() missing 1 required"),
        (":broken", "fails when it is called without arguments (ValueError: no such weights); mend it"),
    ],
)
def test_what_cannot_be_used_is_told_in_a_sentence(module: str, rest: str, sentence: str) -> None:
    wanted = re.escape(sentence.format(module=module)).replace(re.escape(".*"), ".*")
    with pytest.raises(ConfigError, match=wanted) as caught:
        open_baseline(f"{module}{rest}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import no_such_library_of_mine", r"importing \w+ fails, it needs no_such_library_of_mine; install that"),
        ("1 / 0", r"importing \w+ fails \(ZeroDivisionError: division by zero\); mend it"),
        ("def (", r"importing \w+ fails \(SyntaxError: invalid syntax .*\); mend it"),
        ("assert False", r"importing \w+ fails \(AssertionError\); mend it"),
    ],
)
def test_a_module_that_cannot_be_imported_is_told(module: str, tmp_path: Path, source: str, sentence: str) -> None:
    (tmp_path / f"{module}.py").write_text(source)
    with pytest.raises(ConfigError, match=sentence):
        open_baseline(f"{module}:Half")


def test_no_torch_is_needed(module: str) -> None:
    code = (
        "import sys; from vpuformer.evaluation.baselines import open_baseline\n"
        f"print(open_baseline('{module}:Named').name)\n"
        "sys.exit('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-P", "-c", code], check=False, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "left half\n"), ran.stderr
