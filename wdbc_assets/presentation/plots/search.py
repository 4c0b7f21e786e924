"""Plot of a search: the cross-validation score of each candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wdbc_assets.presentation.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from wdbc_assets.domain.modeling import fitting, search

_WITHOUT_INTERCEPT: Any = {"linestyle": ":", "markerfacecolor": "white"}
# What people call each score, and the sign that turns "more is better" into it.
_SCORES = {"accuracy": (1, "Accuracy"), "neg_log_loss": (-1, "Log-loss (less is better)")}


def cv_curve(fit: fitting.Fit) -> style.Image:
    """Draw the cross-validation score of each candidate against C; or of each fold, where only one C was tried."""
    strength = next((name for name in fit.winner if name.endswith("__C")), "")
    tried = {candidate.params.get(strength) for candidate in fit.candidates}
    return style.png(
        lambda figure: _by_c(figure, fit, strength) if len(tried) > 1 else _by_fold(figure, fit), height=4.2
    )


def _by_c(figure: Figure, fit: fitting.Fit, strength: str) -> None:
    from matplotlib.lines import Line2D

    sign, score = _SCORES[fit.scoring]
    best = next(candidate for candidate in fit.candidates if candidate.rank == 1)
    lines: dict[tuple[str, str, bool], list[search.Candidate]] = {}
    for candidate in fit.candidates:
        lines.setdefault(_panel_model_intercept(candidate, strength), []).append(candidate)
    panels = sorted({panel for panel, _, _ in lines})
    models = sorted({model for _, model, _ in lines})
    looks: list[dict[str, Any]] = [
        {"color": style.COLOURS[n % 6], "marker": style.MARKERS[n % 6], "markersize": 5.0} for n in range(len(models))
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
        keys.append(Line2D([], [], color=style.GREY, marker="o", label="no intercept", **_WITHOUT_INTERCEPT))
    figure.legend(handles=keys, loc="outside lower center", ncols=4, fontsize=8)


def _by_fold(figure: Figure, fit: fitting.Fit) -> None:
    sign, score = _SCORES[fit.scoring]
    best = next(candidate for candidate in fit.candidates if candidate.rank == 1)
    mean, sd, folds = sign * best.mean_score, best.std_score, range(1, fit.folds + 1)
    axes = figure.subplots()
    axes.axhspan(mean - sd, mean + sd, color="#EEEEEE", label=f"mean ± sd ({sd:.4f})")
    axes.axhline(mean, color=style.VERMILION, linewidth=1.5, label=f"mean ({mean:.4f})")
    axes.plot(
        folds, [sign * value for value in best.fold_scores], "o", color=style.BLUE, markersize=7, label="one fold"
    )
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
