"""Every rule has its finding; failures are counted, ordered and cut; a crash is no failure."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wdbc_assets.domain.data import cleaning, contract, reading, splitting
from wdbc_assets.domain.rules import base, groups, schemas
from wdbc_assets_tests import builders
from wdbc_assets_tests.domain.validation import broken_rules, changed, clean_frame, findings_by_rule


def test_the_published_patients_keep_every_rule() -> None:
    table = reading.read(builders.bundled_uci_bytes())
    frame = cleaning.clean(table)
    split = splitting.split(frame)

    for group, found in (
        (groups.RAW_RULES, schemas.validate_raw(table)),
        (groups.CLEAN_RULES, schemas.validate_clean(frame)),
        (groups.SPLIT_RULES, schemas.validate_split(split, frame)),
    ):
        assert [finding.rule for finding in found] == [rule.name for rule in group]
        assert [finding.blocking for finding in found] == [rule.blocking for rule in group]
        assert all(finding.passed and finding.count == 0 and finding.failures == () for finding in found)
        assert found[-1].summary == f"{group[-1].name}: holds, 569 rows"


@settings(max_examples=20, deadline=None)
@given(st.integers(569, 1500), st.integers(0, 2**32 - 1))
def test_any_table_of_the_generator_keeps_every_rule(rows: int, seed: int) -> None:
    table = reading.RawTable(builders.table_of(rows, seed), ())
    frame = cleaning.clean(table)
    found = [
        *schemas.validate_raw(table),
        *schemas.validate_clean(frame),
        *schemas.validate_split(splitting.split(frame, seed=seed), frame),
    ]

    assert [finding.summary for finding in found if not finding.passed] == []


@pytest.mark.fault("D14")
def test_a_hundred_faults_are_all_counted_and_the_first_ten_of_each_rule_shown() -> None:
    wrong = [(line, "area_se", "x") for line in range(100, 150)] + [(line, "symmetry_se", -1) for line in range(1, 51)]

    found = findings_by_rule(builders.published_with(*wrong))

    numbers, negative = found["cells_are_numbers"], found["nothing_is_negative"]
    assert (numbers.count, negative.count) == (50, 50)
    assert [failure.row for failure in numbers.failures] == list(range(100, 110))
    assert [failure.row for failure in negative.failures] == list(range(1, 11))
    assert {failure.value for failure in numbers.failures} == {"'x'"}
    assert numbers.summary == "cells_are_numbers: 50 cells, first at line 100, column area_se"


def test_failures_are_in_the_order_of_rows_then_of_columns() -> None:
    content = builders.published_with((9, "radius_se", -1), (8, "area_worst", -2), (9, "radius_mean", -3))

    cells = broken_rules(content)["nothing_is_negative"]

    assert cells == [(8, "area_worst", "-2"), (9, "radius_mean", "-3"), (9, "radius_se", "-1")]


@pytest.mark.fault("D14")
def test_ten_failures_of_a_rule_are_shown_even_if_many_columns_fail() -> None:
    wrong = [(line, column, -1) for column in ("area_se", "symmetry_se", "radius_mean") for line in range(1, 9)]

    cells = broken_rules(builders.published_with(*wrong))["nothing_is_negative"]

    assert [(row, column) for row, column, _ in cells] == [
        (line, column) for line in range(1, 5) for column in ("radius_mean", "area_se", "symmetry_se")
    ][:10]


def test_rows_of_a_file_with_a_header_are_named_by_their_line() -> None:
    header = ",".join(column.name for column in contract.COLUMNS).encode() + b"\n"

    assert broken_rules(header + changed("texture_se", 0)) == {"zero_only_where_possible": [(18, "texture_se", "0")]}


@pytest.mark.parametrize("off", [{"validation_enabled": False}, {"validation_depth": "SCHEMA_ONLY"}], ids=str)
def test_pandera_cannot_be_switched_off_from_outside(off: dict[str, Any]) -> None:
    # What PANDERA_VALIDATION_ENABLED and PANDERA_VALIDATION_DEPTH do.
    from pandera.config import config_context

    with config_context(**off):
        assert set(broken_rules(changed("texture_se", 0))) == {"zero_only_where_possible"}


Kind: TypeAlias = "type[base.CellRule] | type[base.TableRule]"


@pytest.mark.parametrize("kind", [base.CellRule, base.TableRule])
@pytest.mark.parametrize("error", [ZeroDivisionError(), MemoryError()], ids=repr)
def test_a_rule_that_crashes_raises_and_does_not_pass_for_a_broken_one(
    kind: Kind, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_columns: base.Columns) -> Iterator[tuple[str, Any]]:
        yield from ()
        raise error

    crashing = kind("crashes", "never ends well", "fix the rule", faults=crash)
    monkeypatch.setattr(groups, "CLEAN_RULES", (*groups.CLEAN_RULES, crashing))

    with pytest.raises(type(error)):
        schemas.validate_clean(clean_frame())


@pytest.mark.parametrize("kind", [base.CellRule, base.TableRule])
def test_a_broken_rule_is_evaluated_once(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluated = []

    def break_always(columns: base.Columns) -> Iterator[tuple[str, Any]]:
        evaluated.append(kind)
        yield contract.DIAGNOSIS, np.ones(len(columns[contract.DIAGNOSIS]), dtype=bool)

    breaking = kind("breaks", "never holds", "remove the rule", faults=break_always)
    monkeypatch.setattr(groups, "CLEAN_RULES", (*groups.CLEAN_RULES, breaking))

    assert not schemas.validate_clean(clean_frame())[-1].passed
    assert evaluated == [kind]


def test_a_huge_id_is_compared_exactly_though_another_is_missing() -> None:
    wrong = ((5, "id", "x"), (6, "id", 2**63 - 1), (7, "id", 2**63 - 2), (8, "id", -(10**19) + 1))

    assert broken_rules(builders.published_with(*wrong)) == {
        "cells_are_numbers": [(5, "id", "'x'"), (8, "id", "'-9999999999999999999'")]
    }


def test_a_raw_table_that_reading_did_not_make_is_a_bug_and_no_finding() -> None:
    frame = builders.published().drop(columns="area_se")

    with pytest.raises(TypeError, match="raw_data does not have the structure"):
        schemas.validate_raw(reading.RawTable(frame, ()))


def test_pandera_names_each_rule_and_its_failing_rows_to_those_who_use_the_schemas_alone() -> None:
    import pandera.errors

    frame = reading.read(changed("texture_se", 0)).frame

    with pytest.raises(pandera.errors.SchemaErrors) as raised:
        schemas.raw().validate(frame, lazy=True)

    (error,) = raised.value.schema_errors
    assert error.check.name == "zero_only_where_possible"
    assert set(error.failure_cases["index"]) == {17}
