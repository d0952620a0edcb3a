"""Reader of Label Studio's JSON export.

https://labelstud.io/guide/task_format.html
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from vpuformer.arrays import Size
from vpuformer.errors import MaskError
from vpuformer.formats.attributes import Value, readable_values
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.found import (
    AddNote,
    Annotations,
    Found,
    FoundImage,
    FoundObject,
    FoundTags,
    LeftOut,
    TargetImage,
    check_size,
    found_box,
)
from vpuformer.formats.label_studio_brush import brush_mask
from vpuformer.formats.outlines import Corners, ellipse, filled, turned
from vpuformer.images import image_endings

_UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the name of an uploaded file."""

_FARTHEST = 1e6
"""Largest number that is read, in percent."""

_SHAPES = ("rectangle", "ellipse", "polygon", "brush")

_ATTRIBUTES = ("choices", "number", "rating", "textarea")
"""Types of results that are attributes of a shape with the same id; `choices` of no shape are tags of the image."""


def claims(bundle: Bundle) -> bool:
    """Whether there is a JSON file with a task, or a list of tasks."""
    return bool(_files(bundle))


def read(bundle: Bundle) -> Annotations:
    """One image a task.

    Raises:
        MaskError: a file is not a list of tasks.
    """
    images: list[FoundImage] = []
    for path in _files(bundle):
        content = bundle.json(path)
        for index, task in enumerate(content if isinstance(content, list) else [content], 1):
            called = f"task {index} of {bundle.called(path)}"
            if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
                raise MaskError(f"{called} has no 'data'; export the project from Label Studio as JSON")
            name = _image_name(task)
            folder, slash, last = (name or "").rpartition("/")
            alias = folder + slash + _UPLOADED.sub("", last) if _UPLOADED.match(last) else None
            images.append(FoundImage(name, partial(_objects, task, called), alias=alias))
    return Annotations(bundle.whole, images)


def _files(bundle: Bundle) -> list[str]:
    keys = ("annotations", "predictions", "completions")
    return sorted({name for kind in (list, dict) for key in keys for name in bundle.jsons(kind, "data", key)})


def _image_name(task: Mapping[str, Any]) -> str | None:
    """Path of the image: from its address, which may be that of a web server or of a bucket."""
    texts = [text for text in task["data"].values() if isinstance(text, str)]
    for text in (*texts, task.get("file_upload")):
        if not isinstance(text, str):
            continue
        try:
            address = urlsplit(text)
        except ValueError:  # a text that begins like an address
            continue
        local = parse_qs(address.query).get("d", [""])[0]  # files of a folder that is served
        path = unquote(local or address.path)
        if PurePosixPath(path).suffix.lower() in image_endings():
            return path.lstrip("/")
    return None


def _objects(task: Mapping[str, Any], called: str, target: TargetImage, _: AddNote) -> Iterator[Found]:
    """The results of the annotation, else those of the prediction.

    Of several annotations the ground truth is read, else the last one that was not cancelled.

    Raises:
        MaskError: the image has another size, or a result is broken.
    """
    annotations = [each for each in _dicts(task.get("annotations")) if not each.get("was_cancelled")]
    annotations = annotations or _dicts(task.get("completions")) or _dicts(task.get("predictions"))
    if not annotations:
        return
    chosen = next((each for each in annotations if each.get("ground_truth")), annotations[-1])
    if len(annotations) > 1:
        yield LeftOut(
            "annotation", "of a task that has several: the ground truth is read, else the last", len(annotations) - 1
        )
    results = _dicts(chosen.get("result"))
    # Results of one id describe one shape; one without an id stands alone.
    keys = [identity if isinstance(identity := each.get("id"), str | int) else (n,) for n, each in enumerate(results)]
    shapes = {key for key, result in zip(keys, results, strict=True) if _kind(result) in _SHAPES}
    attributes: defaultdict[Any, dict[str, Value]] = defaultdict(dict)
    labels: dict[Any, str] = {}
    for key, result in zip(keys, results, strict=True):
        if result.get("type") in _ATTRIBUTES and key in shapes:
            attributes[key] |= _attribute(result)
        elif result.get("type") == "choices":
            yield FoundTags(_chosen(result))
        if (label := _label(result)) is not None:
            labels[key] = label
    for index, (key, result) in enumerate(zip(keys, results, strict=True), 1):
        kind = _kind(result)
        if kind not in _SHAPES:
            given = result.get("type") == "choices" or key in attributes
            if kind != "labels" and not given:
                yield LeftOut(
                    f"result of type {result.get('type')!s:.40}",
                    "rectangles, ellipses, polygons and brush masks are read",
                )
            continue
        where = f"result {index} of {called}"
        check_size((result.get("original_height"), result.get("original_width")), target, where)
        if result.get("image_rotation"):
            yield LeftOut("result", "on an image that was turned in Label Studio")
            continue
        value = result.get("value")
        if not isinstance(value, dict):
            raise MaskError(f"{where} has no 'value'; export the project from Label Studio as JSON")
        identity = None if isinstance(key, tuple) else str(key)
        found = _object(kind, value, labels.get(key), identity, target.size, where)
        given = attributes.get(key, {})
        yield found._replace(attributes=given) if isinstance(found, FoundObject) and given else found


