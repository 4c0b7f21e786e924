"""How far two models agree, each read by its own policy."""

import numpy as np
import pytest

from wdbc_assets.domain.evaluation import intervals
from wdbc_assets.domain.evaluation.decision_policy import Quantiles
from wdbc_assets.domain.promotion import agreement
from wdbc_assets_tests import results

CHAMPION = results.policy(threshold=0.5, quantiles=Quantiles(0.7, 0.7))
CHALLENGER = results.policy(threshold=0.2, quantiles=Quantiles(0.6, 0.3))


def test_agreement_counts_outcomes_by_the_policy_of_each() -> None:
    champion = np.array([0.1, 0.4, 0.6, 0.9])
    challenger = np.array([0.1, 0.3, 0.6, 0.8])
    found = agreement.agreement(champion, challenger, champion_policy=CHAMPION, challenger_policy=CHALLENGER)
    assert found.patients == 4
    assert found.same_above_threshold == intervals.proportion(3, 4)
    # champion: benign, both, both, malignant; challenger: benign, benign, benign, malignant
    assert found.same_triage == intervals.proportion(2, 4)
    assert found.triage == {
        "benign": {"benign": 1, "malignant": 0, "refer": 0},
        "malignant": {"benign": 0, "malignant": 1, "refer": 0},
        "refer": {"benign": 2, "malignant": 0, "refer": 0},
    }
    assert found.referred == agreement.Referred(champion=0.5, challenger=0.0)
    assert found.difference.mean == pytest.approx(-0.05)
    assert found.difference.largest == pytest.approx(0.1)


def test_of_nobody_nothing_is_said() -> None:
    nobody = np.array([])
    found = agreement.agreement(nobody, nobody, champion_policy=CHAMPION, challenger_policy=CHALLENGER)
    assert found.same_triage.value is None
    assert found.referred == agreement.Referred(champion=None, challenger=None)
    assert found.difference == agreement.ProbabilityDifference(mean=None, largest=None)
