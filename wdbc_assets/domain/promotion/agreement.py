"""Agreement of a challenger with the champion on the same patients, before the diagnoses are known.

Agreement is not a measure of quality. The gate only requires that the challenger returned predictions (`gate`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wdbc_assets.domain.evaluation import decision_policy, metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def agreement(
    champion: Array, challenger: Array, *, champion_policy: Mapping[str, Any], challenger_policy: Mapping[str, Any]
) -> dict[str, Any]:
    """Compare P(malignant) of both models for the same patients, each of shape (n,); return plain values for JSON.

    Each model uses its own policy. `same_decision` and `same_set` are shares with Wilson intervals. `decisions` counts
    patients as `{champion's decision: {challenger's decision: n}}`. `referred` is the share that each model refers.
    `difference` has the mean and the largest absolute value of challenger - champion in probability. Values are None if
    there are no patients.
    """
    n = len(champion)
    called = [
        decision_policy.called_malignant(p, rule)
        for p, rule in ((champion, champion_policy), (challenger, challenger_policy))
    ]
    sets = [
        decision_policy.decide(p, rule) for p, rule in ((champion, champion_policy), (challenger, challenger_policy))
    ]
    names = (decision_policy.BENIGN, decision_policy.MALIGNANT)
    nobody = "no patient was scored by both models"
    return {
        "patients": n,
        "same_decision": metrics.proportion(int((called[0] == called[1]).sum()), n, undefined=nobody),
        "same_set": metrics.proportion(int((sets[0] == sets[1]).sum()), n, undefined=nobody),
        "decisions": {
            first: {second: int(((called[0] == a) & (called[1] == b)).sum()) for b, second in enumerate(names)}
            for a, first in enumerate(names)
        },
        "referred": {
            role: float((outcomes == decision_policy.REFER).mean()) if n else None
            for role, outcomes in zip(("champion", "challenger"), sets, strict=True)
        },
        "difference": {
            "mean": float((challenger - champion).mean()) if n else None,
            "largest": float(np.abs(challenger - champion).max()) if n else None,
        },
    }
