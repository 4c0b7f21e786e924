"""Code versions follow the code of every module that a value depends on, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets.pipeline import specs

MODULES = {
    "data/reading": "from wdbc_assets.domain.data import contract\n",
    "rules/schemas": "from wdbc_assets.domain.rules.groups import RULES\nfrom wdbc_assets.domain import rules\n",
    "rules/groups": "RULES = ()\n",
    "rules/__init__": "",
    "data/contract": "COLUMNS = ()\n",
    "data/unrelated": "",
    "rules/contract": "OF_THE_SAME_NAME = True\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in MODULES.items():
        path = tmp_path / f"domain/{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(specs, "PACKAGE", tmp_path)
    specs.code_version.cache_clear()
    yield tmp_path
    specs.code_version.cache_clear()


def changes(package: Path, module: str, text: str) -> bool:
    """Whether the code version of raw_data is another one after a text is added to a module."""
    before = specs.code_version("raw_data")
    with (package / f"domain/{module}.py").open("a", encoding="utf-8") as file:
        file.write(text)
    specs.code_version.cache_clear()
    return specs.code_version("raw_data") != before


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("data/reading", True), ("data/contract", True), ("rules/groups", True), ("rules/__init__", True),
        ("data/unrelated", False), ("rules/contract", False),
    ],
)  # fmt: skip
def test_a_code_version_changes_with_each_module_behind_the_value_and_no_other(
    package: Path, module: str, expected: bool
) -> None:
    assert changes(package, module, "CHANGED = True\n") is expected


@pytest.mark.parametrize("text", ["# a comment\n", '"""What it means, \u00fc too."""\n', "\n\n"])
def test_comments_docstrings_and_blank_lines_change_no_code_version(package: Path, text: str) -> None:
    assert not changes(package, "data/contract", text)


def test_a_changed_quality_floor_leaves_the_data_as_they_are() -> None:
    floors = specs.PACKAGE / "domain/evaluation/floors.py"
    assert all(floors not in specs.closure(asset) for asset in ("raw_data", "clean_frame", "train_test_split"))
    assert floors in specs.closure("cross_validation")


def test_line_ends_of_another_system_are_no_change(package: Path) -> None:
    before = specs.code_version("raw_data")
    path = package / "domain/data/contract.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    specs.code_version.cache_clear()
    assert specs.code_version("raw_data") == before


def test_every_asset_names_modules_and_inputs_that_exist() -> None:
    for asset, derivation in specs.ASSETS.items():
        assert all(path.is_file() for path in specs.closure(asset))
        assert all(name in specs.ASSETS for name in derivation.inputs)
