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
    compared = [one for one in verdict.criteria if one.name in _TITLES]

    def draw(figure: Figure) -> None:
        reach = 1.25 * max(
            abs(number or 0.0) for one in compared for number in (one.value, one.low, one.high, one.bound)
        )
        reach = reach or 0.01
        for axes, one in zip(figure.subplots(len(compared), 1, sharex=True), compared, strict=True):
            forbidden = (one.bound, reach) if one.name == "log_loss" else (-reach, one.bound)
            axes.axvspan(*forbidden, color="#EEEEEE")
            axes.axvline(0, color=style.GREY, linewidth=0.8)
            colour = style.BLUE if one.holds else style.VERMILION
            if one.low is not None:
                axes.hlines(0, one.low, one.high, color=colour, linewidth=2)
            axes.plot([one.value], [0], "o" if one.holds else "s", color=colour, markersize=7)
            axes.set(yticks=[], ylim=(-1, 1), xlim=(-reach, reach))
            outcome = "met" if one.holds else "not met"
            axes.set_title(f"{_TITLES[one.name]}: {one.value:+.4f}, {outcome}")
            axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"{verdict.candidate} minus {verdict.champion}")
        figure.suptitle(f"Verdict: {verdict.name}. Each counts with a bound of its interval", size=9.5)

    return style.png(draw, height=0.9 + 0.85 * len(compared))
