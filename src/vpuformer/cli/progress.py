"""How far a long command is: a bar on the screen, and nothing in what is kept of its output."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


def progress_bar(*, silent: bool = False) -> "Progress":
    """A bar on standard error that vanishes at its end; none is drawn where that is no screen, or if `silent`."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    screen = Console(stderr=True)  # so that the results alone can be kept
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=screen, transient=True, disable=silent or not screen.is_terminal)
