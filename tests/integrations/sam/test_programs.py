"""Programs for Segment Anything and SAM 2 run after one import is changed, and get arrays of the same shapes and types.

Each program runs on the real package, with random weights, and on ours.
"""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from support.real_package import real_package

segment_anything = real_package("segment_anything")

OURS = "from vpuformer.integrations.sam import"
SAM = "from segment_anything import"
SAM2 = "from sam2.build_sam import build_sam2\nfrom sam2.sam2_image_predictor import"


@pytest.fixture(autouse=True)
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segment Anything with an image encoder of one small layer."""
    from segment_anything.build_sam import _build_sam

    def build(checkpoint: str | None = None) -> Any:
        return _build_sam(32, 1, 1, (), checkpoint)

    monkeypatch.setitem(segment_anything.sam_model_registry, "vit_b", build)


def ran(program: str, image: np.ndarray) -> dict[str, Any]:
    """The names that a program leaves."""
    names: dict[str, Any] = {"image": image, "np": np}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(sam2|torch)\b")  # the real packages, on a new PyTorch
        exec(compile(program, "program", "exec"), names)
    return {name: value for name, value in names.items() if name not in ("image", "np") and kind(value)}


def kind(value: Any) -> Any:
    """Type, shape and type of the numbers of arrays and tensors, in lists too; None for all others."""
    if isinstance(value, list | tuple) and value:
        kinds = [kind(each) for each in value]
        return [type(value), kinds] if all(kinds) else None
    if isinstance(value, bool | int | float):
        return type(value), value if isinstance(value, bool | int) else None
    if isinstance(value, np.ndarray | torch.Tensor | np.generic):
        return type(value), tuple(value.shape), str(value.dtype)
    return None


def compared(program: str, original: str, image: np.ndarray) -> dict[str, Any]:
    """Run a program on both; return what it leaves with ours."""
    program = inspect.cleandoc(program)
    wanted = ran(program.format(original), image)
    found = ran(program.format(OURS + (" build_sam2," if original == SAM2 else "")), image)
    assert {name: kind(value) for name, value in found.items()} == {name: kind(value) for name, value in wanted.items()}
    return found


POINTS = """
    {} SamPredictor, sam_model_registry

    sam = sam_model_registry["vit_b"](checkpoint=None)
    sam.to(device="cpu")
    predictor = SamPredictor(sam)
    ready = predictor.is_image_set
    predictor.set_image(image)
    points, labels = np.array([[30, 20]]), np.array([1])
    masks, scores, logits = predictor.predict(point_coords=points, point_labels=labels, multimask_output=True)
    best = masks[np.argmax(scores)]
    largest = masks[2].shape
    refined, sure, low = predictor.predict(
        point_coords=np.array([[30, 20], [5, 5]]),
        point_labels=np.array([1, 0]),
        mask_input=logits[np.argmax(scores), :, :][None, :, :],
        multimask_output=False,
    )
    three, _, _ = predictor.predict(points, labels, mask_input=logits[:1], multimask_output=True)
    soft, _, _ = predictor.predict(points, labels, multimask_output=False, return_logits=True)
    hard = soft > predictor.model.mask_threshold
    sizes = (predictor.original_size, predictor.input_size)
    on_cpu = predictor.device.type == "cpu"
    predictor.reset_image()
    reset = predictor.is_image_set
    try:
        predictor.predict(points, labels)
    except RuntimeError:
        refused = True
"""

BOXES = """
    import torch
    {} SamPredictor, sam_model_registry

    predictor = SamPredictor(sam_model_registry["vit_b"]())
    predictor.set_image(image, image_format="BGR")
    masks, scores, logits = predictor.predict(box=np.array([10, 5, 50, 40])[None, :], multimask_output=False)
    both, _, _ = predictor.predict(
        point_coords=np.array([[30, 20]]), point_labels=np.array([0]), box=np.array([10, 5, 50, 40])
    )
    boxes = torch.tensor([[10, 5, 50, 40], [0, 0, 20, 20]], device=predictor.device)
    framed = predictor.transform.apply_boxes_torch(boxes, image.shape[:2])
    many, iou, low = predictor.predict_torch(
        point_coords=None, point_labels=None, boxes=framed, multimask_output=False
    )
    arrays = [mask.cpu().numpy() for mask in many]
    coordinates = predictor.transform.apply_coords(np.array([[30, 20]]), image.shape[:2])
    points = predictor.transform.apply_coords_torch(torch.tensor([[[30, 20]]] * 2), image.shape[:2])
    again, more, lower = predictor.predict_torch(points, torch.ones(2, 1), framed, low, return_logits=True)
    resized = predictor.transform.apply_image(image)
    tensor = torch.as_tensor(resized).permute(2, 0, 1)[None]
    predictor.set_torch_image(tensor, image.shape[:2])
    last, _, _ = predictor.predict(np.array([[30, 20]]), np.array([1]))
    axes = predictor.get_image_embedding().ndim
    batch = predictor.get_image_embedding().shape[0]
    asked = [dict(image=tensor[0], boxes=framed, original_size=image.shape[:2])]
    answers = [sorted(each.items()) for each in predictor.model(asked, multimask_output=True)]
    answers = [value for _, value in answers[0]]
