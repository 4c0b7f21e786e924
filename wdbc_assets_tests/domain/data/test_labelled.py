"""The split of the labelled patients by time: what is fitted on, and what is held back."""

import pandas as pd
import pytest

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.data.labelled import ARRIVED_AT, LabelledPatients, can_compare
from wdbc_assets.domain.errors import WdbcError


def arrived(*sizes: tuple[int, int]) -> LabelledPatients:
    """Return two patients of the reference, and batches of so many patients, of whom so many are malignant."""
    rows = [("", 0), ("", 1)]
    for number, (patients, malignant) in enumerate(sizes, start=1):
        rows += [(f"2026-01-{number:02}", int(place < malignant)) for place in range(patients)]
    table = pd.DataFrame(rows, columns=[ARRIVED_AT, contract.DIAGNOSIS])
    return LabelledPatients(table.assign(**dict.fromkeys(contract.FEATURES, 1.0)), 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(30, 12)] * 8, "2026-01-05"),  # a third of 240 is 80: three batches
        ([(30, 12)] * 4, "2026-01-02"),  # a third is 40, but 60 are needed
        ([(100, 40), (100, 2), (100, 2), (100, 38)], "2026-01-02"),  # a third is 134: two batches
        ([(100, 40), (100, 38), (100, 1), (100, 1)], "2026-01-01"),  # until there are 15 malignant ones
        ([(10, 4)] * 6, "2026-01-04"),  # never enough: a third
        ([(10, 0), (50, 0)], "2026-01-01"),
        ([(1000, 400), (10, 4)], "2026-01-01"),  # the last batch is all that can be held back
    ],
)
def test_the_newest_batches_are_held_back_that_are_enough(sizes: list[tuple[int, int]], expected: str) -> None:
    assert arrived(*sizes).cut(after="") == expected


def test_only_batches_after_those_of_the_champion_count() -> None:
    patients = arrived(*[(30, 12)] * 8)
    assert patients.cut(after="2026-01-04") == "2026-01-06"
    assert len(patients.between("2026-01-04", "2026-01-06")) == 60
    assert len(patients.arrived) == 240


@pytest.mark.parametrize("after", ["", "2026-01-07"])
def test_one_batch_cannot_be_split_by_time(after: str) -> None:
    patients = arrived((30, 12)) if not after else arrived(*[(30, 12)] * 8)
    with pytest.raises(WdbcError, match="1 batch with known outcomes arrived") as raised:
        patients.cut(after=after)
    assert "wdbc outcomes add" in raised.value.hint


def test_a_comparison_needs_sixty_patients_and_fifteen_of_either_class() -> None:
    assert can_compare(60, 15)
    assert can_compare(60, 45)
    assert not can_compare(59, 20)
    assert not can_compare(60, 14)
    assert not can_compare(60, 46)
