"""The tables of a store, and how SQLite is to treat them."""

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)

VERSION = 1
"""Of the layout; a store of another one is not opened."""

metadata = MetaData()

facts = Table("fact", metadata, Column("name", String(40), primary_key=True), Column("value", Text, nullable=False))
"""The layout's version, and the picture that was open last."""

labels = Table(
    "label",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("colour", String(7), nullable=False),
)

pictures = Table(
    "picture",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("width", Integer),
    Column("height", Integer),
    Column("done", Boolean, nullable=False, default=False),
)

objects = Table(
    "object",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("picture", ForeignKey("picture.id"), nullable=False, index=True),
    Column("label", ForeignKey("label.id")),
    Column("accepted", Boolean, nullable=False, default=False),
    Column("deleted", Boolean, nullable=False, default=False),
    Column("revision", Integer, nullable=False, default=0),
    Column("at", Integer, nullable=False, default=0),
    Column("created", Float, nullable=False),
)

steps = Table(
    "step",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("object", ForeignKey("object.id"), nullable=False),
    # None for a step that was undone and then given up for another one: no longer history, but still a record.
    Column("position", Integer),
    Column("content", Text, nullable=False),
    Column("created", Float, nullable=False),
    # The answer. All None until there is one.
    Column("mask", LargeBinary),
    Column("area", Integer),
    Column("crop", String(80)),
    Column("logits", LargeBinary),
    Column("seconds", Float),
    Column("model", String(64)),
    UniqueConstraint("object", "position"),
    Index("step_object", "object"),
)


def prepare(engine: Engine) -> None:
    """Make SQLite write ahead, wait for others instead of failing, and take its write lock when a writer begins."""
    if engine.dialect.name != "sqlite":
        return

    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by Python's driver
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=15000", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begun(connection: Connection) -> None:
        # A reader that turns writer while another one writes is refused at once; one that begins as writer waits.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
