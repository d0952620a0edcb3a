"""What a program that talks to the server has to do with its answers: put back what they leave out."""

from typing import Any

State = dict[str, Any]


def whole(former: State, answer: State) -> State:
    """The object after an answer that leaves out what `former`, the state that the request named, holds already."""
    known = [{**step, "live": place in answer["live"]} for place, step in enumerate(former["steps"][: answer["since"]])]
    mask = former["mask"] if answer["mask_known"] else answer["mask"]
    steps = [*known, *answer["steps"]]
    return {**answer, "since": 0, "live": [], "steps": steps, "mask_known": False, "mask": mask}
