"""The metrics of a model on a test set, as a type. `metrics` and `ranking` compute them.

Undefined values, such as the precision if no patient is called malignant, are None. This module imports no heavy
libraries.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from wdbc_assets.domain.evaluation.intervals import Interval


@dataclass(frozen=True)
class RocCurve:
    """The corners of a ROC curve; the first threshold, above all probabilities, is None."""

    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    threshold: tuple[float | None, ...]


@dataclass(frozen=True)
class Bootstrap:
    """The settings of the bootstrap of the mean losses."""

    resamples: int
    seed: int
    stratified: bool


@dataclass(frozen=True)
class ClassScores:
    """One row of the classification report; undefined scores are None."""

    precision: float | None
    recall: float
    f1: float = field(metadata={"key": "f1-score"})
    support: int


@dataclass(frozen=True)
class ClassificationReport:
    """scikit-learn's classification report, but with None instead of 0 for undefined values."""

    benign: ClassScores
    malignant: ClassScores
    accuracy: float
    macro_average: ClassScores = field(metadata={"key": "macro avg"})
    weighted_average: ClassScores = field(metadata={"key": "weighted avg"})


NOTES: Mapping[str, str] = {
    "log_loss": "in test sets of 114 patients, its 95 % interval covers the true log-loss in about 90 % of them",
}
"""What to know about the interval of a metric; shown wherever the interval is shown."""


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The metrics of a model on a set of patients.

    - accuracy, precision, recall and specificity have Wilson intervals. Without a malignant prediction, the precision
      is None with a `reason`, and so are the values of the classification report derived from it.
    - f1 has the Wilson interval of the Jaccard index, roc_auc that of DeLong on the logit scale.
    - log_loss (natural, probabilities clipped to [1e-7, 1 - 1e-7]) and brier have bootstrap-t intervals on the log
      scale, in which each resample keeps the number of each class. `NOTES` says how far that of the log-loss falls
      short.
    - pr_auc (average precision) has no interval, and neither has a metric whose variance cannot be estimated. `reason`
      says why.

    The confusion matrix is ((tn, fp), (fn, tp)).
    """

    rows: int
    benign: int
    malignant: int
    threshold: float
    confidence: float
    bootstrap: Bootstrap
    accuracy: Interval
    precision: Interval
    recall: Interval
    specificity: Interval
    f1: Interval
    roc_auc: Interval
    pr_auc: Interval
    log_loss: Interval
    brier: Interval
    confusion_matrix: tuple[tuple[int, int], tuple[int, int]]
    classification_report: ClassificationReport
    roc_curve: RocCurve

    @property
    def by_name(self) -> dict[str, Interval]:
        """Each metric with its interval."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Interval)}

    @property
    def notes(self) -> dict[str, str]:
        """What to know about the intervals: why one is missing, and which covers less than it states."""
        about = {name: value.reason if value.low is None else NOTES.get(name) for name, value in self.by_name.items()}
        return {name: note for name, note in about.items() if note}
