"""Lineage: a code version follows the source of every module that a value depends on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets import lineage


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain/reading.py").write_text("from wdbc_assets.domain import contract\n")
    (tmp_path / "domain/schemas.py").write_text("from wdbc_assets.domain.rules import RULES\n")
    (tmp_path / "domain/rules.py").write_text("RULES = ()\n")
    (tmp_path / "domain/contract.py").write_text("COLUMNS = ()\n")
    (tmp_path / "domain/unrelated.py").write_text("")
    monkeypatch.setattr(lineage, "PACKAGE", tmp_path)
    lineage.code_version.cache_clear()
    yield tmp_path
    lineage.code_version.cache_clear()


@pytest.mark.parametrize(
    ("module", "changes"), [("reading", True), ("contract", True), ("rules", True), ("unrelated", False)]
)
def test_a_code_version_changes_with_each_module_behind_the_value_and_no_other(
    package: Path, module: str, changes: bool
) -> None:
    before = lineage.code_version("raw_data")
    with (package / f"domain/{module}.py").open("a") as source:
        source.write("CHANGED = True\n")
    lineage.code_version.cache_clear()
    assert (lineage.code_version("raw_data") != before) is changes


def test_line_ends_of_another_system_are_no_change(package: Path) -> None:
    before = lineage.code_version("raw_data")
    path = package / "domain/contract.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    lineage.code_version.cache_clear()
    assert lineage.code_version("raw_data") == before


def test_every_asset_names_modules_and_inputs_that_exist() -> None:
    for derivation in lineage.DERIVATIONS.values():
        assert all((lineage.PACKAGE / "domain" / f"{module}.py").is_file() for module in derivation.modules)
        assert all(name in lineage.DERIVATIONS for name in derivation.inputs)
