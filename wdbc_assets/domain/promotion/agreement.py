"""Agreement of a challenger with the champion on the same patients, before the diagnoses are known.

Agreement is not a measure of quality. The gate only requires that the challenger returned predictions (`gate`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.evaluation import decision_policy, intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Referred:
    """The share of patients that each model refers."""

    champion: float | None
    challenger: float | None


@dataclass(frozen=True)
class ProbabilityDifference:
    """The mean and the largest absolute value of challenger - champion in probability."""

    mean: float | None
    largest: float | None


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two models agree. Values are None if there are no patients.

    `same_triage` and `same_above_threshold` are shares with Wilson intervals; the threshold is that of each model.
    `triage` counts patients as `{champion's outcome: {challenger's outcome: n}}`.
    """

    patients: int
    same_triage: intervals.Interval
    same_above_threshold: intervals.Interval
    triage: dict[str, dict[str, int]]
    referred: Referred
    difference: ProbabilityDifference


def agreement(
    champion: Array, challenger: Array, *, champion_policy: DecisionPolicy, challenger_policy: DecisionPolicy
) -> Agreement:
    """Compare P(malignant) of both models for the same patients, each of shape (n,); each model uses its own policy."""
    n = len(champion)
    models = ((champion, champion_policy), (challenger, challenger_policy))
    above = [decision_policy.is_above(p, policy.threshold) for p, policy in models]
    first, second = triage = [decision_policy.triage(p, policy.quantiles) for p, policy in models]
    nobody = "no patient was scored by both models"
    referred = [float((outcomes == decision_policy.REFER).mean()) if n else None for outcomes in triage]
    change = challenger - champion
    return Agreement(
        patients=n,
        same_triage=intervals.proportion(int((first == second).sum()), n, undefined=nobody),
        same_above_threshold=intervals.proportion(int((above[0] == above[1]).sum()), n, undefined=nobody),
        triage={
            before: {after: int(((first == before) & (second == after)).sum()) for after in decision_policy.OUTCOMES}
            for before in decision_policy.OUTCOMES
        },
        referred=Referred(*referred),
        difference=ProbabilityDifference(float(change.mean()), float(np.abs(change).max()))
        if n
        else ProbabilityDifference(None, None),
    )
