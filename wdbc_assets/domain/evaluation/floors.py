"""What the default evaluation must reach, and what is too good to be true.

The floors lie three or more standard deviations below what was measured on the real data; above the alarms no honest
evaluation of these measurements was ever published, so a mean there is leakage until shown otherwise. Nothing heavy is
imported here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wdbc_assets.domain.rules.base import Rule

RECIPE = "logistic"
"""The recipe that the bounds were measured for; every evaluation includes it."""

LARGEST_Z = 2.576
"""Of Spiegelhalter's statistic, normally distributed where probabilities are right: 1 % of such lie beyond it.

D. J. Spiegelhalter (1986), Stat. Med. 5:421-433. The floor of the calibration error bounds its size; this asks whether
it is more than chance. Measured on the quick protocol: -1.5 (and -3.0 for the reference Airflow project's recipe, not
sure enough).
"""

LESS_IS_BETTER = frozenset({"log_loss", "brier", "ece"})


@dataclass(frozen=True)
class Bounds:
    """The worst mean allowed under each protocol, and the one beyond which a leak is suspected (None: no alarm)."""

    quick: float
    full: float
    alarm: float | None = None

    def floor(self, protocol: str) -> float:
        """Give the worst mean allowed under a protocol."""
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
    "ece": Bounds(0.030, 0.025),
}

CHANCE = 0.6
"""A mean ROC-AUC below it is no worse model but no model: diagnoses dealt at random give .5, and hardly ever .6."""

each_patient_is_predicted_once = Rule(
    "each_patient_is_predicted_once",
    "In each repeat each recipe answers for each patient once, by the model of a fold that the patient is left out of.",
    "Judge every fold again: `wdbc evaluate --force`.",
)
better_than_chance = Rule(
    "better_than_chance",
    f"The mean ROC-AUC of {RECIPE} is at least {CHANCE:g}: below, its answers tell nothing of the diagnosis.",
    "Look whether each diagnosis still stands in the row of its patient.",
)
no_metric_is_too_good = Rule(
    "no_metric_is_too_good",
    f"No mean of {RECIPE} is better than any honest evaluation of these measurements ever was.",
    "Look for the diagnosis, or something made of it, among the measurements, and for a patient in two folds.",
)
metrics_reach_the_floors = Rule(
    "metrics_reach_the_floors",
    f"The means of {RECIPE} are no worse than three standard deviations below what was measured on the real data.",
    "Look whether the source, a library or the recipe changed; `wdbc status` tells what did.",
    blocking=False,
)
probabilities_are_calibrated = Rule(
    "probabilities_are_calibrated",
    f"The probabilities of {RECIPE} pass Spiegelhalter's test of calibration at the 1 % level: z within ±{LARGEST_Z}.",
    "See the reliability curve: shares above the diagonal in its upper half and below it in its lower half mean too"
    " little certainty, the other way round too much. A sigmoid on top of the recipe corrects both.",
    blocking=False,
)
RULES = (
    each_patient_is_predicted_once,
    better_than_chance,
    no_metric_is_too_good,
    metrics_reach_the_floors,
    probabilities_are_calibrated,
)


def missed(figures: Mapping[str, Mapping[str, Any]], protocol: str) -> list[str]:
    """Say of each metric whose mean is worse than its floor what it is and what it had to be; undefined is worse."""
    return [
        f"{name} is {_shown(figures[name]['mean'])}, needed: {_relation(name)} {bounds.floor(protocol):g}"
        for name, bounds in BOUNDS.items()
        if name in figures and not _at_least_as_good(name, figures[name]["mean"], bounds.floor(protocol))
    ]


def no_better_than_chance(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say what the ROC-AUC is if the answers tell nothing of the diagnosis."""
    mean = figures["roc_auc"]["mean"]
    good = _at_least_as_good("roc_auc", mean, CHANCE)
    return [] if good else [f"roc_auc is {_shown(mean)}, needed: {_relation('roc_auc')} {CHANCE:g}"]


def alarms(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say of each metric whose mean is too good to be true what it is and where suspicion begins."""
    return [
        f"{name} is {figures[name]['mean']:.4f}, too good to be true beyond {bounds.alarm:g}"
        for name, bounds in BOUNDS.items()
        if bounds.alarm is not None
        and figures[name]["mean"] != bounds.alarm
        and _at_least_as_good(name, figures[name]["mean"], bounds.alarm)
    ]


def miscalibrated(calibration: Mapping[str, Any]) -> list[str]:
    """Say what Spiegelhalter's z is, if it is beyond chance, and which bins' intervals miss their mean probability."""
    z = calibration["spiegelhalter_z"]
    if z is not None and abs(z) <= LARGEST_Z:
        return []
    shown = "undefined, for every probability is one half" if z is None else f"{z:.2f}"
    return [
        f"Spiegelhalter's z is {shown}, needed: from {-LARGEST_Z} to {LARGEST_Z}",
        *(
            f"share of malignant between {one['low']:g} and {one['high']:g} is {one['share']:.4f}, its interval"
            f" [{one['share_low']:.4f}, {one['share_high']:.4f}] misses the mean probability"
            f" {one['mean_probability']:.4f} of {one['rows']} patients"
            for one in calibration["bins"]
            if one["rows"] and not one["share_low"] <= one["mean_probability"] <= one["share_high"]
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
