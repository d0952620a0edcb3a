"""The database of a run: its prompts and its answers. It survives a kill at any moment."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from vpuformer.errors import InputError
from vpuformer.formats.annotated_image import AnnotatedImage
from vpuformer.formats.prompted import PromptedImage, PromptedObject, PromptList, Unanswered
from vpuformer.prediction.listing import Listing, leave_out, list_again, list_prompts
from vpuformer.prediction.predict import Answer, annotated
from vpuformer.prompts import prompt_from_dict

FILE = "predictions.sqlite"
"""Name of the database in the folder of the output."""

_BLOCK = 64
"""Images that are read at a time."""


@dataclass(frozen=True, slots=True)
class JobHeader:
    """What a run is."""

    prompts: str
    """Digest of the list of prompts."""
    weights: str
    """Digest of the weights; see `Segmenter.sha256`."""
    shard: tuple[int, int]
    """Number of the part and count of parts."""
    images: str
    """Folder of the images, absolute."""
    format_name: str
    """Format of the export, a name of `vpuformer.formats.FORMATS`."""
    polygons: bool | None
    window: str | None = None
    """Centre and width of the values that are shown; None for what each file asks for."""
    labels: tuple[str, ...] = ()
    """Labels in their order in the export."""
    listing: str = ""
    """Digest of the numbers and ids that the list gave to images and objects; parts that differ in it do not fit."""
    incomplete: bool = False
    """Whether the list itself leaves out images, whose objects it may know the next time."""

    def differences(self, other: "JobHeader") -> list[str]:
        """Fields that make it another run."""
        compared = ("prompts", "weights", "shard", "window")
        return [name for name in compared if getattr(self, name) != getattr(other, name)]

    @classmethod
    def from_json(cls, text: str) -> "JobHeader":
        values = json.loads(text)
        return cls(**{**values, "shard": tuple(values["shard"]), "labels": tuple(values["labels"])})

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class Job:
    """The images and objects of a run, in their order. One program has it at a time.

    Args:
        folder: of the output; the database is made if there is none.

    Raises:
        InputError: another program has it, it is something else, or the disk does not take it.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.over = False
        """Nothing of it is needed any more: closing removes it."""
        with self._errors():
            self._database = sqlite3.connect(self.path, isolation_level=None, timeout=1)
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            # What a killed program has written stays; only a power failure takes the last answers back.
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("BEGIN EXCLUSIVE")
            self._database.execute("COMMIT")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database, which is then one file, or none if the run is over."""
        with self._errors():
            try:
                self._database.execute("PRAGMA journal_mode = DELETE")
            finally:
                self._database.close()
        if self.over:
            self.path.unlink()

    @property
    def header(self) -> JobHeader | None:
        """What the run is; None as long as nothing is listed."""
        tables = self._one("SELECT count(*) FROM sqlite_master")
        return JobHeader.from_json(self._one("SELECT header FROM run")) if tables else None

    def fill(self, prompts: PromptList, header: JobHeader) -> None:
        """Write all that is asked, or nothing. Each of several parts numbers the whole list.

        Raises:
            InputError: no object can be asked about, or two images or objects have one id; or what the reader of the
                list raises.
        """
        with self._transaction():
            self._begin(header, list_prompts(self._database, prompts, header.shard))

    def fill_again(self, prompts: PromptList, header: JobHeader) -> None:
        """List again what is asked, since missing images may be there now. Answers stay."""
        with self._transaction():
            self._begin(header, list_again(self._database, prompts, header.shard))

    def resume(self, header: JobHeader) -> None:
        """Go on with a run. What could not be answered is asked again."""
        with self._transaction():
            self._execute("UPDATE run SET header = ?", header.to_json())
            self._execute("UPDATE images SET done = 0 WHERE number IN (SELECT number FROM unanswered)")
            self._execute("DELETE FROM unanswered WHERE number NOTNULL")

    @property
    def total(self) -> int:
        """Number of images."""
        return self._one("SELECT count(*) FROM images")

    @property
    def left(self) -> int:
        """Number of images without an answer."""
        return self._one("SELECT count(*) FROM images WHERE NOT done")

    def waiting(self) -> Iterator[PromptedImage]:
        """The images without an answer, each once."""
        last = 0
        while block := self._all(
            "SELECT number, name, id FROM images WHERE NOT done AND number > ? LIMIT ?", last, _BLOCK
        ):
            for number, name, identity in block:
                rows = self._all("SELECT prompts, label, id FROM objects WHERE image = ? ORDER BY number", number)
                objects = [PromptedObject(_prompts(prompts), label, object_id) for prompts, label, object_id in rows]
                yield PromptedImage(name, tuple(objects), identity)
            last = block[-1][0]

    def add(self, answer: Answer) -> None:
        """Store an answer, all of it or nothing."""
        asked = answer.asked
        with self._transaction():
            number = self._one("SELECT number FROM images WHERE id = ?", asked.id)
            height, width = answer.size or (None, None)
            self._execute("UPDATE images SET done = 1, height = ?, width = ? WHERE number = ?", height, width, number)
            for each, runs in zip(asked.objects, answer.runs, strict=False):
                self._execute("UPDATE objects SET runs = ? WHERE id = ?", runs, each.id)
            for each in answer.unanswered:
                leave_out(self._database, each, number)

    def answered(self) -> Iterator[tuple[int, AnnotatedImage]]:
        """The images that are not left out, each after its number. Masks are decoded on demand."""
        last = 0
        query = "SELECT number, name, height, width, id FROM images WHERE height NOTNULL AND number > ? LIMIT ?"
        while block := self._all(query, last, _BLOCK):
            for number, name, height, width, identity in block:
                yield number, annotated(name, (height, width), identity, partial(self._objects, number))
            last = block[-1][0]

    def unanswered(self) -> Iterator[tuple[int, Unanswered]]:
        """What is left out, after the number of its image; 0 if the list left it out."""
        query = "SELECT coalesce(number, 0), image, reason, thing, object FROM unanswered ORDER BY 1, rowid"
        # All at once: an open query would hinder closing after an error of the caller.
        return ((number, Unanswered(*row)) for number, *row in self._all(query))

    def count_unanswered(self, thing: str) -> int:
        """Number of images, or objects, that are left out."""
        return self._one("SELECT count(*) FROM unanswered WHERE thing = ?", thing)

    def _objects(self, image: int) -> list[tuple[int, str | None, bytes]]:
        return self._all("SELECT id, label, runs FROM objects WHERE image = ? AND runs NOTNULL ORDER BY number", image)

    def _begin(self, header: JobHeader, listing: Listing) -> None:
        filled = replace(header, labels=listing.labels, listing=listing.digest, incomplete=listing.incomplete)
        self._execute("INSERT INTO run VALUES (?)", filled.to_json())

    def _one(self, query: str, *values: Any) -> Any:
        return self._all(query, *values)[0][0]

    def _all(self, query: str, *values: Any) -> list[Any]:
        with self._errors():
            return self._database.execute(query, values).fetchall()

    def _execute(self, statement: str, *values: Any) -> None:
        self._database.execute(statement, values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._errors():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise InputError(f"another program works on {self.path}; wait for its end") from error
            raise InputError(f"{self.path} cannot be written: {error}; choose another folder") from error
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self.path} is not a database of predictions ({error}); remove it") from error


def _prompts(text: str) -> tuple[Any, ...]:
    return tuple(prompt_from_dict(each) for each in json.loads(text))
