"""What is kept of an evaluation: every prompt, every IoU and every time, in a file that says how it came about.

The file is gzipped JSON lines. The first line is the `Header`, each other line one object. While the run goes on, the
same lines stand uncompressed in FILE.partial, each written when its object is done; a run that was interrupted goes on
from there. No torch is needed.
"""

import gzip
import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from vpuformer.arrays import Size
from vpuformer.errors import DatasetError, InputError
from vpuformer.files import files_below, read_bytes, read_json, write_errors, write_file
from vpuformer.metrics import MAX_CLICKS
from vpuformer.prompts import Kind, Prompt, prompt_from_dict, prompt_to_dict

FORMAT = 1
"""Version of the layout of the file."""

Key = tuple[str, int]
"""Which object: name of the sample, number of the object."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """A prompt, and how good the answer to it was."""

    prompt: Prompt
    iou: float
    """Fraction, after this prompt."""
    seconds: float
    """Of the method alone: neither the reading of files nor the simulated user is in it."""
    boundary_iou: float | None = None
    """Fraction; see `vpuformer.metrics.boundary_iou`. None in files of versions that did not measure it."""


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """All interactions with one object, in their order."""

    name: str
    object_id: int
    size: Size
    """(H, W) of the image."""
    image_seconds: float
    """What the method took to start the image; of objects on one image, each has the same."""
    interactions: tuple[Interaction, ...]
    image_id: str
    """Id of the image; as `vpuformer.data.sample.Sample.image_id`."""

    @property
    def key(self) -> Key:
        return self.name, self.object_id

    @property
    def ious(self) -> tuple[float, ...]:
        """The curve: IoU after each interaction. It ends early where nothing was wrong any more."""
        return tuple(interaction.iou for interaction in self.interactions)

    @property
    def boundary_ious(self) -> tuple[float, ...] | None:
        """The curve of the boundary IoU; None where it was not measured after each interaction."""
        values = tuple(step.boundary_iou for step in self.interactions if step.boundary_iou is not None)
        return values if len(values) == len(self.interactions) else None

    def to_dict(self) -> dict[str, Any]:
        """As one line of the file holds it."""
        steps = [
            {"prompt": prompt_to_dict(step.prompt), "iou": step.iou, "seconds": step.seconds}
            | ({} if step.boundary_iou is None else {"boundary_iou": step.boundary_iou})
            for step in self.interactions
        ]
        return {
            "name": self.name,
            "object_id": self.object_id,
            "picture": self.image_id,
            "size": list(self.size),
            "image_seconds": self.image_seconds,
            "interactions": steps,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        height, width = values["size"]
        steps = tuple(
            Interaction(
                prompt_from_dict(step["prompt"]),
                float(step["iou"]),
                float(step["seconds"]),
                None if step.get("boundary_iou") is None else float(step["boundary_iou"]),
            )
            for step in values["interactions"]
        )
        name, seconds = values["name"], float(values["image_seconds"])
        # Files of older versions have no ids of images: "set/image" was the beginning of every name.
        image_id = values.get("picture", "/".join(name.split("/")[:2]))
        return cls(name, values["object_id"], (height, width), seconds, steps, image_id)


def used_versions() -> dict[str, str]:
    """Versions of Python and of the packages on which results depend."""
    found = {"python": platform.python_version()}
    for package in ("vpuformer", "torch", "numpy", "opencv-python-headless", "scipy", "scikit-image"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"  # such as OpenCV under its other name
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Everything that decides the numbers of a run, and what is needed to run it again."""

    dataset: str
    objects: int
    """How many are evaluated."""
    data_sha256: str
    """See `data_fingerprint`."""
    model: str
    """As tables show it."""
    weights_sha256: str | None = None
    """None for a method without weights."""
    kinds: tuple[Kind, ...] = ("click",)
    first_kind: Kind | None = None
    max_interactions: int = MAX_CLICKS
    until: float | None = None
    seed: int = 0
    """This one and the four above are the fields of `vpuformer.evaluation.simulated_user.User`."""
    batch: int = 1
    """How many objects that follow each other are segmented together; see `vpuformer.evaluation.run`."""
    shard: str | None = None
    """Which part of a run this is, such as "1/4"; see `vpuformer.evaluation.shards`."""
    total: int | None = None
    """Of a part: how many objects all parts have together."""
    options: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    """Further settings of the method, such as whether it zooms."""
    device: str = "cpu"
    """In words, such as "cpu, 2 threads"; times mean little without."""
    command: str = ""
    """The command line."""
    versions: Mapping[str, str] = field(default_factory=used_versions)
    started: str = field(default_factory=_now)
    """Date and time, UTC. The one field in which two runs with the same results may differ."""

    def to_dict(self) -> dict[str, Any]:
        """As the first line of the file holds it."""
        return {"format": FORMAT, **asdict(self), "kinds": list(self.kinds)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        known = {each.name for each in fields(cls)}
        # Older versions knew neither batches nor parts: what they wrote is what their defaults say.
        needed = known - {"batch", "shard", "total"}
        if not isinstance(values, Mapping) or values.get("format") != FORMAT:
            raise InputError(f"not the header of an evaluation of format {FORMAT}: {values!r:.80}")
        found = values.keys() - {"format"}
        if not needed <= found <= known:
            raise InputError(f"not the header of an evaluation: it has other fields, {sorted(found ^ known)!s:.80}")
        return cls(**{**{name: values[name] for name in found}, "kinds": tuple(values["kinds"])})

    def differences(self, other: "Header") -> list[str]:
        """Names of the fields in which the other run is another run; when it was started is none of them."""
        mine, theirs = self.to_dict(), other.to_dict()
        return [name for name in mine if name != "started" and mine[name] != theirs[name]]


class Records(NamedTuple):
    """An evaluation, as a file holds it."""

    header: Header
    objects: tuple[ObjectRecord, ...]


def data_fingerprint(root: str | os.PathLike[str]) -> str:
    """SHA-256 over the names and sizes of all files under `root` (or of the one file `root`), not over what is in them.

    Raises:
        DatasetError: there is nothing.
    """
    top = Path(root)
    files = [top] if top.is_file() else files_below(top)
    if not files:
        raise DatasetError(f"there is no file in {top}; give the folder of a data set")
    digest = hashlib.sha256()
    for name, size in sorted(
        (path.relative_to(top.parent if top.is_file() else top), path.stat().st_size) for path in files
    ):
        digest.update(f"{name.as_posix()}\0{size}\n".encode())
    return digest.hexdigest()


def read_records(path: str | os.PathLike[str]) -> Records:
    """Read an evaluation; also one that still goes on, from its .partial file.

    Raises:
        InputError: the file is missing, broken, or none of these.
    """
    file = Path(path)
    content = read_bytes(file, error=InputError, name=f"the records {file}")
    try:
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        first, *others = _whole_lines(content)
        return Records(Header.from_dict(first), tuple(map(ObjectRecord.from_dict, others)))
    except (OSError, EOFError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{file} holds no records of an evaluation, or they are broken ({error})") from error


def write_records(path: str | os.PathLike[str], records: Records) -> None:
    """Write a whole evaluation at once; the inverse of `read_records`.

    Raises:
        InputError: the file cannot be written.
    """
    lines = [records.header.to_dict(), *(record.to_dict() for record in records.objects)]
    _write(Path(path), b"".join(map(_line, lines)))


class RecordWriter:
    """Keeps records while they come in; to be used as a context.

    ::

        with RecordWriter(path, header) as writer:
            for record in evaluate(samples, segmenter, skip=[done.key for done in writer.records]):
                writer.add(record)

    When the context ends with all `header.objects` there, the file is written, whole or not at all, and the .partial
    file is removed. Otherwise that one stays, and the next writer with the same header goes on from it.

    Args:
        path: the file, such as `davis.jsonl.gz`. One of that name stays until the new one is complete.
        header: of this run.

    Raises:
        InputError: FILE.partial is of another run or broken, or cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], header: Header) -> None:
        self.path = Path(path)
        self.partial = self.path.with_name(self.path.name + ".partial")
        self.header = header
        self._records: list[ObjectRecord] = []
        with write_errors(self.partial):
            if self.partial.exists() and _drop_broken_end(self.partial):
                self._resume()
            else:
                self.partial.write_bytes(_line(header.to_dict()))
            self._file = self.partial.open("ab")

    @property
    def records(self) -> tuple[ObjectRecord, ...]:
        """Those kept so far, with those of the interrupted run first."""
        return tuple(self._records)

    def add(self, record: ObjectRecord) -> None:
        """Keep one more, on the disk."""
        with write_errors(self.partial):
            self._file.write(_line(record.to_dict()))
            self._file.flush()
        self._records.append(record)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is None and len(self._records) == self.header.objects:
            with write_errors(self.path):
                _write(self.path, self.partial.read_bytes())
                self.partial.unlink()

    def _resume(self) -> None:
        begun = read_records(self.partial)
        changed = self.header.differences(begun.header)
        if changed:
            raise InputError(
                f"{self.partial} is the beginning of another run, with another {', '.join(changed)}; give the records"
                " another name, or remove that file"
            )
        self.header = begun.header
        self._records = list(begun.objects)


def _write(path: Path, lines: bytes) -> None:
    # No date and no name in the head of the file, so that equal records are equal files.
    write_file(path, gzip.compress(lines, mtime=0))


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def _whole_lines(content: bytes) -> Iterator[dict[str, Any]]:
    # The last line of a run that was killed while it wrote has no end, and is not counted.
    for line in content.split(b"\n")[:-1]:
        yield read_json(line, error=InputError, name="a line")


def _drop_broken_end(path: Path) -> bool:
    """Cut the file after its last whole line; whether there is one."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
    return whole > 0
