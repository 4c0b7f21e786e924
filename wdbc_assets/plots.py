"""The pictures: confusion matrix, ROC curve and cross-validation curve as PNG, each drawn from figures that are stored.

One style for all: Okabe and Ito's colours, which colour-blind readers can tell apart, and letters that are readable
when the picture is 480 pixels wide. Drawn on matplotlib's Figure alone, without pyplot and its global state; matplotlib
is imported when a picture is drawn.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from wdbc_assets.domain import modeling, search

BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"  # Okabe and Ito (2008), but for the grey
_COLOURS = (BLUE, VERMILION, GREEN, "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = ("o", "s", "^", "D", "v", "P")
_STYLE: Any = {
    "font.family": "DejaVu Sans",  # matplotlib ships it, so that pictures are the same everywhere
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.dpi": 144,
}
_WITHOUT_INTERCEPT: Any = {"linestyle": ":", "markerfacecolor": "white"}
_CLASSES = ("benign", "malignant")
# What people call each score, and the sign that turns "more is better" into it.
_SCORES = {"accuracy": (1, "Accuracy"), "neg_log_loss": (-1, "Log-loss (less is better)")}
_WIDTH = 5.0  # inches: 720 pixels, shown at 480 and sharp on screens of double density


def as_markdown(png: bytes, alt: str) -> str:
    """Embed a picture in markdown, with the text that stands for it where it can't be seen."""
    text = alt.replace("[", "(").replace("]", ")").replace("\n", " ")
    return f"![{text}](data:image/png;base64,{base64.b64encode(png).decode('ascii')})"


def confusion_matrix(evaluation: dict[str, Any]) -> bytes:
    """Draw the counts of patients by diagnosis and prediction, each row shaded by its shares."""
    (tn, fp), (fn, tp) = counts = evaluation["confusion_matrix"]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_title(f"{fn} of {fn + tp} malignant missed, {fp} of {tn + fp} benign called malignant")
        for row, of_row in enumerate(counts):
            for column, count in enumerate(of_row):
                share = count / sum(of_row)
                colour = BLUE if row == column else VERMILION
                axes.fill_between(
                    [column - 0.49, column + 0.49], row - 0.48, row + 0.48, color=colour, alpha=max(share, 0.06)
                )
                ink = "white" if share > 0.5 else "black"
                axes.text(column, row - 0.1, count, ha="center", va="center", color=ink, fontsize=18)
                axes.text(column, row + 0.2, f"{share:.1%} of the {_CLASSES[row]}", ha="center", color=ink, fontsize=10)
        axes.set(xlim=(-0.5, 1.5), ylim=(1.5, -0.5), aspect=0.55)
        axes.set_xticks([0, 1], _CLASSES)
        axes.set_yticks([0, 1], _CLASSES, rotation=90, va="center")
        axes.set_xlabel(f"Prediction (malignant if its probability is above {evaluation['threshold']:g})")
        axes.set_ylabel("Diagnosis")
        axes.grid(visible=False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)

    return _png(draw, height=3.4)


def roc_curve(evaluation: dict[str, Any]) -> bytes:
    """Draw the ROC curve, the point of the threshold in use on it, and its upper left corner enlarged."""
    curve, auc = evaluation["roc_curve"], evaluation["roc_auc"]
    (tn, fp), (fn, tp) = evaluation["confusion_matrix"]

    def trace(axes: Axes, *, clip: bool) -> None:
        axes.plot(curve["false_positive_rate"], curve["true_positive_rate"], color=BLUE, linewidth=2, zorder=3)
        used = f"at the threshold {evaluation['threshold']:g}"
        axes.plot(fp / (tn + fp), tp / (fn + tp), "o", color=VERMILION, ms=7, zorder=4, clip_on=clip, label=used)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        trace(axes, clip=False)  # a point on the frame is shown whole
        axes.plot([0, 1], [0, 1], linestyle="--", color=GREY, linewidth=1, label="chance")
        axes.set(xlim=(0, 1), ylim=(0, 1.005), aspect="equal")
        axes.set_xlabel("False positive rate (1 - specificity)")
        axes.set_ylabel("True positive rate (recall)")
        axes.set_title(
            f"ROC-AUC {auc['value']:.3f}, {evaluation['confidence']:.0%} interval {auc['low']:.3f} to {auc['high']:.3f}"
        )
        corner = axes.inset_axes((0.5, 0.1, 0.46, 0.3), xlim=(0, 0.2), ylim=(0.8, 1.005))
        trace(corner, clip=True)
        corner.set_title("the upper left corner", size=8)
        corner.tick_params(labelsize=8)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)

    return _png(draw, height=5.0)


