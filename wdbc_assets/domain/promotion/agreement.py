"""A challenger beside the champion: how far the two agree on the same patients, before anybody knows who is right.

Without diagnoses that is all that can be said of them: agreement is no merit. What the gate asks of an experiment is
only that the challenger answered (`promotion`).
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
    """Compare P(malignant) of both for the same patients, each shape (n,); gives plain numbers, ready for JSON.

    Each is read by its own policy. `same_decision` and `same_set` are shares with their Wilson intervals; `decisions`
    counts the patients as `{champion's decision: {challenger's: n}}`; `referred` has the share of each; `difference` is
    challenger - champion in probability, its mean and its largest size. None where there is no patient.
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
    nobody = "no patient was paired"
    return {
        "patients": n,
        "same_decision": metrics.proportion(int((called[0] == called[1]).sum()), n, undefined=nobody),
        "same_set": metrics.proportion(int((sets[0] == sets[1]).sum()), n, undefined=nobody),
        "decisions": {
            one: {other: int(((called[0] == a) & (called[1] == b)).sum()) for b, other in enumerate(names)}
            for a, one in enumerate(names)
        },
        "referred": {
            who: float((found == decision_policy.REFER).mean()) if n else None
            for who, found in zip(("champion", "challenger"), sets, strict=True)
        },
        "difference": {
            "mean": float((challenger - champion).mean()) if n else None,
            "largest": float(np.abs(challenger - champion).max()) if n else None,
        },
    }
