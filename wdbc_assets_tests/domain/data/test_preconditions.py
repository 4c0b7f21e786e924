"""What an estimator may be given: every refusal names the place, and never a patient's value."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.data import preconditions
from wdbc_assets.domain.errors import WdbcError


def measurements(**columns: list[Any]) -> pd.DataFrame:
    return pd.DataFrame({"radius_mean": [14.0, 20.0], "texture_mean": [19, 25], **columns})


def test_finite_numbers_pass() -> None:
    preconditions.require_finite(measurements())


@pytest.mark.parametrize(
    ("columns", "what", "where"),
    [
        ({"radius_mean": [14.0, np.nan]}, "Blank or infinite cells in 1 of 2 columns.", "columns radius_mean"),
        ({"radius_mean": [np.inf, 20.0]}, "Blank or infinite cells in 1 of 2 columns.", "columns radius_mean"),
        ({"texture_mean": [-np.inf, 25.0]}, "Blank or infinite cells in 1 of 2 columns.", "columns texture_mean"),
        ({"radius_mean": ["17,99", 20.0]}, "Something other than numbers in 1 of 2 columns.", "columns radius_mean"),
        ({"radius_mean": [None, "x"], "texture_mean": ["a", "b"]}, "Something other than numbers in 2 of 2 columns.",
         "columns radius_mean, texture_mean"),
        ({"radius_mean": [True, False]}, "Something other than numbers in 1 of 2 columns.", "columns radius_mean"),
    ],
)  # fmt: skip
def test_a_cell_that_is_no_finite_number_is_refused_with_its_column(
    columns: dict[str, list[Any]], what: str, where: str
) -> None:
    with pytest.raises(WdbcError) as refused:
        preconditions.require_finite(measurements(**columns))
    assert (refused.value.what, refused.value.where) == (what, where)


def test_a_refusal_shows_no_value_and_names_ten_columns_at_most() -> None:
    with pytest.raises(WdbcError) as refused:
        preconditions.require_finite(pd.DataFrame({f"column_{number:02}": ["secret"] for number in range(30)}))
    assert refused.value.what == "Something other than numbers in 30 of 30 columns."
    assert refused.value.where == "columns " + ", ".join(f"column_{number:02}" for number in range(10))
    assert "secret" not in f"{refused.value} {refused.value.detail}"


def test_coded_diagnoses_of_both_classes_pass() -> None:
    preconditions.require_diagnoses(pd.Series([0, 1, 1, 0]), rows=4, of_each=2)


@pytest.mark.parametrize(
    ("y", "of_each", "message"),
    [
        ([0, 1, 1], 1, r"There are 4 rows, but the diagnoses have shape \(3,\)\."),
        ([[0], [1], [1], [0]], 1, r"shape \(4, 1\)"),
        ([0, 1, 2, 3], 1, "2 of 4 diagnoses"),
        (["B", "M", "M", "B"], 1, "4 of 4 diagnoses"),
        ([0.0, 1.0, np.nan, 0.0], 1, "1 of 4 diagnoses"),
        ([0, 0, 0, 0], 1, "Number of malignant patients: 0; needed: at least 1"),
        ([1, 1, 1, 1], 1, "Number of benign patients: 0; needed: at least 1"),
        ([0, 1, 1, 1], 2, "Number of benign patients: 1; needed: at least 2"),
    ],
)
def test_diagnoses_that_nothing_can_be_learned_from_are_refused(y: list[Any], of_each: int, message: str) -> None:
    with pytest.raises(WdbcError, match=message):
        preconditions.require_diagnoses(y, rows=4, of_each=of_each)


@pytest.mark.parametrize("seed", [0, 42, 2**32 - 1])
def test_the_seeds_that_numpy_takes_pass(seed: int) -> None:
    preconditions.require_seed(seed)


@pytest.mark.fault("T03")
@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused_with_the_range(seed: int) -> None:
    with pytest.raises(WdbcError, match=f"seed = {seed} is out of range") as refused:
        preconditions.require_seed(seed)
    assert refused.value.hint == "Choose a number from 0 to 4294967295."
