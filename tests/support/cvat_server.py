"""What CVAT's server answers to its SDK and its agents, for one task of one image."""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from PIL import Image

TASK = 5
_NOW = "2026-11-29T10:00:00Z"
_TASK = {
    "id": TASK,
    "name": "cups",
    "size": 1,
    "mode": "annotation",
    "data": 5,
    "data_chunk_size": 36,
    "data_original_chunk_type": "imageset",
    "data_compressed_chunk_type": "imageset",
    "created_date": _NOW,
    "updated_date": _NOW,
    "dimension": "2d",
    "url": "http://cvat/api/tasks/5",
    "subset": "",
    "status": "annotation",
    "media_type": "image",
    "consensus_enabled": False,
    "validation_mode": None,
    "organization": None,
    "organization_id": None,
    "project_id": None,
    "jobs": {"url": "http://cvat", "count": 1, "completed": 0, "validation": 0},
    "labels": {"url": "http://cvat"},
}


class CvatServer:
    """The server's state: what it is given, and what it was sent."""

    def __init__(self, image: Image.Image, labels: dict[int, str], shapes: list[dict[str, Any]]) -> None:
        self.image, self.labels, self.shapes = image, labels, shapes
        self.function: dict[str, Any] = {}
        """The function that was created."""
        self.requests: list[dict[str, Any]] = []
        """Requests of people for the agent, as it gets them."""
        self.completed: list[dict[str, Any]] = []
        """Answers of the agent."""
        self.uploaded: dict[str, Any] = {}
        self.images_sent = 0
        self.address = ""

    def answer(self, method: str, path: str, sent: Any) -> Any:
        """JSON or bytes; None for what it does not know."""
        match method, *path.partition("?")[0].strip("/").split("/")[1:]:
            case "GET", "server", "about":
                return {"name": "CVAT", "description": "", "version": "2.80.0", "logo_url": "", "subtitle": ""}
            case "GET", "labels":
                labels = [
                    {"id": number, "name": name, "color": "#fff", "attributes": [], "type": "any", "sublabels": []}
                    | {"has_parent": False, "parent_id": None, "task_id": TASK}
                    for number, name in self.labels.items()
                ]
                return {"count": len(labels), "next": None, "previous": None, "results": labels}
            case "GET", "tasks", _:
                return _TASK
            case "GET", "tasks", _, "data", "meta":
                width, height = self.image.size
                frame = {"width": width, "height": height, "name": "a.png", "related_files": 0}
                return {"size": 1, "chunk_size": 36, "image_quality": 70, "start_frame": 0, "stop_frame": 0} | {
                    "frame_filter": "",
                    "frames": [frame],
                    "deleted_frames": [],
                    "chunks_updated_date": _NOW,
                }
            case "GET", "tasks", _, "data":
                self.images_sent += 1
                return _png(self.image) if "type=frame" in path else _zip(_png(self.image))
            case "GET", "tasks", _, "annotations":
                return {"version": 0, "tags": [], "shapes": self.shapes, "tracks": []}
            case "PATCH", "tasks", _, "annotations":
                self.uploaded = sent
                return {"version": 1, "tags": [], "shapes": [], "tracks": []}
            case "POST", "functions":
                self.function = sent
                return {"id": 1, **sent}
            case "GET", "functions", _:
                return {"id": 1, "min_neg_points": -1, "startswith_box": False, "startswith_box_optional": False} | (
                    self.function
                )
            case "POST", "functions", "queues", _, "requests", "acquire":
                waiting = self.requests and sent["request_category"] == "interactive"
                return {"ar_assignment": self.requests.pop(0) if waiting else None}
            case "POST", "functions", "queues", _, "requests", _, _:
                self.completed.append(sent)
                return {}


@contextmanager
def running(server: CvatServer) -> Iterator[CvatServer]:
    """The server at `server.address`."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def respond(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            answer = server.answer(self.command, self.path, json.loads(self.rfile.read(length) or "null"))
            content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Type", "image/png" if isinstance(answer, bytes) else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    for method in ("GET", "POST", "PATCH"):
        setattr(Handler, f"do_{method}", Handler.respond)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        server.address = f"http://127.0.0.1:{http.server_port}"
        yield server
        http.shutdown()


def _png(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def _zip(image: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("000000.png", image)
    return content.getvalue()
