"""Records of an evaluation: a file with every prompt, IoU and time, and a header.

The file is gzipped JSON lines. The first line is the `RunHeader`, every other line one object. During the run the same
lines stand uncompressed in FILE.partial, each written when its object is done; an interrupted run continues from them.
Needs no torch.
"""

import gzip
import json
import os
import platform
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from vpuformer.arrays import Size
from vpuformer.errors import DatasetError, InputError
from vpuformer.extras import installed_version
from vpuformer.files import files_below, locked, read_bytes, read_json, sha256_of_names, write_errors, write_file
from vpuformer.metrics import MAX_CLICKS
from vpuformer.prompts import Kind, Prompt, prompt_from_dict, prompt_to_dict

FORMAT = 1
"""Version of the file layout."""

_KEYS = {"stop_at_iou": "until"}
"""Fields of `RunHeader` that have another name in the file."""

Key = tuple[str, int]
"""Identifies an object: name of the sample, number of the object."""


@dataclass(frozen=True, slots=True)
class Interaction:
    """A prompt and the quality of the mask that it led to."""

    prompt: Prompt
    iou: float
    """IoU after this prompt, 0 to 1."""
    seconds: float
    """Seconds spent in the method itself, excluding file I/O and the simulated user."""
    boundary_iou: float | None = None
    """0 to 1; see `vpuformer.metrics.boundary_iou`."""
    corrected: int | None = None
    """Number of prompts that the network left on the wrong side, and that a local correction put right."""
    broken: int | None = None
    """Number of pixels that were right before this prompt and are wrong after it. Ignored pixels do not count."""
    mended: int | None = None
    """Number of pixels that were wrong before this prompt and are right after it."""


_MEASURED_LATER = ("boundary_iou", "corrected", "broken", "mended")
"""Fields of `Interaction` that are None in files of versions that did not measure them."""


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """All interactions with one object, in order."""

    name: str
    object_id: int
    size: Size
    """(H, W) of the image."""
    image_seconds: float
    """Seconds to prepare the image, excluding file I/O."""
    interactions: tuple[Interaction, ...]
    image_id: str
    """Identifies the image, as `vpuformer.data.sample.Sample.image_id` does."""

    @property
    def key(self) -> Key:
        return self.name, self.object_id

    @property
    def ious(self) -> tuple[float, ...]:
        """IoU after each interaction. The curve ends early if no wrong pixel was left."""
        return tuple(interaction.iou for interaction in self.interactions)

    @property
    def boundary_ious(self) -> tuple[float, ...] | None:
        """Boundary IoU after each interaction; None unless it was measured after every one."""
        values = tuple(step.boundary_iou for step in self.interactions if step.boundary_iou is not None)
        return values if len(values) == len(self.interactions) else None

    def to_dict(self) -> dict[str, Any]:
        """One line of the file, as a dictionary."""
        steps = [
            {"prompt": prompt_to_dict(step.prompt), "iou": step.iou, "seconds": step.seconds}
            | {name: value for name in _MEASURED_LATER if (value := getattr(step, name)) is not None}
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
                **{name: step[name] for name in _MEASURED_LATER if name in step},
            )
            for step in values["interactions"]
        )
        name, seconds = values["name"], float(values["image_seconds"])
        # Files of older versions have no image id: every name began with "set/image".
        image_id = values.get("picture", "/".join(name.split("/")[:2]))
        return cls(name, values["object_id"], (height, width), seconds, steps, image_id)


_PACKAGES = (
    "vpuformer",
    "onnxruntime",
    "openvino",
    "torch",
    "numpy",
    "opencv-python-headless",
    "scipy",
    "scikit-image",
)


