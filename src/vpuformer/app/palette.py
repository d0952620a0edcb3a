"""Colours of labels: those of Okabe and Ito (2008), which people with any kind of colour vision can tell apart."""

COLOURS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")


def colour_of(index: int) -> str:
    """The colour of the label with this number; after the last one they begin again.

    >>> colour_of(0), colour_of(7)
    ('#e69f00', '#e69f00')
    """
    return COLOURS[index % len(COLOURS)]
