"""Quality floors and leakage alarms.

On the published data, the results of an evaluation are known up to the noise of the folds, so the floors are a
regression test: they are two to three standard deviations over the repeats below the values that were measured. Any
other data of the same kind differ by far more, so there the floors are three standard deviations between data sets of
this size below the reference, and the alarms as many above. No published evaluation without leakage exceeds the alarms
on the published data, so a better mean indicates leakage. This module imports no heavy libraries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.domain.modeling import recipes
from wdbc_assets.domain.rules.base import Rule

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.results import Calibration

RECIPE = recipes.DEFAULT
"""The recipe whose evaluation is validated."""

EVALUATED = (RECIPE, "logistic", recipes.BASELINE)
"""The recipes that every evaluation includes: the default, the simplest, and that of the reference project."""

LARGEST_Z = 2.576
"""The bound of Spiegelhalter's z at the 1 % level; z is standard normal for calibrated probabilities.

D. J. Spiegelhalter (1986), Stat. Med. 5:421-433. Measured with the quick protocol: -1.4, the mean over the repeats.
"""

LESS_IS_BETTER = frozenset({"log_loss", "brier"})


@dataclass(frozen=True)
class MetricLimits:
    """The quality floor of the mean of a metric, and its leakage alarm (None: no alarm)."""

    floor: float
    alarm: float | None = None


@dataclass(frozen=True)
class _Published:
    """The quality floor on the published data for each protocol."""

    quick: float
    full: float


_PUBLISHED: Mapping[str, Mapping[str, _Published]] = {
    "spline": {
        "accuracy": _Published(0.971, 0.975),
        "recall": _Published(0.950, 0.954),
        "precision": _Published(0.965, 0.970),
        "f1": _Published(0.960, 0.964),
        "roc_auc": _Published(0.993, 0.994),
        "pr_auc": _Published(0.992, 0.993),
        "log_loss": _Published(0.074, 0.071),
        "brier": _Published(0.0192, 0.0182),
    },
    "logistic": {
        "accuracy": _Published(0.970, 0.974),
        "recall": _Published(0.945, 0.950),
        "precision": _Published(0.965, 0.970),
        "f1": _Published(0.958, 0.963),
        "roc_auc": _Published(0.992, 0.993),
        "pr_auc": _Published(0.990, 0.991),
        "log_loss": _Published(0.085, 0.082),
        "brier": _Published(0.0225, 0.0215),
    },
}
_OTHERS = "logistic"
"""The recipe whose floors apply to a recipe without floors of its own: the simplest."""

_ALARMS = {"accuracy": 0.986, "recall": 0.985, "roc_auc": 0.9985, "log_loss": 0.050, "brier": 0.012}

_REFERENCE: Mapping[str, tuple[float, float]] = {
    "accuracy": (0.979, 0.006),
    "recall": (0.964, 0.0145),
    "precision": (0.980, 0.010),
    "f1": (0.972, 0.0085),
    "roc_auc": (0.9960, 0.0022),
    "pr_auc": (0.9951, 0.0025),
    "log_loss": (0.064, 0.016),
    "brier": (0.0162, 0.004),
}
"""Mean of the default recipe on the published data, and standard deviation between data sets of 569 patients.

