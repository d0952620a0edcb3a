"""The database of a run: its prompts and its answers. It survives a kill at any moment."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from vpuformer.errors import InputError, listed
from vpuformer.formats.annotated_image import AnnotatedImage
from vpuformer.formats.image_folder import as_text
from vpuformer.formats.prompted import NO_OBJECT_LEFT, Listed, PromptedImage, PromptedObject, PromptList, Unanswered
from vpuformer.prediction.predict import Answer, annotated
from vpuformer.prompts import prompt_from_dict, prompt_to_dict

FILE = "predictions.sqlite"
"""Name of the database in the folder of the output."""

_TABLES = """
CREATE TABLE run (header TEXT NOT NULL);
CREATE TABLE images (
    number INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, given TEXT NOT NULL, id INTEGER UNIQUE,
    height INTEGER, width INTEGER, done INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE objects (
    number INTEGER PRIMARY KEY, image INTEGER NOT NULL, key TEXT, id INTEGER UNIQUE, label TEXT,
    prompts TEXT NOT NULL, runs BLOB, UNIQUE (image, key)
);
CREATE TABLE unanswered (
    image TEXT NOT NULL, reason TEXT NOT NULL, thing TEXT NOT NULL, object INTEGER, number INTEGER
);
CREATE INDEX waiting ON images (number) WHERE NOT done;
"""

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
            self._list(prompts, header)

    def fill_again(self, prompts: PromptList, header: JobHeader) -> None:
        """List again what is asked, since missing images may be there now. Answers stay."""
        with self._transaction():
            self._execute("DELETE FROM images WHERE NOT done OR number IN (SELECT number FROM unanswered)")
            for table in ("images", "objects"):
                self._execute(f"ALTER TABLE {table} RENAME TO former_{table}")
            for thing in ("INDEX waiting", "TABLE unanswered", "TABLE run"):
                self._execute(f"DROP {thing}")
            self._list(prompts, header)
            answered = "SELECT images.number, former.number, former.height, former.width FROM images"
            answered += " JOIN former_images AS former ON former.name = images.name"
            for number, former, height, width in self._all(answered):
                runs = self._all("SELECT runs FROM former_objects WHERE image = ? ORDER BY number", former)
                objects = self._all("SELECT number FROM objects WHERE image = ? ORDER BY number", number)
                if len(runs) == len(objects):
                    query = "UPDATE images SET done = 1, height = ?, width = ? WHERE number = ?"
                    self._execute(query, height, width, number)
                    for (mask,), (each,) in zip(runs, objects, strict=True):
                        self._execute("UPDATE objects SET runs = ? WHERE number = ?", mask, each)
            for table in ("images", "objects"):
                self._execute(f"DROP TABLE former_{table}")

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
                self._leave_out(each, number)

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

    def _list(self, prompts: PromptList, header: JobHeader) -> None:
        number, count = header.shard
        for statement in _TABLES.split(";"):
            self._execute(statement)
        for entry in prompts.entries:
            if isinstance(entry, Unanswered):
                self._leave_out(entry, None)
            elif entry.reason is not None:
                self._add_left_out(entry, entry.reason)
            else:
                self._add(entry)
        self._check_any(prompts.kind)
        listing = hashlib.sha256()
        self._digest(listing, "SELECT number, given FROM images ORDER BY number")
        self._leave_out_images()
        labels = [label for (label,) in self._all("SELECT DISTINCT label FROM objects WHERE label NOTNULL")]
        ordered = (*prompts.labels, *sorted({*labels} - {*prompts.labels}))
        for table in ("images", "objects"):
            # Ids that the list gives depend on no other image.
            if self._one(f"SELECT count(*) FROM {table} WHERE id IS NULL"):
                self._number(table)
                self._digest(listing, f"SELECT number, id FROM {table} ORDER BY number")
        incomplete = bool(self._one("SELECT count(*) FROM unanswered WHERE number NOTNULL"))
        self._execute("DELETE FROM images WHERE (number - 1) % ? <> ?", count, number - 1)
        self._execute("DELETE FROM objects WHERE image NOT IN (SELECT number FROM images)")
        self._execute("DELETE FROM unanswered WHERE number NOT IN (SELECT number FROM images)")
        if number > 1:  # what the list itself leaves out for good is in the first part alone
            self._execute("DELETE FROM unanswered WHERE number IS NULL")
        filled = replace(header, labels=ordered, listing=listing.hexdigest(), incomplete=incomplete)
        self._execute("INSERT INTO run VALUES (?)", filled.to_json())

    def _add_left_out(self, entry: Listed, reason: str) -> None:
        """Keep the place of an image that the list leaves out, under a name that no image has."""
        values = (f"\0{entry.image}", entry.given, entry.image_id)
        with self._unique("images", entry.image_id):
            self._execute("INSERT INTO images (name, given, id, done) VALUES (?, ?, ?, 1)", *values)
        self._leave_out(Unanswered(entry.image, reason), self._one("SELECT last_insert_rowid()"))

    def _add(self, entry: Listed) -> None:
        self._execute("INSERT INTO images (name, given) VALUES (?, ?) ON CONFLICT DO NOTHING", entry.image, entry.given)
        number, given, identity = self._all("SELECT number, given, id FROM images WHERE name = ?", entry.image)[0]
        if given != entry.given:
            raise InputError(f"{given} and {entry.given} are both {entry.image} in the folder; give each its own path")
        if entry.image_id is not None and identity is None:
            with self._unique("images", entry.image_id):
                self._execute("UPDATE images SET id = ? WHERE number = ?", entry.image_id, number)
        found = entry.found
        if found is None:
            return
        prompts = json.dumps([prompt_to_dict(prompt) for prompt in found.prompts])
        with self._unique("objects", found.id):
            self._execute(
                "INSERT INTO objects (image, key, id, label, prompts) VALUES (?, ?, ?, ?, ?) ON CONFLICT (image, key)"
                " DO UPDATE SET prompts = rtrim(prompts, ']') || ', ' || ltrim(excluded.prompts, '['),"
                " id = coalesce(id, excluded.id), label = coalesce(label, excluded.label)",
                *(number, entry.key, found.id, found.label, prompts),
            )
        if entry.key is not None:
            query = "SELECT label, id FROM objects WHERE image = ? AND key = ?"
            for name, first, other in zip(
                ("label", "id"), *self._all(query, number, entry.key), (found.label, found.id), strict=True
            ):
                if other not in (None, first):
                    raise InputError(
                        f"one object of {given} has two values of {name}, {first} and {other}; give its rows one, or"
                        " each row an object of its own"
                    )

    def _leave_out(self, entry: Unanswered, number: int | None) -> None:
        entry = entry._replace(image=as_text(entry.image), reason=as_text(entry.reason))
        self._execute("INSERT INTO unanswered VALUES (?, ?, ?, ?, ?)", *entry, number)

    def _leave_out_images(self) -> None:
        """Leave out the images whose objects the list itself leaves out, each of them."""
        self._execute(
            "INSERT INTO unanswered SELECT DISTINCT image, ?, 'image', NULL, NULL FROM unanswered"
            " WHERE thing = 'object' AND image NOT IN"
            " (SELECT given FROM images WHERE number IN (SELECT image FROM objects))"
            " AND image NOT IN (SELECT name FROM images WHERE number IN (SELECT image FROM objects))",
            NO_OBJECT_LEFT,
        )
        self._execute(
            "DELETE FROM images WHERE number NOT IN (SELECT image FROM objects)"
            " AND (given IN (SELECT image FROM unanswered WHERE thing = 'object')"
            " OR name IN (SELECT image FROM unanswered WHERE thing = 'object'))"
        )

    def _check_any(self, kind: str) -> None:
        if not self._one("SELECT count(*) FROM objects"):
            reasons = [f"{entry.image}: {entry.reason}" for _, entry in self.unanswered()]
            why = f" ({listed(reasons)})" if reasons else ""
            raise InputError(
                f"the {kind} file has no object to be segmented{why}; give prompts, or boxes of a detector"
            )

    def _number(self, table: str) -> None:
        """Give ids above the largest to rows without one."""
        largest = self._one(f"SELECT coalesce(max(id), 0) FROM {table}")
        self._execute(
            f"UPDATE {table} SET id = ? + place FROM (SELECT number AS at, row_number() OVER (ORDER BY number) AS place"
            f" FROM {table} WHERE id IS NULL) WHERE number = at",
            largest,
        )

    def _digest(self, digest: "hashlib._Hash", query: str) -> None:
        for row in self._database.execute(query):
            digest.update(f"{row}\n".encode())

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
    def _unique(self, table: str, identity: int | None) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise InputError(f"two {table} have the id {identity}; give each its own, or none") from error

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
