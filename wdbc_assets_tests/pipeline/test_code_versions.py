"""Code versions follow the code of every module that a value depends on, and nothing else."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets.domain.modeling import recipes
from wdbc_assets.pipeline import code_versions, specs

FUNCTION = """\
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.data import unrelated


LINES = 1


def lines():
    return LINES


def other(reading):
    unrelated.act()


def raw_data(other):
    \'\'\'Read.\'\'\'
    from wdbc_assets.domain.data import reading
    from wdbc_assets.pipeline.engines import cleaning, local

    return reading.read(contract.COLUMNS, lines(), other)
"""
VALIDATION = """\
def validate_raw_data():
    from wdbc_assets.domain.rules import schemas
"""
MODULES = {
    "pipeline/functions": FUNCTION,
    "pipeline/validation": VALIDATION,
    "pipeline/engines/local": "from wdbc_assets.domain.data import fold\nfrom wdbc_assets import logs\n",
    "pipeline/engines/cleaning": "",
    "domain/data/reading": "",
    "domain/rules/schemas": "from wdbc_assets.domain.rules.groups import RULES\nfrom wdbc_assets.domain import rules\n",
    "domain/rules/groups": "RULES = ()\n",
    "domain/rules/__init__": "",
    "domain/data/contract": "COLUMNS = ()\n",
    "domain/data/unrelated": "",
    "domain/data/fold": "",
    "domain/rules/contract": "OF_THE_SAME_NAME = True\n",
}


def forget() -> None:
    """Let the next code version be computed from the present files."""
    code_versions.digest.cache_clear()
    code_versions.recipe_version.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in MODULES.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(code_versions, "PACKAGE", tmp_path)
    forget()
    yield tmp_path
    forget()


def changes(package: Path, module: str, text: str) -> bool:
    """Whether the code version of raw_data is another one after a text is added to a module."""
    before = code_versions.code_version("raw_data")
    with (package / f"{module}.py").open("a", encoding="utf-8") as file:
        file.write(text)
    forget()
    return code_versions.code_version("raw_data") != before


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("domain/data/reading", True), ("domain/data/contract", True), ("domain/data/fold", True),
        ("domain/rules/groups", True), ("domain/rules/__init__", True),
        ("domain/data/unrelated", False), ("domain/rules/contract", False),
        ("pipeline/engines/cleaning", True), ("pipeline/engines/local", False), ("pipeline/functions", False),
    ],
)  # fmt: skip
def test_a_code_version_changes_with_each_module_behind_the_value_and_no_other(
    package: Path, module: str, expected: bool
) -> None:
    assert changes(package, module, "CHANGED = True\n") is expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("return reading.read(contract.COLUMNS, lines(), other)", "return reading.read(())", True),
        ("unrelated.act()", "unrelated.act(1)", False),
        ("Read.", "Read the bytes.", False),
        ("LINES = 1", "LINES = 2", True),
        ("def lines():\n    return LINES", "def lines():\n    return 2 * LINES", True),
    ],
)
def test_the_code_of_an_assets_own_function_counts_but_not_that_of_its_neighbours(
    package: Path, old: str, new: str, expected: bool
) -> None:
    before = code_versions.code_version("raw_data")
    path = package / "pipeline/functions.py"
    path.write_text(FUNCTION.replace(old, new))
    forget()
    assert (code_versions.code_version("raw_data") != before) is expected


@pytest.mark.parametrize("text", ["# a comment\n", '"""What it means, \u00fc too."""\n', "\n\n"])
def test_comments_docstrings_and_blank_lines_change_no_code_version(package: Path, text: str) -> None:
    assert not changes(package, "domain/data/contract", text)


@pytest.mark.parametrize(
    ("asset", "module"),
    [
        ("predictions", "scoring/tables.py"), ("predictions", "domain/modeling/linear_scorer.py"),
        ("incoming_batch", "scoring/csv_reader.py"), ("train_test_split", "pipeline/engines/splitting.py"),
        ("drift_report", "pipeline/engines/developed.py"), ("importance", "pipeline/engines/explaining.py"),
        ("fitted_pipeline", "pipeline/engines/training.py"),
    ],
)  # fmt: skip
def test_what_computes_a_value_outside_of_the_domain_counts_too(asset: str, module: str) -> None:
    assert code_versions.PACKAGE / module in code_versions.closure(asset)


def test_no_value_depends_on_what_runs_the_units() -> None:
    counted = set[Path]().union(*map(code_versions.closure, specs.ASSETS))
    engines = {path.stem for path in counted if path.parent.name == "engines"}
    assert not engines & {"choice", "dask", "dask_client", "dask_cluster", "engine", "local", "work", "worker_versions"}


def test_a_changed_bundle_leaves_the_fit_and_its_metrics_as_they_are() -> None:
    bundles = code_versions.PACKAGE / "domain/promotion/bundles.py"
    assert bundles in code_versions.closure("champion")
    assert all(bundles not in code_versions.closure(asset) for asset in ("fitted_pipeline", "metrics"))


def test_a_changed_quality_floor_leaves_the_data_as_they_are() -> None:
    floors = code_versions.PACKAGE / "domain/evaluation/floors.py"
    assert all(floors not in code_versions.closure(asset) for asset in ("raw_data", "clean_frame", "train_test_split"))
    assert floors in code_versions.closure("cross_validation")


def test_line_ends_of_another_system_are_no_change(package: Path) -> None:
    before = code_versions.code_version("raw_data")
    path = package / "domain/data/contract.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    forget()
    assert code_versions.code_version("raw_data") == before


def test_a_recipe_changes_its_own_values_and_folds_and_no_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy = tmp_path / "wdbc_assets"
    shutil.copytree(code_versions.PACKAGE, copy)
    monkeypatch.setattr(code_versions, "PACKAGE", copy)
    forget()
    cases = {
        ("fitted_pipeline", "logistic"): {"recipe": "logistic"},
        ("fitted_pipeline", "svc"): {"recipe": "svc"},
        ("cross_validation", "logistic"): {"evaluated_recipes": "airflow_baseline,logistic"},
        ("cross_validation", "svc"): {"evaluated_recipes": "logistic,svc"},
        ("metrics", ""): {},
    }

    def versions() -> dict[tuple[str, str], str]:
        forget()
        return {case: code_versions.code_version(case[0], parameters) for case, parameters in cases.items()}

    before, folds = versions(), {name: code_versions.recipe_version(name) for name in recipes.RECIPES}
    path = copy / "domain/modeling/recipes/svc.py"
    path.write_text(path.read_text().replace("(0.1, 1.0, 10.0, 100.0)", "(0.1, 1.0, 10.0, 100.0, 300.0)"))
    after = versions()
    assert {case for case in cases if before[case] != after[case]} == {
        ("fitted_pipeline", "svc"), ("cross_validation", "svc"),
    }  # fmt: skip
    assert {name for name in folds if code_versions.recipe_version(name) != folds[name]} == {"svc"}
    assert code_versions.checkpoints_version("cross_validation")
    forget()
