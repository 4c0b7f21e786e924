"""The types of the results of a cross-validation: calibration, decision curves, subgroups, and the summary.

Undefined values are None. `comparison` computes the summary, and `calibration`, `utility`, `subgroups`, `prevalence`
and `sample_size` its parts. This module imports no heavy libraries.
"""

from dataclasses import dataclass, field

from wdbc_assets.domain.data import membership
from wdbc_assets.domain.evaluation.intervals import Interval


@dataclass(frozen=True, kw_only=True)
class CalibrationBin:
    """The patients of one bin: their mean probability, and their share of malignant with its Wilson interval.

    Counts are means over the repeats, and the interval is that of so many patients. All but the edges and the number of
    rows are None for an empty bin.
    """

    low: float
    high: float
    rows: float
    mean_probability: float | None
    share: float | None
    share_low: float | None
    share_high: float | None

    @property
    def misses(self) -> bool:
        """Whether the mean probability is outside the interval of the share."""
        if self.mean_probability is None or self.share_low is None or self.share_high is None:
            return False
        return not self.share_low <= self.mean_probability <= self.share_high


@dataclass(frozen=True, kw_only=True)
class BrierParts:
    """The components of the Brier score, see `calibration.brier_parts`."""

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The mean and standard deviation of a measure over the repeats, or None with the reason why it cannot be said.

    The standard deviation is 0 for a single repeat.
    """

    mean: float | None
    sd: float | None
    reason: str | None = field(default=None, metadata={"omitted": True})


@dataclass(frozen=True, kw_only=True)
class Range:
    """The mean and the central 95 % of a simulated distribution."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Calibration statistics of a recipe, computed for each repeat of all patients and averaged over the repeats.

    - `slope`, `intercept`: of y ~ a + slope * logit(p), and of y ~ intercept + logit(p), the calibration in the large,
      with the mean bounds of its 95 % interval.
    - `observed_expected`: the number of malignant patients divided by the sum of the probabilities.
    - `ici`, `e50`, `e90`: mean, median and 90th percentile of the difference between a probability and the share of
      malignant that a smooth curve gives for it.
    - `ece`: the expected calibration error of ten bins of equal width. `ece_if_calibrated` is its distribution for
      perfectly calibrated probabilities of the same values; nothing is decided by the ECE.
    - `spiegelhalter_z`, `bins`, `brier`: see `calibration`.
    """

    slope: Spread
    intercept: Spread
    intercept_low: float | None
    intercept_high: float | None
    observed_expected: Spread
    ici: Spread
    e50: Spread
    e90: Spread
    ece: float
    ece_if_calibrated: Range
    spiegelhalter_z: float | None
    bins: tuple[CalibrationBin, ...]
    brier: BrierParts

    @property
    def spreads(self) -> dict[str, Spread]:
        """The measures with a standard deviation, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Spread)}


@dataclass(frozen=True, kw_only=True)
class DecisionCurve:
    """The net benefit by threshold, in true positives per patient: see `utility`.

    `low` and `high` are the bounds of a 95 % interval over patients, pointwise. `treat_all` is the net benefit if every
    patient is called malignant; if none is, it is 0.
    """

    thresholds: tuple[float, ...]
    net_benefit: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    treat_all: tuple[float, ...]

    def gain_at(self, threshold: float) -> float:
        """Return the net benefit minus that of the better default, treating all or none, at one of the thresholds."""
        place = self.thresholds.index(threshold)
        return self.net_benefit[place] - max(self.treat_all[place], 0.0)


@dataclass(frozen=True, kw_only=True)
class CostlyPatients:
    """How much of the log-loss few patients carry, by their mean loss over the repeats.

    `share` is that of the `patients` with the largest losses, `half` the number of patients who carry half of it.
    """

    patients: int
    share: float
    half: int


@dataclass(frozen=True, kw_only=True)
class OtherPrevalence:
    """What to expect where another share of the patients is malignant, if each class is like that of these data.

    `observed_expected` and `log_loss` are those of the model as it is. `offset` is what recalibration adds to the
    log-odds, and `recalibrated_log_loss` the log-loss after that. See `prevalence`.
    """

    prevalence: float
    observed_expected: float
    log_loss: float
    offset: float
    recalibrated_log_loss: float


