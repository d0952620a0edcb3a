"""Bar and line charts as inline SVG. Their colours are in `page.css`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from vpuformer.evaluation.report.markup import Markup, element, joined

WIDTH, HEIGHT = 480, 300
"""Size in SVG units; the page scales the chart."""

COLOURS = 7
"""Number of distinct colours; further lines repeat them, dashed."""

_T = TypeVar("_T")
_NUMBER_WIDTH = 36
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 8, 14, 46


@dataclass(frozen=True, slots=True)
class Series:
    """A line, or the bars of one colour: values and their intervals, all 0 to 1."""

    name: str
    values: Sequence[float | None]
    """None where the series has no value."""
    intervals: Sequence[tuple[float, float] | None]


def line_chart(series: Sequence[Series], x_title: str, y_title: str, label: str) -> Markup:
    """Line chart over 1, 2, ..., each line with the band of its interval.

    Args:
        series: the lines; their first value is at 1.
        x_title: title of the x axis.
        y_title: title of the y axis.
        label: description of the chart for screen readers.
    """
    longest = max(len(each.values) for each in series)
    ends = [end for each in series for pair in each.intervals if pair for end in pair]
    values = [value for each in series for value in each.values if value is not None]
    lowest = min(0.9, max(0.0, math.floor(10 * min([*values, *ends])) / 10))
    parts = [_grid(lowest), _titles(x_title, y_title)]
    for k in range(1, longest + 1):
        if k in (1, longest) or (k % (5 if longest > 10 else 1) == 0 and longest - k > 1):
            parts.append(_text(str(k), _x(k, longest), HEIGHT - _BOTTOM + 19))
    for i, each in enumerate(series):
        band = [(_x(k, longest), _y(pair[0], lowest), _y(pair[1], lowest)) for k, pair in _numbered(each.intervals)]
        outline = [(x, low) for x, low, _ in band] + [(x, high) for x, _, high in reversed(band)]
        parts.append(element("polygon", points=_points(outline), class_=f"band c{i % COLOURS}"))
    for i, each in enumerate(series):
        line = [(_x(k, longest), _y(value, lowest)) for k, value in _numbered(each.values)]
        parts.append(element("polyline", points=_points(line), class_=_line_class(i)))
        parts += [element("circle", cx=x, cy=y, r=2.6, class_=f"dot c{i % COLOURS}") for x, y in line]
    return _svg(label, *parts)


def bar_chart(places: Sequence[str], series: Sequence[Series], y_title: str, label: str) -> Markup:
    """Bar chart from 0 to 1 with whiskers: one cluster per place, one bar per series.

    Args:
        places: what stands below the clusters.
        series: a value for each place.
        y_title: title of the y axis.
        label: description of the chart for screen readers.
    """
    parts: list[Markup | None] = [_grid(0.0), _titles("", y_title)]
    room = (WIDTH - _LEFT - _RIGHT) / len(places)
    width = min(56.0, 0.8 * room / len(series))
    for p, place in enumerate(places):
        middle = _LEFT + (p + 0.5) * room
        name, _, rest = place.partition(", ")
        parts.append(_text(name, middle, HEIGHT - _BOTTOM + 19))
        parts.append(_text(rest, middle, HEIGHT - _BOTTOM + 37) if rest else None)
        for i, each in enumerate(series):
            value, pair = each.values[p], each.intervals[p]
            if value is None:
                continue
            left = middle + (i - len(series) / 2) * width
            top = _y(value, 0.0)
            bar = {"x": left + 1, "y": top, "width": width - 2, "height": _y(0.0, 0.0) - top}
            parts.append(element("rect", **bar, class_=f"bar c{i % COLOURS}"))
            parts.append(_whisker(left + width / 2, pair))
            parts.append(_in_bar(f"{value:.2f}", left + width / 2, width))
    return _svg(label, *parts)


def legend(names: Sequence[str]) -> Markup:
    """HTML list that names the colours."""
    items = []
    for i, name in enumerate(names):
        line = element("line", x1=1, y1=6, x2=27, y2=6, class_=_line_class(i))
        dot = element("circle", cx=14, cy=6, r=3.5, class_=f"dot c{i % COLOURS}")
        key = element("svg", line, dot, viewBox="0 0 28 12", aria_hidden="true")
        items.append(element("li", key, name))
    return element("ul", *items, class_="legend")


def _svg(label: str, *parts: Markup | None) -> Markup:
    return element("svg", *parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=label)


def _x(k: float, longest: int) -> float:
    span = WIDTH - _LEFT - _RIGHT - 20
    return _LEFT + 10 + span * ((k - 1) / (longest - 1) if longest > 1 else 0.5)


def _y(value: float, lowest: float) -> float:
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - value) / (1 - lowest)


def _grid(lowest: float) -> Markup:
    step = 0.1 if lowest >= 0.5 else 0.2
    parts = []
    for i in range(round((1 - lowest) / step + 0.25) + 1):
        value = 1 - i * step
        if value < lowest - 1e-9:
            break
        y = _y(value, lowest)
        parts.append(element("line", x1=_LEFT, y1=y, x2=WIDTH - _RIGHT, y2=y, class_="grid"))
        parts.append(_text(f"{value:.1f}", _LEFT - 7, y + 4.5, anchor="end"))
    return joined(*parts)


def _titles(x_title: str, y_title: str) -> Markup:
    middle = _TOP + (HEIGHT - _TOP - _BOTTOM) / 2
    turned = _text(y_title, 13, middle, transform=f"rotate(-90 13 {middle:g})")
    return joined(turned, _text(x_title, (_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 6) if x_title else None)


def _whisker(x: float, pair: tuple[float, float] | None) -> Markup | None:
    if pair is None:
        return None
    low, high = (_y(end, 0.0) for end in pair)
    path = f"M{x:.2f} {low:.2f}V{high:.2f}M{x - 4:.2f} {low:.2f}h8M{x - 4:.2f} {high:.2f}h8"
    return element("path", d=path, class_="whisker")


def _in_bar(text: str, x: float, width: float) -> Markup:
    """Number at the foot of a bar, turned by 90 degrees if the bar is narrow."""
    y = HEIGHT - _BOTTOM - 6
    if width >= _NUMBER_WIDTH:
        return _text(text, x, y, class_="value")
    return _text(text, x + 5, y, anchor="start", class_="value", transform=f"rotate(-90 {x + 5:.2f} {y})")


def _text(text: str, x: float, y: float, *, anchor: str = "middle", class_: str | None = None, **more: str) -> Markup:
    return element("text", text, x=float(x), y=float(y), text_anchor=anchor, class_=class_, **more)


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)


def _line_class(i: int) -> str:
    return f"line c{i % COLOURS}" + (" dashed" if i >= COLOURS else "")


def _numbered(values: Sequence[_T | None]) -> list[tuple[int, _T]]:
    return [(k, value) for k, value in enumerate(values, start=1) if value is not None]
