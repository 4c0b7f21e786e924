"""The picture of a rehearsal: the events, what the scans said, and the answers, week by week."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.presentation.plots import style, svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wdbc_assets.rehearsal.summary import EventResult, RehearsalResult
    from wdbc_assets.rehearsal.year import Observed

_LEFT, _WIDTH = 110, 355
_ROW, _PANEL, _GAP = 16, 78, 46
_LARGEST_Z = 12.0
_LINE = svg.SeriesStyle(style.BLUE, 1.5)
_THRESHOLD = svg.SeriesStyle(style.VERMILION, 1, dashes="4 3")
_LASTS, _FOUND = svg.SeriesStyle("#E69F00", 7), svg.SeriesStyle(style.GREEN, marker="D", radius=4)
_REFERRED = svg.SeriesStyle(style.GREEN, 1.5)


def year(result: RehearsalResult, weeks: Sequence[Observed]) -> style.Image:
    """Draw the year: a bar for each event with a mark where it was found, and three panels below."""
    rows = len(result.events)
    top = 34.0
    panels = top + rows * _ROW + _GAP
    drawing = svg.Drawing(f"A rehearsal of {result.weeks} weeks", height=panels + 3 * (_PANEL + _GAP) + 8)
    across = (0.5, result.weeks + 0.5)
    _events(drawing, result.events, top, across, last=result.weeks)
    for number, (title, highest, threshold, series) in enumerate(_panels(weeks)):
        axes = svg.Axes(drawing, _LEFT, panels + number * (_PANEL + _GAP), _WIDTH, _PANEL, across, (0, highest))
        weeks_axis = svg.ticks(1, result.weeks) if result.weeks > 1 else {1.0: "1"}
        axes.frame(weeks_axis, svg.ticks(0, highest, at_most=3), x="week" if number == 2 else "", title=title)
        if threshold:
            axes.series([(across[0], threshold), (across[1], threshold)], _THRESHOLD)
        for points, look in series:
            axes.series([(week, min(value, highest)) for week, value in points], look)
    drawing.legend(
        [("event", _LASTS), ("found", _FOUND), ("threshold", _THRESHOLD), ("wrong", _LINE), ("referred", _REFERRED)]
    )
    return drawing.image()


def _events(drawing: svg.Drawing, events: Sequence[EventResult], top: float, across: svg.Point, *, last: int) -> None:
    axes = svg.Axes(drawing, _LEFT, top, _WIDTH, len(events) * _ROW, across, (len(events), 0))
    for row, event in enumerate(events):
        middle = row + 0.5
        end = last + 0.5 if event.repaired is None else max(event.repaired - 0.5, event.injected + 0.5)
        axes.series([(event.injected - 0.5, middle), (end, middle)], _LASTS)
        if event.found is not None:
            axes.series([(event.found, middle)], _FOUND)
        _, place = axes.at(0, middle)
        drawing.text((_LEFT - 6, place + 4), event.name, size=10, anchor="end")


_Series = list[tuple[list["svg.Point"], "svg.SeriesStyle"]]


def _panels(weeks: Sequence[Observed]) -> list[tuple[str, float, float, _Series]]:
    drift = [(float(seen.week), abs(seen.drift.streams[0].z)) for seen in weeks if seen.drift and seen.drift.streams]
    scans = [(float(seen.week), seen.live.scan) for seen in weeks if seen.live and seen.live.scan.shifts]
    outcomes = [(week, max(abs(shift.z) for shift in scan.shifts)) for week, scan in scans]
    scored = [seen for seen in weeks if seen.patients]
    wrong = [(float(seen.week), 100 * seen.wrong / seen.patients) for seen in scored]
    referred = [(float(seen.week), 100 * seen.referred / seen.patients) for seen in scored]
    drift_threshold = next((seen.drift.threshold for seen in weeks if seen.drift), 0.0)
    outcomes_threshold = scans[0][1].threshold if scans else 0.0
    return [
        (f"largest |z| of the measurements (up to {_LARGEST_Z:g})", _LARGEST_Z, drift_threshold, [(drift, _LINE)]),
        (f"largest |z| of the outcomes (up to {_LARGEST_Z:g})", _LARGEST_Z, outcomes_threshold, [(outcomes, _LINE)]),
        (
            "patients with a wrong definite answer, and referred, in %",
            100.0,
            0.0,
            [(wrong, _LINE), (referred, _REFERRED)],
        ),
    ]
