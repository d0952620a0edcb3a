"""Tables of a store."""

from sqlalchemy import (
    JSON,
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

from vpuformer.app.store.person import MAX_NAME, current_person

VERSION = 1
"""Version of this layout. Stores of another version are not opened."""

IMPORT_PREFIX = "import"
"""Begin of the keys of imported objects and their steps."""

layout = MetaData()

metadata = Table("fact", layout, Column("name", String(40), primary_key=True), Column("value", Text, nullable=False))
"""Named values: the layout's version, the project's id, the last open image, the window, the settings of labels."""

labels = Table(
    "label",
    layout,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("colour", String(7), nullable=False),
    # Place in the list; None for a label that was added since the labels were last put in order.
    Column("position", Integer),
    Column("group", String(200)),
    Column("attributes", JSON(none_as_null=True)),
)

images = Table(
    "picture",
    layout,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("width", Integer),
    Column("height", Integer),
    Column("done", Boolean, nullable=False, default=False),
    # What a reviewer decided, "accepted" or "rejected", and the comment to whoever opens the image next.
    Column("review", String(10)),
    Column("comment", Text),
    # Digest of the objects that a reviewer has accepted; without a verdict, they have changed since.
    Column("reviewed", String(64)),
    # Time of the last done mark, review or change of tags, in seconds since 1970.
    Column("changed", Float),
    Column("tags", JSON(none_as_null=True)),
    # Name of whoever marked the image as done or reviewed it last.
    Column("person", String(MAX_NAME)),
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
    # Time of the last change; None in earlier stores, and for objects without a change.
    Column("changed", Float),
    # Place among the objects of the image, from back to front; None for an object in front of all that have a place.
    Column("layer", Integer),
    Column("attributes", JSON(none_as_null=True)),
    # Name of whoever changed the object last.
    Column("person", String(MAX_NAME), default=current_person.get),
)

BACK_TO_FRONT = (objects.c.layer.is_(None), objects.c.layer, objects.c.id)
"""Order of the objects of an image."""

steps = Table(
    "step",
    layout,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("object", ForeignKey("object.id"), nullable=False),
    # None for a step that was undone and then replaced: no longer part of the history, but still recorded.
    Column("position", Integer),
    Column("content", Text, nullable=False),
    Column("created", Float, nullable=False),
    # Name of whoever took the step; None in earlier stores, for imports, and for people without a name.
    Column("person", String(MAX_NAME), default=current_person.get),
    # The answer; None until the step is answered.
    Column("mask", LargeBinary),
    Column("area", Integer),
    Column("crop", String(80)),
    Column("logits", LargeBinary),
    Column("seconds", Float),
    Column("model", String(64)),
    UniqueConstraint("object", "position"),
    Index("step_object", "object"),
)

HAS_STEP = exists().where(steps.c.object == objects.c.id, steps.c.position.is_not(None))
"""Condition on an object: it has a step. Without one, its first step was lost or refused."""
VISIBLE = not_(objects.c.deleted) & HAS_STEP
"""Condition on an object: it is not deleted and has a step."""
