"""Plots of importance: the loss without each cluster, and the contributions for two typical patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation.contributions import LEVELS
from wdbc_assets.presentation.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from wdbc_assets.domain.evaluation.importance import Importance


_COLOURS, _LINES = (style.BLUE, style.GREY, style.VERMILION), ("-", ":", "--")


def importance_by_group(importance: Importance) -> style.Image:
    """Draw by how much the log-loss grows if a cluster is permuted, and if it is left out; with 95 % intervals."""
    groups = importance.groups[::-1]

    def draw(figure: Figure) -> None:
        permuted, without = figure.subplots(1, 2, sharey=True)
        for axes, kind, title in ((permuted, "permuted", "permuted"), (without, "without", "left out, refitted")):
            increases = [getattr(group, kind) for group in groups]
            axes.barh(range(len(groups)), [increase.mean for increase in increases], color=style.BLUE, height=0.7)
            axes.hlines(
                range(len(groups)),
                [increase.low for increase in increases],
                [increase.high for increase in increases],
                color="black",
                lw=1,
            )
            axes.axvline(0, color=style.GREY, linewidth=0.8)
            axes.grid(visible=False, axis="y")
            axes.set_title(title)
        permuted.set_yticks(range(len(groups)), [group.cluster.replace("_", " ") for group in groups])
        figure.supxlabel(f"Increase of the log-loss of {importance.recipe}, out of fold; 95 % intervals", size=9)

    return style.png(draw, height=3.0)


def contribution_curves(importance: Importance) -> style.Image:
    """Draw what the values of each column add to the log-odds, by the share of patients below; linear recipes."""
    terms = importance.linear
    if terms is None:
        raise ValueError(f"{importance.recipe} is not linear")
    middle = {column: curve.contributions[len(LEVELS) // 2] for column, curve in terms.curves.items()}

    def draw(figure: Figure) -> None:
        panels = figure.subplots(2, 5, sharex=True, sharey=True)
        for axes, measurement in zip(panels.flat, contract.MEASUREMENTS, strict=True):
            axes.axhline(0, color=style.GREY, linewidth=0.8)
            for statistic, colour, line in zip(contract.STATISTICS, _COLOURS, _LINES, strict=True):
                column = measurement.column(statistic)
                heights = [height - middle[column] for height in terms.curves[column].contributions]
                axes.plot([100 * level for level in LEVELS], heights, line, color=colour, label=statistic)
            axes.set_title(measurement.name.replace("_", "\n"), size=8)
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=8)
        figure.supxlabel("Patients of the training set with smaller values, in %", size=9)
        figure.supylabel("Added to the log-odds, from the median", size=9)

    return style.png(draw, height=4.2)


def typical_contributions(importance: Importance) -> style.Image:
    """Draw what each column adds to the log-odds of the mean benign and the mean malignant patient; linear recipes."""
    terms = importance.linear
    if terms is None:
        raise ValueError(f"{importance.recipe} is not linear")
    intercept, benign, malignant = terms.intercept, terms.typical.benign, terms.typical.malignant
    columns = sorted(benign, key=lambda column: malignant[column] - benign[column])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        places = range(len(columns))
        axes.axvline(0, color=style.GREY, linewidth=0.8)
        axes.hlines(
            places, [benign[c] for c in columns], [malignant[c] for c in columns], color="#BBBBBB", linewidth=1.5
        )
        for name, contributions, colour, marker in (
            ("benign", benign, style.BLUE, "o"),
            ("malignant", malignant, style.VERMILION, "s"),
        ):
            total = intercept + sum(contributions.values())
            axes.plot(
                [contributions[c] for c in columns],
                places,
                marker,
                color=colour,
                markersize=4.5,
                label=f"mean {name} patient (sum {total:+.1f})",
            )
        axes.set_yticks(places, [column.replace("_", " ") for column in columns], size=7.5)
        axes.set_ylim(-0.7, len(columns) - 0.3)
        axes.set_xlabel(f"Added to the log-odds of malignant (intercept {intercept:+.2f})")
        axes.set_title(f"{importance.recipe}: what each column contributes")
        figure.legend(loc="outside lower center", ncols=2, fontsize=8)

    return style.png(draw, height=6.4)
