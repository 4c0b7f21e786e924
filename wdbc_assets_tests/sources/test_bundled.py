"""The copy that scikit-learn ships, in the form of UCI's file."""

import csv
import importlib.util
import io
import os
import time
from pathlib import Path

import pytest

from wdbc_assets.sources import SourceRefused, bundled

REAL_FILE = os.environ.get("WDBC_REAL_FILE", "")  # read before the environment is emptied for each test


@pytest.fixture
def rows() -> list[list[str]]:
    return list(csv.reader(io.StringIO(bundled.content().decode("ascii"))))


def test_it_has_uci_s_form(rows: list[list[str]]) -> None:
    assert len(rows) == 569
    assert {len(row) for row in rows} == {32}
    assert [row[0] for row in rows] == [str(number) for number in range(1, 570)]
    assert [sum(row[1] == label for row in rows) for label in "MB"] == [212, 357]


def test_its_labels_and_values_are_those_of_load_breast_cancer(rows: list[list[str]]) -> None:
    from sklearn.datasets import load_breast_cancer

    shipped = load_breast_cancer()
    assert [[float(value) for value in row[2:]] for row in rows] == shipped.data.tolist()
    assert [row[1] for row in rows] == ["MB"[target] for target in shipped.target]


@pytest.mark.skipif(not REAL_FILE, reason="WDBC_REAL_FILE names no copy of UCI's file")
def test_it_differs_from_uci_s_file_in_the_ids_only(rows: list[list[str]]) -> None:
    real = list(csv.reader(Path(REAL_FILE).read_text().splitlines()))
    assert [row[1:] for row in rows] == [row[1:] for row in real]


def test_it_takes_less_than_20_ms_of_the_processor() -> None:
    begin = time.process_time()
    bundled.content()
    assert time.process_time() - begin < 0.02


@pytest.mark.fault("S15")
def test_a_missing_scikit_learn_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SourceRefused, match="scikit-learn, which is not installed") as raised:
        bundled.content()
    assert "Reinstall scikit-learn" in raised.value.hint


@pytest.mark.parametrize(
    "content",
    [
        b"569,30,malignant,benign\n",
        b"",
        b"1,30,malignant,benign\n" + b"1.5," * 30 + b"2\n",
        b"1,30,malignant,benign\n" + b"1.5," * 29 + b"0\n",
        b"1,30,malignant,benign\n",
    ],
    ids=["no rows", "empty", "unknown target", "a value missing", "a row missing"],
)
def test_a_table_of_another_form_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    shipped = tmp_path / "breast_cancer.csv"
    shipped.write_bytes(content)
    monkeypatch.setattr(bundled, "data_file", lambda: shipped)
    with pytest.raises(SourceRefused, match="is not the one expected") as raised:
        bundled.content()
    assert str(shipped) in raised.value.where
