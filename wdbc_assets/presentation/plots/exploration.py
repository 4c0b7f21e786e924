"""Plots of the exploration: distributions by class, correlations ordered by cluster, and single-feature AUCs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.data import contract, insights
from wdbc_assets.presentation.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from wdbc_assets.domain.data.correlation import Correlation
    from wdbc_assets.domain.data.distributions import Distribution
    from wdbc_assets.domain.data.exploration import Exploration

_LOOKS: dict[str, dict[str, Any]] = {
    "benign": {"color": style.BLUE, "fill": True, "alpha": 0.35, "linewidth": 0},
    "malignant": {"color": style.VERMILION, "linewidth": 1.4},
}
"""A filled shape behind an outline, so that the classes differ even without colour."""

_STATISTICS = {"mean": "Means", "se": "Standard errors", "worst": "Worst values"}
_COLUMNS = 2
_UNDEFINED = "#BBBBBB"  # where a constant is correlated


def distributions(exploration: Exploration, statistic: str) -> style.Image:
    """Draw the two classes' histograms of one statistic of each of the ten quantities, as shares of the class."""

    def draw(figure: Figure) -> None:
        panels = figure.subplots(-(-len(contract.MEASUREMENTS) // _COLUMNS), _COLUMNS)
        for axes, measurement in zip(panels.flat, contract.MEASUREMENTS, strict=True):
            _histogram(axes, measurement, exploration.measurements[measurement.column(statistic)])
        figure.suptitle(f"{_STATISTICS[statistic]}: share of each class (outermost bars: and beyond)", size=9.5)
        figure.legend(*panels.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)

    return style.png(draw, height=7.6)


def _histogram(axes: Axes, measurement: contract.Measurement, figures: Distribution) -> None:
    edges = figures.histogram.edges
    for name, look in _LOOKS.items():
        counts = figures.histogram.benign if name == "benign" else figures.histogram.malignant
        axes.stairs([count / sum(counts) for count in counts], edges, label=name, **look)
    unit = "" if measurement.unit == "1" else f", {measurement.unit}"
    axes.set_title(f"{measurement.name.replace('_', ' ')}{unit}", size=8.5)
    axes.set_title(f"AUC {figures.auc:.2f}", loc="right", size=7.5, color=style.GREY)
    axes.set(xlim=(edges[0], edges[-1]), yticks=[])
    axes.locator_params(axis="x", nbins=4)
    axes.tick_params(labelsize=7.5)


def correlations(exploration: Exploration) -> style.Image:
    """Draw r of each two measurements in the order of the clusters, which are framed and named."""
    correlation = exploration.correlation
    order, clusters = correlation.order, correlation.clusters

    def draw(figure: Figure) -> None:
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.patches import Rectangle

        axes = figure.subplots()
        colours = LinearSegmentedColormap.from_list("r", [style.BLUE, "white", style.VERMILION], N=41)
        matrix = [[float("nan") if r is None else r for r in row] for row in correlation.matrix]
        image = axes.imshow(
            matrix, cmap=colours.with_extremes(bad=_UNDEFINED), vmin=-1, vmax=1, interpolation="nearest", aspect="auto"
        )
        for cluster in clusters:
            first, size = order.index(cluster[0]) - 0.5, len(cluster)
            axes.add_patch(Rectangle((first, first), size, size, fill=False, edgecolor="black", linewidth=1.6))
        together = {name for cluster in clusters for name in cluster}
        axes.set_yticks(range(len(order)), order, size=7.5)
        axes.set_xticks([])
        for label in axes.get_yticklabels():
            label.set_fontweight("bold" if label.get_text() in together else "normal")
        figure.suptitle(_title(correlation), size=9.5)
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        bar = figure.colorbar(image, ax=axes, orientation="horizontal", shrink=0.7, aspect=30, pad=0.02)
        bar.set_label("Pearson's r (columns in the order of the rows)", size=8)
        bar.ax.tick_params(labelsize=8)

    return style.png(draw, height=5.0, colours=256)


def _title(correlation: Correlation) -> str:
    if not correlation.clusters:
        return f"No two measurements have an |r| of {correlation.bound:g} or more"
    return f"Framed and bold: every two have an |r| of {correlation.bound:g} or more"


def separation(exploration: Exploration) -> style.Image:
    """Draw how well each measurement alone parts the classes, the best above; a hollow mark: smaller is malignant."""
    names = insights.best_first(exploration.measurements)[::-1]
    chance = insights.BEYOND_CHANCE * insights.chance_sd(exploration.benign, exploration.malignant)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.axvspan(0.5, 0.5 + chance, color="#E5E5E5", label="within chance")
        for statistic, colour, marker in zip(contract.STATISTICS, style.COLOURS, style.MARKERS, strict=False):
            places = [place for place, name in enumerate(names) if name.endswith(f"_{statistic}")]
            for hollow in (False, True):
                shown = [place for place in places if (_auc(exploration, names[place]) < 0.5) is hollow]
                axes.plot(
                    [insights.separation(exploration.measurements[names[place]]) for place in shown],
                    shown,
                    marker,
                    color=colour,
                    markerfacecolor="white" if hollow else colour,
                    markersize=6,
                    label=None if hollow else statistic,
                )
        axes.set_yticks(range(len(names)), names, size=7.5)
        axes.set(xlim=(0.49, 1.0), ylim=(-0.7, len(names) - 0.3), xlabel="ROC-AUC of the measurement alone")
        axes.set_title("Hollow: smaller values are malignant" if _any_hollow(exploration) else "")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)

    return style.png(draw, height=5.6)


def _auc(exploration: Exploration, name: str) -> float:
    return exploration.measurements[name].auc


def _any_hollow(exploration: Exploration) -> bool:
    return any(_auc(exploration, name) < 0.5 for name in exploration.measurements)
