"""Tests of the pseudonyms of patients and of requests."""

import pytest

from wdbc_assets.domain.data import incoming

KEY = bytes(range(32))


def test_each_patient_of_a_request_has_a_pseudonym_of_its_own() -> None:
    names = incoming.request_pseudonyms(KEY, "a-request", 3)
    assert len(set(names)) == 3
    assert names == [incoming.request_pseudonym(KEY, f"a-request#{row}") for row in (1, 2, 3)]
    assert incoming.request_pseudonyms(KEY, "a-request", 1)[0] == incoming.request_pseudonym(KEY, "a-request")


def test_the_third_patient_of_a_request_is_not_the_request_of_that_name() -> None:
    assert incoming.request_pseudonyms(KEY, "a", 12)[11] != incoming.request_pseudonyms(KEY, "a-12", 1)[0]


@pytest.mark.parametrize("name", ["842302", "842302#1", "a-request#2"])
def test_a_patient_and_a_request_with_the_same_id_have_different_pseudonyms(name: str) -> None:
    patient, request = incoming.pseudonym(KEY, name), incoming.request_pseudonym(KEY, name)
    assert patient != request
    assert {len(patient), len(request)} == {32}
    assert name not in patient + request


def test_no_id_has_no_pseudonym_and_another_key_gives_another() -> None:
    assert incoming.request_pseudonym(KEY, "") == incoming.pseudonym(KEY, "") == ""
    assert incoming.request_pseudonym(KEY, "a") != incoming.request_pseudonym(KEY[::-1], "a")
