"""Plot of decision curves: the net benefit of each recipe by threshold, against treating all patients and none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.presentation.plots import style

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from wdbc_assets.domain.evaluation.results import DecisionCurve

_COLUMNS = 2


def decision_curves(curves: Mapping[str, DecisionCurve]) -> style.Image:
    """Draw each recipe's net benefit with its 95 % band, and the two defaults."""
    columns = min(_COLUMNS, len(curves))
    lines = -(-len(curves) // columns)

    def draw(figure: Figure) -> None:
        panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).flat
        for place, (recipe, curve), axes in zip(range(len(curves)), curves.items(), panels, strict=False):
            axes.fill_between(curve.thresholds, curve.low, curve.high, color=style.BLUE, alpha=0.15, linewidth=0)
            axes.plot(curve.thresholds, curve.net_benefit, color=style.BLUE, linewidth=1.8, label="model, 95 % band")
            axes.plot(curve.thresholds, curve.treat_all, color=style.VERMILION, linestyle="--", label="act on all")
            axes.axhline(0, color=style.GREY, linewidth=1.2, label="act on none")
            top = max(curve.high)
            axes.tick_params(labelbottom=place + columns >= len(curves))
            axes.set(xlim=(0, max(curve.thresholds)), ylim=(-0.1 * top, 1.1 * top), title=recipe)
        for axes in panels:  # a place without a recipe
            axes.set_visible(False)
        figure.supxlabel("Threshold: the probability from which one acts", size=9)
        figure.supylabel("Net benefit, in true positives per patient", size=9)
        handles = figure.axes[0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper center", ncols=3, fontsize=8)

    return style.png(draw, height=1.0 + 2.0 * lines)