def cv_curve(fit: modeling.Fit) -> bytes:
    """Draw the cross-validation score of each candidate against C; or of each fold, where only one C was tried."""
    strength = next((name for name in fit.winner if name.endswith("__C")), "")
    tried = {candidate.params.get(strength) for candidate in fit.candidates}
    return _png(lambda figure: _by_c(figure, fit, strength) if len(tried) > 1 else _by_fold(figure, fit), height=4.2)


def _by_c(figure: Figure, fit: modeling.Fit, strength: str) -> None:
    from matplotlib.lines import Line2D

    sign, score = _SCORES[fit.scoring]
    best = next(candidate for candidate in fit.candidates if candidate.rank == 1)
    lines: dict[tuple[str, str, bool], list[search.Candidate]] = {}
    for candidate in fit.candidates:
        lines.setdefault(_panel_model_intercept(candidate, strength), []).append(candidate)
    panels = sorted({panel for panel, _, _ in lines})
    models = sorted({model for _, model, _ in lines})
    looks: list[dict[str, Any]] = [
        {"color": _COLOURS[n % 6], "marker": _MARKERS[n % 6], "markersize": 5.0} for n in range(len(models))
    ]
    axes_of = dict(zip(panels, figure.subplots(1, len(panels), sharey=True, squeeze=False)[0], strict=True))

    for (panel, model, intercept), candidates in lines.items():
        number = models.index(model)
        aside = 10 ** (0.1 * (number - (len(models) - 1) / 2))  # side by side, for equal scores would hide each other
        axes_of[panel].plot(
            [float(candidate.params[strength]) * aside for candidate in candidates],
            [sign * candidate.mean_score for candidate in candidates],
            linewidth=1.3,
            **looks[number],
            **({} if intercept else _WITHOUT_INTERCEPT),
        )
        if best in candidates:
            place = float(best.params[strength]) * aside, sign * best.mean_score
            axes_of[panel].errorbar(*place, yerr=best.std_score, color="black", linewidth=1, capsize=3)
            axes_of[panel].plot(*place, "o", markersize=13, markerfacecolor="none", markeredgecolor="black")

    strengths = sorted({float(candidate.params[strength]) for candidate in fit.candidates})
    for panel, axes in axes_of.items():
        axes.set(xscale="log", xlabel="C (smaller: stronger penalty)", title=panel)
        axes.set_xticks(strengths, [f"{value:g}" for value in strengths])
        axes.minorticks_off()
    figure.axes[0].set_ylabel(f"{score}, mean of {fit.folds} folds")
    figure.suptitle(
        f"Best of {len(fit.candidates)} candidates (ring): {score.partition(' ')[0].lower()} "
        f"{sign * best.mean_score:.4f}, sd over the folds {best.std_score:.4f}",
        size=9.5,
    )
    keys = [Line2D([], [], label=model, **look) for model, look in zip(models, looks, strict=True)]
    if not all(intercept for _, _, intercept in lines):
        keys.append(Line2D([], [], color=GREY, marker="o", label="no intercept", **_WITHOUT_INTERCEPT))
    figure.legend(handles=keys, loc="outside lower center", ncols=4, fontsize=8)


