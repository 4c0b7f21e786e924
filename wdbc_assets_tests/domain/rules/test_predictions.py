"""The rules for predictions find what no champion may give, and predictions for other patients."""

import pandas as pd
import pytest

from wdbc_assets.domain.rules import predictions as rules
from wdbc_assets.store import table_files


@pytest.mark.parametrize(
    ("ids", "probabilities", "broken"),
    [
        (["a", "b"], [0.0, 1.0], set()),
        (["a", "b"], [0.5, 1.1], {"predictions_are_probabilities"}),
        (["a", "b"], [0.5, None], {"predictions_are_probabilities"}),
        (["b", "a"], [0.5, 0.5], {"predictions_are_of_the_batch"}),
        (["a"], [0.5], {"predictions_are_of_the_batch"}),
    ],
)
def test_each_rule_finds_its_own_fault(ids: list[str], probabilities: list[float], broken: set[str]) -> None:
    batch = table_files.write([pd.DataFrame({"id": ["a", "b"]})])
    predictions = table_files.write([pd.DataFrame({"id": ids, "probability": probabilities})])
    assert {one.rule for one in rules.validate(predictions, batch) if not one.passed} == broken


def test_a_missing_probability_of_the_service_is_found() -> None:
    assert rules.not_probabilities(pd.DataFrame({"probability": [0.5, None]})) == [
        "predictions outside 0 to 1 is 1, needed: 0"
    ]
