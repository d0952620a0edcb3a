"""The folder that `vpuformer export` writes, and where the files of its runtime come from."""

import io
import json
import re
import tarfile
from dataclasses import replace
from http.client import IncompleteRead
from pathlib import Path

import pytest

from support.commands import vpuformer
from vpuformer.errors import ConfigError, InputError, MissingDependencyError
from vpuformer.inference.graphs import Graphs
from vpuformer.model.manifest import locate
from vpuformer.web import runtime_files as runtime
from vpuformer.web.exporting import export_page

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with files called as those of the runtime."""
    (tmp_path / "package/dist").mkdir(parents=True)
    for name in runtime.FILES:
        (tmp_path / "package/dist" / name).write_text(name)
    return tmp_path / "package"


def test_the_folder_is_complete(tmp_path: Path, package: Path) -> None:
    folder = tmp_path / "page"
    for _ in range(2):  # an earlier page is replaced
        result = vpuformer("export", "--format", "web", "-o", folder, "--runtime-files", package)
        assert result.exit_code == 0, result.output
    assert f"python -m http.server --directory {folder}" in result.stdout
    for name in ("model.safetensors", "encode.onnx", "decode.onnx", "graphs.json", "config.json", "README.md"):
        assert (folder / "model" / name).read_bytes() == (locate("default").parent / name).read_bytes()
    assert (folder / "runtime/ort.js").read_text() == "ort.wasm.min.mjs"
    for page in [folder / "index.html", *folder.rglob("*.js"), *folder.rglob("*.css")]:
        if page.parent.name == "runtime":
            continue
        text = page.read_text("utf-8")
        assert not re.search(r"""(?:src|href|url|import|fetch)\W{1,3}(?:https?:)?//""", text), f"{page} asks elsewhere"
        for name in re.findall(r'(?:^import .* from |(?:src|href)=|new URL\()"([^"#\n]+)"', text, re.M):
            assert (page.parent / name).is_file(), f"{page.name} needs {name}"
    assert not [path for path in folder.rglob("*") if path.name in ("api.js", "session.js", "types.js")]


def test_other_folders_and_networks_are_refused(tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="holds other files; give a new or empty folder"):
        export_page("default", tmp_path, runtime=package)
    graphs = Graphs.read("default")
    config = replace(graphs.manifest.config, dense_prompts="early")
    other = replace(graphs, manifest=replace(graphs.manifest, config=config))
    monkeypatch.setattr(Graphs, "read", lambda _: other)
    with pytest.raises(ConfigError, match="dense_prompts='early'; export another checkpoint"):
        export_page("default", tmp_path / "page", runtime=package)


def test_the_archive_is_downloaded_once_and_checked(
    tmp_path: Path, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = tmp_path / "registry"
    archive = registry / f"onnxruntime-web/-/onnxruntime-web-{runtime.VERSION}.tgz"
    archive.parent.mkdir(parents=True)
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as files:
        files.add(package, "package")
    archive.write_bytes(content.getvalue())
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", registry.as_uri())
    monkeypatch.setenv("VPUFORMER_CACHE", str(tmp_path / "cache"))
    with pytest.raises(MissingDependencyError, match=r"has the digest .*, wanted .*--runtime-files"):
        runtime.runtime_files()
    import base64
    import hashlib

    digest = base64.b64encode(hashlib.sha512(content.getvalue()).digest()).decode()
    monkeypatch.setattr(runtime, "INTEGRITY", f"sha512-{digest}")
    first = runtime.runtime_files()
    archive.unlink()
    assert runtime.runtime_files() == first
    assert [path.read_text() for path in first.values()] == list(runtime.FILES)
    assert not list((tmp_path / "cache").glob("tmp*"))


def test_without_the_archive_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VPUFORMER_CACHE", str(tmp_path / "cache"))
    for registry in (tmp_path.as_uri(), "nowhere"):
        monkeypatch.setenv("NPM_CONFIG_REGISTRY", registry)
        with pytest.raises(MissingDependencyError, match=r"cannot be downloaded .*; unpack the npm package"):
            runtime.runtime_files()

    def cut_off(*_: object, **__: object) -> None:
        raise IncompleteRead(b"", 9)

    monkeypatch.setattr("urllib.request.urlopen", cut_off)
    with pytest.raises(MissingDependencyError, match=r"cannot be downloaded .*; unpack the npm package"):
        runtime.runtime_files()
    with pytest.raises(MissingDependencyError, match=r"has no ort.wasm.min.mjs; give the folder of the npm package"):
        runtime.runtime_files(tmp_path)


def test_the_tests_of_the_page_use_the_same_version() -> None:
    locked = json.loads((ROOT / "page/package-lock.json").read_text())["packages"]["node_modules/onnxruntime-web"]
    assert (locked["version"], locked["integrity"]) == (runtime.VERSION, runtime.INTEGRITY)
