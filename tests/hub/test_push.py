"""Uploads to a server that speaks the Hugging Face Hub's interface, and the cards that go with them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from support.commands import vpuformer
from support.hub_server import TOKEN, Hub
from vpuformer import push_to_hub
from vpuformer.errors import CheckpointError, ConfigError, InputError
from vpuformer.evaluation import RECORDS
from vpuformer.evaluation.records import Interaction, ObjectRecord, Records, RunHeader, write_records
from vpuformer.hub.card import model_card
from vpuformer.model.manifest import FILES, describe, locate, read_manifest
from vpuformer.prompts import Click

pytest.importorskip("huggingface_hub")

from huggingface_hub import ModelCard, constants

# huggingface_hub uploads large files with an argument that its HTTP library no longer likes.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

NAME = "jane/leaves"


@pytest.fixture
def hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The server, to a person who is logged in."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return hub


def write_run(folder: Path, sha256: str | None, kinds: tuple[Any, ...] = ("click",)) -> Path:
    """A run with one object, whose IoU is .5, .86 and .91."""
    header = RunHeader(
        dataset="grabcut", objects=1, data_sha256="ab", model="mine", weights_sha256=sha256, kinds=kinds, command="x"
    )
    steps = tuple(Interaction(Click(k, 1), iou, 0.1) for k, iou in enumerate((0.5, 0.86, 0.91)))
    folder.mkdir(parents=True)
    write_records(folder / RECORDS, Records(header, (ObjectRecord("grabcut/0", 1, (4, 5), 0.2, steps, "grabcut/0"),)))
    return folder


def test_a_model_that_was_pushed_is_the_one_that_others_get(hub: Hub) -> None:
    url = push_to_hub("default", NAME, private=True)
    assert url == f"{hub.url}/{NAME}/commit/{hub.revision(NAME, 'main')}"
    assert hub.private == {NAME}
    assert sorted(hub.newest(NAME)) == sorted([*FILES, "README.md"])
    mine, theirs = describe("default"), describe(NAME)
    assert mine | {"path": ""} == theirs | {"path": ""}
    assert all(
        (locate(NAME).with_name(name)).read_bytes() == locate("default").with_name(name).read_bytes() for name in FILES
    )


def test_pushing_again_makes_a_commit_without_what_is_gone(hub: Hub, model: Path) -> None:
    hub.commit(NAME, dict.fromkeys(("graphs.json", "encode.onnx", "notes.txt"), b"old"))
    push_to_hub(model, NAME, message="Second")
    assert sorted(hub.newest(NAME)) == ["README.md", "config.json", "model.safetensors", "notes.txt"]


def test_the_card(model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model, tmp_path / "model")
    manifest = read_manifest(folder)
    write_run(folder / "evaluation", manifest.sha256)
    write_run(folder / "former", "0" * 64)
    named = write_run(tmp_path / "named", manifest.sha256, ("click", "box"))
    card = ModelCard(model_card(manifest, NAME, licence="cc-by-4.0", results=[named]))
    front = card.data.to_dict()
    assert front["license"] == "cc-by-4.0"
    assert (front["library_name"], front["pipeline_tag"]) == ("vpuformer", "mask-generation")
    assert {"interactive-segmentation", "image-segmentation"} <= set(front["tags"])
    figures = {each.metric_name: each.metric_value for each in card.data.eval_results}
    assert figures["IoU@1, click"] == 0.5
    assert figures["NoC@85, click"] == figures["NoI@85, click + box"] == 2
    assert f'Predictor.from_pretrained("{NAME}")' in card.text
    assert manifest.sha256 in card.text
    assert "| grabcut | 1 | click + box | 0.500 | 0.910 | 2.00 | 3.00 |" in card.text
    assert "| dataset | none |" in card.text
    assert "it has no graphs" in card.text
    with pytest.raises(InputError, match=r"other measured other weights \(1{12}\).*; evaluate this model first"):
        model_card(manifest, NAME, results=[write_run(tmp_path / "other", "1" * 64)])


def test_a_card_of_ones_own_stays(model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model, tmp_path / "model")
    own = folder / "README.md"
    own.write_text("# Leaves\n", encoding="utf-8")
    text = model_card(read_manifest(folder), NAME)
    assert text.startswith("---\nlibrary_name: vpuformer")
    assert text.endswith("---\n\n# Leaves\n")
    card = ModelCard(model_card(read_manifest(folder), NAME))
    assert card.data.eval_results is None
    own.write_text("---\nlicense: mit\n---\n# Leaves\n", encoding="utf-8")
    card = ModelCard(model_card(read_manifest(folder), NAME, licence="cc0-1.0"))
    assert (card.data.license, card.data.library_name, card.text) == ("cc0-1.0", "vpuformer", "# Leaves\n")
    assert ModelCard(model_card(read_manifest(folder), NAME)).data.license == "mit"


def test_the_card_of_a_fine_tuned_model_shows_no_image_and_no_path(model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(model, tmp_path / "model")
    text = "# Cells\n\nvpuformer annotate X --model '/data/my cells'\n\n![Held-out images](panel.png)\n\n## Training\n"
    (folder / "README.md").write_text(text, encoding="utf-8")
    rows = [
        {"name": "IoU after 1 click", "before": 0.5, "after": 0.61234},
        {"name": "NoC@85", "before": 9, "after": 4.5},
    ]
    (folder / "report.json").write_text(json.dumps({"start": "jane/cells", "rows": rows}))
    card = ModelCard(model_card(read_manifest(folder), NAME))
    assert card.text.strip() == f"# Cells\n\nvpuformer annotate X --model {NAME}\n\n## Training"
    assert card.data.base_model == "jane/cells"
    assert [each.metric_value for each in card.data.eval_results] == [0.6123, 4.5]


def test_refusals(hub: Hub, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("leaves", "jane/leaves@v1", "a/b/c"):
        with pytest.raises(ConfigError, match="wanted owner/name"):
            push_to_hub(model, name)
    broken = shutil.copytree(model, tmp_path / "broken")
    with (broken / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"?")
    with pytest.raises(CheckpointError, match="SHA-256"):
        push_to_hub(broken, NAME)
    assert hub.requests == []
    monkeypatch.setenv("HF_TOKEN", "hf_reader")
    with pytest.raises(
        CheckpointError, match=r"you may not write to .*/jane/leaves \(.*\); log in with a token that may"
    ):
        push_to_hub(model, NAME)
    assert hub.repositories == {}
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match=r"jane/leaves cannot be written on .* \(.*refused\); check the network"):
        push_to_hub(model, NAME)


def test_the_command(hub: Hub, model: Path) -> None:
    done = vpuformer("push", model, NAME, "--private", "--license", "mit", "--message", "First")
    assert done.exit_code == 0, done.output
    assert f"pushed {model} to {hub.url}/{NAME}/commit/" in done.stdout
    assert "without graphs, others need PyTorch" in done.stdout
    assert "license: mit" in hub.newest(NAME)["README.md"].decode()
    assert "states no licence" not in done.stdout
    assert vpuformer("info", NAME).exit_code == 0
