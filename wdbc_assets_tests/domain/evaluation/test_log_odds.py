"""Log-odds are finite, and those of a cross-validation are averaged over its repeats, patient by patient."""

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import log_odds


def test_log_odds_invert_the_logistic_function_and_stay_finite_at_the_ends() -> None:
    values = np.array([-3.0, 0.0, 2.5])
    assert log_odds.of_probabilities(1 / (1 + np.exp(-values))) == pytest.approx(values)
    low, high = log_odds.of_probabilities(np.array([0.0, 1.0]))
    assert np.isfinite(low)
    assert low == pytest.approx(-high)


def test_out_of_fold_log_odds_are_the_means_over_the_repeats_in_the_order_of_the_patients() -> None:
    rows = [(recipe, repeat, patient) for recipe in "ab" for repeat in (0, 1) for patient in (2, 0, 1)]
    predictions = pd.DataFrame(rows, columns=["recipe", "repeat", "patient"])
    logits = predictions["patient"] + predictions["repeat"] + np.where(predictions["recipe"] == "a", 0.0, 10.0)
    predictions["probability"] = 1 / (1 + np.exp(-logits))
    assert log_odds.out_of_fold(predictions, "a") == pytest.approx([0.5, 1.5, 2.5])
    assert log_odds.out_of_fold(predictions, "b") == pytest.approx([10.5, 11.5, 12.5])


def test_a_recipe_that_was_not_evaluated_is_named_with_the_command_to_run() -> None:
    predictions = pd.DataFrame({"recipe": ["a"], "repeat": [0], "patient": [0], "probability": [0.5]})
    with pytest.raises(WdbcError, match="the recipe svc has no out-of-fold predictions") as missing:
        log_odds.out_of_fold(predictions, "svc")
    assert "wdbc evaluate --recipe svc" in missing.value.hint