def used_versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        versions[package] = installed_version(package) or "none"  # for instance OpenCV, under another name
    return versions


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeader:
    """Everything that determines the numbers of a run, and the command to repeat it."""

    dataset: str
    objects: int
    """Number of objects that the run evaluates."""
    data_sha256: str
    """Result of `data_fingerprint`."""
    model: str
    """Name of the method in tables."""
    weights_sha256: str | None = None
    """SHA-256 of the weights; None for a method without weights."""
    kinds: tuple[Kind, ...] = ("click",)
    first_kind: Kind | None = None
    max_interactions: int = MAX_CLICKS
    stop_at_iou: float | None = None
    seed: int = 0
    """Seed of the simulated user. `kinds` to `seed` are the fields of `SimulatedUser`."""
    batch: int = 1
    """Number of consecutive objects that are segmented together; see `vpuformer.evaluation.run`."""
    shard: str | None = None
    """Part of a run, such as "1/4"; see `vpuformer.evaluation.shards`. None for a whole run."""
    total: int | None = None
    """Number of objects in all parts together; None for a whole run."""
    options: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)
    """Further settings of the method, such as its zoom rule."""
    device: str = "cpu"
    """Device in words, such as "cpu, 2 threads". Times compare only on the same device."""
    command: str = ""
    """The command line."""
    versions: Mapping[str, str] = field(default_factory=used_versions)
    started: str = field(default_factory=_now)
    """Date and time, UTC. The only field that may differ between two runs with the same results."""

    def to_dict(self) -> dict[str, Any]:
        """The first line of the file, as a dictionary."""
        values = {_KEYS.get(name, name): value for name, value in asdict(self).items()}
        return {"format": FORMAT, **values, "kinds": list(self.kinds)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        names = {_KEYS.get(each.name, each.name): each.name for each in fields(cls)}
        known = names.keys()
        # Files of older versions lack these fields; their runs were made with what are now the defaults.
        needed = known - {"batch", "shard", "total"}
        if not isinstance(values, Mapping) or values.get("format") != FORMAT:
            raise InputError(f"not the header of an evaluation of format {FORMAT}: {values!r:.80}")
        keys = values.keys() - {"format"}
        if not needed <= keys <= known:
            raise InputError(f"not the header of an evaluation: these fields differ: {sorted(keys ^ known)!s:.80}")
        return cls(**{**{names[key]: values[key] for key in keys}, "kinds": tuple(values["kinds"])})

    def differences(self, other: "RunHeader") -> list[str]:
        """Names of the fields that differ between two runs, apart from `started`."""
        return _differences(self.to_dict(), other.to_dict())


class Records(NamedTuple):
    """The content of a file of records."""

    header: RunHeader
    objects: tuple[ObjectRecord, ...]


def data_fingerprint(root: str | os.PathLike[str]) -> str:
    """SHA-256 over the names and sizes of the files below `root`, not over their content.

    Args:
        root: a folder, or a single file.

    Raises:
        DatasetError: `root` holds no file.
    """
    top = Path(root)
    files = [top] if top.is_file() else files_below(top)
    if not files:
        raise DatasetError(f"there is no file in {top}; give the folder of a data set")
    return sha256_of_names(files, top.parent if top.is_file() else top)


def read_records(path: str | os.PathLike[str]) -> Records:
    """Read a file of records, also the .partial file of a run that has not finished.

    Raises:
        InputError: the file is missing or broken, or holds something else.
    """
    file = Path(path)
    content = read_bytes(file, error=InputError, name=f"the records {file}")
    try:
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        first, *others = _whole_lines(content)
        return Records(RunHeader.from_dict(first), tuple(map(ObjectRecord.from_dict, others)))
    except (OSError, EOFError, KeyError, TypeError, ValueError, zlib.error) as error:
        raise InputError(f"{file} holds no records of an evaluation, or they are broken ({error})") from error


def check_same_run(path: Path, asked: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Check that the results in a file are those of the run that is asked for.

    Args:
        path: the file.
        asked, found: headers, as dictionaries, of the run and in the file.

    Raises:
        InputError: they are those of another run.
    """
    # Other words, such as fewer workers, may ask for the same records.
    changed = [name for name in _differences(asked, found) if name != "command"]
    if changed:
        values = "; ".join(f"{name} is {found.get(name)!s:.80} there, {asked[name]!s:.80} here" for name in changed)
        raise InputError(
            f"{path} belongs to another run, which differs in {', '.join(changed)} ({values}); name another folder, or"
            " remove that file"
        )


def check_former(path: Path, header: RunHeader) -> None:
    """Check that a file, if there is one, holds former records of the run with this header.

    Raises:
        InputError: it belongs to another run, or holds no records.
    """
    if path.is_file():
        check_same_run(path, header.to_dict(), read_records(path).header.to_dict())


def write_records(path: str | os.PathLike[str], records: Records) -> None:
    """Write all records of a run at once; the inverse of `read_records`.

    Raises:
        InputError: the file cannot be written, or holds something else than former records of this run.
    """
    check_former(Path(path), records.header)
    lines = [records.header.to_dict(), *(record.to_dict() for record in records.objects)]
    _write(Path(path), b"".join(map(_line, lines)))


class RecordWriter:
    """Context manager that stores records as they arrive.

    ::

        with RecordWriter(path, header) as writer:
            for record in evaluate(samples, segmenter, skip=[done.key for done in writer.records]):
                writer.add(record)

    When the context ends with all `header.objects` records, the file is written atomically and the .partial file is
    removed. Otherwise the .partial file stays, and the next writer with the same header continues it.

    Args:
        path: the file, such as `davis.jsonl.gz`. Former records of this run stay until the new ones are complete.
        header: description of this run.

    Raises:
        InputError: FILE or FILE.partial belongs to another run, is broken, or cannot be written; or another program
            writes it.
    """

    def __init__(self, path: str | os.PathLike[str], header: RunHeader) -> None:
        self.path = Path(path)
        self.partial = self.path.with_name(self.path.name + ".partial")
        self.header = header
        self._records: list[ObjectRecord] = []
        refusal = InputError(f"another program writes {self.path}; wait for its end, or name another folder")
        with ExitStack() as lock:
            with write_errors(self.path):
                self.path.parent.stat()  # the lock would make a folder that is missing
            file = self.path.with_name(f".{self.path.name}.lock")
            lock.enter_context(locked(file, refusal))
            lock.callback(_remove, file)
            check_former(self.path, header)
            with write_errors(self.partial):
                if self.partial.exists() and _drop_broken_end(self.partial):
                    self._resume()
                else:
                    self.partial.write_bytes(_line(header.to_dict()))
                self._file = self.partial.open("ab")
            self._lock = lock.pop_all()

    @property
    def records(self) -> tuple[ObjectRecord, ...]:
        """Records stored so far, including those of the interrupted run."""
        return tuple(self._records)

    def add(self, record: ObjectRecord) -> None:
        """Append a record to the .partial file."""
        with write_errors(self.partial):
            self._file.write(_line(record.to_dict()))
            self._file.flush()
        self._records.append(record)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._file.close()
            if kind is None and len(self._records) == self.header.objects:
                with write_errors(self.path):
                    _write(self.path, self.partial.read_bytes())
                    self.partial.unlink()

    def _resume(self) -> None:
        begun = read_records(self.partial)
        check_same_run(self.partial, self.header.to_dict(), begun.header.to_dict())
        self.header = begun.header
        self._records = list(begun.objects)


def _differences(asked: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    return [name for name in asked if name != "started" and asked[name] != found.get(name)]


def _remove(path: Path) -> None:
    with suppress(OSError):  # Windows removes no file that is open
        path.unlink(missing_ok=True)


def _write(path: Path, lines: bytes) -> None:
    # Without a time stamp, equal records give equal files.
    write_file(path, gzip.compress(lines, mtime=0))


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def _whole_lines(content: bytes) -> Iterator[dict[str, Any]]:
    # A run that was killed while writing leaves an unfinished last line; it is ignored.
    for line in content.split(b"\n")[:-1]:
        yield read_json(line, error=InputError, name="a line")


def _drop_broken_end(path: Path) -> bool:
    """Cut the file after its last whole line. Returns whether it has one."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
    return whole > 0
