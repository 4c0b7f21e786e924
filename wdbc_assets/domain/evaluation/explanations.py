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
IMPORTANCE = Explanation(
    "importance",
    "By how much the predictions get worse if the model must do without what a group of measurements says: permuted, it"
    " is misled by the values of other patients; left out, it was developed without them, and the other groups replace"
    " what they can.",
)
STABILITY: Mapping[str, Explanation] = {
    "error": Explanation(
        "instability of the predictions",
        "Had the model been developed on other patients like these, a patient's probability would on average differ by"
        " this much.",
    ),
    "class_changes": Explanation(
        "class changes",
        "So often the other model would be on the other side of 50 % for the same patient.",
    ),
    "log_loss": Explanation(
        "optimism",
        "A model looks better on the patients that it was developed on. The corrected value is what to expect of new"
        " ones; it is rather too pessimistic.",
    ),
    "slope": Explanation(
        "calibration slope of the refits",
        "Below 1, models developed on so few patients give probabilities that are too extreme for other patients.",
    ),
    "signs": Explanation(
        "stable directions",
        "Only where nearly all refits agree does it make sense to say that a measurement raises or lowers the risk.",
    ),
    "learning": Explanation(
        "learning curve",
        "It falls to 0 by definition. If it is still steep at the end, more patients would improve the model.",
    ),
}
