"""A file becomes a batch: pseudonyms for ids, valid rows in a table, the others set aside and described."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.data.incoming import IncomingBatch
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.rules import incoming as rules
from wdbc_assets.scoring import incoming
from wdbc_assets_tests import builders, monitored


def read(path: Path) -> IncomingBatch:
    return incoming.read(str(path), pseudonym=lambda patient: f"<{patient}>" if patient else "")


def test_csv_parquet_and_gzip_give_the_same_batch(tmp_path: Path) -> None:
    table = monitored.patients(20)
    path = monitored.put(tmp_path, "patients.csv", table)
    (tmp_path / "patients.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    table.assign(id=table["id"].astype(float)).to_parquet(tmp_path / "patients.parquet")
    pd.read_csv(path).assign(id=table["id"].astype(float)).to_csv(tmp_path / "floats.csv", index=False)
    batches = [read(tmp_path / name) for name in ("patients.csv", "patients.csv.gz", "patients.parquet", "floats.csv")]
    for batch in batches:
        assert list(batch.table.columns) == [contract.ID, *contract.FEATURES]
        assert (batch.rows, batch.set_aside, batch.violations) == (20, 0, ())
        assert batch.table.equals(batches[0].table)
    assert batches[0].table["id"].tolist() == [f"<{patient}>" for patient in table["id"]]


def test_rows_that_violate_a_rule_are_set_aside_and_described(tmp_path: Path) -> None:
    rows = [builders.patient(id=1), builders.patient(id=2, area_mean=-4.0), builders.patient(id="")]
    content = builders.csv(*rows, header=True) + b"1,2,3\n"
    (tmp_path / "patients.csv").write_bytes(content)
    batch = read(tmp_path / "patients.csv")
    assert batch.table["id"].tolist() == ["<1>", ""]
    assert (batch.rows, batch.set_aside) == (4, 2)
    findings = {finding.rule: finding for finding in rules.validate(batch)}
    assert list(findings) == [rule.name for rule in rules.RULES]
    failed = {name: finding for name, finding in findings.items() if not finding.passed}
    assert {"rows_can_be_read", "nothing_is_negative"} <= set(failed)
    assert not any(finding.blocking for finding in failed.values())
    (failure,) = failed["nothing_is_negative"].failures
    assert (failure.row, failure.column, failure.value) == (3, "area_mean", "-4.0")
    assert "-4" not in failed["nothing_is_negative"].summary


@pytest.mark.parametrize("whole", [True, False])
def test_a_file_without_any_valid_row_is_refused_and_the_rules_are_named(tmp_path: Path, whole: bool) -> None:
    path = tmp_path / "patients.csv"
    path.write_bytes(builders.csv(builders.patient(radius_mean=-1.0), header=True))
    with pytest.raises(WdbcError, match="nothing_is_negative 1 times"):
        read(path)
    with pytest.raises(WdbcError, match="nothing_is_negative"):
        incoming.require_readable(str(path), whole=whole)


def test_a_file_with_a_header_only_has_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "patients.csv"
    path.write_bytes(builders.csv(header=True))
    with pytest.raises(WdbcError, match="it has no rows"):
        read(path)
    with pytest.raises(WdbcError, match="it has no rows"):
        incoming.require_readable(str(path), whole=True)
