"""Types of a bundle's JSON files: every field with its type and bounds, none missing, none unknown.

A file may come from anybody, with a digest that matches. Whatever does not conform is rejected here; the message names
the field but no value.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import prevalence, recalibration
from wdbc_assets.store import parsing
from wdbc_assets.store.paths import BUNDLE, POLICY, REFERENCE, SCORER

HINT = "None of it was executed. Promote a model of this release (`wdbc promote`), and find out who wrote this file."
LARGEST = 4 * 2**20  # bytes; a reference has about 30,000
_MEASUREMENTS = len(contract.FEATURES)
_ROUNDING = 1e-9

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z")]
Row = Annotated[list[float], Field(min_length=_MEASUREMENTS, max_length=_MEASUREMENTS)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class BundleFile(_Part):
    """What a bundle contains and what it was made from."""

    recipe: Name
    compiled: bool
    features: Annotated[list[Name], Field(max_length=1000)]
    contract: Digest
    versions: Annotated[dict[Name, Digest], Field(max_length=20)]
    trained_until: Annotated[str, Field(max_length=40)] = ""


class ScorerFile(_Part):
    """The compiled scorer, see `domain.modeling.linear_scorer`."""

    powers: Row | None
    centre: Row
    weights: Row
    intercept: float


class SplineScorerFile(_Part):
    """The compiled scorer of a spline, see `domain.modeling.spline_scorer`."""

    offsets: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=_MEASUREMENTS, max_length=_MEASUREMENTS)]
    least: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=_MEASUREMENTS, max_length=_MEASUREMENTS)]
    knots: Annotated[list[Row], Field(min_length=3, max_length=3)]
    centre: Annotated[list[Row], Field(min_length=2, max_length=2)]
    weights: Annotated[list[Row], Field(min_length=2, max_length=2)]
    intercept: float

    @model_validator(mode="after")
    def _knots_ascend(self) -> "SplineScorerFile":
        if any(after < before for column in zip(*self.knots, strict=True) for before, after in pairwise(column)):
            raise ValueError("knots are not in ascending order")
        return self


class _Bounded(_Part):
    """A value with its interval, or the reason why it has none."""

    value: Annotated[float, Field(ge=0)] | None
    low: Annotated[float, Field(ge=0)] | None
    high: Annotated[float, Field(ge=0)] | None
    reason: Annotated[str, Field(max_length=200)] | None = None

    @model_validator(mode="after")
    def _has_bounds_or_a_reason(self) -> "_Bounded":
        if (self.low is None) != (self.reason is not None):
            raise ValueError("a value has either an interval or a reason")
        return self


class Proportion(_Bounded):
    """A share with its confidence interval, if it has one; None if the denominator is zero."""

    value: Share | None
    low: Share | None
    high: Share | None
    interval: Literal["wilson", "none"]


class Ratio(_Bounded):
    """A ratio of two shares with its confidence interval; None if it is infinite."""

    interval: Literal["log_ratio", "none"]


class ByClass(_Part):
    """A share for each class."""

    benign: Share
    malignant: Share


class StoredTraining(_Part):
    """The number of training patients behind a policy."""

    rows: Count
    benign: Count
    malignant: Count


class StoredHistogram(_Part):
    """StoredHistogram of out-of-fold probabilities for each class."""

    edges: Annotated[list[Share], Field(max_length=1000)]
    benign: Annotated[list[Count], Field(max_length=1000)]
    malignant: Annotated[list[Count], Field(max_length=1000)]


class StoredPromise(_Part):
    """The recall that a threshold promises."""

    expected: Share
    low: Share
    confidence: Share
    sure_rank: Count | None
    sure_specificity: Share | None
    reason: Annotated[str, Field(max_length=200)] | None = None


class ByOutcome(_Part):
    """The number of patients by triage outcome."""

    benign: Count
    malignant: Count
    refer: Count


class StoredTriage(_Part):
    """The number of patients by diagnosis and triage outcome."""

    benign: ByOutcome
    malignant: ByOutcome


Counts = Annotated[list[Count], Field(min_length=2, max_length=2)]


class StoredRates(_Part):
    """What a policy does to a set of patients."""

    confusion_matrix: Annotated[list[Counts], Field(min_length=2, max_length=2)]
    recall: Proportion
    specificity: Proportion
    ppv: Proportion
    npv: Proportion
    positive_likelihood_ratio: Ratio
    negative_likelihood_ratio: Ratio
    referred: Proportion
    triage: StoredTriage


class StoredOutOfFold(StoredRates):
    """On the training set, from models that were not fitted on the row."""

    histogram: StoredHistogram


class StoredCoverage(_Part):
    """The share of each class whose conformal prediction set contains the true class."""

    benign: Proportion
    malignant: Proportion


class Test(StoredRates):
    """On the test set."""

    coverage: StoredCoverage


class StoredRecalibration(_Part):
    """What adapts the probabilities to another prevalence, see `domain.evaluation.recalibration`."""

    trained: Annotated[float, Field(gt=0, lt=1)]
    prevalence: Annotated[float, Field(ge=recalibration.LEAST, le=recalibration.MOST)]
    offset: float

    @model_validator(mode="after")
    def _offset_follows(self) -> "StoredRecalibration":
        if abs(self.offset - prevalence.offset(self.trained, self.prevalence)) > _ROUNDING:
            raise ValueError("the offset does not follow from the two prevalences")
        return self


class PolicyFile(_Part):
    """The decision policy, see `domain.evaluation.decision_policy`."""

    recipe: Name
    winner: Annotated[dict[Name, bool | int | float | Annotated[str, Field(max_length=100)]], Field(max_length=100)]
    recall_target: Share
    alpha: Share
    folds: Annotated[int, Field(ge=2, lt=2**53)]
    seed: Count
    training: StoredTraining
    threshold: Share
    rank: Count
    promise: StoredPromise
    quantiles: ByClass
    out_of_fold: StoredOutOfFold
    test: Test
    winner_log_loss: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    recalibration: StoredRecalibration | None = None

    @model_validator(mode="after")
    def _recalibration_belongs(self) -> "PolicyFile":
        rows, malignant = self.training.rows, self.training.malignant
        if self.recalibration is not None and abs(self.recalibration.trained * rows - malignant) > _ROUNDING * rows:
            raise ValueError("the recalibration starts from another prevalence than that of the training set")
        return self


class ReferenceFile(_Part):
    """Reference quantiles of the training set, and the pipeline's results in the smoke test."""

    rows: Annotated[int, Field(ge=1, lt=2**53)]
    levels: Annotated[list[Share], Field(min_length=2, max_length=1000)]
    quantiles: dict[Name, Annotated[list[float], Field(max_length=1000)]]
    answers: Annotated[list[Share], Field(max_length=2000)]

    @model_validator(mode="after")
    def _belongs_together(self) -> "ReferenceFile":
        columns = [self.levels, *self.quantiles.values()]
        if tuple(self.quantiles) != contract.FEATURES or {len(column) for column in columns} != {len(self.levels)}:
            raise ValueError("quantiles do not match the measurements")
        if any(after < before for column in columns for before, after in pairwise(column)):
            raise ValueError("quantiles are not in ascending order")
        if len(self.answers) != len(self.levels) + 2 * _MEASUREMENTS:
            raise ValueError("the number of answers does not match the smoke test")
        return self


