"""HTML and SVG as text. Content that is not `Markup` is escaped."""

import html


class Markup(str):
    """Text that is already markup, and is not escaped again."""

    __slots__ = ()


def element(name: str, /, *content: str | None, **attributes: str | float | None) -> Markup:
    """An element with its content.

    In attribute names "_" becomes "-", and a trailing "_" is dropped.

    >>> element("td", "a < b", class_="quoted", data_x=1, title=None)
    '<td class="quoted" data-x="1">a &lt; b</td>'
    """
    attributes_text = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY:
        return Markup(f"<{name}{attributes_text}>")
    return Markup(f"<{name}{attributes_text}>{joined(*content)}</{name}>")


def joined(*content: str | None) -> Markup:
    """Concatenate pieces of markup and text.

    >>> joined("1 < 2", Markup("<br>"), None)
    '1 &lt; 2<br>'
    """
    return Markup("".join(each if isinstance(each, Markup) else html.escape(each) for each in content if each))


_EMPTY = frozenset({"br", "img", "meta"})


def _number(value: str | float) -> str:
    # Two digits are a hundredth of a pixel, and keep files small.
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
