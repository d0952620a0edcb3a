"""The page: self-contained, readable by machines, and honest about where each number is from."""

import base64
import io
import json
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from support.measured import Loop
from vpuformer.arrays import FloatMap
from vpuformer.cli import app
from vpuformer.data.kinds.benchmarks import open_benchmark
from vpuformer.errors import DatasetError, InputError
from vpuformer.evaluation import RECORDS
from vpuformer.evaluation.records import Interaction, ObjectRecord, RecordWriter, RunHeader, data_fingerprint
from vpuformer.evaluation.report import open_runs, render_page, write_page
from vpuformer.evaluation.report.figures import all_figures, combination_bars, curve_charts, first_prompt_bars
from vpuformer.evaluation.report.markup import Markup, element, joined
from vpuformer.evaluation.report.panels import galleries
from vpuformer.evaluation.report.svg import Series, line_chart
from vpuformer.inference.protocol import Query
from vpuformer.prompts import Box, Click, Kind, Scribble

CURVE = (0.5, 0.86, 0.91)


def write_run(folder: Path, names: Sequence[str] = ("one",), size: tuple[int, int] = (48, 64), **changes: Any) -> Path:
    """A finished run in `folder`, of objects called so."""
    settings: dict[str, Any] = {"dataset": "grabcut", "data_sha256": "ab" * 32, "model": "net", **changes}
    command = f"vpuformer evaluate --output {folder.name} --weird '<&>'"
    header = RunHeader(objects=len(names), **{"command": command, "weights_sha256": "cd" * 32, **settings})
    prompts = [Click(30, 20), Box(14, 9, 46, 31), Scribble(((20, 20), (40, 22)), positive=False)]
    steps = tuple(Interaction(prompt, value, 0.1) for prompt, value in zip(prompts, CURVE, strict=True))[
        : header.max_interactions
    ]
    folder.mkdir(parents=True)
    with RecordWriter(folder / RECORDS, header) as writer:
        for name in names:
            writer.add(ObjectRecord(f"{header.dataset}/{name}", 1, size, 0.2, steps, f"{header.dataset}/{name}"))
    return folder


class Page(HTMLParser):
    """What a page refers to, what it says, and whether its elements are closed."""

    EMPTY = frozenset({"br", "img", "meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[tuple[str, str]] = []
        self.said = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "td":
            self.cells.append((dict(attrs).get("class") or "", ""))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.said += data
        if "td" in self.open:
            name, text = self.cells[-1]
            self.cells[-1] = name, text + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def two_runs(tmp_path: Path) -> list[Path]:
    """One of a whole set by clicks, and one of a part of it with all kinds."""
    names = [f"image{i}" for i in range(50)]
    mixed: tuple[Kind, ...] = ("click", "box", "scribble")
    return [write_run(tmp_path / "a", names), write_run(tmp_path / "b", names[:2], model="peer", kinds=mixed)]


def test_a_page_needs_nothing_else(two_runs: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_page(path, open_runs(two_runs))
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "object", "base"}
    for _, attributes in page.elements:
        for name, value in attributes.items():
            assert name != "href"
            assert name != "src" or str(value).startswith("data:")
            assert not name.startswith("on")
    assert "url(" not in text
    assert "@import" not in text
    assert "http" not in text
    assert "prefers-color-scheme: dark" in text
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "b", "page.html"]


def test_a_page_is_said_aloud(two_runs: list[Path]) -> None:
    page = Page(render_page(open_runs(two_runs)))
    assert page.all("html") == [{"lang": "en"}]
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))
    assert len(page.all("caption")) == len(page.all("table")) > 3
    assert all(heading.get("scope") for heading in page.all("th"))
    drawings = [svg for svg in page.all("svg") if svg.get("role") == "img"]
    assert drawings
    assert all(len(svg["aria-label"] or "") > 30 for svg in drawings)
    assert all(svg.get("aria-hidden") or svg.get("role") == "img" for svg in page.all("svg"))


def test_every_number_is_measured_or_quoted(two_runs: list[Path]) -> None:
    page = Page(render_page(open_runs(two_runs)))
    numbers = [(name.split(), text) for name, text in page.cells if "number" in name and text != "-"]
    assert len(numbers) > 60
    for classes, text in numbers:
        (source,) = {"measured", "quoted"} & set(classes)
        assert source in text
    assert any("quoted" in classes and text.startswith("1.34") for classes, text in numbers)
    assert "Quoted from VPUFormer, arXiv:2306.06656: Table II" in page.said


