"""`vpuformer annotate`: the server that it starts, and the arguments that it refuses."""

import json
import re
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import vpuformer
from vpuformer.app.annotation.background_segmenter import BackgroundSegmenter
from vpuformer.app.http.browser import open_page
from vpuformer.app.http.serving import bind, is_loopback
from vpuformer.app.images.folder import Folder
from vpuformer.app.store.rows import LabelSettings
from vpuformer.app.store.store import FILE, Store
from vpuformer.errors import CheckpointError, ConfigError
from vpuformer.formats.attributes import Attribute
from vpuformer.prompts import Click

ROOT = Path(__file__).parents[2]


def refused(*words: object) -> str:
    result = vpuformer("annotate", *words, "--no-browser")
    assert result.exit_code == 2, result.output
    assert len(result.stderr.splitlines()) == 1
    return result.stderr


def test_what_cannot_be_annotated_is_said_in_one_line(image_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("no image")
    assert "there is no" in refused(tmp_path / "missing")
    assert "holds no image" in refused(tmp_path / "empty")
    assert "cannot be read as an image" in refused(tmp_path / "text.png")
    assert "no model called 'nosuch'" in refused(image_folder, "--model", "nosuch")
    assert "at most 200 characters" in refused(image_folder, "--labels", "a" * 201)
    assert "cannot be seen" in refused(image_folder, "--labels", "cat,a\nb")
    for name in ("labels.json", "labels.txt"):
        assert name in refused(image_folder, "--labels", tmp_path / name)
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    assert "save it as UTF-8" in refused(image_folder, "--labels", tmp_path / "latin.txt")
    assert "cannot be used" in refused(image_folder, "--store", tmp_path / "no" / "x.sqlite")
    assert "no address" in refused(image_folder, "--host", "no.such.address.invalid")
    assert "the device 'abacus'" in refused(image_folder, "--device", "abacus")


def test_images_of_formats_that_are_not_read_are_reported(image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (image_folder / "phone.HEIC").write_bytes(b"")
    monkeypatch.setattr("vpuformer.app.http.serving.serve", lambda _, store, *__, **___: store.close())
    result = vpuformer("annotate", image_folder, "--no-browser")
    assert "left out: 1 .heic image, a format that is not read; convert to JPEG or PNG" in result.stderr


def test_without_a_folder_a_copy_of_the_photographs_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[tuple[tuple[str, ...], bool]] = []

    def serve(folder: Folder, store: Store, *_: object, hints: bool, **__: object) -> None:
        served.append((folder.names, hints))
        store.close()

    monkeypatch.setattr("vpuformer.app.http.serving.serve", serve)
    monkeypatch.chdir(tmp_path)
    result = vpuformer("annotate", "--no-browser")
    copy = tmp_path / "vpuformer-examples"
    assert f"no folder was given: opening three photographs, copied to {copy}\n" in result.output
    (copy / "coffee.jpg").write_bytes((copy / "chelsea.jpg").read_bytes())
    assert vpuformer("annotate", "--no-browser").exit_code == 0
    assert (copy / "coffee.jpg").read_bytes() == (copy / "chelsea.jpg").read_bytes()
    assert vpuformer("annotate", copy, "--no-browser").exit_code == 0
    names = ("astronaut.jpg", "chelsea.jpg", "coffee.jpg")
    assert served == [(names, True), (names, True), (names, False)]


def test_the_wheel_has_the_photographs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    photographs = {
        f"examples/{path.name}": f"vpuformer/examples/{path.name}" for path in (ROOT / "examples").glob("*.jpg")
    }
    assert included == photographs | {"examples/README.md": "vpuformer/examples/README.md"}


def test_a_read_only_view_adds_no_labels(image_folder: Path) -> None:
    assert "leave one of them out" in refused(image_folder, "--read-only", "--labels", "cat")


def test_a_window_is_kept(image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vpuformer.app.http.serving.serve", lambda _, store, *__, **___: store.close())
    for words in (("--window", "40,400"), ()):
        assert vpuformer("annotate", image_folder, *words, "--no-browser").exit_code == 0
        store = Store(image_folder / FILE)
        assert store.window == (40, 400)
        store.close()
    assert "leave one out" in refused(image_folder, "--read-only", "--window", "40,400")
    assert "CENTER,WIDTH" in refused(image_folder, "--window", "40")


def test_labels_come_from_a_file_and_what_people_have_changed_stays(
    image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vpuformer.app.http.serving.serve", lambda _, store, *__, **___: store.close())
    side = {"name": "side", "input_type": "radio", "values": ["left", "right"]}
    content = {"labels": [{"name": "car", "color": "#FF0000", "attributes": [side]}, "dog"], "tags": ["night"]}
    file = tmp_path / "labels.json"
    file.write_text(json.dumps(content))
    command = ("annotate", image_folder, "--labels", file, "--no-browser")
    assert vpuformer(*command).exit_code == 0
    store = Store(image_folder / FILE)
    store.change_label(1, colour="#00ff00", group="vehicles")
    store.set_label_settings(LabelSettings(tags=("fog",)))
    content["labels"][0]["attributes"].append({"name": "doors", "input_type": "number"})
    file.write_text(json.dumps(content))
    assert vpuformer(*command).exit_code == 0
    car, dog = store.labels()
    assert (car.colour, car.group, dog.attributes) == ("#00ff00", "vehicles", ())
    assert car.attributes == (Attribute("side", "choice", ("left", "right")), Attribute("doors", "number"))
    assert store.label_settings() == LabelSettings(tags=("fog", "night"))
    store.close()


def test_labels_come_from_a_text_file_with_one_a_line(
    image_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vpuformer.app.http.serving.serve", lambda _, store, *__, **___: store.close())
    file = tmp_path / "Classes.TXT"
    file.write_bytes("\ufeffcar, red\r\n\r\n dog \ncar, red\n".encode())
    assert vpuformer("annotate", image_folder, "--labels", file, "--no-browser").exit_code == 0
    store = Store(image_folder / FILE)
    assert [label.name for label in store.labels()] == ["car, red", "dog"]
    store.close()


def test_a_port_that_is_taken_is_refused_if_it_was_asked_for(image_folder: Path) -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert f"the port {port} of 127.0.0.1 cannot be used" in refused(image_folder, "--port", port)
        with pytest.raises(ConfigError, match="choose another with --port"):
            bind("127.0.0.1", port)
        with bind("127.0.0.1", port, any_free=True) as other:
            assert other.getsockname()[1] != port


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("0.0.0.0", False), ("::", False)]
)
def test_which_addresses_are_of_this_machine_alone(host: str, local: bool) -> None:
    assert is_loopback(host) == local


def test_a_network_answers(model: Path) -> None:
    import numpy as np

    from vpuformer.inference.prediction import Prediction
    from vpuformer.inference.protocol import Query

    segmenter = BackgroundSegmenter(str(model), "cpu")
    encoded = segmenter.encode(np.zeros((40, 60, 3), np.uint8))
    [answer] = segmenter.segment([Query(encoded, [Click(30, 20)])])
    assert answer.logits is not None
    again = Prediction.from_logits(answer.logits, answer.crop, encoded.size)
    assert np.array_equal(again.probability, answer.probability)
    assert len(segmenter.sha256) == 64


def test_a_image_is_counted_with_all_the_features_that_it_may_come_to_hold(model: Path) -> None:
    import numpy as np

    from vpuformer.inference.encoded import MAX_CROPS, EncodedImage
    from vpuformer.inference.protocol import Query

    segmenter = BackgroundSegmenter(str(model), "cpu")
    encoded = segmenter.encode(np.zeros((400, 600, 3), np.uint8))
    assert isinstance(encoded, EncodedImage)
    counted = encoded.nbytes
    for left in range(0, 500, 25):
        mask = np.zeros((400, 600), np.float32)
        mask[100:200, left : left + 100] = 1
        segmenter.segment([Query(encoded, [Click(left + 50, 150)], mask)])
    assert len(encoded._crops) == MAX_CROPS
    features = sum(each.nbytes for kept in (encoded._whole, *encoded._crops.values()) for each in kept)
    assert counted == encoded.nbytes == 400 * 600 * 3 + features


def test_weights_that_are_broken_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        BackgroundSegmenter(str(tmp_path))


@pytest.fixture
def started(image_folder: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "vpuformer", "annotate", str(image_folder), "--no-browser", "--port", "0"]
    process = subprocess.Popen([*command, *request.param], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(r"http://\S+", line)
        if found:
            return found.group()
    raise AssertionError(process.communicate())


def project_at(address: str, token: str | None) -> bytes:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{address.partition('?')[0]}api/project", headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()


@pytest.mark.parametrize("started", [["--labels", "cat,dog"]], indirect=True)
def test_it_starts_and_ends_when_interrupted(started: subprocess.Popen[str], image_folder: Path) -> None:
    address = address_of(started)
    token = address.partition("?token=")[2]
    assert len(token) > 20
    assert b'"cat"' in project_at(address, token)
    with pytest.raises(urllib.error.HTTPError, match="401"):
        project_at(address, None)
    with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(address, timeout=60) as page:
        assert page.url == address.partition("?")[0]
        assert b'id="stage"' in page.read()
    assert (image_folder / "vpuformer.sqlite").is_file()
    started.send_signal(signal.SIGINT)
    said, complaints = started.communicate(timeout=60)
    assert "everything is stored" in said
    assert token not in said + complaints  # but in the line that was read before
    assert (complaints, started.returncode) == ("", 0)


@pytest.mark.parametrize("started", [["--host", "0.0.0.0"]], indirect=True)
def test_an_address_for_others_wants_a_token(started: subprocess.Popen[str]) -> None:
    address = address_of(started)
    token, port = address.partition("?token=")[2], address.rpartition(":")[2].partition("/")[0]
    assert len(token) > 20
    here = f"http://127.0.0.1:{port}/api/project"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(here, timeout=60)
    request = urllib.request.Request(here, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(("program", "opened"), [("w3m", False), ("/usr/bin/lynx", False), ("firefox", True)])
def test_no_text_browser_takes_the_terminal(monkeypatch: pytest.MonkeyPatch, program: str, opened: bool) -> None:
    started: list[str] = []
    browser = webbrowser.GenericBrowser(program)
    monkeypatch.setattr(browser, "open", lambda address: bool(started.append(address)) or True)
    monkeypatch.setattr(webbrowser, "get", lambda: browser)
    assert open_page("http://127.0.0.1:8123/") == opened
    assert started == ["http://127.0.0.1:8123/"] * opened


def test_a_machine_without_a_browser_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def get() -> None:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", get)
    assert not open_page("http://127.0.0.1:8123/")


@pytest.mark.parametrize(
    ("started", "token"),
    [(["--no-token"], None), (["--token", "my-own-secret"], "my-own-secret")],
    indirect=["started"],
)
def test_a_token_of_ones_own_is_not_printed(started: subprocess.Popen[str], token: str | None) -> None:
    address = address_of(started)
    assert address.endswith("/")
    assert b'"a.png"' in project_at(address, token)
    if token is not None:
        with pytest.raises(urllib.error.HTTPError, match="401"):
            project_at(address, None)
    started.send_signal(signal.SIGINT)
    assert "my-own-secret" not in "".join(started.communicate(timeout=60))


def test_tokens_paths_and_names_that_cannot_be_used(image_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "use 8 to 200 letters" in refused(image_folder, "--token", "short")
    assert "secret;word" not in refused(image_folder, "--token", "secret;word")
    assert "contradict each other" in refused(image_folder, "--token", "my-own-secret", "--no-token")
    for path in ("/a b", "/../b", "http://x", "/a//b", "/a?b"):
        assert "is not valid; use letters, digits and slashes" in refused(image_folder, "--root-path", path)
    for name in ("https://images.example.org", "images.example.org:8443", "images.example.org/annotate", ""):
        assert "is not a host name" in refused(image_folder, "--server-name", name)
    monkeypatch.setenv("VPUFORMER_TOKEN", "a")
    assert "use 8 to 200 letters" in refused(image_folder)


def test_the_server_needs_no_torch() -> None:
    code = "import sys, vpuformer.app.http.server, vpuformer.app.http.serving; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"


def test_bind_takes_a_name_and_lets_nothing_wait() -> None:
    with bind("localhost", 0) as bound:
        assert bound.family in (socket.AF_INET, socket.AF_INET6)
        assert bound.proto == socket.IPPROTO_TCP  # asyncio turns Nagle's algorithm off for these alone
