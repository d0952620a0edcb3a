"""Masks of the bundled weights on the bundled photographs, after one and three prompts.

    python benchmarks/cases.py

The simulated user prompts the objects that have a hand-drawn ground truth; `SHOWN` has the prompts of the others.
Writes `docs/images/cases.jpg`, with the IoU in the titles.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vpuformer.images import overlay, read_image, read_mask
from vpuformer.inference.predictor import Predictor
from vpuformer.inference.session import Session
from vpuformer.marks import marks_of
from vpuformer.metrics import iou
from vpuformer.prompts import Box, Click, Kind, Prompt
from vpuformer.simulation import next_prompt

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "docs" / "images" / "cases.jpg"
MEASURED: dict[str, tuple[Kind, ...]] = {
    "1 click": ("click",),
    "1 box": ("box",),
    "3 clicks": ("click",) * 3,
}
SHOWN: tuple[tuple[str, str, tuple[Prompt, ...]], ...] = (
    ("coffee", "the spoon, 1 click", (Click(365, 290),)),
    ("chelsea", "the cat, 1 click", (Click(225, 180),)),
    ("chelsea", "an eye, 1 box", (Box(134, 80, 212, 136),)),
)
WIDTH, LINE = 300, 26
"""Width of an image and height of the title above it, in pixels."""


def main() -> None:
    predictor = Predictor.from_pretrained("default", device="cpu")
    rows = []
    for name in ("coffee", "astronaut"):
        image = read_image(ROOT / "examples" / f"{name}.jpg")
        truth = (read_mask(ROOT / "examples" / f"{name}_truth.png", image.shape[:2]) > 0).astype(np.int8)
        predictor.set_image(image)
        row = []
        for title, kinds in MEASURED.items():
            session, mask = Session(predictor), np.zeros(truth.shape, bool)
            for kind in kinds:
                prompt = next_prompt(kind, truth, mask, earlier=session.prompts)
                if prompt is not None:
                    mask = session.add(prompt).mask
            row.append(panel(image, mask, session.prompts, f"{title}: IoU {iou(mask, truth):.2f}"))
        rows.append(np.hstack(padded(row)))
    row = []
    for name, title, prompts in SHOWN:
        image = read_image(ROOT / "examples" / f"{name}.jpg")
        predictor.set_image(image)
        row.append(panel(image, predictor.predict(prompts).mask, prompts, title))
    rows.append(np.hstack(padded(row)))
    Image.fromarray(np.vstack(rows)).save(RESULT, quality=80)
    print(RESULT.relative_to(ROOT))


def panel(image: np.ndarray, mask: np.ndarray, prompts: Sequence[Prompt], title: str) -> np.ndarray:
    shown = Image.fromarray(overlay(image, mask, marks_of(prompts)))
    shown = shown.resize((WIDTH, round(WIDTH * shown.height / shown.width)), Image.Resampling.LANCZOS)
    canvas = Image.new("RGB", (WIDTH + 8, shown.height + LINE), "white")
    canvas.paste(shown, (4, LINE))
    ImageDraw.Draw(canvas).text((6, 4), title, "black", ImageFont.load_default(15))
    return np.asarray(canvas)


def padded(row: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Pad all panels to the height of the highest."""
    height = max(len(each) for each in row)
    return [np.pad(each, ((0, height - len(each)), (0, 0), (0, 0)), constant_values=255) for each in row]


if __name__ == "__main__":
    main()