def test_every_run_says_how_it_came_about(two_runs: list[Path]) -> None:
    runs = open_runs(two_runs)
    page = Page(render_page(runs))
    for run in runs:
        for fact in (run.header.command, run.header.data_sha256, run.header.started, run.header.versions["numpy"]):
            assert fact in page.said
    assert "cd" * 32 in page.said
    assert "click + box + scribble, at most 20 prompts" in page.said


def test_a_page_that_cannot_be_written_is_refused(two_runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.* cannot be written"):
        write_page(tmp_path / "nowhere" / "page.html", open_runs(two_runs))


# --- figures ------------------------------------------------------------------------------------------------------


def test_bars_after_three_interactions(tmp_path: Path) -> None:
    kinds: list[tuple[Kind, ...]] = [("click",), ("click", "box"), ("click", "box", "scribble")]
    folders = [write_run(tmp_path / str(i), kinds=each) for i, each in enumerate(kinds)]
    folders.append(write_run(tmp_path / "peer", model="peer"))
    folders.append(write_run(tmp_path / "davis", dataset="davis"))
    (figure,) = combination_bars(open_runs(folders))
    assert figure.caption.startswith("Mean IoU of net after 3 interactions (as Fig. 1)")
    page = Page(figure.drawing + figure.key)
    assert len(page.all("rect")) == 4  # three on GrabCut, one on DAVIS
    assert page.said.count("0.91") == 4
    # From 0 to 1, so that heights are in the ratio of what they show.
    (height,) = {float(bar["height"] or 0) for bar in page.all("rect")}
    assert height == pytest.approx(0.91 * 240, abs=0.01)
    assert "GrabCut, 1 object: click 0.91, click + box 0.91" in str(page.all("svg")[0]["aria-label"])


def test_draws_of_two_seeds_are_two_bars(tmp_path: Path) -> None:
    mixed: tuple[Kind, ...] = ("click", "box")
    folders = [write_run(tmp_path / f"seed{seed}", kinds=mixed, seed=seed) for seed in (0, 1)]
    (figure,) = combination_bars(open_runs(folders))
    assert len(Page(figure.drawing).all("rect")) == 2
    assert "click + box, seed 1" in figure.key


def test_bars_after_the_first_prompt(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / "a"), write_run(tmp_path / "b", first_kind="box", max_interactions=1)]
    (figure,) = first_prompt_bars(open_runs(folders))
    assert len(Page(figure.drawing).all("rect")) == 2
    assert combination_bars(open_runs(folders)) == []
    assert first_prompt_bars(open_runs(folders[:1])) == []


def test_a_first_prompt_of_a_sampled_kind_is_no_bar(tmp_path: Path) -> None:
    sampled = write_run(tmp_path / "sampled", kinds=("box", "scribble"))
    boxes = write_run(tmp_path / "boxes", kinds=("box",))
    clicks = write_run(tmp_path / "clicks")
    (figure,) = first_prompt_bars(open_runs([sampled, boxes, clicks]))
    assert len(Page(figure.drawing).all("rect")) == 2


def test_a_curve_of_perfect_masks_is_drawn() -> None:
    perfect = Series("ours", (1.0, 1.0), ((1.0, 1.0), (1.0, 1.0)))
    assert "<polyline" in line_chart([perfect], "clicks", "IoU", "perfect")


def test_a_curve_a_run_with_its_band(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / "a"), write_run(tmp_path / "b", model="peer", max_interactions=3)]
    folders.append(write_run(tmp_path / "c", model="third", stop_at_iou=0.9))
    (figure,) = curve_charts(open_runs(folders))
    page = Page(figure.drawing)
    assert [line["class"] for line in page.all("polyline")] == ["line c0", "line c1"]
    assert len(page.all("polygon")) == 2
    first, second = (str(line["points"]).split() for line in page.all("polyline"))
    assert (len(first), len(second)) == (20, 3)
    assert first[1].endswith(second[1].partition(",")[2])
    assert "net (click): mean IoU 0.50 after 1 interaction, 0.91 after 20" in str(page.all("svg")[0]["aria-label"])


def test_figures_stay_within_their_frame(two_runs: list[Path]) -> None:
    for figure in all_figures(open_runs(two_runs)):
        for tag, attributes in Page(figure.drawing).elements:
            for name, most in (("x", 480), ("cx", 480), ("y", 300), ("cy", 300)):
                assert 0 <= float(attributes.get(name) or 0) <= most, (tag, attributes)


