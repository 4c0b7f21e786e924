"""How values are written for people."""

import pytest

from wdbc_assets.domain import formatting


@pytest.mark.parametrize(
    ("count", "nouns", "shown"),
    [
        (0, ("patient",), "0 patients"),
        (1, ("patient",), "1 patient"),
        (1200, ("patient",), "1,200 patients"),
        (1, ("batch", "batches"), "1 batch"),
        (2, ("batch", "batches"), "2 batches"),
    ],
)
def test_a_count_has_the_noun_in_its_number(count: int, nouns: tuple[str, ...], shown: str) -> None:
    assert formatting.counted(count, *nouns) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(1.0, "1.0"), (9999.0, "9999.0"), (855204904315625318383616.0, "8.6e+23")]
)
def test_large_evidence_has_an_exponent(value: float, shown: str) -> None:
    assert formatting.evidence(value) == shown
