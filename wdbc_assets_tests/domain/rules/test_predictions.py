"""The rules for predictions find what no champion may give."""

import pandas as pd
import pytest

from wdbc_assets.domain.rules import findings
from wdbc_assets.domain.rules.predictions import RULES


@pytest.mark.parametrize(
    ("probabilities", "models", "broken"),
    [
        ([0.0, 1.0], ["a", "a"], set()),
        ([0.5, 1.1], ["a", "a"], {"predictions_are_probabilities"}),
        ([0.5, None], ["a", "a"], {"predictions_are_probabilities"}),
        ([0.5, 0.5], ["a", "b"], {"predictions_have_one_model"}),
    ],
)
def test_each_rule_finds_its_own_fault(probabilities: list[float], models: list[str], broken: set[str]) -> None:
    table = pd.DataFrame({"probability": probabilities, "model": models})
    assert {one.rule for one in findings.of_result(RULES, table) if not one.passed} == broken
