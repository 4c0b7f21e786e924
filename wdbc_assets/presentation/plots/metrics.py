"""Plots of the metrics on the test set: confusion matrix and ROC curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wdbc_assets.presentation.plots import style, svg

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.metrics_result import Metrics

_CLASSES = ("benign", "malignant")


def confusion_matrix(metrics: Metrics) -> style.Image:
    """Draw the counts of patients by diagnosis and prediction, each row shaded by its shares."""
    (tn, fp), (fn, tp) = counts = metrics.confusion_matrix
    drawing = svg.Drawing(f"{fn} of {fn + tp} malignant missed, {fp} of {tn + fp} benign called malignant", height=318)
    for row, row_counts in enumerate(counts):
        for column, count in enumerate(row_counts):
            share = count / max(sum(row_counts), 1)
            colour, ink = style.BLUE if row == column else style.VERMILION, "white" if share > 0.8 else "black"
            left, top = 44 + 216 * column, 30 + 120 * row
            drawing.add("rect", x=left, y=top, width=213, height=117, fill=colour, fill_opacity=max(share, 0.06))
            drawing.text((left + 106, top + 57), str(count), size=24, fill=ink)
            drawing.text((left + 106, top + 84), f"{share:.1%} of the {_CLASSES[row]}", size=13, fill=ink)
    for number, name in enumerate(_CLASSES):
        drawing.text((150 + 216 * number, 285), name)
        drawing.text((36, 88 + 120 * number), name, up=True)
    drawing.text((258, 306), f"Prediction (malignant if its probability is above {metrics.threshold:g})")
    drawing.text((16, 148), "Diagnosis", up=True)
    return drawing.image()


def roc_curve(metrics: Metrics) -> style.Image:
    """Draw the ROC curve, the point of the threshold in use on it, and its upper left corner enlarged."""
    curve, auc = metrics.roc_curve, metrics.roc_auc
    (tn, fp), (fn, tp) = metrics.confusion_matrix
    bounds = "no" if auc.low is None else f"{metrics.confidence:.0%}"
    ends = "" if auc.low is None else f" {auc.low:.3f} to {auc.high:.3f}"
    drawing = svg.Drawing(f"ROC-AUC {auc.value:.3f}, {bounds} interval{ends}", height=460)
    line, chance = svg.SeriesStyle(style.BLUE, 2.5), svg.SeriesStyle(style.GREY, 1, dashes="4 3")
    used = svg.SeriesStyle(style.VERMILION, marker="o", radius=4.5)

    def trace(axes: svg.Axes) -> None:
        axes.series(zip(curve.false_positive_rate, curve.true_positive_rate, strict=True), line)
        axes.series([(fp / max(tn + fp, 1), tp / max(fn + tp, 1))], used)

    axes = svg.Axes(drawing, 62, 30, 390, 390, x=(0, 1), y=(0, 1))
    names = {"x": "False positive rate (1 - specificity)", "y": "True positive rate (recall)"}
    axes.frame(svg.ticks(0, 1), svg.ticks(0, 1), **names)
    axes.series([(0, 0), (1, 1)], chance)
    trace(axes)  # a point on the frame is shown whole
    drawing.add("rect", x=229, y=258, width=222, height=146, fill="white")  # the corner hides the grid
    corner = svg.Axes(drawing, 264, 278, 175, 106, x=(0, 0.2), y=(0.8, 1.005))
    corner.frame(svg.ticks(0, 0.2, at_most=4), svg.ticks(0.8, 1, at_most=4), title="the upper left corner")
    with corner.window():
        trace(corner)
    drawing.legend([(f"at the threshold {metrics.threshold:g}", used), ("chance", chance)])
    return drawing.image()