_KINDS: dict[str, type[_Part]] = {
    BUNDLE: BundleFile,
    SCORER: ScorerFile,
    POLICY: PolicyFile,
    REFERENCE: ReferenceFile,
}


def read(name: str, content: bytes | None) -> dict[str, Any]:
    """Return the validated content of a bundle's file.

    Raises:
        WdbcError: the file is missing, not JSON, or does not match its type.
    """
    try:
        plain = _plain(content)
        kind = SplineScorerFile if name == SCORER and is_spline(plain) else _KINDS[name]
        kind.model_validate(plain)
    except parsing.Malformed as error:
        what = f"the bundle's {name} is missing or not a JSON object: {error}"
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))[:80]
        what = f"the bundle's {name} is invalid: {f'{field!a}: ' if field else ''}{first['msg'][:200]}"
    else:
        return plain
    raise WdbcError(what, where=name, hint=HINT)


def is_spline(scorer: Mapping[str, Any]) -> bool:
    """Return whether a compiled scorer is that of a spline, which has knots."""
    return "knots" in scorer


def _plain(content: bytes | None) -> dict[str, Any]:
    if content is None:
        raise parsing.Malformed("it is missing")
    if len(content) > LARGEST:
        raise parsing.Malformed("it is too large")
    plain = parsing.decode(content)
    if not isinstance(plain, dict):
        raise parsing.Malformed("it is not an object")
    return plain
