"""Tests of the files in which outcomes are delivered."""

from datetime import UTC, datetime

import pytest

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.monitoring import outcome_events
from wdbc_assets.domain.monitoring.outcome_events import Outcome

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def read(text: str | bytes) -> tuple[Outcome, ...]:
    """Return the outcomes of a file with this content."""
    content = text if isinstance(text, bytes) else text.encode()
    return outcome_events.read(content, now=NOW, where="outcomes.csv")


def test_columns_are_found_by_name_and_times_become_utc() -> None:
    text = "\ufeffKnown_At, ID ,note,diagnosis\r\n2026-05-02T01:00:00+02:00, p1 ,x,m\r\n\r\n2026-05-03,p2,,B\r\n"
    assert read(text) == (
        Outcome("p1", 1, "2026-05-01T23:00:00+00:00"),
        Outcome("p2", 0, "2026-05-03T00:00:00+00:00"),
    )


def test_a_request_of_the_service_is_a_patient_too() -> None:
    assert read("request_id,diagnosis,known_at\nabc,M,2026-05-01\n")[0].patient == "abc"


def test_an_id_that_was_written_as_a_float_is_the_whole_number_and_a_request_is_as_it_is() -> None:
    assert read("id,diagnosis,known_at\n842302.0,M,2026-05-01\n")[0].patient == "842302"
    assert read("request_id,diagnosis,known_at\n842302.0,M,2026-05-01\n")[0].patient == "842302.0"


def test_ids_of_patients_and_of_requests_are_replaced_by_their_own_pseudonyms() -> None:
    pseudonyms = {"id": "patient {}".format, "request_id": "request {}".format}
    for column, expected in (("id", "patient abc"), ("request_id", "request abc")):
        content = f"{column},diagnosis,known_at\n abc ,M,2026-05-01\n".encode()
        (outcome,) = outcome_events.read(content, now=NOW, where="outcomes.csv", pseudonyms=pseudonyms)
        assert outcome.patient == expected


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "lacks id or request_id and diagnosis and known_at"),
        ("id,diagnosis\np1,M\n", "lacks known_at"),
        ("id,request_id,diagnosis,known_at\n", "has both id and request_id"),
        ("id,ID,diagnosis,known_at\n", "names the column id twice"),
        ("id,diagnosis,known_at\n", "no outcomes"),
        ("id,diagnosis,known_at\np1,X,2026-05-01\n", "line 2: the diagnosis is neither M nor B"),
        ("id,diagnosis,known_at\np1,M,yesterday\n", "line 2: known_at is not a date"),
        ("id,diagnosis,known_at\np1,M,2027-05-01\n", "line 2: known_at is in the future"),
        ("id,diagnosis,known_at\np1,M,1026-05-01\n", "line 2: known_at is before 1990"),
        ("id,diagnosis,known_at\np1,M,0001-01-01T00:00:00+23:59\n", "line 2: known_at is not a date"),
        ("id,diagnosis,known_at\n,M,2026-05-01\n", "line 2: the id is empty"),
        (f"id,diagnosis,known_at\n{'9' * 300},M,2026-05-01\n", "line 2: the id has more than 200"),
        ("id,diagnosis,known_at\np1,M\n", "line 2: it has 2 cells instead of 3"),
        ('id,diagnosis,known_at\n"p1,M,2026-05-01\n', "is not CSV"),
        (b"id,diagnosis,known_at\n\xff,M,2026-05-01\n", "not UTF-8"),
        (b"PK\x00\x00", "not a text file"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(text: str | bytes, what: str) -> None:
    with pytest.raises(WdbcError, match=what) as refused:
        read(text)
    assert refused.value.where == "outcomes.csv"
    assert "nothing was recorded" in refused.value.hint


def test_many_bad_lines_are_counted_and_no_value_is_shown() -> None:
    text = "id,diagnosis,known_at\n" + "secret-id,Q,2026-05-01\n" * 9
    with pytest.raises(WdbcError, match="and 4 more lines") as refused:
        read(text)
    assert "secret-id" not in str(refused.value)
    assert "Q" not in refused.value.what
