"""Plot of a search: the cross-validation score of each candidate."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from wdbc_assets.presentation.plots import style, svg

if TYPE_CHECKING:
    from wdbc_assets.domain.modeling import fitting, search

_LINE = svg.SeriesStyle(style.GREY, 1.6, marker="o")
# What people call each score, and the sign that turns "more is better" into it.
_SCORES = {"accuracy": (1, "Accuracy"), "neg_log_loss": (-1, "Log-loss (less is better)")}


def cv_curve(fit: fitting.Fit) -> style.Image:
    """Draw the cross-validation score of each candidate against C; or of each fold, where only one C was tried."""
    strength = next((name for name in fit.winner if name.endswith("__C")), "")
    tried = {candidate.params.get(strength) for candidate in fit.candidates}
    best = [candidate.rank for candidate in fit.candidates].index(1)
    return _by_c(fit, best, strength) if len(tried) > 1 else _by_fold(fit, fit.candidates[best])


def _by_c(fit: fitting.Fit, best: int, strength: str) -> style.Image:
    sign, score = _SCORES[fit.scoring]
    mean, sd = sign * fit.candidates[best].mean_score, fit.candidates[best].std_score
    keys = [_panel_model_intercept(candidate, strength) for candidate in fit.candidates]
    panels, models = sorted({panel for panel, _, _ in keys}), sorted({model for _, model, _ in keys})
    looks = {
        model: replace(_LINE, colour=style.COLOURS[number % 6], marker=style.MARKERS[number % 6])
        for number, model in enumerate(models)
    }
    places = []
    for candidate, (_, model, _) in zip(fit.candidates, keys, strict=True):
        aside = 0.1 * (models.index(model) - (len(models) - 1) / 2)  # side by side, or equal scores hide each other
        places.append((math.log10(float(candidate.params[strength])) + aside, sign * candidate.mean_score))

    strengths = sorted({float(candidate.params[strength]) for candidate in fit.candidates})
    x_ticks = {math.log10(value): f"{value:g}" for value in strengths}
    x_ends, y_ends = svg.around(x for x, _ in places), svg.around([mean - sd, mean + sd, *(y for _, y in places)])
    title = f"Best of {len(keys)} candidates (ring): {score.partition(' ')[0].lower()} {mean:.4f}"
    drawing = svg.Drawing(f"{title}, sd over the folds {sd:.4f}", height=382)
    width, top = (svg.WIDTH - 68) / len(panels) - 12, 48 if any(panels) else 30
    for number, panel in enumerate(panels):
        axes = svg.Axes(drawing, 68 + number * (width + 12), top, width, 338 - top, x_ends, y_ends)
        y_ticks = {value: "" if number else label for value, label in svg.ticks(*y_ends).items()}
        y_name = "" if number else f"{score}, mean of {len(fit.candidates[best].fold_scores)} folds"
        axes.frame(x_ticks, y_ticks, x="C (smaller: stronger penalty)", y=y_name, title=panel)
        for key in dict.fromkeys(key for key in keys if key[0] == panel):
            look = looks[key[1]] if key[2] else _without_intercept(looks[key[1]])
            axes.series([place for place, place_key in zip(places, keys, strict=True) if place_key == key], look)
        if panel == keys[best][0]:
            x, y = places[best]
            axes.series([(x, y - sd), (x, y + sd)], svg.SeriesStyle("black", 1, marker="_"))
            axes.series([(x, y)], svg.SeriesStyle("black", marker="o", radius=8.5, fill="none"))
    no_intercept = {} if all(intercept for _, _, intercept in keys) else {"no intercept": _without_intercept(_LINE)}
    drawing.legend([*looks.items(), *no_intercept.items()])
    return drawing.image()


def _without_intercept(look: svg.SeriesStyle) -> svg.SeriesStyle:
    return replace(look, dashes="1.6 2.4", fill="white")


def _by_fold(fit: fitting.Fit, best: search.Candidate) -> style.Image:
    sign, score = _SCORES[fit.scoring]
    mean, sd = sign * best.mean_score, best.std_score
    points = [(fold, sign * value) for fold, value in enumerate(best.fold_scores, start=1)]
    x_ends, y_ends = svg.around(x for x, _ in points), svg.around([mean - sd, mean + sd, *(y for _, y in points)])
    which = "The only candidate" if len(fit.candidates) == 1 else f"The best of {len(fit.candidates)} candidates"
    drawing = svg.Drawing(f"{which}, fold by fold", height=382)
    axes = svg.Axes(drawing, 72, 30, 396, 308, x_ends, y_ends)
    (left, top), (right, bottom) = axes.at(x_ends[0], mean + sd), axes.at(x_ends[1], mean - sd)
    drawing.add("rect", x=left, y=top, width=right - left, height=bottom - top, fill="#EEEEEE")
    axes.frame({fold: f"{fold}" for fold, _ in points}, svg.ticks(*y_ends), x="Fold", y=score)
    band, line = svg.SeriesStyle("#EEEEEE", 10), svg.SeriesStyle(style.VERMILION, 2)
    dot = svg.SeriesStyle(style.BLUE, marker="o", radius=4.5)
    axes.series([(end, mean) for end in x_ends], line)
    axes.series(points, dot)
    drawing.legend([(f"mean ± sd ({sd:.4f})", band), (f"mean ({mean:.4f})", line), ("one fold", dot)])
    return drawing.image()


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
