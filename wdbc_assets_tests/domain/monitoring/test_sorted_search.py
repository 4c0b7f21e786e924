"""The fast search finds exactly the places that a binary search finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wdbc_assets.domain.monitoring.sorted_search import SortedSearch

NUMBERS = st.floats(allow_nan=False)
NEAR = st.integers(0, 40).map(lambda steps: 1.0 + steps * np.finfo(float).eps)


def expected(distinct: np.ndarray, numbers: np.ndarray) -> list[int]:
    below = np.searchsorted(distinct, numbers)
    return [2 * int(k) + int(k < len(distinct) and distinct[k] == x) for k, x in zip(below, numbers, strict=True)]


@given(st.lists(NUMBERS | NEAR, min_size=1, max_size=60), st.lists(NUMBERS | NEAR, max_size=60))
def test_any_numbers_are_found_where_a_binary_search_finds_them(values: list[float], others: list[float]) -> None:
    distinct = np.unique(values)
    with np.errstate(over="ignore", under="ignore"):
        neighbours = [np.nextafter(distinct, -np.inf), np.nextafter(distinct, np.inf)]
    numbers = np.concatenate([others, distinct, *neighbours, [-np.inf, np.inf, 0.0, -0.0]])
    assert SortedSearch(distinct).find(numbers).tolist() == expected(distinct, numbers)


@pytest.mark.parametrize("scale", [5e-324, 1e-300, 1.0, 1e298])
def test_values_of_any_size_are_distinguished(scale: float) -> None:
    distinct = np.unique(np.arange(200) ** 4 * scale)
    numbers = np.random.default_rng(1).permutation(np.repeat(distinct, 3))
    assert SortedSearch(distinct).find(numbers).tolist() == expected(distinct, numbers)
