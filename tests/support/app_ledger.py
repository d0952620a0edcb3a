"""The expected state of an object after steps, independent of store and server."""

from typing import Any

import numpy as np

from support.app_disks import Disks
from vpuformer.app.annotation.answering import keep_shown
from vpuformer.app.annotation.brush import painted
from vpuformer.app.annotation.history import active_prompts, base_step, brush_strokes, lasso_mask, prompts
from vpuformer.app.step_schemas import RleMask
from vpuformer.app.store import rle
from vpuformer.arrays import BoolMask
from vpuformer.inference.prediction import Prediction
from vpuformer.inference.protocol import Query

SIZE = (60, 80)
"""Height and width of the image."""


def mask_of(runs: dict[str, Any] | None) -> BoolMask:
    """From the protocol's form."""
    return np.zeros(SIZE, bool) if runs is None else rle.from_message(RleMask(**runs), SIZE)


class Ledger:
    """One object on which `Disks` answers. Never changes: what happens makes another one."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self.masks: list[BoolMask] = [np.zeros(SIZE, bool)]
        """Before the first step, and after each."""
        self.at, self.accepted, self.revision = 0, False, 0

    def after(self, kind: str, step: dict[str, Any] | None = None) -> "Ledger":
        """Apply a "step", "undo", "redo" or "accept", which toggles the acceptance."""
        done = Ledger()
        done.steps, done.masks = list(self.steps), list(self.masks)
        done.at, done.accepted, done.revision = self.at, self.accepted, self.revision + 1
        match kind:
            case "undo":
                done.at -= 1
            case "redo":
                done.at += 1
            case "accept":
                done.accepted = not done.accepted
            case _:
                assert step is not None
                del done.steps[done.at :], done.masks[done.at + 1 :]
                done.steps.append(step)
                done.masks.append(_after(done.steps, done.masks))
                done.at += 1
        return done

    def fits(self, state: dict[str, Any]) -> str | None:
        """None, or how an object as the server shows it differs."""
        shown = [
            {name: shown[name] for name in step if name != "mask"}
            for step, shown in zip(self.steps, state["steps"], strict=False)
        ]
        live = [index for index, step in enumerate(state["steps"]) if step["live"]]
        for what, actual, wanted in (
            ("steps", len(state["steps"]), len(self.steps)),
            ("steps", shown, [{name: value for name, value in step.items() if name != "mask"} for step in self.steps]),
            ("at", state["at"], self.at),
            ("accepted", state["accepted"], self.accepted),
            ("revision", state["revision"], self.revision),
            ("area", state["area"], int(self.masks[self.at].sum())),
            ("pixels", int((mask_of(state["mask"]) != self.masks[self.at]).sum()), 0),
            ("live", live, active_prompts(self.steps[: self.at])),
        ):
            if actual != wanted:
                return f"{what}: {actual} instead of {wanted}"
        return None


def _after(steps: list[dict[str, Any]], masks: list[BoolMask]) -> BoolMask:
    """The mask after the last step; `masks` has the masks before it, the first one empty."""
    last = steps[-1]
    match last["type"]:
        case "clear":
            return np.zeros(SIZE, bool)
        case "mask":
            return mask_of(last["mask"])
        case "lasso":
            return lasso_mask(last["path"], SIZE)
        case "brush":
            return painted(masks[-1], [last])
    base = base_step(steps)
    before = masks[0 if base is None else base + 1]
    if last["type"] == "tidy":
        cleaned = Prediction(before).cleaned(holes=last["holes"], specks=last["specks"], smooth=last["smooth"])
        return painted(keep_shown(cleaned.mask, before, prompts(steps)), brush_strokes(steps))
    active = active_prompts(steps)
    if base is not None and active == active_prompts(steps[: base + 1]):
        return painted(before, brush_strokes(steps))
    disks = Disks()
    encoded = disks.encode(np.zeros((*SIZE, 3), np.uint8))
    (answer,) = disks.segment([Query(encoded, prompts(steps), before.astype(np.float32), candidates=True)])
    mask = answer.candidates[last["index"] % 3].mask if last["type"] == "choose" else answer.mask
    return painted(mask, brush_strokes(steps))
