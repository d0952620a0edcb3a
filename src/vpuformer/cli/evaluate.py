"""stub"""


def evaluate() -> None:
    """Evaluate."""
