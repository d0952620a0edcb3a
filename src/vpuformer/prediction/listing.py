"""Listing what a job asks: the prompts as rows of its database."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from vpuformer.errors import InputError, listed
from vpuformer.formats.image_folder import as_text
from vpuformer.formats.labels import LabelNumbers
from vpuformer.formats.prompted import NO_OBJECT_LEFT, Listed, PromptList, Unanswered
from vpuformer.prompts import prompt_to_dict

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


class Listing(NamedTuple):
    """What the header of a run says of its list."""

    labels: tuple[str, ...]
    """Labels in their order in the export."""
    digest: str
    """Digest of the numbers and ids that the list gave to images and objects."""
    incomplete: bool
    """Whether the list itself leaves out images, whose objects it may know the next time."""


def list_prompts(database: sqlite3.Connection, prompts: PromptList, shard: tuple[int, int]) -> Listing:
    """Make the tables, and fill them with one part of the list.

    Each of several parts numbers the whole list.

    Raises:
        InputError: no object can be asked about, two images or objects have one id, or two labels have one name; or
            what the reader of the list raises.
    """
    for statement in _TABLES.split(";"):
        database.execute(statement)
    for entry in prompts.entries:
        if isinstance(entry, Unanswered):
            leave_out(database, entry, None)
        elif entry.reason is not None:
            _add_left_out(database, entry, entry.reason)
        else:
            _add(database, entry)
    _check_any(database, prompts.kind)
    digest = hashlib.sha256()
    _update(digest, database, "SELECT number, given FROM images ORDER BY number")
    _leave_out_images(database)
    labels = [label for (label,) in database.execute("SELECT DISTINCT label FROM objects WHERE label NOTNULL")]
    for table in ("images", "objects"):
        # Ids that the list gives depend on no other image.
        if _one(database, f"SELECT count(*) FROM {table} WHERE id IS NULL"):
            _number(database, table)
            _update(digest, database, f"SELECT number, id FROM {table} ORDER BY number")
    incomplete = bool(_one(database, "SELECT count(*) FROM unanswered WHERE number NOTNULL"))
    _keep_part(database, shard)
    ordered = (*prompts.labels, *sorted({*labels} - {*prompts.labels}))
    LabelNumbers(ordered)  # refuses what no export can hold, before the network has run
    return Listing(ordered, digest.hexdigest(), incomplete)


def list_again(database: sqlite3.Connection, prompts: PromptList, shard: tuple[int, int]) -> Listing:
    """List anew, and take the answers over from the former tables."""
    database.execute("DELETE FROM images WHERE NOT done OR number IN (SELECT number FROM unanswered)")
    for table in ("images", "objects"):
        database.execute(f"ALTER TABLE {table} RENAME TO former_{table}")
    for thing in ("INDEX waiting", "TABLE unanswered", "TABLE run"):
        database.execute(f"DROP {thing}")
    listing = list_prompts(database, prompts, shard)
    answered = "SELECT images.number, former.number, former.height, former.width FROM images"
    answered += " JOIN former_images AS former ON former.name = images.name"
    for number, former, height, width in _all(database, answered):
        runs = _all(database, "SELECT runs FROM former_objects WHERE image = ? ORDER BY number", former)
        objects = _all(database, "SELECT number FROM objects WHERE image = ? ORDER BY number", number)
        if len(runs) == len(objects):
            query = "UPDATE images SET done = 1, height = ?, width = ? WHERE number = ?"
            database.execute(query, (height, width, number))
            for (mask,), (each,) in zip(runs, objects, strict=True):
                database.execute("UPDATE objects SET runs = ? WHERE number = ?", (mask, each))
    for table in ("images", "objects"):
        database.execute(f"DROP TABLE former_{table}")
    return listing


def leave_out(database: sqlite3.Connection, entry: Unanswered, number: int | None) -> None:
    """Write down what has no answer.

    Args:
        number: that of its image; None if the list left it out.
    """
    entry = entry._replace(image=as_text(entry.image), reason=as_text(entry.reason))
    database.execute("INSERT INTO unanswered VALUES (?, ?, ?, ?, ?)", (*entry, number))


def _add_left_out(database: sqlite3.Connection, entry: Listed, reason: str) -> None:
    """Keep the place of an image that the list leaves out, under a name that no image has."""
    values = (f"\0{entry.image}", entry.given, entry.image_id)
    with _unique("images", entry.image_id):
        database.execute("INSERT INTO images (name, given, id, done) VALUES (?, ?, ?, 1)", values)
    leave_out(database, Unanswered(entry.image, reason), _one(database, "SELECT last_insert_rowid()"))


def _add(database: sqlite3.Connection, entry: Listed) -> None:
    query = "INSERT INTO images (name, given) VALUES (?, ?) ON CONFLICT DO NOTHING"
    database.execute(query, (entry.image, entry.given))
    number, given, identity = _all(database, "SELECT number, given, id FROM images WHERE name = ?", entry.image)[0]
    if given != entry.given:
        raise InputError(f"{given} and {entry.given} are both {entry.image} in the folder; give each its own path")
    if entry.image_id is not None and identity is None:
        with _unique("images", entry.image_id):
            database.execute("UPDATE images SET id = ? WHERE number = ?", (entry.image_id, number))
    found = entry.found
    if found is None:
        return
    prompts = json.dumps([prompt_to_dict(prompt) for prompt in found.prompts])
    with _unique("objects", found.id):
        database.execute(
            "INSERT INTO objects (image, key, id, label, prompts) VALUES (?, ?, ?, ?, ?) ON CONFLICT (image, key)"
            " DO UPDATE SET prompts = rtrim(prompts, ']') || ', ' || ltrim(excluded.prompts, '['),"
            " id = coalesce(id, excluded.id), label = coalesce(label, excluded.label)",
            (number, entry.key, found.id, found.label, prompts),
        )
    if entry.key is not None:
        query = "SELECT label, id FROM objects WHERE image = ? AND key = ?"
        for name, first, other in zip(
            ("label", "id"), *_all(database, query, number, entry.key), (found.label, found.id), strict=True
        ):
            if other not in (None, first):
                raise InputError(
                    f"one object of {given} has two values of {name}, {first} and {other}; give its rows one, or"
                    " each row an object of its own"
                )


def _check_any(database: sqlite3.Connection, kind: str) -> None:
    if not _one(database, "SELECT count(*) FROM objects"):
        query = "SELECT image, reason FROM unanswered ORDER BY coalesce(number, 0), rowid"
        reasons = [f"{image}: {reason}" for image, reason in _all(database, query)]
        why = f" ({listed(reasons)})" if reasons else ""
        raise InputError(f"the {kind} file has no object to be segmented{why}; give prompts, or boxes of a detector")


def _leave_out_images(database: sqlite3.Connection) -> None:
    """Leave out the images whose objects the list itself leaves out, each of them."""
    database.execute(
        "INSERT INTO unanswered SELECT DISTINCT image, ?, 'image', NULL, NULL FROM unanswered"
        " WHERE thing = 'object' AND image NOT IN"
        " (SELECT given FROM images WHERE number IN (SELECT image FROM objects))"
        " AND image NOT IN (SELECT name FROM images WHERE number IN (SELECT image FROM objects))",
        (NO_OBJECT_LEFT,),
    )
    database.execute(
        "DELETE FROM images WHERE number NOT IN (SELECT image FROM objects)"
        " AND (given IN (SELECT image FROM unanswered WHERE thing = 'object')"
        " OR name IN (SELECT image FROM unanswered WHERE thing = 'object'))"
    )


def _number(database: sqlite3.Connection, table: str) -> None:
    """Give ids above the largest to rows without one."""
    largest = _one(database, f"SELECT coalesce(max(id), 0) FROM {table}")
    database.execute(
        f"UPDATE {table} SET id = ? + place FROM (SELECT number AS at, row_number() OVER (ORDER BY number) AS place"
        f" FROM {table} WHERE id IS NULL) WHERE number = at",
        (largest,),
    )


def _keep_part(database: sqlite3.Connection, shard: tuple[int, int]) -> None:
    number, count = shard
    database.execute("DELETE FROM images WHERE (number - 1) % ? <> ?", (count, number - 1))
    database.execute("DELETE FROM objects WHERE image NOT IN (SELECT number FROM images)")
    database.execute("DELETE FROM unanswered WHERE number NOT IN (SELECT number FROM images)")
    if number > 1:  # what the list itself leaves out for good is in the first part alone
        database.execute("DELETE FROM unanswered WHERE number IS NULL")


def _update(digest: "hashlib._Hash", database: sqlite3.Connection, query: str) -> None:
    for row in database.execute(query):
        digest.update(f"{row}\n".encode())


def _one(database: sqlite3.Connection, query: str) -> Any:
    return _all(database, query)[0][0]


def _all(database: sqlite3.Connection, query: str, *values: Any) -> list[Any]:
    return database.execute(query, values).fetchall()


@contextmanager
def _unique(table: str, identity: int | None) -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise InputError(f"two {table} have the id {identity}; give each its own, or none") from error
