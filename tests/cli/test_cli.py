"""The command line: results, error sentences, and modules that stay unloaded."""

import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from typer.testing import Result

from support.commands import vpuformer
from vpuformer.cli.prompts import gather_prompts
from vpuformer.model.config import VARIANTS
from vpuformer.prompts import Box, Click, Scribble, prompt_to_dict
from vpuformer.training.recipe import Recipe

COMMANDS = [
    "segment",
    "predict",
    "annotate",
    "precompute",
    "export-masks",
    "count",
    "evaluate",
    "merge",
    "report",
    "finetune",
    "train",
    "export",
    "export-network",
    "push",
    "info",
    "import",
    "data",
]
HEAVY = {"torch", "torchvision", "timm", "cv2", "skimage", "scipy", "numpy", "PIL", "lightning_fabric"}


def refused(*words: object) -> str:
    """The one line in which the command says what was wrong."""
    result = vpuformer(*words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that cannot be loaded, so that errors must be found before."""
    from vpuformer.inference.segment import VPUFormerSegmenter

    def unreachable(*_: object, **__: object) -> None:
        raise AssertionError("the network was loaded")

    monkeypatch.setattr(VPUFormerSegmenter, "from_pretrained", unreachable)


# --- help ---------------------------------------------------------------------------------------------------------


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import json, sys; from vpuformer.cli import app\n"
        f"for words in [['--help'], ['--version'], *([command, '--help'] for command in {COMMANDS!r})]:\n"
        "    try: app(words)\n"
        "    except SystemExit as end: assert not end.code\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not set(json.loads(ran.stdout.splitlines()[-1])) & HEAVY
    for command in COMMANDS:
        assert f"vpuformer {command} [OPTIONS]" in ran.stdout.replace("-c ", "vpuformer ")


def test_the_commands_are_these_and_each_says_what_it_does() -> None:
    listed = vpuformer("--help").stdout.partition("Commands:")[2].splitlines()
    assert [line.split()[0] for line in listed if line] == COMMANDS
    assert all(len(line.split()) > 3 for line in listed if line)


def test_the_version_is_printed() -> None:
    from vpuformer import __version__

    assert vpuformer("--version").stdout == f"{__version__}\n"


def test_a_misspelt_option_is_refused_without_a_traceback() -> None:
    result = vpuformer("segment", "a.png", "--clik", "1,2")
    assert result.exit_code == 2
    assert "--clik" in result.stderr


def test_python_m_vpuformer_is_the_same_program() -> None:
    ran = subprocess.run([sys.executable, "-m", "vpuformer", "--version"], check=True, capture_output=True, text=True)
    assert ran.stdout == vpuformer("--version").stdout


# --- prompts ------------------------------------------------------------------------------------------------------


def test_every_kind_of_prompt_can_be_written_and_mixed(tmp_path: Path) -> None:
    file = tmp_path / "prompts.json"
    given = [Click(1, 2), Box(1, 2, 3, 4, positive=False)]
    file.write_text(json.dumps([prompt_to_dict(prompt) for prompt in given]))
    gathered = gather_prompts(
        file, ["-1,5", "3.5,4"], ["7,8"], ["0,0,9,9"], ["1,1,2,2"], ["1,1 5,5 9,1"], [" 2,2  3,3 "]
    )
    assert gathered == (
        Click(1, 2),
        Box(1, 2, 3, 4, positive=False),
        Box(0, 0, 9, 9),
        Box(1, 1, 2, 2, positive=False),
        Scribble(((1, 1), (5, 5), (9, 1))),
        Scribble(((2, 2), (3, 3)), positive=False),
        Click(-1, 5),
        Click(3.5, 4),
        Click(7, 8, positive=False),
    )


# --- segment ------------------------------------------------------------------------------------------------------


def test_all_prompts_are_used_in_one_pass(image_file: Path, model: Path, tmp_path: Path) -> None:
    from vpuformer.images import read_image, read_mask
    from vpuformer.inference.predictor import Predictor

    mask, overlay = tmp_path / "mask.png", tmp_path / "overlay.jpg"
    words = ["--click", "30,20", "--negative-click", "2,2", "--box", "14,9,46,31", "--scribble", "20,20 40,20"]
    result = vpuformer("segment", image_file, *words, "--model", model, "-o", mask, "--overlay", overlay, "--json")
    assert result.exit_code == 0, result.output

    prompts = [Box(14, 9, 46, 31), Scribble(((20, 20), (40, 20))), Click(30, 20), Click(2, 2, positive=False)]
    predictor = Predictor.from_pretrained(model, device="cpu")
    predictor.set_image(image_file)
    wanted = predictor.predict(prompts).mask
    assert np.array_equal(read_mask(mask), wanted.astype(np.float32))
    assert read_image(overlay).shape == (48, 64, 3)

    summary = json.loads(result.stdout)
    assert summary["mask"] == str(mask)
    assert summary["overlay"] == str(overlay)
    assert summary["model"] == str(model)
    assert summary["area"] == wanted.sum()
    given = [Box(14.0, 9.0, 46.0, 31.0), prompts[1], Click(30.0, 20.0), Click(2.0, 2.0, positive=False)]
    assert summary["prompts"] == [prompt_to_dict(prompt) for prompt in given]
    assert summary["seconds"] >= 0
    x0, y0, x1, y1 = summary["bounding_box"]
    assert wanted[round(y0 + 0.5) : round(y1 + 0.5), round(x0 + 0.5) : round(x1 + 0.5)].sum() == wanted.sum()


def test_a_mask_can_be_corrected_in_place(
    image_file: Path, model: Path, tmp_path: Path, truth: npt.NDArray[np.int8]
) -> None:
    from vpuformer.images import read_mask, write_mask

    mask = tmp_path / "mask.png"
    write_mask(mask, truth == 1)
    result = vpuformer("segment", image_file, "--mask", mask, "--model", model, "-o", mask, "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"mask: {mask}\nobject: ")
    assert read_mask(mask).shape == (48, 64)


def test_all_prompts_that_correct_a_mask_are_new(
    image_file: Path, model: Path, tmp_path: Path, truth: npt.NDArray[np.int8], monkeypatch: pytest.MonkeyPatch
) -> None:
    from vpuformer.images import write_mask
    from vpuformer.inference.segment import VPUFormerSegmenter

    write_mask(tmp_path / "mask.png", truth == 1)
    asked, segment = [], VPUFormerSegmenter.segment
    monkeypatch.setattr(
        VPUFormerSegmenter, "segment", lambda self, queries: (asked.extend(queries), segment(self, queries))[1]
    )
    words = ("--mask", tmp_path / "mask.png", "--click", "3,4", "--negative-click", "60,40", "--model", model)
    result = vpuformer("segment", image_file, *words, "--json", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert len(asked[0].new_prompts) == 2


@pytest.mark.usefixtures("no_network")
def test_a_negative_number_is_a_coordinate_and_no_option(image_file: Path) -> None:
    said = refused("segment", image_file, "--click", "-1,5", "--json")
    assert said.startswith("a click at (-1, 5) lies outside the image, which is 64 pixels wide and 48 high")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "no prompt given; show the object with --click X,Y, --box X0,Y0,X1,Y1"),
        (["--click", "30"], "--click wants X,Y in pixels of the image, got '30'"),
        (["--negative-click", "a,b"], "--negative-click wants X,Y in pixels of the image, got 'a,b'"),
        (["--click", "nan,3"], "a click has a coordinate that is not a finite number"),
        (["--box", "1,2,3"], "--box wants X0,Y0,X1,Y1 in pixels of the image, got '1,2,3'"),
        (["--box", "40,10,20,30"], "a box needs x0 < x1 and y0 < y1, got x0=40, y0=10, x1=20, y1=30"),
        (["--negative-box", "4,10,4,30"], "a box needs x0 < x1 and y0 < y1, got x0=4"),
        (["--box", "-30,-30,-10,-10"], "a box at (-30, -30) to (-10, -10) lies outside the image"),
        (["--scribble", ""], "a scribble needs at least one point, got none"),
        (["--scribble", "1,2 3"], "--scribble wants X,Y X,Y ... in pixels of the image, got '3'"),
        (["--negative-scribble", "99,99 120,99"], "a scribble at (99, 99) to (120, 99) lies outside the image"),
        (["--click", "64,20"], "a click at (64, 20) lies outside the image, which is 64 pixels wide and 48 high"),
        (["--prompts", "missing.json"], "the list of prompts missing.json cannot be read: No such file or directory"),
        (["--click", "3,4", "--mask", "missing.png"], "there is no file missing.png"),
        (["--click", "3,4", "-o", "missing/mask.png"], "cannot write the mask to missing/mask.png: there is no folder"),
        (["--click", "3,4", "-o", "mask.jpg"], "the mask is written as .png, got the name 'mask.jpg'"),
        (["--click", "3,4", "-o", "folder.png"], "cannot write the mask to folder.png: it is a folder"),
        (["--click", "3,4", "-o", "image.png"], "image.png is named twice, and writing it would overwrite"),
        (["--click", "3,4", "--overlay", "image.png"], "image.png is named twice, and writing it would overwrite"),
        (["--click", "3,4", "-o", "a.png", "--overlay", "a.png"], "a.png is named twice, and writing it would"),
        (["--click", "3,4", "--overlay", "a.txt"], "the overlay is written as .png, .jpg, .jpeg, .webp, .bmp"),
        (["--prompts", "image.png"], "image.png: the list of prompts is not JSON"),
        (["--prompts", "list.json"], "list.json: the type of a prompt is one of click, box, scribble, got 'lasso'"),
    ],
)
@pytest.mark.usefixtures("no_network", "image_file")
def test_what_cannot_be_used_is_refused_in_one_line_before_the_network_is_loaded(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "list.json").write_text('[{"type": "lasso"}]')
    before = sorted(tmp_path.iterdir())
    assert refused("segment", "image.png", "--json", *words).startswith(sentence)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.usefixtures("no_network")
def test_images_and_masks_that_cannot_be_used(image_file: Path, tmp_path: Path) -> None:
    missing, broken, small = tmp_path / "no.png", tmp_path / "broken.jpg", tmp_path / "small.png"
    broken.write_bytes(b"\xff\xd8\xff\xe0 and then nothing")
    Image.new("L", (32, 24)).save(small)
    assert refused("segment", missing, "--click", "3,4", "--json").startswith(f"there is no file {missing}")
    assert str(broken) in refused("segment", broken, "--click", "3,4", "--json")
    said = refused("segment", image_file, "--mask", small, "--json")
    assert "small.png" in said
    assert "64" in said
    assert "32" in said


def test_nothing_to_write_is_refused(image_file: Path) -> None:
    assert refused("segment", image_file, "--click", "3,4").startswith("nothing to write; say where the mask goes")


def test_an_unknown_model_or_device_is_refused(image_file: Path, model: Path) -> None:
    said = refused("segment", image_file, "--click", "3,4", "--json", "--model", "defalt")
    assert said.startswith("no model called 'defalt'")
    said = refused("segment", image_file, "--click", "3,4", "--json", "--model", model, "--device", "abacus")
    assert said.startswith("the device 'abacus' cannot be used")


def test_a_closed_folder_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image_file: Path) -> None:
    monkeypatch.setattr("os.access", lambda _, mode: mode != os.W_OK)
    said = refused("segment", image_file, "--click", "3,4", "-o", tmp_path / "mask.png")
    assert said.endswith("no permission to write there")


def test_an_interruption_and_a_fault_have_their_own_exit_codes(
    image_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vpuformer.inference.segment import VPUFormerSegmenter

    def fail_with(error: type[BaseException]) -> Result:
        def fail(*_: object, **__: object) -> None:
            raise error("on purpose")

        monkeypatch.setattr(VPUFormerSegmenter, "from_pretrained", fail)
        return vpuformer("segment", image_file, "--click", "3,4", "--json")

    assert fail_with(KeyboardInterrupt).exit_code == 130
    fault = fail_with(ZeroDivisionError)
    assert fault.exit_code == 1
    assert isinstance(fault.exception, ZeroDivisionError)


# --- info ---------------------------------------------------------------------------------------------------------


def test_info_describes_a_model(model: Path) -> None:
    facts = json.loads(vpuformer("info", model, "--json").stdout)
    assert {"python", "vpuformer", "torch"} <= set(facts["versions"])
    assert facts["device"] in {"cpu", "cuda"}
    described = facts["models"][str(model)]
    assert len(described["sha256"]) == 64
    assert described["config"]["input_size"] == 64
    assert described["metadata"] == {"dataset": "none"}

    shown = vpuformer("info", model).stdout
    assert f"sha256: {described['sha256']}" in shown
    assert "input: 64 x 64 pixels" in shown
    assert "dataset: none" in shown


def test_info_lists_the_models_that_are_installed() -> None:
    from vpuformer.model.manifest import list_models

    facts = json.loads(vpuformer("info", "--json").stdout)
    assert list(facts["models"]) == list_models()
    assert vpuformer("info").stdout.startswith("python ")


def test_info_lists_the_names_that_commands_accept() -> None:
    from vpuformer.model.encoders import BACKBONES

    facts = json.loads(vpuformer("info", "--json").stdout)
    assert facts["image_encoders"] == list(BACKBONES)
    assert "sbd_mit_b0" in facts["recipes"]
    assert "cocolvis" in facts["training_sets"]
    assert "grabcut" in facts["evaluation_sets"]
    assert "opencv-grabcut" in facts["baselines"]
    assert facts["extras"]["app"]
    assert "evaluation sets: grabcut, berkeley, " in vpuformer("info").stdout


def test_info_needs_no_torch_on_a_machine_without_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpuformer.inference.runtimes.may_have_accelerator", lambda: False)
    monkeypatch.setitem(sys.modules, "vpuformer.model.device", None)
    assert json.loads(vpuformer("info", "--json").stdout)["device"] == "cpu"


def test_info_refuses_an_unknown_model() -> None:
    assert refused("info", "defalt").startswith("no model called 'defalt'")


# --- evaluate -----------------------------------------------------------------------------------------------------


def test_a_baseline_is_evaluated(grabcut: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "baseline"
    words = ["--dataset", "GrabCut", "--root", grabcut, "--output", folder, "--baseline", "opencv-grabcut"]
    result = vpuformer("evaluate", *words, "--prompts", "click+scribble", "--first", "box", "--max-prompts", 3)
    assert result.exit_code == 0, result.output
    assert "NoI@90" in result.stdout
    assert "box, then click + scribble" in result.stdout

    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["dataset"], summary["model"], summary["objects"]) == ("grabcut", "opencv-grabcut", 2)
    assert summary["prompts"]["box"] == 2
    assert summary["IoU@1"] > 0.9
    assert summary["weights_sha256"] is None

    from vpuformer.evaluation.records import read_records

    records = read_records(folder / "records.jsonl.gz")
    assert [record.name for record in records.objects] == ["grabcut/one", "grabcut/two"]
    assert sorted(path.name for path in folder.iterdir()) == ["records.jsonl.gz", "summary.json"]


def test_a_network_is_evaluated_on_some_objects(grabcut: Path, model: Path, tmp_path: Path) -> None:
    words = ["--dataset", "grabcut", "--root", grabcut, "--output", tmp_path / "run", "--model", model]
    result = vpuformer("evaluate", *words, "--limit", 1, "--max-prompts", 2, "--no-zoom", "--device", "cpu")
    assert result.exit_code == 0, result.output
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (summary["model"], summary["objects"], summary["options"]) == (str(model), 1, {"zoom": False})
    assert summary["weights_sha256"] == json.loads((model / "config.json").read_text())["sha256"]
    assert summary["device"].startswith("cpu, ")


def test_the_fields_protocol_is_recorded(grabcut: Path, model: Path, tmp_path: Path) -> None:
    words = ["--dataset", "grabcut", "--root", grabcut, "--output", tmp_path / "run", "--max-prompts", 2]
    ours = ["--model", model, "--zoom-rule", "ritm", "--flip", "--no-steady", "--input-size", 96, "--device", "cpu"]
    assert vpuformer("evaluate", *words, *ours).exit_code == 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["options"] == {
        "zoom": True,
        "zoom_rule": "ritm",
        "flip": True,
        "input_size": 96,
        "steady": False,
    }
    assert summary["corrected"] == 0
    for wrong in (["--zoom-rule", "rtim"], ["--zoom-rule", "ritm", "--no-zoom"], ["--input-size", 8]):
        assert vpuformer("evaluate", *words, "--model", model, *wrong).exit_code == 2
    assert vpuformer("evaluate", *words, "--model", model, "--input-size", 100_000).exit_code == 2
    for ours in (
        ["--flip"],
        ["--no-zoom"],
        ["--input-size", 96],
        ["--no-steady"],
        ["--zoom-rule", "ritm"],
        ["--model", model],
        ["--runtime", "onnx"],
    ):
        refused = vpuformer("evaluate", *words, "--baseline", "opencv-grabcut", *ours)
        assert refused.exit_code == 2
        assert "are options of VPUFormer, not of opencv-grabcut" in refused.stderr


def test_a_run_is_not_continued_with_other_corrections(grabcut: Path, model: Path, tmp_path: Path) -> None:
    words = ["--dataset", "grabcut", "--root", grabcut, "--output", tmp_path, "--model", model, "--max-prompts", 1]
    assert vpuformer("evaluate", *words, "--no-steady").exit_code == 0
    records = tmp_path / "records.jsonl.gz"
    records.with_name(records.name + ".partial").write_bytes(gzip.decompress(records.read_bytes()))
    assert "belongs to another run, which differs in options" in refused("evaluate", *words)


@pytest.fixture
def coco(tmp_path: Path, image: npt.NDArray[np.uint8]) -> Path:
    """A COCO set `toys` of two images with an object each; the split validates on the second."""
    root = tmp_path / "sets"
    (root / "toys" / "images").mkdir(parents=True)
    polygon = [15, 12, 45, 12, 45, 28, 15, 28]
    names = ("a.png", "b.png")
    for name in names:
        Image.fromarray(image).save(root / "toys" / "images" / name)
    annotations = {
        "images": [{"id": i, "file_name": name, "width": 64, "height": 48} for i, name in enumerate(names)],
        "annotations": [{"id": i + 7, "image_id": i, "segmentation": [polygon]} for i in range(len(names))],
    }
    (root / "toys" / "annotations.json").write_text(json.dumps(annotations))
    split = {"pictures": {"toys": ["b.png"]}, "objects": [{"set": "toys", "file": "b.png", "annotation": 8}]}
    (root / "split.json").write_text(json.dumps(split))
    return root


def test_sets_of_ones_own_are_evaluated(coco: Path, tmp_path: Path) -> None:
    words = ["--dataset", "coco", "--root", coco, "--baseline", "opencv-grabcut", "--max-prompts", 1]
    assert vpuformer("evaluate", *words, "-o", tmp_path / "all").exit_code == 0
    assert json.loads((tmp_path / "all" / "summary.json").read_text())["objects"] == 2
    assert vpuformer("evaluate", *words, "-o", tmp_path / "some", "--split", coco / "split.json").exit_code == 0
    assert json.loads((tmp_path / "some" / "summary.json").read_text())["objects"] == 1


def test_an_interrupted_evaluation_goes_on(grabcut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vpuformer.evaluation.baselines.grabcut import GrabCut
    from vpuformer.inference.protocol import Encoded

    words = ["--dataset", "grabcut", "--root", grabcut, "-o", tmp_path]
    words += ["--baseline", "opencv-grabcut", "--max-prompts", 1]
    started: list[object] = []
    start = GrabCut.encode

    def interrupted(self: GrabCut, image: npt.NDArray[np.uint8]) -> Encoded:
        started.append(image)
        if len(started) == 2:
            raise KeyboardInterrupt
        return start(self, image)

    monkeypatch.setattr(GrabCut, "encode", interrupted)
    assert vpuformer("evaluate", *words).exit_code == 130
    assert not (tmp_path / "summary.json").exists()
    assert vpuformer("evaluate", *words).exit_code == 0
    assert len(started) == 3
    assert json.loads((tmp_path / "summary.json").read_text())["objects"] == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--dataset", "grabcat"], "no data set called 'grabcat'; there are berkeley, brats, coco, "),
        (["--prompts", "click+lasso"], "no kind of prompt called 'lasso'; there are box, click, scribble"),
        (["--first", "lasso"], "no kind of prompt called 'lasso'"),
        (["--baseline", "grabcut"], "no baseline called 'grabcut'; there are "),
        (["--baseline", "random-walker", "--device", "cuda"], "--device is for VPUFormer and sam, sam2, sam-hq, not"),
        (["--root", "nowhere"], "nowhere is not laid out as grabcut"),
        (["--limit", "0"], "--limit is at least 1, got 0"),
        (["--stop-at-iou", "85", "--baseline", "opencv-grabcut"], "--stop-at-iou=85 must be an IoU above 0"),
        (["--max-prompts", "0"], "--max-prompts=0 must be at least 1"),
        (["--input-size", "8"], "--input-size=8 must lie between"),
        (["--output", "file.txt"], "cannot make the folder file.txt for the results: File exists; name another"),
        (["--output", "GrabCut/run"], "where results would count as data; name a folder elsewhere"),
        (["--split", "x.json"], "grabcut is evaluated as a whole; --split goes with --dataset coco"),
        (["--model", "defalt"], "no model called 'defalt'"),
    ],
)
def test_an_evaluation_that_cannot_be(
    words: list[str], sentence: str, grabcut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").touch()
    usual = ["--dataset", "grabcut", "--root", grabcut, "--output", "run"]
    assert sentence in refused("evaluate", *usual, *words)


# --- train --------------------------------------------------------------------------------------------------------


@pytest.fixture
def recipes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Recipe, bool]]:
    """What the command hands to the training loop, instead of being trained."""
    import vpuformer.training.loop

    seen: list[tuple[Recipe, bool]] = []

    def train(recipe: Recipe, *, resume: bool, **_: object) -> None:
        seen.append((recipe, resume))

    monkeypatch.setattr(vpuformer.training.loop, "train", train)
    return seen


def test_options_become_a_recipe(recipes: list[tuple[Recipe, bool]], coco: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    result = vpuformer("train", "--data", coco, "-o", first, "--steps", 5, "--variant", "paper", "--lr", 0.001)
    assert result.exit_code == 0, result.output
    weights = first / "weights"
    assert result.stdout == f"model: {weights}\nto run it without PyTorch: vpuformer export-network {weights}\n"
    made, resumed = recipes[-1]
    assert made == Recipe(data=str(coco), output=str(first), steps=5, lr=0.001, model=VARIANTS["paper"])
    assert not resumed

    (first / "recipe.json").write_text(json.dumps(made.to_dict()))
    assert vpuformer("train", first / "recipe.json", "-o", second, "--seed", 3).exit_code == 0
    assert recipes[-1] == (replace(made, output=str(second), seed=3), False)
    assert vpuformer("train", "--resume", "-o", first).exit_code == 0
    assert recipes[-1] == (made, True)


def test_fine_tuning_takes_the_shape_of_its_model(
    recipes: list[tuple[Recipe, bool]], model: Path, coco: Path, tmp_path: Path
) -> None:
    assert vpuformer("train", "--data", coco, "-o", tmp_path / "run", "--init", model).exit_code == 0
    assert recipes[-1][0].model.dim == 32
    assert recipes[-1][0].init == str(model)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "no data to train on; give the folder of the sets with --data FOLDER"),
        (["--data", "sets", "--steps", "0"], "--steps=0 must be at least 1"),
        (["--data", "sets", "--interactions", "0"], "--interactions=0 must be at least 1"),
        (["--data", "sets", "--set", "interaction.interactions=0"], "interaction.interactions=0 must be"),
        (["--data", "sets", "--precision", "x"], "a setting is of the wrong type: --precision='x' should be"),
        (["--data", "sets", "--variant", "papr"], "no variant called 'papr'; there are default, paper. Did you mean"),
        (["missing.json"], "the recipe missing.json cannot be read: No such file or directory"),
        (["list.json"], "the recipe list.json is not a JSON object of settings"),
        (["text.json"], "the recipe text.json is not JSON"),
        (["other.json"], "the recipe other.json has settings that this version does not know (stepz)"),
        (["wrong.json"], "a setting is of the wrong type"),
        (["--resume"], "there is no run to resume in run: recipe.json is missing"),
        (["--resume", "other.json"], "--resume continues with the recipe of its folder"),
        (["sbd_vit_b", "--variant", "default"], "sbd_vit_b has a network of its own; leave --variant out"),
        (["--data", "sets", "--init", "defalt"], "no model called 'defalt'"),
        (["--data", "sets", "--output", "text.json"], "cannot make the folder text.json for the run: File exists"),
    ],
)
def test_a_training_that_cannot_be(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (
        ("list.json", "[]"),
        ("text.json", "steps: 3"),
        ("other.json", '{"data": "sets", "stepz": 3}'),
        ("wrong.json", '{"data": "sets", "steps": "3"}'),
    ):
        (tmp_path / name).write_text(text)
    assert refused("train", "--output", "run", *words).startswith(sentence)


def test_training_says_what_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpuformer.extras.find_spec", lambda _: None)
    said = refused("train", "--data", "sets", "--output", tmp_path / "run")
    assert said.startswith("training needs filelock, scipy, ")
    assert said.endswith(", lightning_fabric, tensorboard; install it with: pip install 'vpuformer[train]'")


# --- masks to correct, and what is not shown of an image ---------------------------------------------------------


def test_a_label_of_a_map_is_chosen(
    image_file: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    values = np.zeros((48, 64), np.uint16)
    values[10:30, 10:30], values[35:45, 40:60] = 1, 300
    Image.fromarray(values).save("labels.png")
    words = ["segment", image_file, "--model", model, "--mask", "labels.png", "--json"]
    assert refused(*words) == (
        "labels.png holds 2 labels: 1, 300; choose one with --mask-label, such as --mask-label 1"
    )
    said = json.loads(vpuformer(*words, "--mask-label", "300").stdout)
    assert said["notes"][:1] == ["labels.png is read as 2 labels: 1, 300, of which 300 is the object"]
    assert "has no label 2, it holds 2 labels: 1, 300" in refused(*words, "--mask-label", "2")
    assert "a whole number, or a colour such as #ff8000, got 'two'" in refused(*words, "--mask-label", "two")
    assert "give a mask too" in refused("segment", image_file, "--click", "3,4", "--json", "--mask-label", "2")


@pytest.mark.parametrize(("value", "remark"), [(0, "no pixel is object"), (255, "every pixel is object")])
def test_a_mask_of_no_pixel_or_of_every_pixel_is_reported(
    value: int, remark: str, image_file: Path, model: Path, tmp_path: Path
) -> None:
    Image.new("L", (64, 48), value).save(tmp_path / "mask.png")
    words = ("--mask", tmp_path / "mask.png", "--model", model, "-o", tmp_path / "a.png")
    result = vpuformer("segment", image_file, *words)
    assert result.exit_code == 0, result.output
    assert f": {remark}\n" in result.stdout


def test_what_is_not_shown_of_an_image_is_reported(model: Path, tmp_path: Path) -> None:
    import tifffile

    values = np.random.default_rng(0).integers(900, 4000, (48, 64, 2), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", planarconfig="contig")
    result = vpuformer("segment", tmp_path / "a.tif", "--click", "30,20", "--model", model, "-o", tmp_path / "b.png")
    assert f"note: {tmp_path / 'a.tif'}: the first of 2 channels\n" in result.stdout
    assert ": 16 bits per channel: shown from " in result.stdout
