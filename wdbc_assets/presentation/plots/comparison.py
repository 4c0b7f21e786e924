"""Plot that compares the recipes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.presentation.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from wdbc_assets.domain.evaluation.results import EvaluationSummary


def recipes_compared(summary: EvaluationSummary) -> style.Image:
    """Draw each recipe's log-loss and accuracy: mean over the folds, and its corrected 95 % interval."""
    recipes = sorted(summary.recipes, key=lambda name: -(summary.recipes[name].log_loss.of_folds or 0.0))
    places = range(len(recipes))

    def draw(figure: Figure) -> None:
        panels = (("log_loss", "Log-loss (less is better)"), ("accuracy", "Accuracy"))
        for axes, (metric, title) in zip(figure.subplots(1, 2, sharey=True), panels, strict=True):
            values = [summary.recipes[name].by_name[metric] for name in recipes]
            means = [value.of_folds for value in values]
            axes.hlines(places, [value.low for value in values], [value.high for value in values], color=style.BLUE)
            axes.plot(means, places, "o", color=style.BLUE, markersize=7)
            for place, mean in zip(places, means, strict=True):
                axes.annotate(f"{mean:.4f}", (mean, place), (0, 7), textcoords="offset points", ha="center", size=8)
            axes.set_title(title)
            axes.set_ylim(-0.5, len(recipes) - 0.3)
        figure.axes[0].set_yticks(places, recipes)
        figure.suptitle(
            f"Mean of {summary.repeats} x {summary.folds} folds, 95 % interval (Nadeau and Bengio)", size=9.5
        )

    return style.png(draw, height=1.3 + 0.5 * len(recipes))
