"""Reliability diagrams: the share of malignant patients by predicted probability, for each recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.domain import formatting
from wdbc_assets.presentation.plots import style

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from wdbc_assets.domain.evaluation.results import Calibration

_COLUMNS = 2


def reliability_curves(calibration: Mapping[str, Calibration]) -> style.Image:
    """Draw each recipe's share of malignant by bin of probability with its Wilson interval, and its bins' patients."""
    columns = min(_COLUMNS, len(calibration))
    lines = -(-len(calibration) // columns)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2 * lines, columns, sharex=True, squeeze=False, height_ratios=(3, 1) * lines)
        for place, (recipe, summary) in enumerate(calibration.items()):
            line, column = divmod(place, columns)
            curve, patients = panels[2 * line : 2 * line + 2, column]
            _curve(curve, summary)
            _patients(patients, summary)
            curve.set_title(f"{recipe}, slope {formatting.number(summary.slope.mean, '.2f')}")
            patients.tick_params(labelbottom=place + columns >= len(calibration))
            if column == 0:
                curve.set_ylabel("Share malignant")
                patients.set_ylabel("Patients")
        for axes in panels[-2:, columns - (columns * lines - len(calibration)) :].flat:  # a place without a recipe
            axes.set_visible(False)
        figure.supxlabel("Probability of malignant, ten bins; whiskers: 95 % interval (Wilson)", size=9)
        figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2, fontsize=8)

    return style.png(draw, height=0.9 + 2.9 * lines)


def _curve(axes: Axes, summary: Calibration) -> None:
    probabilities = [bin_.mean_probability for bin_ in summary.bins if bin_.mean_probability is not None]
    shares = [bin_.share for bin_ in summary.bins if bin_.share is not None]
    low = [bin_.share_low for bin_ in summary.bins if bin_.share_low is not None]
    high = [bin_.share_high for bin_ in summary.bins if bin_.share_high is not None]
    axes.plot([0, 1], [0, 1], linestyle="--", color=style.GREY, linewidth=1, label="calibrated")
    axes.vlines(probabilities, low, high, color=style.BLUE)
    axes.plot(probabilities, shares, "o", color=style.BLUE, markersize=5, clip_on=False, label="the patients of a bin")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))


def _patients(axes: Axes, summary: Calibration) -> None:
    rows = [bin_.rows for bin_ in summary.bins]
    places = [(bin_.low + bin_.high) / 2 for bin_ in summary.bins]
    axes.bar(places, rows, width=0.09, color=style.GREY)
    for place, count in zip(places, rows, strict=True):
        axes.annotate(f"{count:.3g}", (place, count), (0, 1), textcoords="offset points", ha="center", size=6.5)
    axes.set(ylim=(0, 1.25 * max(rows)), yticks=[])
    axes.grid(visible=False)