def _kind(result: Mapping[str, Any]) -> str:
    return str(result.get("type")).removesuffix("labels") or "labels"


def _chosen(result: Mapping[str, Any]) -> list[str]:
    """The texts or choices of a result."""
    value = result.get("value")
    texts = value.get("choices", value.get("text")) if isinstance(value, dict) else None
    return [str(text) for text in (texts if isinstance(texts, list) else [texts]) if isinstance(text, str)]


def _attribute(result: Mapping[str, Any]) -> dict[str, Value]:
    value, kind = result.get("value"), result.get("type")
    number = value.get(str(kind)) if isinstance(value, dict) and kind in ("number", "rating") else None
    return readable_values({result.get("from_name") or kind: ", ".join(_chosen(result)) if number is None else number})


def _dicts(values: Any) -> Sequence[Mapping[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _label(result: Mapping[str, Any]) -> str | None:
    value = result.get("value")
    names = value.get(str(result.get("type"))) if isinstance(value, dict) else None
    return names[0] if isinstance(names, list) and names and isinstance(names[0], str) else None


def _object(
    kind: str, value: Mapping[str, Any], label: str | None, identity: str | None, size: Size, where: str
) -> Found:
    if kind == "brush":
        if value.get("format") != "rle":
            raise MaskError(f"{where}: a brush mask has the format 'rle', got {value.get('format')!r:.40}")
        return FoundObject(label, brush_mask(value.get("rle"), size, where), identity)
    if kind == "polygon":
        return FoundObject(label, filled(_percent(value.get("points"), size, where), size, where), identity)
    height, width = size
    (x, y), angle = _percent([[_of(value, "x", where), _of(value, "y", where)]], size, where)[0], 0.0
    if value.get("rotation"):
        angle = _of(value, "rotation", where)
    if kind == "ellipse":
        rx, ry = _of(value, "radiusX", where) * width / 100, _of(value, "radiusY", where) * height / 100
        return FoundObject(label, filled(turned(ellipse((x, y), rx, ry), angle, (x, y)), size, where), identity)
    right, bottom = x + _of(value, "width", where) * width / 100, y + _of(value, "height", where) * height / 100
    if not angle % 360:
        return found_box(label, (x, y, right, bottom), size, identity)
    corners = turned([(x, y), (right, y), (right, bottom), (x, bottom)], angle, (x, y))
    return FoundObject(label, filled(corners, size, where), identity)


def _of(value: Mapping[str, Any], key: str, where: str) -> float:
    found = value.get(key)
    if isinstance(found, bool) or not isinstance(found, int | float) or abs(found) > _FARTHEST:
        raise MaskError(f"{where}: {key!r} is a number in percent of the image, got {found!r:.40}")
    return float(found)


def _percent(points: Any, size: Size, where: str) -> Corners:
    """Points in pixels, from percent of width and height."""
    try:
        return [(float(x) * size[1] / 100, float(y) * size[0] / 100) for x, y in points]
    except (TypeError, ValueError, OverflowError):
        raise MaskError(f"{where}: points are pairs [x, y] in percent of the image, got {points!r:.60}") from None
