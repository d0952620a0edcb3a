"""A server with the part of the Hugging Face Hub's interface that downloads and uploads of a model use."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Files = dict[str, bytes]

TOKEN = "hf_test"
"""The token that may write."""


@dataclass
class Hub:
    """Repositories of a server, what was asked of it, and its faults."""

    repositories: dict[str, dict[str, Files]] = field(default_factory=dict)
    """Files of each commit, the newest last, by repository and hash."""
    gated: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path, and range of each request."""
    cuts: int = 0
    """How many of the next downloads of weights end half way."""
    url: str = ""
    _uploads: Files = field(default_factory=dict)

    def commit(self, repository: str, files: Files) -> str:
        """Add a commit; returns its hash."""
        commits = self.repositories.setdefault(repository, {})
        number = hashlib.sha1(f"{repository}{len(commits)}".encode()).hexdigest()
        commits[number] = files
        return number

    def newest(self, repository: str) -> Files:
        return next(reversed(self.repositories[repository].values()), {})

    def revision(self, repository: str, name: str) -> str | None:
        commits = self.repositories[repository]
        return next(reversed(commits), "0" * 40) if name == "main" else (name if name in commits else None)


@contextmanager
def hub_server() -> Iterator[Hub]:
    """A hub on a port of its own."""
    hub = Hub()

    class Handler(_Handler):
        state = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=lambda: server.serve_forever(0.02), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = re.sub(r"^http://[^/]+", "", self.path).partition("?")[0]  # whole addresses are asked of a proxy
        self.state.requests.append((self.command, path, self.headers.get("Range")))
        self.content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        for pattern, method in (
            (r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", self._info),
            (r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self._file),
            (r"/api/repos/create", self._create),
            (r"/api/validate-yaml", lambda: self._json({"warnings": [], "errors": []})),
            (r"/api/models/([^/]+/[^/]+)/preupload/main", self._modes),
            (r"/(.+)\.git/info/lfs/objects/batch", self._batch),
            (r"/upload/(\w+)", self._upload),
            (r"/api/models/([^/]+/[^/]+)/commit/main", self._commit),
        ):
            if found := re.fullmatch(pattern, path):
                method(*found.groups())
                return
        self._refuse(404, "NotFound")

    def _reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, values: Any) -> None:
        self._reply(200, json.dumps(values).encode(), Content_Type="application/json")

    def _refuse(self, status: int, code: str, **headers: str) -> None:
        self._reply(status, X_Error_Code=code, X_Error_Message=code, **headers)

    def _may_write(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _readable(self, repository: str) -> bool:
        known = repository in self.state.repositories and (repository not in self.state.private or self._may_write())
        if not known:
            self._refuse(401, "RepoNotFound")
        return known

    def _info(self, repository: str, revision: str | None = None) -> None:
        if not self._readable(repository):
            return
        commit = self.state.revision(repository, revision or "main")
        if commit is None:
            self._refuse(404, "RevisionNotFound")
            return
        files = self.state.repositories[repository].get(commit, {})
        self._json({"id": repository, "sha": commit, "siblings": [{"rfilename": name} for name in files]})

    def _file(self, repository: str, revision: str, name: str) -> None:
        if not self._readable(repository):
            return
        if repository in self.state.gated:
            self._refuse(403, "GatedRepo")
            return
        commit = self.state.revision(repository, revision)
        if commit is None:
            self._refuse(404, "RevisionNotFound")
            return
        files = self.state.repositories[repository][commit]
        if name not in files:
            self._refuse(404, "EntryNotFound", X_Repo_Commit=commit)
            return
        content = files[name]
        headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X_Repo_Commit": commit, "Accept_Ranges": "bytes"}
        first = int(re.findall(r"\d+", self.headers.get("Range") or "0")[0])
        if first:
            headers["Content_Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        if self.command == "GET" and name.endswith(".safetensors") and self.state.cuts:
            self.state.cuts -= 1
            self._reply(
                206 if first else 200,
                content[first : first + len(content) // 2],
                **headers | {"Content_Length": str(len(content) - first)},
            )
            self.close_connection = True
            return
        self._reply(206 if first else 200, content[first:], **headers)

    def _create(self) -> None:
        wanted = json.loads(self.content)
        repository = f"{wanted['organization']}/{wanted['name']}"
        if not self._may_write():
            self._refuse(401, "Unauthorized")
        elif repository in self.state.repositories:
            self._reply(409, json.dumps({"url": f"{self.state.url}/{repository}"}).encode())
        else:
            self.state.repositories[repository] = {}
            if "private" in (wanted.get("visibility"), "private" if wanted.get("private") else ""):
                self.state.private.add(repository)
            self._json({"url": f"{self.state.url}/{repository}"})

    def _modes(self, _: str) -> None:
        paths = [each["path"] for each in json.loads(self.content)["files"]]
        large = (".safetensors", ".onnx")
        self._json(
            {
                "files": [
                    {"path": path, "uploadMode": "lfs" if path.endswith(large) else "regular", "shouldIgnore": False}
                    for path in paths
                ]
            }
        )

    def _batch(self, _: str) -> None:
        objects = json.loads(self.content)["objects"]
        self._json(
            {
                "transfer": "basic",
                "objects": [
                    each | {"actions": {"upload": {"href": f"{self.state.url}/upload/{each['oid']}"}}}
                    for each in objects
                ],
            }
        )

    def _upload(self, oid: str) -> None:
        assert hashlib.sha256(self.content).hexdigest() == oid
        self.state._uploads[oid] = self.content
        self._reply(200)

    def _commit(self, repository: str) -> None:
        if not self._may_write():
            self._refuse(403, "Forbidden")
            return
        files = dict(self.state.newest(repository))
        for line in map(json.loads, self.content.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.state._uploads[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        number = self.state.commit(repository, files)
        self._json({"commitUrl": f"{self.state.url}/{repository}/commit/{number}", "commitOid": number})
