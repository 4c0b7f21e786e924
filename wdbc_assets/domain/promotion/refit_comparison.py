"""The comparison of a refit with the champion: two fitted models, on patients that neither has seen.

These are the labelled patients that arrived after both were fitted, and the test set of the reference. The gate
(`gate`) compares recipes by cross-validation and cannot distinguish two fits of one recipe; this comparison can.
Criteria:

- `log_loss`: the 95 % interval of the difference (refit - champion) on the later patients is entirely below 0.
- `net_benefit`: on the same patients, the lower bound of its interval is above `-NET_BENEFIT_MARGIN`.
- `reference`: on the test set of the reference, the mean log-loss is at most `REFERENCE_MARGIN` higher. Its diagnoses
  are known to be right. Outcomes recorded wrongly are wrong in the patients to fit on and in those to compare on, so
  that a refit that has learned them looks better there; here it does not.

If all are met, the verdict is **better**. If all but `log_loss` are met and the upper bound of its interval is below
`gate.EQUIVALENCE`, it is **not worse**: a person may promote it, nobody else. If the interval is entirely above 0, it
is **worse**. Otherwise it is **inconclusive**, and with fewer patients than `labelled.can_compare` demands **too few to
say**.

Both models report probabilities as they do in service, with their recalibration. The interval of the log-loss is
Student's for a mean of paired differences. A refit that is as good as the champion is promoted by chance in at most
about 2.5 % of the comparisons, which does no harm. This module imports no heavy libraries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wdbc_assets.domain.data import contract, labelled
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation.results import Difference
from wdbc_assets.domain.promotion import criteria
from wdbc_assets.domain.promotion.gate import EQUIVALENCE, Name, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from wdbc_assets.domain.data.labelled import LabelledPatients
    from wdbc_assets.domain.data.splitting import Split
    from wdbc_assets.domain.promotion.bundles import Bundle

    Array = NDArray[np.float64]

NET_BENEFIT_MARGIN = 0.01
"""The largest loss of net benefit that the interval may contain: one malignant patient found less in a hundred. A
hundred patients cannot exclude the gate's margin of two in a thousand."""

REFERENCE_MARGIN = 0.02
"""The largest increase of the mean log-loss on the test set of the reference: that of the default recipe over
`airflow_baseline`, the smallest difference considered worth a change."""

REFERENCE = "reference"
PASSING = ("better", "not worse")
"""The verdicts with which a person may promote a refit. Only with the first is it promoted by itself."""

_CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class RefitComparison:
    """The comparison, and what was compared on what.

    Attributes:
        refit, champion: The versions of the two.
        trained_until, champion_trained_until: The arrival of the last batch that each was fitted on, empty for the
            reference alone.
        trained: The number of patients that the refit was fitted on.
        held_back: The number of later patients that both were compared on.
        malignant: How many of those are malignant.
        verdict: The verdict, with each criterion.
    """

    refit: str
    champion: str
    trained_until: str
    champion_trained_until: str
    trained: int
    held_back: int
    malignant: int
    verdict: Verdict


def compare(
    patients: LabelledPatients, split: Split, refit: Bundle, champion: Bundle, *, versions: Mapping[str, str]
) -> RefitComparison:
    """Compare a refit with the champion.

    Args:
        patients: The labelled patients.
        split: The split of the reference.
        refit: The refit.
        champion: The bundle in production.
        versions: The versions of these, by asset.

    Raises:
        WdbcError: the refit is one of another champion, or nobody is held back.
    """
    held_back = patients.between(max(refit.trained_until, champion.trained_until))
    if refit.versions.get("champion") != versions["champion"] or held_back.empty:
        raise WdbcError(
            "the refit is one of an earlier champion, so there is nothing to compare",
            where="refit",
            hint="Run `wdbc retrain` again: it makes a refit of the present champion.",
        )
    malignant = int(held_back[contract.DIAGNOSIS].sum())
    return RefitComparison(
        refit=versions["refit"],
        champion=versions["champion"],
        trained_until=refit.trained_until,
        champion_trained_until=champion.trained_until,
        trained=refit.reference.rows,
        held_back=len(held_back),
        malignant=malignant,
        verdict=_verdict(held_back, split, refit, champion),
    )


