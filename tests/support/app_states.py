"""Restores what the server's answers omit, as any client must."""

from typing import Any

State = dict[str, Any]


def whole(former: State, answer: State) -> State:
    """The complete state after an answer that omits what `former` already has."""
    known = [{**step, "live": place in answer["live"]} for place, step in enumerate(former["steps"][: answer["since"]])]
    mask = former["mask"] if answer["mask_known"] else answer["mask"]
    steps = [*known, *answer["steps"]]
    return {**answer, "since": 0, "live": [], "steps": steps, "mask_known": False, "mask": mask}
