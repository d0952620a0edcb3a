"""Prompts from the command line: `120,48`, `10,20,180,140`, `"5,5 40,60 80,64"`."""

from collections.abc import Sequence
from pathlib import Path

from vpuformer.cli.prompt_syntax import BOX_FORM, CLICK_FORM, SCRIBBLE_FORM
from vpuformer.errors import PromptError
from vpuformer.files import read_bytes
from vpuformer.prompts import Box, Click, Prompt, Scribble, prompts_from_json


def parse_click(word: str, *, positive: bool = True) -> Click:
    """
    >>> parse_click("120,48")
    Click(x=120.0, y=48.0, positive=True)
    """
    return Click(*_numbers(word, 2, _option("click", positive), CLICK_FORM), positive=positive)


def parse_box(word: str, *, positive: bool = True) -> Box:
    """
    >>> parse_box("10,20,180,140", positive=False)
    Box(x0=10.0, y0=20.0, x1=180.0, y1=140.0, positive=False)
    """
    return Box(*_numbers(word, 4, _option("box", positive), BOX_FORM), positive=positive)


def parse_scribble(word: str, *, positive: bool = True) -> Scribble:
    """
    >>> parse_scribble("5,5 40,60").path
    ((5.0, 5.0), (40.0, 60.0))
    """
    option = _option("scribble", positive)
    points = [_numbers(point, 2, option, SCRIBBLE_FORM) for point in word.split()]
    return Scribble(tuple((x, y) for x, y in points), positive=positive)


def _option(kind: str, positive: bool) -> str:
    return f"--{kind}" if positive else f"--negative-{kind}"


def _numbers(word: str, count: int, option: str, form: str) -> list[float]:
    """The `count` numbers of a word such as `120,48`.

    Raises:
        PromptError: the word does not hold `count` numbers.
    """
    try:
        numbers = [float(part) for part in word.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count:
        raise PromptError(f"{option} wants {form} in pixels of the image, got {word!r:.80}")
    return numbers


def gather_prompts(
    file: Path | None = None,
    clicks: Sequence[str] | None = None,
    negative_clicks: Sequence[str] | None = None,
    boxes: Sequence[str] | None = None,
    negative_boxes: Sequence[str] | None = None,
    scribbles: Sequence[str] | None = None,
    negative_scribbles: Sequence[str] | None = None,
) -> tuple[Prompt, ...]:
    """All prompts of a command: those of the file, then boxes, scribbles and clicks.

    Raises:
        PromptError: a prompt cannot be read.
    """
    options = (
        (parse_box, boxes, negative_boxes),
        (parse_scribble, scribbles, negative_scribbles),
        (parse_click, clicks, negative_clicks),
    )
    prompts: list[Prompt] = [*read_prompts(file)] if file else []
    for parse, positive, negative in options:
        prompts += [parse(word) for word in positive or ()]
        prompts += [parse(word, positive=False) for word in negative or ()]
    return tuple(prompts)


def read_prompts(file: Path) -> tuple[Prompt, ...]:
    """The prompts of a JSON file.

    Raises:
        PromptError: the file cannot be read, or holds something else than a JSON list of prompts.
    """
    content = read_bytes(file, error=PromptError, name=f"the list of prompts {file}")
    try:
        return prompts_from_json(content)
    except PromptError as error:
        raise PromptError(f"{file}: {error}") from error