def test_the_eighth_line_is_dashed(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / str(i), model=f"net{i}") for i in range(8)]
    (figure,) = curve_charts(open_runs(folders))
    classes = [line["class"] for line in Page(figure.drawing).all("polyline")]
    assert (classes[0], classes[7]) == ("line c0", "line c0 dashed")
    assert len(Page(figure.key).all("li")) == 8


def test_numbers_stand_upright_in_narrow_bars(tmp_path: Path) -> None:
    sets = ("grabcut", "berkeley", "davis", "sbd")
    kinds: list[tuple[Kind, ...]] = [("click",), ("click", "box"), ("click", "scribble")]
    folders = [
        write_run(tmp_path / f"{name}{i}", dataset=name, kinds=each) for name in sets for i, each in enumerate(kinds)
    ]
    (figure,) = combination_bars(open_runs(folders))
    page = Page(figure.drawing)
    assert len(page.all("rect")) == 12
    assert all("rotate" in str(text["transform"]) for text in page.all("text") if text.get("class") == "value")
    (few,) = combination_bars(open_runs(folders[:3]))
    assert not any(text.get("transform") for text in Page(few.drawing).all("text") if text.get("class") == "value")


def test_kinds_of_prompts_of_one_method_have_curves_of_their_own(two_runs: list[Path]) -> None:
    captions = [figure.caption.partition(":")[0] for figure in curve_charts(open_runs(two_runs))]
    assert captions == ["GrabCut", "GrabCut, 2 objects, peer"]


def test_markup_escapes_what_is_no_markup() -> None:
    assert element("p", "<b>", Markup("<br>"), title='"') == '<p title="&quot;">&lt;b&gt;<br></p>'
    assert joined(None, "&") == "&amp;"
    assert element("br") == "<br>"


# --- images -----------------------------------------------------------------------------------------------------


