"""Routes of labels, and of the settings for all of them."""

from fastapi import APIRouter

from vpuformer.app.http.routes.parameters import Announce, Identity, Opened
from vpuformer.app.label_schemas import Attribute, Label, LabelChange, LabelOrder, LabelSettings, NewLabel
from vpuformer.app.store import rows
from vpuformer.formats import attributes


def label_message(row: rows.LabelRow) -> Label:
    """Return a label as the page gets it."""
    return Label(id=row.id, name=row.name, colour=row.colour, group=row.group, attributes=_messages(row.attributes))


def settings_message(settings: rows.LabelSettings) -> LabelSettings:
    """Return the settings of labels as the page gets them."""
    return LabelSettings(
        attributes=_messages(settings.attributes), tags=list(settings.tags), label_required=settings.label_required
    )


def _messages(definitions: tuple[attributes.Attribute, ...]) -> list[Attribute]:
    return [Attribute(name=each.name, kind=each.kind, choices=list(each.choices)) for each in definitions]


def _definitions(messages: list[Attribute]) -> tuple[attributes.Attribute, ...]:
    return tuple(attributes.Attribute(each.name, each.kind, tuple(each.choices)) for each in messages)


def router() -> APIRouter:
    """Return the routes of labels."""
    routes = APIRouter(tags=["labels"])

    @routes.post("/labels", status_code=201, summary="Add a label")
    def new_label(body: NewLabel, annotator: Opened, announce: Announce) -> Label:
        row = annotator.store.add_label(body.name, body.colour)
        announce()
        return label_message(row)

    @routes.put("/labels/order", status_code=204, summary="Put the labels in order")
    def order(body: LabelOrder, annotator: Opened, announce: Announce) -> None:
        annotator.store.order_labels(body.labels)
        announce()

    @routes.put("/labels/settings", summary="Set attributes and tags for all labels, and whether a label is required")
    def change_settings(body: LabelSettings, annotator: Opened, announce: Announce) -> LabelSettings:
        annotator.store.set_label_settings(
            rows.LabelSettings(_definitions(body.attributes), tuple(dict.fromkeys(body.tags)), body.label_required)
        )
        announce()
        return settings_message(annotator.store.label_settings())

    @routes.patch("/labels/{identity}", summary="Change name, colour, group or attributes of a label")
    def change_label(identity: Identity, body: LabelChange, annotator: Opened, announce: Announce) -> Label:
        changes = body.model_dump(exclude_none=True)
        if body.attributes is not None:
            changes["attributes"] = _definitions(body.attributes)
        row = annotator.store.change_label(identity, **changes)
        announce()
        return label_message(row)

    @routes.delete("/labels/{identity}", status_code=204, summary="Delete a label that no object has")
    def delete_label(identity: Identity, annotator: Opened, announce: Announce) -> None:
        annotator.store.delete_label(identity)
        announce()

    return routes
