"""Numbers in sentences."""


def counted(number: int, thing: str) -> str:
    """
    >>> counted(1, "object"), counted(1200, "object")
    ('1 object', '1,200 objects')
    """
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
