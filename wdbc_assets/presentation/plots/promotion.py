"""Plot of a comparison: the differences between candidate and champion, with their bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.presentation.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from wdbc_assets.domain.promotion.gate import Verdict

_TITLES = {
    "log_loss": "log-loss (less is better)",
    "net_benefit": "net benefit (more is better)",
}


def differences(verdict: Verdict) -> style.Image:
    """Plot the difference of each compared metric with its interval. The forbidden range is shaded."""
    compared = [criterion for criterion in verdict.criteria if criterion.name in _TITLES]

    def draw(figure: Figure) -> None:
        reach = 1.25 * max(
            abs(number or 0.0)
            for criterion in compared
            for number in (criterion.value, criterion.low, criterion.high, criterion.bound)
        )
        reach = reach or 0.01
        for axes, criterion in zip(figure.subplots(len(compared), 1, sharex=True), compared, strict=True):
            forbidden = (criterion.bound, reach) if criterion.name == "log_loss" else (-reach, criterion.bound)
            axes.axvspan(*forbidden, color="#EEEEEE")
            axes.axvline(0, color=style.GREY, linewidth=0.8)
            colour = style.BLUE if criterion.holds else style.VERMILION
            if criterion.low is not None:
                axes.hlines(0, criterion.low, criterion.high, color=colour, linewidth=2)
            axes.plot([criterion.value], [0], "o" if criterion.holds else "s", color=colour, markersize=7)
            axes.set(yticks=[], ylim=(-1, 1), xlim=(-reach, reach))
            outcome = "met" if criterion.holds else "not met"
            axes.set_title(f"{_TITLES[criterion.name]}: {criterion.value:+.4f}, {outcome}")
            axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"{verdict.candidate} minus {verdict.champion}")
        figure.suptitle(f"Verdict: {verdict.name}. Each counts with a bound of its interval", size=9.5)

    return style.png(draw, height=0.9 + 0.85 * len(compared))
