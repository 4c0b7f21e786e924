"""Drawings as SVG: sound XML, the same bytes for the same values, and round numbers on the axes."""

import pytest

from wdbc_assets.presentation.plots import style, svg
from wdbc_assets_tests.presentation.plots.drawn import Drawn, is_sound


def test_equal_values_give_these_bytes_on_every_machine() -> None:
    drawing = svg.Drawing("A < B", height=100)
    axes = svg.Axes(drawing, 60, 30, 100, 50, x=(0, 3), y=(0, 1))
    axes.series([(0, -1e-9), (1, 2 / 3)], svg.SeriesStyle("red", 1.5, marker="o"))
    assert drawing.image().content.decode() == (
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 480 100" width="720" height="150" '
        'font-family="DejaVu Sans, Verdana, sans-serif">\n'
        "<title>A &lt; B</title>\n"
        '<rect width="100%" height="100%" fill="white"/>\n'
        '<text x="240" y="17" font-size="12" text-anchor="middle">A &lt; B</text>\n'
        '<polyline points="60,80 93.33,46.67" stroke-width="1.5" stroke="red" fill="none"></polyline>\n'
        '<circle cx="60" cy="80" r="3.4" stroke="red" fill="red"></circle>\n'
        '<circle cx="93.33" cy="46.67" r="3.4" stroke="red" fill="red"></circle>\n'
        "</svg>\n"
    )


def test_foreign_text_is_shown_and_cannot_become_markup() -> None:
    foreign = "</title><script>alert(1)</script> & \"quoted\" 'text' \x00\x1b\ud800"
    drawing = svg.Drawing(foreign, height=100)
    drawing.legend([(foreign, svg.SeriesStyle("\"/><script x='", 1))])
    drawn = Drawn(drawing.image())
    shown = foreign[:-3] + "\\x00\\x1b\\ud800"
    assert drawn.title == shown
    assert drawn.texts == [shown, shown]
    assert drawn.lines(stroke="\"/><script x='")
    assert {one.tag for one in drawn.root.iter()} == {"svg", "title", "rect", "text", "polyline"}


@pytest.mark.parametrize("marker", style.MARKERS)
def test_each_marker_is_drawn_around_its_place(marker: str) -> None:
    drawing = svg.Drawing("title", height=100)
    drawing.series([(200, 50)], svg.SeriesStyle("red", marker=marker))
    shape = list(is_sound(drawing.image()).root)[-1]
    if marker == "o":
        assert (shape.tag, shape.attrib["cx"], shape.attrib["cy"]) == ("circle", "200", "50")
    else:
        xs, ys = zip(*(map(float, corner.split(",")) for corner in shape.attrib["points"].split()), strict=True)
        assert min(xs) < 200 < max(xs)
        assert min(ys) < 50 < max(ys)


def test_a_legend_takes_as_many_rows_as_it_needs_and_the_picture_grows() -> None:
    look = svg.SeriesStyle("red", 1, marker="s")
    drawing = svg.Drawing("title", height=100)
    drawing.legend([("short", look)])
    assert drawing.height == 120
    drawing.legend([("a label of twenty-five..", look)] * 3)
    assert drawing.height == 160
    is_sound(drawing.image())
    drawing.legend([("one that is wider than the whole picture " * 3, look)])
    assert drawing.height == 180


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1, "0.0 0.2 0.4 0.6 0.8 1.0"),
        (0.8, 1, "0.80 0.85 0.90 0.95 1.00"),
        (0.9066, 0.9834, "0.92 0.94 0.96 0.98"),
        (-0.3, 0.7, "-0.2 0.0 0.2 0.4 0.6"),
        (0, 60, "0 10 20 30 40 50 60"),
        (0.96999, 0.97001, "0.969990 0.969995 0.970000 0.970005 0.970010"),
        (12, 4012, "1000 2000 3000 4000"),
    ],
)
def test_ticks_are_round_and_few_and_their_labels_tell_them_apart(low: float, high: float, labels: str) -> None:
    ticks = svg.ticks(low, high, at_most=4 if labels.startswith("0.80") else 6)
    assert " ".join(ticks.values()) == labels
    assert all(float(label) == pytest.approx(value, abs=1e-12) for value, label in ticks.items())


@pytest.mark.parametrize("values", [[0.97], [0.97, 0.97], [0.97, 0.97 + 1e-16], [-1e6, -1e6]])
def test_an_axis_has_room_around_values_that_are_all_the_same(values: list[float]) -> None:
    low, high = svg.around(values)
    assert low < min(values)
    assert high > max(values)
    assert 2 <= len(svg.ticks(low, high)) <= 7


def test_a_window_hides_what_lies_outside_of_its_panel() -> None:
    drawing = svg.Drawing("title", height=100)
    axes = svg.Axes(drawing, 60, 30, 100, 50, x=(0, 1), y=(0, 1))
    with axes.window():
        axes.series([(0, 0), (2, 2)], svg.SeriesStyle("red", 1))
    (window,) = is_sound(drawing.image()).root.iterfind("svg")
    assert window.attrib == {"x": "60", "y": "30", "width": "100", "height": "50", "viewBox": "60 30 100 50"}
    assert [one.tag for one in window] == ["polyline"]