The latter is that of bootstrap samples of the patients with their out-of-fold predictions, and a seventh more for the
models, which would be fitted on other patients too.
"""

_DEVIATIONS = 3
METRICS = tuple(_REFERENCE)
"""The metrics that have a floor."""


def limits(recipe: str, repeats: int, *, published: bool) -> Mapping[str, MetricLimits]:
    """Return the floor and the alarm of each metric for an evaluation of a recipe.

    Args:
        recipe: The name of the recipe.
        repeats: The number of repeats of the cross-validation; `PROTOCOLS["full"]` or more have the narrower floors.
        published: Whether the published data were evaluated (`data.published`).
    """
    if not published:
        return {name: _elsewhere(name, mean, sd) for name, (mean, sd) in _REFERENCE.items()}
    is_full = repeats >= recipes.PROTOCOLS["full"]
    floors = _PUBLISHED.get(recipe, _PUBLISHED[_OTHERS])
    return {
        name: MetricLimits(bound.full if is_full else bound.quick, _ALARMS.get(name)) for name, bound in floors.items()
    }


def _elsewhere(name: str, mean: float, sd: float) -> MetricLimits:
    worse = 1 if name in LESS_IS_BETTER else -1
    alarm = mean - worse * _DEVIATIONS * sd
    return MetricLimits(mean + worse * _DEVIATIONS * sd, alarm if 0 < alarm < 1 else None)


CHANCE = 0.6
"""A model with a lower mean ROC-AUC is no better than chance: random diagnoses give .5 and hardly ever .6."""

each_patient_is_predicted_once = Rule(
    "each_patient_is_predicted_once",
    "In each repeat, each recipe scores each patient exactly once, with a model fitted without that patient.",
    "Evaluate every fold again: `wdbc evaluate --force`.",
)
better_than_chance = Rule(
    "better_than_chance",
    f"The mean ROC-AUC of {RECIPE} is at least {CHANCE:g}; a lower value is no better than chance.",
    "Check whether each diagnosis is still in the row of its patient.",
)
no_metric_is_too_good = Rule(
    "no_metric_is_too_good",
    f"No mean of {RECIPE} exceeds its leakage alarm, which no evaluation without leakage has reached.",
    "Look for the diagnosis, or a value derived from it, among the measurements, and for a patient in two folds.",
)
metrics_reach_the_floors = Rule(
    "metrics_reach_the_floors",
    f"The means of {RECIPE} reach the quality floors: those of the published data, or wide ones for others.",
    "Check whether the source, a library or the recipe changed: `wdbc status` shows what did.",
    blocking=False,
)
probabilities_are_calibrated = Rule(
    "probabilities_are_calibrated",
    f"The probabilities of {RECIPE} pass Spiegelhalter's calibration test at the 1 % level: z within ±{LARGEST_Z}.",
    "See the reliability curve. If it is above the diagonal in the upper half and below it in the lower half, the"
    " probabilities are underconfident; in the opposite case they are overconfident. Sigmoid calibration"
    " corrects both.",
    blocking=False,
)
RULES = (
    each_patient_is_predicted_once,
    better_than_chance,
    no_metric_is_too_good,
    metrics_reach_the_floors,
    probabilities_are_calibrated,
)


def missed(means: Mapping[str, float | None], limits: Mapping[str, MetricLimits]) -> list[str]:
    """Return a message for each metric whose mean is undefined or worse than its quality floor."""
    return [
        f"{name} is {_shown(means[name])}, needed: {_relation(name)} {limit.floor:.4g}"
        for name, limit in limits.items()
        if name in means and not _at_least_as_good(name, means[name], limit.floor)
    ]


def no_better_than_chance(means: Mapping[str, float | None]) -> list[str]:
    """Return a message with the ROC-AUC if it is no better than chance."""
    mean = means["roc_auc"]
    good = _at_least_as_good("roc_auc", mean, CHANCE)
    return [] if good else [f"roc_auc is {_shown(mean)}, needed: {_relation('roc_auc')} {CHANCE:g}"]


def alarms(means: Mapping[str, float | None], limits: Mapping[str, MetricLimits]) -> list[str]:
    """Return a message for each metric whose mean exceeds its leakage alarm."""
    return [
        f"{name} is {_shown(means[name])}, too good to be true beyond {limit.alarm:.4g}"
        for name, limit in limits.items()
        if limit.alarm is not None
        and name in means
        and means[name] != limit.alarm
        and _at_least_as_good(name, means[name], limit.alarm)
    ]


def miscalibrated(calibration: "Calibration") -> list[str]:
    """Return messages with Spiegelhalter's z, if significant, and with the bins whose interval misses their mean."""
    z = calibration.spiegelhalter_z
    if z is not None and abs(z) <= LARGEST_Z:
        return []
    shown = "undefined, because every probability is 0.5" if z is None else f"{z:.2f}"
    return [
        f"Spiegelhalter's z is {shown}, needed: from {-LARGEST_Z} to {LARGEST_Z}",
        *(
            f"share of malignant between {bin_.low:g} and {bin_.high:g} is {bin_.share:.4f}, its interval"
            f" [{bin_.share_low:.4f}, {bin_.share_high:.4f}] misses the mean probability"
            f" {bin_.mean_probability:.4f} of {bin_.rows:.0f} patients"
            for bin_ in calibration.bins
            if bin_.misses
        ),
    ]


def _at_least_as_good(name: str, mean: float | None, bound: float) -> bool:
    if mean is None:
        return False
    return mean <= bound if name in LESS_IS_BETTER else mean >= bound


def _shown(mean: float | None) -> str:
    return "undefined" if mean is None else f"{mean:.4f}"


def _relation(name: str) -> str:
    return "at most" if name in LESS_IS_BETTER else "at least"
