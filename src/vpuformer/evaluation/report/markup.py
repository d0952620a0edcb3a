"""HTML and SVG as text: elements with attributes and content, and everything else made harmless."""

import html


class Markup(str):
    """Text that is markup already; any other text is escaped where it is put into an element."""

    __slots__ = ()


def element(name: str, /, *content: str | None, **attributes: str | float | None) -> Markup:
    """An element with its content. A trailing underscore and underscores within names of attributes are for Python.

    >>> element("td", "a < b", class_="quoted", data_x=1, title=None)
    '<td class="quoted" data-x="1">a &lt; b</td>'
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY:
        return Markup(f"<{name}{told}>")
    return Markup(f"<{name}{told}>{joined(*content)}</{name}>")


def joined(*content: str | None) -> Markup:
    """Pieces of markup and text behind each other.

    >>> joined("1 < 2", Markup("<br>"), None)
    '1 &lt; 2<br>'
    """
    return Markup("".join(each if isinstance(each, Markup) else html.escape(each) for each in content if each))


_EMPTY = frozenset({"br", "img", "meta"})


def _number(value: str | float) -> str:
    # Two digits of a coordinate are a hundredth of a pixel, and files stay small.
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
