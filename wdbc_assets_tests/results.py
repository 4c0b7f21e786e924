"""Results for tests: sound ones, of which a test changes what it looks at."""

from dataclasses import replace
from typing import Any

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import metrics
from wdbc_assets.domain.evaluation.decision_policy import (
    Coverage,
    DecisionPolicy,
    Histogram,
    OnTestSet,
    OutOfFold,
    Quantiles,
    RecallPromise,
    Training,
)
from wdbc_assets.domain.evaluation.importance import Group, Importance, LinearTerms, Typical
from wdbc_assets.domain.evaluation.intervals import Interval, without
from wdbc_assets.domain.evaluation.policy_rates import CHOSEN_BY_RECALL
from wdbc_assets.domain.evaluation.results import Metrics

HISTOGRAM = Histogram((0.0, 0.1, 0.5, 0.9, 1.0), (80, 20, 2, 0), (0, 1, 9, 50))


def interval(value: float | None, low: float | None = None, high: float | None = None) -> Interval:
    """A value with these bounds, or with bounds near it."""
    if value is not None and low is None:
        low, high = value - 0.01, value
    return Interval(value=value, low=low, high=high, method="wilson")


def measured(**changes: Interval) -> Metrics:
    """Metrics of eight patients, of whom one of each class is on the wrong side, except for some that are given."""
    found = metrics.evaluate([0, 0, 0, 0, 1, 1, 1, 1], [0.1, 0.2, 0.3, 0.6, 0.4, 0.7, 0.8, 0.9], bootstrap=100)
    return replace(found, **changes)  # type: ignore[arg-type]


def policy(
    *,
    recall: float | None = 0.982,
    referred: float = 0.07,
    histogram: Histogram = HISTOGRAM,
    **changes: Any,
) -> DecisionPolicy:
    """A policy that keeps its rules, except for some fields that are given."""
    return replace(
        DecisionPolicy(
            recipe="logistic",
            winner={"logistic__C": 1.0},
            recall_target=0.98,
            alpha=0.02,
            folds=10,
            seed=42,
            training=Training(455, 285, 170),
            threshold=0.19,
            rank=168,
            promise=RecallPromise(expected=0.9825, low=0.9634, confidence=0.95, sure_rank=170, sure_specificity=0.53),
            quantiles=Quantiles(0.53, 0.93),
            out_of_fold=OutOfFold(
                **rates(recall=without(recall, CHOSEN_BY_RECALL), referred=interval(referred)), histogram=histogram
            ),
            test=OnTestSet(
                **rates(recall=interval(0.98), referred=interval(referred)),
                coverage=Coverage(interval(0.99), interval(0.95)),
            ),
        ),
        **changes,
    )


def rates(**changes: Interval) -> dict[str, Any]:
    """The fields of the rates of a policy."""
    return {
        "confusion_matrix": ((270, 15), (3, 167)),
        "specificity": interval(0.95),
        "ppv": interval(0.92),
        "npv": interval(0.99),
        "positive_likelihood_ratio": interval(19.6),
        "negative_likelihood_ratio": interval(0.021),
        "triage": {
            "benign": {"benign": 266, "malignant": 4, "refer": 15},
            "malignant": {"benign": 2, "malignant": 151, "refer": 17},
        },
        **changes,
    }


def importance(*, linear: bool = True) -> Importance:
    """An importance that falls from measurement to measurement, of a recipe that is linear or not."""
    terms = {column: number / 10 for number, column in enumerate(contract.FEATURES)}
    typical = Typical(benign={column: -term for column, term in terms.items()}, malignant=terms)
    return Importance(
        recipe="logistic" if linear else "svc",
        winner={"logistic__C": 1.0},
        score="log_loss",
        repeats=30,
        seed=42,
        rows=114,
        groups=tuple(
            Group(
                measurement=measurement.name,
                columns=tuple(measurement.column(statistic) for statistic in contract.STATISTICS),
                mean=0.2 - number / 50,
                sd=0.03,
            )
            for number, measurement in enumerate(contract.MEASUREMENTS)
        ),
        linear=LinearTerms(intercept=0.5, coefficients=terms, typical=typical) if linear else None,
    )