def _by_fold(figure: Figure, fit: modeling.Fit) -> None:
    sign, score = _SCORES[fit.scoring]
    best = next(candidate for candidate in fit.candidates if candidate.rank == 1)
    mean, sd, folds = sign * best.mean_score, best.std_score, range(1, fit.folds + 1)
    axes = figure.subplots()
    axes.axhspan(mean - sd, mean + sd, color="#EEEEEE", label=f"mean ± sd ({sd:.4f})")
    axes.axhline(mean, color=VERMILION, linewidth=1.5, label=f"mean ({mean:.4f})")
    axes.plot(folds, [sign * value for value in best.fold_scores], "o", color=BLUE, markersize=7, label="one fold")
    axes.set(xlabel="Fold", ylabel=score, xticks=folds)
    which = "The only candidate" if len(fit.candidates) == 1 else f"The best of {len(fit.candidates)} candidates"
    axes.set_title(f"{which}, fold by fold")
    figure.legend(loc="outside lower center", ncols=3)


def _panel_model_intercept(candidate: search.Candidate, strength: str) -> tuple[str, str, bool]:
    """Say on which panel and line a candidate lies: by its components, what else it is, and its intercept."""
    rest = dict(candidate.params)
    del rest[strength]
    components = rest.pop("pca__n_components", None)
    intercept = bool(rest.pop("logistic__fit_intercept", True))
    rest.pop("logistic__solver", None)  # follows from the penalty
    penalty = rest.pop("logistic__l1_ratio", 0.0)
    model = {0.0: "ridge (l2)", 1.0: "lasso (l1)"}.get(float(penalty), f"elastic net ({penalty})")
    if not strength.startswith("logistic__"):  # the C of a support vector machine
        model = strength.partition("__")[0]
    others = [f"{name.rpartition('__')[2]} {value}" for name, value in sorted(rest.items())]
    return f"PCA to {components:.0%} of the variance" if components else "", ", ".join([model, *others]), intercept


def recipes_compared(summary: dict[str, Any]) -> bytes:
    """Draw each recipe's log-loss and accuracy: mean over the repeats, and the corrected 95 % interval."""
    recipes = sorted(summary["recipes"], key=lambda name: -summary["recipes"][name]["log_loss"]["mean"])
    places = range(len(recipes))

    def draw(figure: Figure) -> None:
        panels = (("log_loss", "Log-loss (less is better)"), ("accuracy", "Accuracy"))
        for axes, (metric, title) in zip(figure.subplots(1, 2, sharey=True), panels, strict=True):
            figures = [summary["recipes"][name][metric] for name in recipes]
            means = [one["mean"] for one in figures]
            axes.hlines(places, [one["low"] for one in figures], [one["high"] for one in figures], color=BLUE)
            axes.plot(means, places, "o", color=BLUE, markersize=7)
            for place, mean in zip(places, means, strict=True):
                axes.annotate(f"{mean:.4f}", (mean, place), (0, 7), textcoords="offset points", ha="center", size=8)
            axes.set_title(title)
            axes.set_ylim(-0.5, len(recipes) - 0.3)
        figure.axes[0].set_yticks(places, recipes)
        figure.suptitle(f"Mean of {summary['repeats']} repeats, 95 % interval (Nadeau and Bengio)", size=9.5)

    return _png(draw, height=1.3 + 0.5 * len(recipes))


def _png(draw: Callable[[Figure], object], *, height: float) -> bytes:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        canvas: Any = FigureCanvasAgg(figure)
        draw(figure)
        canvas.draw()  # and not savefig, which draws twice to lay out once
    # Line drawings look the same in a palette of 64 colours, and take a quarter of the bytes.
    image = Image.frombuffer("RGBA", canvas.get_width_height(physical=True), canvas.buffer_rgba())
    png = io.BytesIO()
    image.convert("RGB").quantize(64).save(png, "png", optimize=True)
    return png.getvalue()
