"""Drawings as SVG, for the pictures of the main job, of whose processor time matplotlib would take a good part.

Places on a drawing are (x, y) in units of 1/480 of its width, from its upper left corner; `Axes` maps values to them.
Equal values give equal bytes: coordinates have at most two decimals, and the letters are left to the browser.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

from wdbc_assets.presentation.plots import style
from wdbc_assets.safe_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Point = tuple[float, float]

WIDTH = 480
_SCALE = 1.5  # pixels for each unit: as wide as the PNGs
_FONT = "DejaVu Sans, Verdana, sans-serif"  # the first two are equally wide, and no common font is wider
_LETTER = 0.56  # mean width of a letter, in font sizes
# The corners of matplotlib's markers, in radii; "o" is a circle.
_SHAPES: dict[str, Sequence[Point]] = {
    "s": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "^": ((0, -1.1), (1.1, 0.9), (-1.1, 0.9)),
    "v": ((0, 1.1), (1.1, -0.9), (-1.1, -0.9)),
    "D": ((0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)),
    "P": ((0, -1.2), (0, 1.2), (0, 0), (1.2, 0), (-1.2, 0), (0, 0)),
    "_": ((-1, 0), (1, 0)),
}


@dataclass(frozen=True)
class SeriesStyle:
    """How a series is drawn: its line (if it has a width), and its markers (if they have a shape and a radius)."""

    colour: str
    width: float = 0
    dashes: str = ""
    marker: str = ""
    radius: float = 3.4
    fill: str = ""


class Drawing:
    """A white ground with a title, to which shapes and texts are added."""

    def __init__(self, title: str, *, height: float) -> None:
        self.height = height
        self.title = title
        self.shapes: list[str] = []
        self.text((WIDTH / 2, 17), title)

    def image(self) -> style.Image:
        """Return what was drawn as an SVG file."""
        width, height = _number(_SCALE * WIDTH), _number(_SCALE * self.height)
        box = f'viewBox="0 0 {WIDTH} {_number(self.height)}" width="{width}" height="{height}"'
        start = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {box} font-family="{_FONT}">'
        title = f"<title>{_escaped(self.title)}</title>"
        ground = '<rect width="100%" height="100%" fill="white"/>'  # the page around it may be dark
        return style.Image("image/svg+xml", "\n".join([start, title, ground, *self.shapes, "</svg>\n"]).encode())

    def add(self, tag: str, text: str = "", **attributes: float | str) -> None:
        """Add an element. Empty attributes are left out; a hyphen in a name is written as an underscore."""
        written = "".join(
            f' {name.replace("_", "-")}="{_escaped(value) if isinstance(value, str) else _number(value)}"'
            for name, value in attributes.items()
            if value != ""
        )
        self.shapes.append(f"<{tag}{written}>{_escaped(text)}</{tag}>")

    def text(
        self, at: Point, text: str, *, size: float = 12, anchor: str = "middle", fill: str = "", up: bool = False
    ) -> None:
        """Add a text on its baseline, if there is any; `up` turns it by 90 degrees, to run upwards."""
        turned = f"rotate(-90 {_number(at[0])} {_number(at[1])})" if up else ""
        if text:
            self.add("text", text, x=at[0], y=at[1], font_size=size, text_anchor=anchor, fill=fill, transform=turned)

    def series(self, points: Sequence[Point], look: SeriesStyle) -> None:
        """Add a line through points, and a marker on each."""
        if look.width:
            line = {"stroke": look.colour, "stroke_dasharray": look.dashes, "fill": "none"}
            self.add("polyline", points=_places(points), stroke_width=look.width, **line)
        r, marker = look.radius, {"stroke": look.colour, "fill": look.fill or look.colour}
        for x, y in points:
            if look.marker == "o":
                self.add("circle", cx=x, cy=y, r=r, **marker)
            elif look.marker:
                corners = ((x + r * dx, y + r * dy) for dx, dy in _SHAPES[look.marker])
                self.add("polygon", points=_places(corners), **marker)

    def legend(self, entries: Iterable[tuple[str, SeriesStyle]]) -> None:
        """Add a legend below all else, in as many rows as its entries need."""
        rows: list[list[tuple[str, SeriesStyle, float]]] = [[]]
        for label, look in entries:
            width = 38 + _LETTER * 11 * len(label)
            if rows[-1] and width + sum(taken for *_, taken in rows[-1]) > WIDTH:
                rows.append([])
            rows[-1].append((label, look, width))
        for row in rows:
            x, y = WIDTH / 2 - sum(width for *_, width in row) / 2 + 6, self.height + 8
            for label, look, width in row:
                self.series([(x, y), (x + 22, y)], replace(look, marker=""))
                self.series([(x + 11, y)], replace(look, width=0))
                self.text((x + 27, y + 4), label, size=11, anchor="start")
                x += width
            self.height += 20


@dataclass(frozen=True)
class Axes:
    """A panel of a drawing: its place and size, and the values at the two ends of each axis."""

    drawing: Drawing
    left: float
    top: float
    width: float
    height: float
    x: Point
    y: Point

    def at(self, x: float, y: float) -> Point:
        """Return the place of two values."""
        (x0, x1), (y0, y1) = self.x, self.y
        return self.left + self.width * (x - x0) / (x1 - x0), self.top + self.height * (y1 - y) / (y1 - y0)

    def frame(
        self, x_ticks: Mapping[float, str], y_ticks: Mapping[float, str], *, x: str = "", y: str = "", title: str = ""
    ) -> None:
        """Add a grid with its labels, the names of the two axes, and a title above the panel."""
        bottom, right = self.top + self.height, self.left + self.width
        grid = SeriesStyle("#DDDDDD", 1)
        for value, label in x_ticks.items():
            place, _ = self.at(value, 0)
            self.drawing.series([(place, self.top), (place, bottom)], grid)
            self.drawing.text((place, bottom + 15), label, size=11)
        for value, label in y_ticks.items():
            _, place = self.at(0, value)
            self.drawing.series([(self.left, place), (right, place)], grid)
            self.drawing.text((self.left - 6, place + 4), label, size=11, anchor="end")
        self.drawing.series([(self.left, self.top), (self.left, bottom), (right, bottom)], SeriesStyle(style.GREY, 1))
        self.drawing.text((self.left + self.width / 2, bottom + 32), x)
        self.drawing.text((15, self.top + self.height / 2), y, up=True)
        self.drawing.text((self.left, self.top - 6), title, anchor="start")

    def series(self, points: Iterable[Point], look: SeriesStyle) -> None:
        """Add a line through values, and a marker on each."""
        self.drawing.series([self.at(x, y) for x, y in points], look)

    @contextmanager
    def window(self) -> Iterator[None]:
        """Hide what the block adds outside of the panel."""
        left, top, width, height = map(_number, (self.left, self.top, self.width, self.height))
        box = f'x="{left}" y="{top}" width="{width}" height="{height}" viewBox="{left} {top} {width} {height}"'
        self.drawing.shapes.append(f"<svg {box}>")
        yield
        self.drawing.shapes.append("</svg>")


def ticks(low: float, high: float, *, at_most: int = 6) -> dict[float, str]:
    """Return the multiples of a round step from `low` to `high`, with their labels; `at_most` counts the steps."""
    exponent = math.ceil(math.log10((high - low) / at_most) - 1e-9)
    factor = next(factor for factor in (0.2, 0.5, 1) if factor * 10.0**exponent * at_most > 0.999 * (high - low))
    step, decimals = factor * 10.0**exponent, max(0, (factor < 1) - exponent)
    numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return {number * step: f"{number * step:.{decimals}f}" for number in numbers}


def around(values: Iterable[float]) -> Point:
    """Return the ends of an axis that shows all values, with some room beside them."""
    ordered = sorted(values)
    low, high = ordered[0], ordered[-1]
    room = 0.06 * (high - low) if high - low > 1e-6 else 0.05  # means of equal scores may differ in their last digit
    return low - room, high + room


def _places(points: Iterable[Point]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")  # + 0.0 makes -0.0 positive


def _escaped(text: str) -> str:
    return escape(printable(text))
