"""One plain sentence for each measure of calibration, for a reader who is no statistician.

This module imports no heavy libraries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.results import MeasurementSubgroups


@dataclass(frozen=True)
class MeasureExplanation:
    """How a measure is shown: its label, and what it says."""

    label: str
    sentence: str


CALIBRATION: Mapping[str, MeasureExplanation] = {
    "slope": MeasureExplanation(
        "calibration slope",
        "1 is ideal: above 1 the probabilities are too cautious (too close to one half), below 1 too extreme.",
    ),
    "intercept": MeasureExplanation(
        "calibration in the large",
        "0 is ideal: above 0 more patients are malignant than the probabilities say, below 0 fewer.",
    ),
    "observed_expected": MeasureExplanation(
        "observed / expected",
        "The malignant patients divided by the number that the probabilities predict: at 1.1 there are 10 % more.",
    ),
    "ici": MeasureExplanation(
        "ICI",
        "On average, a probability differs by this much from the share of malignant among patients with the same one.",
    ),
    "e50": MeasureExplanation("E50", "For half of the patients, that difference is at most this much."),
    "e90": MeasureExplanation("E90", "For nine of ten patients, that difference is at most this much."),
}
DECISION_CURVE = MeasureExplanation(
    "decision curve",
    "Acting at a probability of 5 % means accepting up to 19 needless biopsies to find one cancer. At each threshold"
    " the curve counts the cancers found per patient, minus the needless biopsies at that exchange rate: the model is"
    " worth using where it lies above both lines, acting on every patient and acting on none.",
)
COSTLY_PATIENTS = MeasureExplanation(
    "costly patients",
    "A few patients whose probability is far from their diagnosis make up much of the log-loss: two recipes often"
    " differ only in how they treat these few.",
)
PROTOCOLS = MeasureExplanation(
    "protocols",
    "The quick protocol (3 repeats) and the full one (10) can disagree about which differences are significant.",
)
EXTERNAL_VALIDATION = MeasureExplanation(
    "external validation",
    "Before the model is used at another hospital, it must be validated on its patients. With fewer than this many, the"
    " result cannot tell whether the probabilities fit there.",
)
OTHER_PREVALENCES = MeasureExplanation(
    "other prevalences",
    "Where fewer of the patients are malignant than here, the probabilities are too high: observed / expected is far"
    " below 1 until they are recalibrated.",
)
ECE = MeasureExplanation(
    "ECE",
    "The same difference in ten coarse groups: chance alone gives a value in the range beside it even if every"
    " probability is right, so nothing is decided by it.",
)
IMPORTANCE = MeasureExplanation(
    "importance",
    "By how much the predictions get worse if the model must do without what a group of measurements says: permuted, it"
    " is misled by the values of other patients; left out, it was developed without them, and the other groups replace"
    " what they can.",
)
STABILITY: Mapping[str, MeasureExplanation] = {
    "error": MeasureExplanation(
        "instability of the predictions",
        "Had the model been developed on other patients like these, a patient's probability would on average differ by"
        " this much.",
    ),
    "class_changes": MeasureExplanation(
        "class changes",
        "So often the other model would be on the other side of 50 % for the same patient.",
    ),
    "log_loss": MeasureExplanation(
        "optimism",
        "A model looks better on the patients that it was developed on. The corrected value is what to expect of new"
        " ones; it is rather too pessimistic.",
    ),
    "slope": MeasureExplanation(
        "calibration slope of the refits",
        "Below 1, models developed on so few patients give probabilities that are too extreme for other patients.",
    ),
    "signs": MeasureExplanation(
        "stable directions",
        "Only where nearly all refits agree does it make sense to say that a measurement raises or lowers the risk.",
    ),
    "learning": MeasureExplanation(
        "learning curve",
        "It falls to 0 by definition. If it is still steep at the end, more patients would improve the model.",
    ),
}


def most_missed(by: "MeasurementSubgroups") -> str:
    """Return one sentence for a doctor: in which quarter of a measurement most malignant patients are missed."""
    name, groups = mean_of(by.measurement), by.recall.groups
    shares = [group.share.value for group in groups if group.share.value is not None]
    if len(shares) < 2:
        return f"Whether malignant patients are missed more often by {name} cannot be said: {by.recall.reason}."
    if len(set(shares)) == 1:
        return f"By {name}, malignant patients are missed equally often in each group: {_missed(shares[0])} of them."
    worst = shares.index(min(shares))
    place = "smallest" if worst == 0 else "largest" if worst == len(groups) - 1 else "middle"
    hits = [group.patients * share for group, share in zip(groups, shares, strict=True)]
    rest = (sum(hits) - hits[worst]) / (sum(group.patients for group in groups) - groups[worst].patients)
    span = f"{groups[worst].smallest:g} to {groups[worst].largest:g}"
    return (
        f"Malignant patients whose {name} is among the {place} ({span}) are missed most often:"
        f" {_missed(shares[worst])} of them, and {_missed(rest)} of the others, at a probability of one half."
    )


def multiplicity(pairs: int) -> str:
    """Return how many differences were compared, and what that means for their intervals."""
    if pairs == 0:
        return "No recipes are compared."
    chance = f"{pairs * 2 * 0.05:.1f}".removesuffix(".0")
    return (
        f"There are {pairs * 2} comparisons ({pairs} pair{'s' if pairs > 1 else ''} of recipes, by log-loss and by"
        f" accuracy), each at 95 %: if no recipe differed, about {chance} would be significant by chance."
    )


def mean_of(column: str) -> str:
    """Return the name of a quantity's mean column in words: `mean radius`."""
    return f"mean {column.removesuffix('_mean').replace('_', ' ')}"


def _missed(share: float) -> str:
    return f"{100 * (1 - share):.1f} %"
