"""Plots of stability: the probabilities that refits give by original probability, and the learning curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.presentation.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from wdbc_assets.domain.evaluation.stability import StabilitySummary


def instability(summary: StabilitySummary) -> style.Image:
    """Draw for each bin of original probabilities their mean, and the central 95 % of what refits give its patients."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        probabilities = [bin_.probability for bin_ in summary.bins]
        axes.plot([0, 1], [0, 1], linestyle="--", color=style.GREY, linewidth=1, label="no change")
        for bin_ in summary.bins:
            edges = [bin_.low, bin_.high]
            axes.fill_between(edges, bin_.refit_low, bin_.refit_high, color=style.BLUE, alpha=0.2, linewidth=0)
            place = (min(max(bin_.probability, 0.02), 0.98), bin_.refit_high)
            axes.annotate(f"{bin_.patients}", place, (0, 2), textcoords="offset points", ha="center", size=7)
        axes.fill_between([], [], color=style.BLUE, alpha=0.2, linewidth=0, label="95 % of the refits' probabilities")
        axes.plot(probabilities, probabilities, "o", color=style.BLUE, markersize=4, label="mean of the original")
        axes.set(xlim=(0, 1), ylim=(0, 1.06), xlabel="Original probability; above each bin, its patients")
        axes.set_ylabel("Probability by a refit")
        axes.set_title(f"{summary.recipe}: {summary.refits} bootstrap refits, mean difference {summary.error:.4f}")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8)

    return style.png(draw, height=3.6)


def learning_curve(summary: StabilitySummary) -> style.Image:
    """Draw the difference of log-loss to the largest training set by size, with its interval; without unknown ones."""
    known = [point for point in summary.learning if point.log_loss.mean is not None]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.axhline(0, color=style.GREY, linewidth=1)
        places = []
        for point in known:
            mean, low, high = (float(value or 0.0) for value in vars(point.log_loss).values())
            axes.vlines(point.rows, low, high, color=style.BLUE)
            places.append((point.rows, mean))
        places.append((summary.largest_part, 0.0))
        axes.plot(*zip(*places, strict=True), "o-", color=style.BLUE, markersize=5)
        axes.set(xlim=(0, 1.05 * summary.largest_part), xticks=[rows for rows, _ in places])
        axes.set_xlabel(f"Patients in the training set; {summary.splits} splits, 95 % interval")
        axes.set_ylabel(f"Log-loss above that of {summary.largest_part}")
        axes.set_title(f"{summary.recipe}: what more patients would bring")

    return style.png(draw, height=3.0)
