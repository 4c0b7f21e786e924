"""Picture of a judgement: how a candidate differs from the champion, and how far it may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wdbc_assets.presentation.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TITLES = {
    "log_loss": "log-loss (less is better)",
    "accuracy": "accuracy",
    "specificity": "specificity at a recall of .98",
}


def differences(verdict: dict[str, Any]) -> bytes:
    """Draw each compared figure's difference with its 95 % interval; the shaded side is where it must not reach."""
    compared = [one for one in verdict["criteria"] if one["name"] in _TITLES]

    def draw(figure: Figure) -> None:
        reach = 1.25 * max(abs(one[part] or 0.0) for one in compared for part in ("value", "low", "high", "bound"))
        reach = reach or 0.01
        for axes, one in zip(figure.subplots(len(compared), 1, sharex=True), compared, strict=True):
            forbidden = (one["bound"], reach) if one["name"] == "log_loss" else (-reach, one["bound"])
            axes.axvspan(*forbidden, color="#EEEEEE")
            axes.axvline(0, color=style.GREY, linewidth=0.8)
            colour = style.BLUE if one["holds"] else style.VERMILION
            if one["low"] is not None:
                axes.hlines(0, one["low"], one["high"], color=colour, linewidth=2)
            axes.plot([one["value"]], [0], "o" if one["holds"] else "s", color=colour, markersize=7)
            axes.set(yticks=[], ylim=(-1, 1), xlim=(-reach, reach))
            said = "holds" if one["holds"] else "does not hold"
            axes.set_title(f"{_TITLES[one['name']]}: {one['value']:+.4f}, {said}")
            axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"{verdict['candidate']} minus {verdict['champion']}")
        figure.suptitle(f"Verdict: {verdict['name']}. Of accuracy and log-loss the interval's end counts", size=9.5)

    return style.png(draw, height=0.9 + 0.85 * len(compared))