"""

SAM2_ONE = """
    from PIL import Image
    {} SAM2ImagePredictor

    predictor = SAM2ImagePredictor(build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", device="cpu"))
    predictor.set_image(Image.fromarray(image))
    masks, scores, logits = predictor.predict(
        point_coords=np.array([[30, 20]]), point_labels=np.array([1]), multimask_output=True
    )
    order = np.argsort(scores)[::-1]
    masks, scores, logits = masks[order], scores[order], logits[order]
    refined, sure, low = predictor.predict(
        np.array([[30, 20]]), np.array([1]), mask_input=logits[:1], multimask_output=False
    )
    boxes = np.array([[10, 5, 50, 40], [0, 0, 20, 20]])
    many, iou, _ = predictor.predict(point_coords=None, point_labels=None, box=boxes, multimask_output=False)
    one, _, _ = predictor.predict(box=boxes[:1], multimask_output=False)
    points, labels = np.array([[[30, 20]], [[5, 5]]]), np.array([[1], [1]])
    each, _, squares = predictor.predict(points, labels, multimask_output=True, return_logits=True)
    mixed, _, _ = predictor.predict(points, labels, boxes, squares[:, :1], normalize_coords=True)
    shares, _, _ = predictor.predict(np.array([[0.5, 0.5]]), np.array([1]), normalize_coords=False)
    on_cpu = predictor.device.type == "cpu"
    axes = predictor.get_image_embedding().ndim
    predictor.set_image_batch([image, image[:30].copy()])
    embedded = predictor.get_image_embedding().shape[0]
    all_masks, all_scores, all_logits = predictor.predict_batch(
        None, None, box_batch=[boxes, boxes[0]], multimask_output=False
    )
    chosen, ratings, _ = predictor.predict_batch([points, points[0]], [labels, labels[0]], multimask_output=True)
    best = [chosen[0][range(2), np.argmax(ratings[0], axis=-1)], chosen[1][np.argmax(ratings[1])]]
    predictor.reset_predictor()
    try:
        predictor.predict(box=boxes)
    except RuntimeError:
        refused = True
"""

DETECTOR = """
    {} SamPredictor, sam_model_registry
    import supervision as sv

    predictor = SamPredictor(sam_model_registry["vit_b"]())
    detections = sv.Detections(np.array([[10, 5, 50, 40], [0, 0, 20, 20]]), class_id=np.array([0, 1]))
    predictor.set_image(image)
    found = []
    for box in detections.xyxy:
        masks, scores, _ = predictor.predict(box=box, multimask_output=True)
        found.append(masks[np.argmax(scores)])
    detections.mask = np.array(found)
    drawn = sv.MaskAnnotator().annotate(image.copy(), detections)
    masks = detections.mask
    area = detections.area
"""


@pytest.mark.parametrize("program", [POINTS, BOXES], ids=["points", "boxes"])
def test_programs_for_segment_anything_run(program: str, image: np.ndarray) -> None:
    found = compared(program, SAM, image)
    assert found["masks"].any()


def test_a_program_for_sam_2_runs(image: np.ndarray) -> None:
    real_package("sam2")
    found = compared(SAM2_ONE, SAM2, image)
    assert found["masks"].any()


def test_a_program_that_adds_masks_to_detections_runs(image: np.ndarray) -> None:
    real_package("supervision")
    found = compared(DETECTOR, SAM, image)
    assert found["area"].min() > 0


def arguments(method: Callable[..., Any]) -> list[tuple[str, Any]]:
    return [(each.name, each.default) for each in inspect.signature(method).parameters.values()]


def test_the_methods_take_the_same_arguments() -> None:
    from vpuformer.integrations.sam import SAM2ImagePredictor, SamPredictor

    for name in ("set_image", "set_torch_image", "predict", "predict_torch", "reset_image", "get_image_embedding"):
        assert arguments(getattr(SamPredictor, name)) == arguments(getattr(segment_anything.SamPredictor, name)), name
    predictor = real_package("sam2.sam2_image_predictor").SAM2ImagePredictor
    for name in ("set_image", "set_image_batch", "predict", "predict_batch", "reset_predictor", "get_image_embedding"):
        assert arguments(getattr(SAM2ImagePredictor, name)) == arguments(getattr(predictor, name)), name
