"""What an SVG shows, read as a browser would: its texts, its lines, and the values where they lie."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from math import isfinite

from wdbc_assets.presentation import plots

Value = Callable[[str], float]


class Drawn:
    """A picture that was parsed."""

    def __init__(self, picture: plots.Image) -> None:
        assert picture.media_type == "image/svg+xml"
        self.root = ET.fromstring(picture.content)
        for element in self.root.iter():
            element.tag = element.tag.removeprefix("{http://www.w3.org/2000/svg}")

    @property
    def title(self) -> str:
        return self.root.findtext("title") or ""

    @property
    def texts(self) -> list[str]:
        return [text.text or "" for text in self.root.iter("text")]

    def lines(self, **attributes: str) -> list[list[tuple[float, float]]]:
        """The corners of each line that has these attributes, in units of the drawing."""
        return [
            [(float(x), float(y)) for x, y in (corner.split(",") for corner in line.attrib["points"].split())]
            for line in self._with("polyline", attributes)
        ]

    def circles(self, **attributes: str) -> list[tuple[float, float]]:
        """The centre of each circle that has these attributes, in units of the drawing."""
        return [(float(circle.attrib["cx"]), float(circle.attrib["cy"])) for circle in self._with("circle", attributes)]

    def x(self, place: float, low: str, high: str, *, value: Value = float) -> float:
        """The value at a place, by where the labels of two ticks first stand."""
        return self._between(place, "middle", low, high, value)

    def y(self, place: float, low: str, high: str, *, value: Value = float) -> float:
        """The same from below to above; a label stands 4 units below its tick."""
        return self._between(place + 4, "end", low, high, value)

    def numbers(self) -> Iterator[float]:
        """Every number of the drawing that says where something is or how large."""
        for element in self.root.iter():
            for name, written in element.attrib.items():
                if name in {"x", "y", "cx", "cy", "r", "width", "height", "points", "viewBox"} and "%" not in written:
                    yield from map(float, written.replace(",", " ").split())

    def _with(self, tag: str, attributes: dict[str, str]) -> list[ET.Element]:
        return [one for one in self.root.iter(tag) if attributes.items() <= one.attrib.items()]

    def _between(self, place: float, anchor: str, low: str, high: str, value: Value) -> float:
        first, last = (
            next(
                float(text.attrib["x" if anchor == "middle" else "y"])
                for text in self.root.iter("text")
                if text.text == label and text.attrib["text-anchor"] == anchor and text.attrib["font-size"] == "11"
            )
            for label in (low, high)
        )
        return value(low) + (value(high) - value(low)) * (place - first) / (last - first)


def is_sound(picture: plots.Image) -> Drawn:
    """It loads nothing, has a white ground and letters to be read at 480 pixels, and says where each thing is."""
    drawn = Drawn(picture)
    root = drawn.root
    assert root.attrib["role"] == "img"
    assert (root.attrib["width"], root.attrib["viewBox"].split()[2]) == ("720", "480")
    ground = next(iter(root.iter("rect")))
    assert (ground.attrib["width"], ground.attrib["height"], ground.attrib["fill"]) == ("100%", "100%", "white")
    assert drawn.title == drawn.texts[0]
    assert {one.tag for one in root.iter()} <= {"svg", "title", "rect", "text", "polyline", "polygon", "circle"}
    assert min(float(text.attrib["font-size"]) for text in root.iter("text")) >= 11
    assert all(isfinite(number) and abs(number) < 10_000 for number in drawn.numbers())
    places = [(float(one.attrib["x"]), float(one.attrib["y"])) for one in root.iter("text")]
    height = float(root.attrib["viewBox"].split()[3])
    assert all(0 < x < 480 and 0 < y < height for x, y in places)
    return drawn
