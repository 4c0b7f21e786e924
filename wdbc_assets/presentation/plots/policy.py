"""Plot of a decision policy: out-of-fold probabilities of the training set, threshold and referral band."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from wdbc_assets.presentation.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy

_TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
_MARKS = (1, 10, 50, 100, 200, 500)


def decision_bands(policy: DecisionPolicy) -> style.Image:
    """Draw out-of-fold probabilities by class, on the scale of log-odds, with the threshold and the referral band."""
    histogram = policy.out_of_fold.histogram
    edges = histogram.edges
    # The outer bins reach to infinite log-odds; they are drawn as wide as the others.
    width = _log_odds(edges[2]) - _log_odds(edges[1])
    ends = [_log_odds(edges[1]) - width, *(_log_odds(edge) for edge in edges[1:-1]), _log_odds(edges[-2]) + width]
    bounds = [_log_odds(1 - policy.quantiles.malignant), _log_odds(policy.quantiles.benign)]
    low, high = (min(max(bound, ends[0]), ends[-1]) for bound in sorted(bounds))
    referred = policy.out_of_fold.referred.value

    def draw(figure: Figure) -> None:
        classes = (("benign", histogram.benign, style.BLUE), ("malignant", histogram.malignant, style.VERMILION))
        for axes, (name, counts, colour) in zip(figure.subplots(2, 1, sharex=True), classes, strict=True):
            axes.axvspan(low, high, color="#DDDDDD", label=f"referred ({referred:.1%} of these patients)")
            axes.stairs(counts, ends, fill=True, color=colour)
            axes.axvline(
                _log_odds(policy.threshold),
                color="black",
                linestyle="--",
                linewidth=1.3,
                label=f"threshold {policy.threshold:.3f} (recall {policy.recall_target:g})",
            )
            axes.set_yscale("function", functions=(_root, _square))
            axes.set_ylim(0, 1.15 * max(counts))
            axes.set_yticks([mark for mark in _MARKS if mark <= max(counts)])
            axes.set_title(f"{sum(counts)} {name} patients of the training set")
            axes.set_ylabel("Patients (root scale)")
            axes.grid(visible=False, axis="x")
        for name, place, side in (
            ("benign", low, "right"),
            ("refer", (low + high) / 2, "center"),
            ("malignant", high, "left"),
        ):
            figure.axes[0].annotate(
                name,
                (place, 1),
                (-4 * (side == "right") + 4 * (side == "left"), -10),
                ha=side,
                fontsize=8,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8},
                xycoords=figure.axes[0].get_xaxis_transform(),
                textcoords="offset points",
            )
        axes.set_xticks([_log_odds(tick) for tick in _TICKS], [f"{tick:g}" for tick in _TICKS])
        axes.set(xlim=(ends[0], ends[-1]), xlabel="Probability of malignant, out of fold (scale of log-odds)")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8)

    return style.png(draw, height=4.4)


def _log_odds(probability: float) -> float:
    if probability <= 0 or probability >= 1:
        return math.copysign(math.inf, probability - 0.5)
    return math.log(probability / (1 - probability))


def _root(counts: Any) -> Any:
    return counts.clip(0) ** 0.5


def _square(roots: Any) -> Any:
    return roots**2
