"""Plots of the metrics on the test set: confusion matrix and ROC curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.presentation.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from wdbc_assets.domain.evaluation.results import Metrics

_CLASSES = ("benign", "malignant")


def confusion_matrix(metrics: Metrics) -> style.Image:
    """Draw the counts of patients by diagnosis and prediction, each row shaded by its shares."""
    (tn, fp), (fn, tp) = counts = metrics.confusion_matrix

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_title(f"{fn} of {fn + tp} malignant missed, {fp} of {tn + fp} benign called malignant")
        for row, of_row in enumerate(counts):
            for column, count in enumerate(of_row):
                share = count / sum(of_row)
                colour = style.BLUE if row == column else style.VERMILION
                axes.fill_between(
                    [column - 0.49, column + 0.49], row - 0.48, row + 0.48, color=colour, alpha=max(share, 0.06)
                )
                ink = "white" if share > 0.5 else "black"
                axes.text(column, row - 0.1, str(count), ha="center", va="center", color=ink, fontsize=18)
                axes.text(column, row + 0.2, f"{share:.1%} of the {_CLASSES[row]}", ha="center", color=ink, fontsize=10)
        axes.set(xlim=(-0.5, 1.5), ylim=(1.5, -0.5), aspect=0.55)
        axes.set_xticks([0, 1], _CLASSES)
        axes.set_yticks([0, 1], _CLASSES, rotation=90, va="center")
        axes.set_xlabel(f"Prediction (malignant if its probability is above {metrics.threshold:g})")
        axes.set_ylabel("Diagnosis")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    return style.png(draw, height=3.4)


def roc_curve(metrics: Metrics) -> style.Image:
    """Draw the ROC curve, the point of the threshold in use on it, and its upper left corner enlarged."""
    curve, auc = metrics.roc_curve, metrics.roc_auc
    (tn, fp), (fn, tp) = metrics.confusion_matrix

    def trace(axes: Axes, *, clip: bool) -> None:
        axes.plot(curve.false_positive_rate, curve.true_positive_rate, color=style.BLUE, linewidth=2, zorder=3)
        used = f"at the threshold {metrics.threshold:g}"
        axes.plot(fp / (tn + fp), tp / (fn + tp), "o", color=style.VERMILION, ms=7, zorder=4, clip_on=clip, label=used)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        trace(axes, clip=False)  # a point on the frame is shown whole
        axes.plot([0, 1], [0, 1], linestyle="--", color=style.GREY, linewidth=1, label="chance")
        axes.set(xlim=(0, 1), ylim=(0, 1.005), aspect="equal")
        axes.set_xlabel("False positive rate (1 - specificity)")
        axes.set_ylabel("True positive rate (recall)")
        axes.set_title(f"ROC-AUC {auc.value:.3f}, {metrics.confidence:.0%} interval {auc.low:.3f} to {auc.high:.3f}")
        corner = axes.inset_axes((0.5, 0.1, 0.46, 0.3), xlim=(0, 0.2), ylim=(0.8, 1.005))
        trace(corner, clip=True)
        corner.set_title("the upper left corner", size=8)
        corner.tick_params(labelsize=8)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)

    return style.png(draw, height=5.0)