@dataclass(frozen=True, kw_only=True)
class ExternalValidation:
    """How many patients another hospital needs to validate the model, for two targets: see `sample_size`.

    `events` is the number of malignant patients among `needed`. `slope` is None if it cannot be said, with the reason.
    """

    observed_expected: int
    slope: int | None
    events: int
    reason: str | None = field(default=None, metadata={"omitted": True})

    @property
    def needed(self) -> int:
        """The number of patients that reaches all targets that can be computed."""
        return max(self.observed_expected, self.slope or 0)


@dataclass(frozen=True, kw_only=True)
class Subgroup:
    """The patients whose value of a measurement is from `smallest` to `largest`, and the share of them who are right.

    The share is its mean over the repeats, with an interval for so many patients: see `subgroups`.
    """

    smallest: float
    largest: float
    patients: int
    share: Interval


@dataclass(frozen=True, kw_only=True)
class Subgroups:
    """The patients of one class by quarter of a measurement, smallest values first; fewer groups if values are equal.

    `reason` says why there are fewer than four groups, or none.
    """

    groups: tuple[Subgroup, ...]
    reason: str | None = field(default=None, metadata={"omitted": True})


@dataclass(frozen=True, kw_only=True)
class MeasurementSubgroups:
    """By quarter of a measurement: the recall of the malignant patients, and the specificity of the benign ones."""

    measurement: str
    recall: Subgroups
    specificity: Subgroups


@dataclass(frozen=True, kw_only=True)
class Mean:
    """The mean and standard deviation of a metric over the repeats, and its mean over the folds with its interval.

    `mean` is that of all patients of a repeat. The corrected interval is that of `of_folds`, the mean of the metric of
    single folds, which can differ from it: an average precision of 57 patients is not that of all. Both are None for a
    metric that cannot be computed on a single fold.
    """

    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    of_folds: float | None = field(default=None, metadata={"omitted": True})


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The mean difference of a metric over the folds, and its corrected interval."""

    mean: float | None
    low: float | None
    high: float | None

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval excludes 0: the difference is significant."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high

    def negated(self) -> "Difference":
        """Return the difference in the other direction."""
        mean, low, high = (None if value is None else -value for value in (self.mean, self.high, self.low))
        return Difference(mean=mean, low=low, high=high)


NO_DIFFERENCE = Difference(mean=0.0, low=0.0, high=0.0)


@dataclass(frozen=True, kw_only=True)
class RecipeMetrics:
    """The metrics of a recipe."""

    accuracy: Mean
    precision: Mean
    recall: Mean
    specificity: Mean
    f1: Mean
    roc_auc: Mean
    pr_auc: Mean
    log_loss: Mean
    brier: Mean
    ece: Mean

    @property
    def by_name(self) -> dict[str, Mean]:
        """Each metric by its name."""
        return dict(vars(self))

    @property
    def means(self) -> dict[str, float | None]:
        """The mean of each metric by its name."""
        return {name: metric.mean for name, metric in self.by_name.items()}


@dataclass(frozen=True, kw_only=True)
class RecipeDifference:
    """The paired differences of a recipe minus another one, in the same folds."""

    recipe: str
    minus: str
    accuracy: Difference
    precision: Difference
    recall: Difference
    specificity: Difference
    f1: Difference
    roc_auc: Difference
    pr_auc: Difference
    log_loss: Difference
    brier: Difference


@dataclass(frozen=True, kw_only=True)
class EvaluationSummary:
    """The summary of a cross-validation.

    `published` tells whether the published data were evaluated. `differences` has one entry per pair of recipes; the
    reference Airflow project's recipe is always subtracted. `split_method` is how the folds were drawn. `subgroups` is
    empty if the measurements of the patients are not known.
    """

    patients: int
    repeats: int
    folds: int
    published: bool = False
    split_method: membership.Method = field(default="shuffled", metadata={"omitted": True})
    recipes: dict[str, RecipeMetrics]
    differences: tuple[RecipeDifference, ...]
    calibration: dict[str, Calibration]
    decision_curves: dict[str, DecisionCurve]
    costly_patients: dict[str, CostlyPatients]
    other_prevalences: dict[str, tuple[OtherPrevalence, ...]]
    external_validation: dict[str, ExternalValidation] = field(default_factory=dict)
    subgroups: dict[str, tuple[MeasurementSubgroups, ...]] = field(default_factory=dict)

    @property
    def comparisons(self) -> int:
        """The number of pairs of recipes of which differences are shown."""
        return len(self.differences)
