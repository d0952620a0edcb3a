"""Annotations made elsewhere are imported once, and leave what a person has done."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from support.app_disks import Disks
from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.annotation.box_answers import BoxAnswers
from vpuformer.app.annotation.exporting import accepted_images, label_names
from vpuformer.app.annotation.folder_import import ImportSettings, import_folder
from vpuformer.app.annotation.importing import DOUBLE
from vpuformer.app.images.folder import Folder
from vpuformer.app.import_report import FolderImport
from vpuformer.app.store import rle
from vpuformer.app.store.imports import ImportedObject
from vpuformer.app.store.rows import LabelSettings, StepAnswer
from vpuformer.app.store.store import Store
from vpuformer.errors import MaskError
from vpuformer.formats import AnnotatedImage, LabelledMask, export
from vpuformer.formats.attributes import Attribute
from vpuformer.formats.bundle import Bundle
from vpuformer.formats.label_set import LabelDefinition, LabelSet

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")

SIZES = {"a.png": (90, 120), "b.jpg": (64, 64), "sub/c.png": (30, 40)}
SQUARE = [[10, 10, 20, 10, 20, 20, 10, 20]]

Add = Callable[..., FolderImport]


def coco(*annotations: dict[str, Any], **images: tuple[int, int]) -> bytes:
    """A file about the three images; an annotation has an id and an image, by default a.png."""
    sizes = {**SIZES, **images}
    ids = {name: number for number, name in enumerate(sizes, 1)}
    content = {
        "images": [{"id": ids[name], "file_name": name, "height": h, "width": w} for name, (h, w) in sizes.items()],
        "annotations": [
            {"id": number, "category_id": 1, **each, "image_id": ids[each.get("image", "a.png")]}
            for number, each in enumerate(annotations, 1)
        ],
        "categories": [{"id": 1, "name": "cup"}, {"id": 2, "name": "dog"}],
    }
    return json.dumps(content).encode()


@pytest.fixture
def folder(image_folder: Path) -> Folder:
    return Folder(image_folder)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(tmp_path / "imported.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def add(folder: Folder, store: Store, disks: Disks) -> Add:
    """Imports a file, and lets `disks` answer boxes."""

    def add(content: bytes | Path, name: str = "file", *, answer: bool = True, **options: Any) -> FolderImport:
        answers = BoxAnswers(folder, store, lambda: disks) if answer else None
        return import_folder(folder, store, Bundle(content, name), ImportSettings(**options), answer=answers)

    return add


def counts(report: FolderImport) -> tuple[int, int, int]:
    return report.new, report.same, report.changed


def reasons(report: FolderImport) -> dict[str, int]:
    return {f"{each.thing} {each.why}": each.number for each in report.left_out}


def objects(store: Store, image: str = "a.png") -> list[tuple[str | None, int, bool]]:
    """Label, area and acceptance of each object of an image."""
    names = {row.id: row.name for row in store.labels()}
    identity = next(row.id for row in store.images() if row.name == image)
    found = []
    for row in store.objects_of(identity):
        _, steps = store.history(row.id)
        found.append((names.get(row.label or 0), steps[0].area, row.accepted))
    return found


def test_masks_and_boxes_become_objects(add: Add, store: Store) -> None:
    content = coco(
        {"segmentation": SQUARE},
        {"bbox": [30, 30, 40, 20], "category_id": 2},
        {"segmentation": SQUARE, "image": "sub/c.png"},
        {"bbox": [1, 1, 0, 5]},
        {"segmentation": SQUARE, "iscrowd": 1},
    )
    report = add(content)
    assert (report.format, report.images, counts(report)) == ("COCO JSON", 3, (3, 0, 0))
    assert (report.answered, report.waiting, report.refused) == (1, 0, 0)
    assert list(reasons(report).values()) == [1, 1]
    (square, boxed), (other,) = objects(store), objects(store, "sub/c.png")
    assert (square, other) == (("cup", 100, False), ("cup", 100, False))
    assert boxed[0] == "dog"
    assert boxed[1] > 0
    assert [row.name for row in store.labels()] == ["cup", "dog"]


def test_the_next_prompt_corrects_a_box(add: Add, store: Store, folder: Folder, disks: Disks) -> None:
    add(coco({"bbox": [30, 30, 40, 20]}))
    annotator = Annotator(folder, store, disks)
    (state,) = annotator.open(1).objects
    assert (state.at, state.answered, state.revision, state.accepted) == (1, 1, 1, False)
    assert state.steps[0].box == (29.5, 29.5, 69.5, 49.5)
    assert state.steps[0].live


def test_boxes_wait_for_the_network_until_their_image_is_opened(
    add: Add, store: Store, folder: Folder, disks: Disks
) -> None:
    content = coco({"bbox": [30, 30, 40, 20]}, {"bbox": [3, 3, 40, 20]})
    assert add(content, answer=False).waiting == 2
    assert [area for _, area, _ in objects(store)] == [0, 0]
    annotator = Annotator(folder, store, disks)
    (first, _) = store.objects_of(1)
    assert annotator.state(first.id).answered == 1
    report = add(content)  # the import that was stopped goes on
    assert (counts(report), report.answered, report.waiting) == ((0, 2, 0), 1, 0)
    assert all(area > 0 for _, area, _ in objects(store))


@pytest.mark.parametrize("name", ["file", "renamed"])
def test_an_import_adds_nothing_again(name: str, add: Add, store: Store) -> None:
    content = coco({"segmentation": SQUARE}, {"segmentation": SQUARE}, {"bbox": [30, 30, 40, 20]})
    assert counts(add(content)) == (3, 0, 0)
    before = objects(store)
    assert counts(add(content, name)) == (0, 3, 0)
    assert objects(store) == before


def test_what_the_file_changes_is_updated_while_nobody_has_touched_it(add: Add, store: Store) -> None:
    add(coco({"segmentation": SQUARE}, {"bbox": [30, 30, 40, 20]}))
    wider = [[10, 10, 30, 10, 30, 20, 10, 20]]
    again = coco({"segmentation": wider}, {"segmentation": SQUARE, "category_id": 2}, {"segmentation": wider})
    report = add(again)
    assert counts(report) == (1, 0, 2)
    assert objects(store) == [("cup", 200, False), ("dog", 100, False), ("cup", 200, False)]
    assert [row.revision for row in store.objects_of(1)] == [2, 2, 1]
    report = add(coco({"segmentation": SQUARE}, {"bbox": [30, 30, 40, 20]}))
    assert counts(report) == (0, 0, 2)
    assert objects(store)[0] == ("cup", 100, False)


def test_what_a_person_has_done_stays(add: Add, store: Store) -> None:
    square = {"segmentation": SQUARE}
    add(coco(square, square, square, square))
    accepted, labelled, corrected, deleted = store.objects_of(1)
    store.change_object(accepted.id, accepted=True)
    store.change_object(labelled.id, label=2)
    mask = np.ones(SIZES["a.png"], bool)
    store.add_step(corrected.id, 1, "by hand 1", {"type": "mask"}, StepAnswer(rle.encode(mask), mask.size))
    store.change_object(deleted.id, deleted=True)
    before = [store.history(each.id) for each in (accepted, labelled, corrected, deleted)]
    report = add(coco(square, square, square, square))
    assert counts(report) == (0, 3, 0)
    assert reasons(report) == {"object deleted here by hand": 1}
    wider = {"segmentation": [[10, 10, 30, 10, 30, 20, 10, 20]]}
    report = add(coco(wider, wider, wider, wider))
    assert counts(report) == (0, 0, 0)
    assert reasons(report) == {"object changed in the file, and here by hand": 3, "object deleted here by hand": 1}
    assert [store.history(each.id) for each in (accepted, labelled, corrected, deleted)] == before


def test_an_object_drawn_by_hand_is_recognized(add: Add, store: Store, folder: Folder) -> None:
    store.sync(folder.names)
    mask = np.zeros(SIZES["a.png"], bool)
    mask[10:20, 10:20] = True
    drawn = store.add_object(1, "drawn by hand", store.add_label("cup").id)
    store.add_step(drawn.id, 0, "step by hand", {"type": "mask"}, StepAnswer(rle.encode(mask), 100))
    assert counts(add(coco({"segmentation": SQUARE}))) == (0, 1, 0)
    report = add(coco({"segmentation": SQUARE}, {"segmentation": SQUARE}))
    assert counts(report) == (0, 1, 0)
    assert reasons(report) == {f"object {DOUBLE}": 1}


def test_objects_that_are_here_with_nearly_the_same_mask_are_left_out_and_counted(add: Add, store: Store) -> None:
    """As when the same annotations come again from a program that draws outlines differently."""
    square = [[10, 10, 50, 10, 50, 50, 10, 50]]
    add(coco({"segmentation": square}, {"segmentation": [[60, 60, 80, 60, 80, 80, 60, 80]]}), "first.json")
    wider = [[10, 10, 51, 10, 51, 50, 10, 50]]  # IoU of 40 / 41
    much_wider = [[10, 10, 53, 10, 53, 50, 10, 50]]  # IoU of 40 / 43
    again = coco({"segmentation": wider}, {"segmentation": wider, "category_id": 2}, {"segmentation": much_wider})
    planned = add(again, "second.json", dry_run=True)
    report = add(again, "second.json")
    assert counts(planned) == counts(report) == (2, 0, 0)
    assert reasons(planned) == reasons(report) == {f"object {DOUBLE}": 1}
    assert [(label, area) for label, area, _ in objects(store)] == [
        ("cup", 40 * 40), ("cup", 20 * 20), ("dog", 41 * 40), ("cup", 43 * 40),
    ]  # fmt: skip


def test_an_object_is_no_double_of_one_that_the_same_import_moves_away(add: Add, store: Store) -> None:
    there, elsewhere = [[10, 10, 50, 10, 50, 50, 10, 50]], [[60, 10, 100, 10, 100, 50, 60, 50]]
    add(coco({"segmentation": there}))
    report = add(coco({"segmentation": elsewhere}, {"segmentation": there}))
    assert counts(report) == (1, 0, 1)
    assert len(objects(store)) == 2


def test_a_dry_run_changes_nothing(add: Add, store: Store) -> None:
    content = coco({"segmentation": SQUARE}, {"bbox": [30, 30, 40, 20]})
    report = add(content, dry_run=True)
    assert (counts(report), report.waiting, report.dry_run) == ((2, 0, 0), 1, True)
    assert store.images() == store.labels() == []
    add(content)
    assert counts(add(content, dry_run=True)) == (0, 2, 0)
    assert counts(add(coco({"segmentation": SQUARE, "category_id": 2}), dry_run=True)) == (0, 0, 1)
    assert objects(store)[0] == ("cup", 100, False)


def test_masks_are_accepted_on_demand_and_boxes_never(add: Add, store: Store) -> None:
    add(coco({"segmentation": SQUARE}, {"bbox": [30, 30, 40, 20]}), accept=True)
    assert [accepted for *_, accepted in objects(store)] == [True, False]


def test_objects_without_a_label_get_the_one_that_is_given(add: Add, store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.eye(90, 120, dtype=np.uint8) * 255).save(path)
    add(path, "", label="line")
    assert objects(store) == [("line", 90, False)]


def test_an_image_that_cannot_be_read_hinders_no_other_one(add: Add, store: Store, image_folder: Path) -> None:
    content = coco(
        {"bbox": [30, 30, 40, 20]},
        {"bbox": [2, 2, 9, 9], "image": "b.jpg"},
        {"bbox": [1, 1, 9, 9], "image": "sub/c.png"},
    )
    path = image_folder / "b.jpg"
    path.write_bytes(path.read_bytes()[:-200])  # its head, with the size, is whole
    report = add(content)
    assert (report.images, report.answered, report.waiting) == (3, 2, 1)
    assert reasons(report) == {"box without a mask: its image cannot be read": 1}
    assert objects(store, "sub/c.png")[0][1] > 0


def test_an_image_with_a_broken_object_is_left_out_as_a_whole(add: Add, store: Store) -> None:
    broken = {"segmentation": {"size": [64, 64], "counts": "o"}, "image": "b.jpg"}
    content = coco({"segmentation": SQUARE}, {"segmentation": SQUARE, "image": "b.jpg"}, broken)
    report = add(content)
    assert (report.refused, report.images, counts(report)) == (1, 2, (1, 0, 0))
    (reason,) = report.left_out
    assert reason.examples == [
        "b.jpg: annotation 3 in the COCO file: its run lengths do not fill an image of 64x64 pixels"
    ]
    assert objects(store, "b.jpg") == []


def test_images_of_another_size_or_another_folder_are_named(add: Add) -> None:
    report = add(coco({"segmentation": SQUARE}, **{"b.jpg": (10, 10), "gone.jpg": (5, 5)}))
    assert (report.refused, report.images) == (1, 2)
    missing, refused = report.left_out
    assert (missing.why, missing.examples) == ("not in the folder", ["gone.jpg"])
    assert "b.jpg is 10x10 pixels, and it is 64x64" in refused.examples[0]


def test_an_image_that_was_replaced_since_it_was_annotated_is_left_out(add: Add, folder: Folder) -> None:
    add(coco({"segmentation": SQUARE}))
    Image.new("RGB", (50, 40)).save(folder.root / "a.png")
    report = add(coco({"segmentation": SQUARE}, **{"a.png": (40, 50)}))
    assert report.refused == 1
    assert "50x40 pixels, and 120x90 when it was annotated here" in report.left_out[0].examples[0]


def test_an_image_without_an_object_that_was_replaced_is_imported(add: Add, folder: Folder, store: Store) -> None:
    store.sync(folder.names)
    store.change_image(1, size=SIZES["a.png"])
    Image.new("RGB", (50, 40)).save(folder.root / "a.png")
    content = coco({"segmentation": SQUARE}, **{"a.png": (40, 50)})
    assert (add(content, dry_run=True).new, store.image(1).size) == (1, SIZES["a.png"])
    assert (add(content).new, store.image(1).size) == (1, (40, 50))


def test_files_without_an_image_of_the_folder_are_refused(add: Add, store: Store) -> None:
    content = {"images": [{"id": 1, "file_name": "../../etc/passwd", "width": 1, "height": 1}], "annotations": []}
    with pytest.raises(MaskError, match=r"lists \.\./\.\./etc/passwd; .* has no image of such a name"):
        add(json.dumps(content).encode())
    with pytest.raises(MaskError, match="is a PDF"):
        add(b"%PDF-1.7")
    assert store.images() == []


def test_a_person_may_work_while_an_import_runs(folder: Folder, store: Store, disks: Disks) -> None:
    """The page accepts each object as soon as it is stored."""
    content = coco({"bbox": [30, 30, 40, 20]}, {"bbox": [3, 3, 40, 20], "image": "b.jpg"})
    page = Store(store.address)
    answers = BoxAnswers(folder, store, lambda: disks)

    def answer(image: str, ids: Any) -> int:
        for identity in ids:
            page.change_object(identity, accepted=True)
        return answers(image, ids)

    report = import_folder(folder, store, Bundle(content, "file"), answer=answer)
    assert (report.new, report.answered) == (2, 2)
    assert objects(page)[0][2]
    page.close()


LOSSLESS = ("coco", "png", "labelme", "yolo")


@pytest.mark.parametrize("form", LOSSLESS)
@settings(deadline=None, max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    masks=st.lists(st.tuples(arrays(bool, (7, 9)), st.sampled_from(["cup", "big dog", "Straße"])), max_size=4),
    others=st.lists(arrays(bool, (5, 6)), max_size=3),
)
def test_an_export_is_imported_into_a_fresh_store_and_exported_again(
    form: str,
    masks: list[tuple[np.ndarray, str]],
    others: list[np.ndarray],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("trip")
    images, first, second = root / "images", root / "first", root / "second"
    things = {"x.png": masks, "sub/x.png": [(mask, "cup") for mask in others]}
    for name, size in (("x.png", (9, 7)), ("sub/x.png", (6, 5))):
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", size).save(images / name)
    number = iter(range(1, 99))
    given_images = [
        AnnotatedImage(
            name,
            *((9, 7) if name == "x.png" else (6, 5)),
            [LabelledMask(mask, label, next(number)) for mask, label in things[name] if mask.any()],
            identity,
        )
        for identity, name in enumerate(("sub/x.png", "x.png"), 1)
    ]
    given_images = [image for image in given_images if image.objects]
    if not given_images:
        return
    labels = ["cup", "big dog", "Straße"]
    export(form, given_images, first, labels)
    store = Store(root / "fresh.sqlite")
    if form in ("png", "labelme"):  # they list the labels that are used alone
        store.add_label_set(LabelSet(tuple(map(LabelDefinition, labels))))
    report = import_folder(Folder(images), store, Bundle(first), ImportSettings(accept=True))
    assert report.refused == report.same == 0
    export(form, accepted_images(store), second, label_names(store))
    assert contents(first) == contents(second)
    store.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_attributes_and_tags_are_imported_and_updated_while_nobody_has_touched_them(add: Add, store: Store) -> None:
    def content(*colours: str, tags: tuple[str, ...] = ("night",)) -> bytes:
        squares = [{"segmentation": SQUARE, "attributes": {"colour": colour}} for colour in colours]
        file = json.loads(coco(*squares))
        file["images"][0]["tags"] = tags
        return json.dumps(file).encode()

    def given() -> list[dict[str, Any]]:
        return [row.attributes for row in store.objects_of(1)]

    assert counts(add(content("red", "red"))) == (2, 0, 0)
    assert (given(), store.image(1).tags) == ([{"colour": "red"}] * 2, ("night",))
    store.change_object(1, attributes={"colour": "green"})
    store.change_image(1, tags=["fog"])
    report = add(content("blue", "blue"))
    assert (counts(report), reasons(report)) == ((0, 0, 1), {"object changed in the file, and here by hand": 1})
    assert (given(), store.image(1).tags) == ([{"colour": "green"}, {"colour": "blue"}], ("fog", "night"))
    assert counts(add(content("blue", "blue"))) == (0, 1, 0)


def test_an_object_imported_without_attributes_is_known_when_they_come(add: Add, store: Store) -> None:
    assert counts(add(coco({"segmentation": SQUARE}), name="one.json")) == (1, 0, 0)
    again = coco({"segmentation": SQUARE, "attributes": {"colour": "red"}})
    assert counts(add(again, name="other.json")) == (0, 1, 0)
    assert counts(add(again, name="one.json")) == (0, 0, 1)
    assert store.objects_of(1)[0].attributes == {"colour": "red"}


def test_equal_masks_are_distinguished_by_their_attributes(store: Store) -> None:
    store.sync(["a.png"])
    mask = rle.encode(np.ones((2, 2), bool))
    red, green, blue = (
        ImportedObject("cup", mask, 4, attributes={"colour": colour}) for colour in ("red", "green", "blue")
    )
    store.import_objects(1, [red, blue])
    store.change_object(1, deleted=True)
    assert [(each.outcome, each.id) for each in store.import_objects(1, [green, blue])] == [("new", 3), ("same", 2)]


def test_masks_without_a_required_label_are_not_accepted(add: Add, store: Store) -> None:
    store.set_label_settings(LabelSettings(label_required=True))
    file = json.loads(coco({"segmentation": SQUARE}, {"segmentation": SQUARE, "category_id": 9}))
    report = add(json.dumps(file).encode(), accept=True)
    assert objects(store) == [("cup", 100, True), (None, 100, False)]
    assert [(each.thing, each.number) for each in report.remarks][-1] == ("object", 1)
    assert "one is required" in report.remarks[-1].why


def test_attributes_that_cvat_defines_are_added_to_its_labels(add: Add, store: Store) -> None:
    store.add_label("car")
    attributes = "".join(
        f"<attribute><name>{name}</name><input_type>{kind}</input_type><values>{values}</values></attribute>"
        for name, kind, values in (
            ("colour", "select", "red\nblue"),
            ("doors", "number", "1\n9\n1"),
            ("bad", "dial", ""),
        )
    )
    box = '<box label="car" xtl="1" ytl="1" xbr="9" ybr="9"><attribute name="doors">4</attribute></box>'
    content = f"""<annotations><meta><task><labels><label><name>car</name><attributes>{attributes}</attributes></label>
        </labels></task></meta><image name="a.png" width="120" height="90">{box}<tag label="night"/></image>
        </annotations>"""
    assert counts(add(content.encode())) == (1, 0, 0)
    (label,) = store.labels()
    assert label.attributes == (Attribute("colour", "choice", ("red", "blue")), Attribute("doors", "number"))
    assert (store.objects_of(1)[0].attributes, store.image(1).tags) == ({"doors": 4.0}, ("night",))
