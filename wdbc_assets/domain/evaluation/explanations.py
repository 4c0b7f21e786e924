"""One plain sentence for each measure of calibration, for a reader who is no statistician.

This module imports no heavy libraries.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """How a measure is shown: its label, and what it says."""

    label: str
    sentence: str


CALIBRATION: Mapping[str, Explanation] = {
    "slope": Explanation(
        "calibration slope",
        "1 is ideal: above 1 the probabilities are too cautious (too close to one half), below 1 too extreme.",
    ),
    "intercept": Explanation(
        "calibration in the large",
        "0 is ideal: above 0 more patients are malignant than the probabilities say, below 0 fewer.",
    ),
    "observed_expected": Explanation(
        "observed / expected",
        "The malignant patients divided by the number that the probabilities predict: at 1.1 there are 10 % more.",
    ),
    "ici": Explanation(
        "ICI",
        "On average, a probability differs by this much from the share of malignant among patients with the same one.",
    ),
    "e50": Explanation("E50", "For half of the patients, that difference is at most this much."),
    "e90": Explanation("E90", "For nine of ten patients, that difference is at most this much."),
}
DECISION_CURVE = Explanation(
    "decision curve",
    "Acting at a probability of 5 % means accepting up to 19 needless biopsies to find one cancer. At each threshold"
    " the curve counts the cancers found per patient, minus the needless biopsies at that exchange rate: the model is"
    " worth using where it lies above both lines, acting on every patient and acting on none.",
)
COSTLY_PATIENTS = Explanation(
    "costly patients",
    "A few patients whose probability is far from their diagnosis make up much of the log-loss: two recipes often"
    " differ only in how they treat these few.",
)
OTHER_PREVALENCES = Explanation(
    "other prevalences",
    "Where fewer of the patients are malignant than here, the probabilities are too high: observed / expected is far"
    " below 1 until they are recalibrated.",
)
ECE = Explanation(
    "ECE",
    "The same difference in ten coarse groups: chance alone gives a value in the range beside it even if every"
    " probability is right, so nothing is decided by it.",
)
