"""The tables of a store."""

from sqlalchemy import (
    Boolean,
    Column,
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
    exists,
    not_,
)

VERSION = 1
"""Of the layout; a store of another one is not opened."""

layout = MetaData()

metadata = Table("fact", layout, Column("name", String(40), primary_key=True), Column("value", Text, nullable=False))
"""The layout's version, and the image that was open last."""

labels = Table(
    "label",
    layout,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("colour", String(7), nullable=False),
)

images = Table(
    "picture",
    layout,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("width", Integer),
    Column("height", Integer),
    Column("done", Boolean, nullable=False, default=False),
)

objects = Table(
    "object",
    layout,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("picture", ForeignKey("picture.id"), key="image", nullable=False, index=True),
    Column("label", ForeignKey("label.id")),
    Column("accepted", Boolean, nullable=False, default=False),
    Column("deleted", Boolean, nullable=False, default=False),
    Column("revision", Integer, nullable=False, default=0),
    Column("at", Integer, nullable=False, default=0),
    Column("created", Float, nullable=False),
)

steps = Table(
    "step",
    layout,
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

VISIBLE = not_(objects.c.deleted) & exists().where(steps.c.object == objects.c.id, steps.c.position.is_not(None))
"""Of an object: it is not deleted, and has a step. One whose first step was lost or refused is nobody's work."""
