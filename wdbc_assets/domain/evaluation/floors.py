"""Quality floors and leakage alarms for the default evaluation.

The floors are three or more standard deviations below the values measured on the real data. No published evaluation
without leakage exceeds the alarms on these measurements, so a better mean indicates leakage. This module imports no
heavy libraries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.domain.rules.base import Rule

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.results import Calibration

RECIPE = "logistic"
"""The recipe for which the bounds were measured; every evaluation includes it."""

LARGEST_Z = 2.576
"""The bound of Spiegelhalter's z at the 1 % level; z is standard normal for calibrated probabilities.

D. J. Spiegelhalter (1986), Stat. Med. 5:421-433. Measured with the quick protocol: -1.4, the mean over the repeats.
"""

LESS_IS_BETTER = frozenset({"log_loss", "brier"})


@dataclass(frozen=True)
class Bounds:
    """The quality floor of a mean for each protocol, and its leakage alarm (None: no alarm)."""

    quick: float
    full: float
    alarm: float | None = None

    def floor(self, protocol: str) -> float:
        """Return the quality floor for a protocol."""
        return self.full if protocol == "full" else self.quick


BOUNDS: Mapping[str, Bounds] = {
    "accuracy": Bounds(0.970, 0.974, 0.986),
    "recall": Bounds(0.945, 0.950, 0.985),
    "precision": Bounds(0.965, 0.970),
    "f1": Bounds(0.958, 0.963),
    "roc_auc": Bounds(0.992, 0.993, 0.9985),
    "pr_auc": Bounds(0.990, 0.991),
    "log_loss": Bounds(0.085, 0.082, 0.050),
    "brier": Bounds(0.0225, 0.0215, 0.012),
}

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
    f"The means of {RECIPE} reach the quality floors, three standard deviations below the values on real data.",
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


def missed(means: Mapping[str, float | None], protocol: str) -> list[str]:
    """Return a message for each metric whose mean is undefined or worse than its quality floor."""
    return [
        f"{name} is {_shown(means[name])}, needed: {_relation(name)} {bounds.floor(protocol):g}"
        for name, bounds in BOUNDS.items()
        if name in means and not _at_least_as_good(name, means[name], bounds.floor(protocol))
    ]


def no_better_than_chance(means: Mapping[str, float | None]) -> list[str]:
    """Return a message with the ROC-AUC if it is no better than chance."""
    mean = means["roc_auc"]
    good = _at_least_as_good("roc_auc", mean, CHANCE)
    return [] if good else [f"roc_auc is {_shown(mean)}, needed: {_relation('roc_auc')} {CHANCE:g}"]


def alarms(means: Mapping[str, float | None]) -> list[str]:
    """Return a message for each metric whose mean exceeds its leakage alarm."""
    return [
        f"{name} is {_shown(means[name])}, too good to be true beyond {bounds.alarm:g}"
        for name, bounds in BOUNDS.items()
        if bounds.alarm is not None
        and means[name] != bounds.alarm
        and _at_least_as_good(name, means[name], bounds.alarm)
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