def _verdict(held_back: pd.DataFrame, split: Split, refit: Bundle, champion: Bundle) -> Verdict:
    compared = _compared(held_back, refit, champion)
    reference = _difference(_losses(split.X_test, split.y_test, refit, champion))
    requirements = (
        criteria.Criterion(
            name=criteria.LOG_LOSS,
            demand="upper bound of the 95 % interval below 0",
            holds=criteria.known(compared.log_loss.high) < 0,
            bound=0.0,
            value=compared.log_loss.mean,
            low=compared.log_loss.low,
            high=compared.log_loss.high,
        ),
        criteria.Criterion(
            name="net_benefit",
            demand=f"lower bound above {-NET_BENEFIT_MARGIN:g}",
            holds=criteria.known(compared.net_benefit.low) > -NET_BENEFIT_MARGIN,
            bound=-NET_BENEFIT_MARGIN,
            value=compared.net_benefit.mean,
            low=compared.net_benefit.low,
            high=compared.net_benefit.high,
        ),
        criteria.Criterion(
            name=REFERENCE,
            demand=f"log-loss on the test set of the reference at most {REFERENCE_MARGIN:g} higher",
            holds=criteria.known(reference.mean) <= REFERENCE_MARGIN,
            bound=REFERENCE_MARGIN,
            value=reference.mean,
            low=reference.low,
            high=reference.high,
        ),
    )
    name, reason = _decide(held_back[contract.DIAGNOSIS], requirements)
    return Verdict(
        name=name,
        promoted=name == "better",
        reason=reason,
        candidate=refit.recipe,
        champion=champion.recipe,
        repeats=1,
        folds=0,
        patients=len(held_back),
        attempt=1,
        comparison=compared,
        criteria=requirements,
    )


def _decide(diagnoses: pd.Series[int], requirements: tuple[criteria.Criterion, ...]) -> tuple[Name, str]:
    log_loss = requirements[0]
    others = [criterion.name for criterion in requirements[1:] if not criterion.holds]
    malignant = int(diagnoses.sum())
    if not labelled.can_compare(len(diagnoses), malignant):
        return "too few to say", (
            f"{len(diagnoses)} patients, {malignant} of them malignant, arrived after both models were fitted;"
            f" {labelled.LEAST} are needed, and {labelled.LEAST_OF_CLASS} of either class"
        )
    if criteria.known(log_loss.low) > 0:
        return "worse", "its log-loss is significantly higher"
    if others:
        return "inconclusive", f"criteria not met: {', '.join(others)}"
    if log_loss.holds:
        return "better", "its log-loss is significantly lower, and all other criteria are met"
    if criteria.known(log_loss.high) < EQUIVALENCE:
        return "not worse", f"a log-loss higher by {EQUIVALENCE:g} is excluded, and it has seen more patients"
    return "inconclusive", "the interval of the difference in log-loss contains 0 and exceeds the margin"


def _compared(held_back: pd.DataFrame, refit: Bundle, champion: Bundle) -> criteria.Comparison:
    import numpy as np

    from wdbc_assets.domain.evaluation import utility

    X, y = held_back[list(contract.FEATURES)], held_back[contract.DIAGNOSIS]
    truth, reported = y.to_numpy(np.int64), [_reported(bundle, X) for bundle in (refit, champion)]
    hits = [((p > 1 / 2) == (truth == contract.MALIGNANT)).astype(np.float64) for p in reported]
    losses = _losses(X, y, refit, champion)
    return criteria.Comparison(
        log_loss=_difference(losses),
        net_benefit=utility.difference(truth, *(p[None] for p in reported)),
        accuracy=_difference(hits[0] - hits[1]),
        power=_power(losses),
    )


def _losses(X: pd.DataFrame, y: pd.Series[int], refit: Bundle, champion: Bundle) -> Array:
    """Return the difference in log-loss of each patient, refit - champion."""
    import numpy as np

    from wdbc_assets.domain.evaluation import ranking

    truth = np.asarray(y, dtype=np.int64)
    first, second = (ranking.losses(truth, _reported(bundle, X))["log_loss"] for bundle in (refit, champion))
    return first - second


def _reported(bundle: Bundle, X: pd.DataFrame) -> Array:
    """Return the probabilities that users of a bundle see."""
    from threadpoolctl import threadpool_limits

    from wdbc_assets.domain.evaluation import recalibration
    from wdbc_assets.domain.modeling import prediction

    with threadpool_limits(limits=1):
        return recalibration.probabilities(bundle.policy, prediction.predict(bundle.pipeline, X))


def _error(differences: Array) -> float:
    return float(differences.std(ddof=1) / len(differences) ** 0.5) if len(differences) > 1 else 0.0


def _difference(differences: Array) -> Difference:
    """Return the mean of paired differences with Student's interval; without one for a single patient."""
    from scipy.special import stdtrit

    mean = float(differences.mean())
    if len(differences) < 2:
        return Difference(mean=mean, low=None, high=None)
    width = float(stdtrit(len(differences) - 1, (1 + _CONFIDENCE) / 2)) * _error(differences)
    return Difference(mean=mean, low=mean - width, high=mean + width)


def _power(differences: Array) -> tuple[float, ...]:
    """Return about how often each of `criteria.GAINS` would be recognized with so many patients."""
    from statistics import NormalDist

    error = _error(differences)
    limit = NormalDist().inv_cdf((1 + _CONFIDENCE) / 2)
    return tuple(NormalDist().cdf(gain / error - limit) if error else 1.0 for gain in criteria.GAINS)
