"""Results for tests: sound ones, of which a test changes what it looks at."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import metrics
from wdbc_assets.domain.evaluation.contributions import LEVELS, Curve, LinearTerms, Typical
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
from wdbc_assets.domain.evaluation.importance import (
    CLUSTERS,
    FoldLosses,
    Group,
    Importance,
    columns_of,
)
from wdbc_assets.domain.evaluation.intervals import Interval, without
from wdbc_assets.domain.evaluation.metrics_result import Metrics
from wdbc_assets.domain.evaluation.policy_rates import CHOSEN_BY_RECALL
from wdbc_assets.domain.evaluation.refits import Development, Learning, Refit, RefitTask, RefitUnit, performance
from wdbc_assets.domain.evaluation.results import Difference
from wdbc_assets.domain.evaluation.stability import Stability, assemble

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
    curves = {
        column: Curve(tuple(level * term for level in LEVELS), tuple(level - term for level in LEVELS))
        for column, term in terms.items()
    }
    return Importance(
        recipe="logistic" if linear else "svc",
        winner={"logistic__C": 1.0},
        score="log_loss",
        patients=569,
        permutations=10,
        seed=42,
        groups=tuple(
            Group(
                cluster=cluster,
                measurements=CLUSTERS[cluster],
                columns=tuple(columns_of(cluster)),
                permuted=difference(0.2 - number / 50),
                without=difference(0.02 - number / 200),
            )
            for number, cluster in enumerate(CLUSTERS)
        ),
        linear=LinearTerms(intercept=0.5, coefficients=terms, typical=typical, curves=curves) if linear else None,
        folds=tuple(
            FoldLosses(
                repeat=0,
                fold=fold,
                log_loss=0.07,
                permuted=dict.fromkeys(CLUSTERS, 0.2),
                without=dict.fromkeys(CLUSTERS, 0.08),
            )
            for fold in range(10)
        ),
    )


def difference(mean: float) -> Difference:
    """A difference with bounds near it."""
    return Difference(mean=mean, low=mean - 0.01, high=mean + 0.01)


def stability(*, linear: bool = True, recipe: str = "logistic") -> Stability:
    """A stability of 40 patients and ten refits that differ a little, of a recipe that is linear or not."""
    generator = np.random.default_rng(1)
    frame = pd.DataFrame({contract.DIAGNOSIS: np.arange(40) % 2})
    task = RefitTask(frame=frame, recipe=recipe, grid="full", folds=5, search_seed=42, seed=42)
    y = frame[contract.DIAGNOSIS].to_numpy()
    outcomes: dict[RefitUnit, Refit | Learning] = {}
    for number in range(-1, 10):
        p = np.clip(0.25 + 0.5 * y + 0.25 * generator.standard_normal(40), 0.01, 0.99)
        own, everyone = (
            performance(y[rows], p[rows])
            for rows in (np.r_[0:30, 0:10] if number >= 0 else np.arange(40), np.arange(40))
        )
        outcomes[RefitUnit("original", 0) if number < 0 else RefitUnit("bootstrap", number)] = Refit(
            development=Development(
                winner={"logistic__C": 1.0 if number % 3 else 3.0},
                own=own,
                everyone=everyone,
                signs=(1,) * 20 + (-1,) * 9 + (1 if number % 2 else -1,) if linear else None,
                redrawn=0,
            ),
            probabilities=tuple(p.tolist()),
        )
    for number in range(3):
        losses = (0.12 + number / 100, 0.1, 0.09, 0.08)
        outcomes[RefitUnit("learning", number)] = Learning(rows=(8, 16, 24, 32), log_loss=losses)
    return assemble(task, outcomes)