@pytest.fixture
def its_run(grabcut: Path, tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", ["one", "two"], data_sha256=data_fingerprint(grabcut))


class Everything(Loop):
    """It answers that all is object, and remembers what it was shown."""

    name = "everything"

    def __init__(self) -> None:
        self.calls: list[tuple[int, bool]] = []

    def answer(self, query: Query) -> FloatMap:
        self.calls.append((len(query.prompts), query.mask is None))
        return np.ones(query.encoded.size, np.float32)


def pixels(source: str) -> npt.NDArray[np.uint8]:
    kind, _, data = source.partition(",")
    assert kind == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_images_show_prompts_and_truth(grabcut: Path, its_run: Path) -> None:
    samples = {"grabcut": open_benchmark("grabcut", grabcut)}
    some, worst = galleries(open_runs([its_run]), samples)
    assert [name for name, _ in some.strips] == ["grabcut/one", "grabcut/two"]
    shots = some.strips[0][1]
    assert [shot.caption for shot in shots] == ["net (click): 1 prompt, IoU 0.500", "net (click): 3 prompts, IoU 0.910"]
    assert shots[0].alt == "grabcut/one with 1 prompt and the ground truth"
    assert (shots[0].size, pixels(shots[0].source).shape) == ((48, 64), (48, 64, 3))
    assert "Yellow" in some.text
    assert [shot.caption for shot in worst.strips[0][1]] == [
        "grabcut/one, 3 prompts, IoU 0.910",
        "grabcut/two, 3 prompts, IoU 0.910",
    ]
    page = Page(render_page(open_runs([its_run]), [some, worst]))
    assert all(image["alt"] for image in page.all("img"))
    assert len(page.all("img")) == 6


def test_answers_are_found_again_from_the_recorded_prompts(
    grabcut: Path, its_run: Path, truth: npt.NDArray[np.int8]
) -> None:
    asked = Everything()
    samples = {"grabcut": open_benchmark("grabcut", grabcut)}
    some, _ = galleries(open_runs([its_run]), samples, lambda _: asked)
    assert asked.calls[:3] == [(1, True), (2, False), (3, False)]
    share = float((truth == 1).mean())
    assert some.strips[0][1][0].caption == f"net (click): 1 prompt, IoU 0.500 recorded, {share:.3f} now"
    assert some.strips[0][1][0].alt.endswith("and the predicted mask")
    assert "Blue" in some.text


def test_records_of_other_images_are_refused(grabcut: Path, tmp_path: Path) -> None:
    samples = {"grabcut": open_benchmark("grabcut", grabcut)}
    with pytest.raises(DatasetError, match="object 1 of grabcut/three is in a run but not"):
        galleries(open_runs([write_run(tmp_path / "a", ["three"])]), samples)
    with pytest.raises(DatasetError, match=r"is .* in the data and .* in a run"):
        galleries(open_runs([write_run(tmp_path / "b", size=(9, 9))]), samples)


# --- the command --------------------------------------------------------------------------------------------------


def report(*words: object) -> Result:
    return CliRunner().invoke(app, ["report", *(str(word) for word in words)])


def test_the_command_writes_a_page_with_images(grabcut: Path, its_run: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    result = report(its_run, "-o", page, "--data", f"grabcut={grabcut}")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"page: {page}\n"
    assert len(Page(page.read_text(encoding="utf-8")).all("img")) == 6


def test_the_command_prints_or_writes_markdown(its_run: Path, tmp_path: Path) -> None:
    printed = report(its_run, "--tables", "markdown")
    assert printed.exit_code == 0, printed.output
    assert report(its_run, "-o", tmp_path / "page.md").exit_code == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == printed.stdout


def test_the_command_asks_a_network_again(grabcut: Path, tmp_path: Path) -> None:
    import torch

    from vpuformer.model.checkpoint import save_checkpoint
    from vpuformer.model.config import VPUFormerConfig
    from vpuformer.model.vpuformer import VPUFormer

    torch.manual_seed(0)
    model = tmp_path / "tiny"
    config = VPUFormerConfig(input_size=64, dim=32, heads=2, ffn_dim=32, decoder_dim=16, pue_hidden=32)
    save_checkpoint(VPUFormer(config), model, metadata={"dataset": "none"})
    sha256 = json.loads((model / "config.json").read_text())["sha256"]
    run = write_run(tmp_path / "net", ["one"], data_sha256=data_fingerprint(grabcut), weights_sha256=sha256)
    peer = write_run(
        tmp_path / "peer", ["one"], data_sha256=data_fingerprint(grabcut), weights_sha256=None, model="peer"
    )
    words = ["-o", tmp_path / "page.html", "--data", f"grabcut={grabcut}", "--model", model, "--device", "cpu"]
    result = report(run, peer, *words)
    assert result.exit_code == 0, result.output
    alts = [str(image["alt"]) for image in Page((tmp_path / "page.html").read_text(encoding="utf-8")).all("img")]
    assert sum(alt.endswith("predicted mask") for alt in alts) == sum(alt.endswith("ground truth") for alt in alts) == 3

    for runs, more, sentence in (
        ([peer], [], "no run is of the weights of"),
        ([run], ["--runtime", "onnx"], "no graphs"),
    ):
        refused = report(*runs, *words, *more)
        assert refused.exit_code == 2
        assert sentence in refused.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "nothing to write; say where the page goes with -o PAGE.html"),
        (["--tables", "latex"], "tables are printed as markdown, got --tables latex"),
        (["--tables", "markdown", "--data", "grabcut=GrabCut"], "--data shows images in a page; say where that goes"),
        (["-o", "page.pdf"], "the page is written as .html, .htm, .md, got the name 'page.pdf'"),
        (["-o", "page.html", "--model", "default"], "--model draws answers into images; say where they are"),
        (["-o", "page.html", "--data", "GrabCut"], "--data wants NAME=FOLDER, such as grabcut=data/GrabCut"),
        (["-o", "page.md", "--data", "grabcut=GrabCut"], "Markdown holds the tables alone; --data goes with"),
        (["-o", "page.html", "--data", "davis=GrabCut"], "no run is of 'davis'; there are grabcut"),
        (["-o", "page.html", "--data", "grabcut=nowhere"], "nowhere is not laid out as grabcut"),
        (["-o", "page.html", "--data", "grabcut=other"], "other is not the data of run: names and sizes of its files"),
        (["-o", "page.html", "run"], "run and run would fill the same cells of every table"),
        (["-o", "page.html", "nowhere"], "the records nowhere cannot be read: No such file or directory"),
        (["-o", "page.html", "broken"], "broken/records.jsonl.gz holds no records of an evaluation, or they are"),
    ],
)
@pytest.mark.usefixtures("its_run")
def test_a_report_that_cannot_be(
    words: list[str], sentence: str, grabcut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    broken = write_run(tmp_path / "broken") / RECORDS
    broken.write_bytes(broken.read_bytes()[:-10])
    for folder in ("data_GT", "boundary_GT"):
        (tmp_path / "other" / folder).mkdir(parents=True)
        name = f"{folder}/one.png"
        (tmp_path / "other" / name).write_bytes((grabcut / name).read_bytes())
    result = report("run", *words)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: {sentence}")
    assert not list(tmp_path.glob("page.*"))


def test_reports_need_no_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys, vpuformer.evaluation.report, vpuformer.evaluation.human, vpuformer.evaluation.report.panels;"
        " sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
