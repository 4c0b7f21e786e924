"""Generated pages are current, and paths, links and modules that pages name exist."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from dotenv import dotenv_values

from tools import data_dictionary, env_example, evaluation, faults, gate, performance, reliability, serving
from wdbc_assets import cli, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation.comparison import CrossValidation
from wdbc_assets.domain.evaluation.results import EvaluationSummary
from wdbc_assets.store import parsing
from wdbc_assets.store.store import open_store
from wdbc_assets_tests.shared_evidence import FEW


def test_the_data_dictionary_matches_the_contract() -> None:
    assert data_dictionary.PAGE.read_text(encoding="utf-8") == data_dictionary.page(), (
        "run: python -m tools.data_dictionary"
    )


def test_the_example_environment_file_matches_the_settings() -> None:
    assert env_example.PAGE.read_text(encoding="utf-8") == env_example.page(), "run: python -m tools.env_example"


def test_the_service_page_lists_the_current_settings() -> None:
    text = serving.PAGE.read_text(encoding="utf-8")
    assert text == serving.page(text), "run: python -m tools.serving"


def test_the_performance_page_matches_the_measurements() -> None:
    assert performance.PAGE.read_text(encoding="utf-8") == performance.page(), "run: python -m tools.performance"


@pytest.mark.slow
def test_the_reliability_page_matches_the_marks_and_every_fault_has_a_test() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "tools.reliability", "--check"],
        cwd=settings.project_root(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_a_fault_without_a_test_and_a_mark_without_a_fault_are_reported() -> None:
    marked = {fault: ["a_test.py::test_it"] for fault in faults.FAULTS}
    assert reliability.problems(marked) == []
    del marked["S01"]
    assert reliability.problems(marked | {"S99": ["b_test.py::test_it"]}) == [
        "no test is marked with the fault S01",
        "tools/faults.py does not know S99, a mark of b_test.py::test_it",
    ]


def test_the_environment_example_states_defaults_and_yields_to_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".env"
    path.write_text(re.sub(r'^# (WDBC_\w+=")', r"\1", env_example.page(), flags=re.MULTILINE))
    defaults = settings.Settings.model_construct()
    for name in ("WDBC_STORAGE", "WDBC_LOG", *FEW):
        monkeypatch.delenv(name)
    assert settings.load() == settings.Settings.model_validate(defaults.model_dump())
    monkeypatch.setenv("WDBC_FOLDS", "7")
    assert dotenv_values(path)["WDBC_FOLDS"] == "7"
    assert settings.load().folds == 7


def test_the_evaluation_page_shows_the_stored_metrics() -> None:
    text = evaluation.PAGE.read_text(encoding="utf-8")
    assert text == evaluation.page(text, json.loads(evaluation.METRICS.read_bytes())), "run: python -m tools.evaluation"


def test_the_generator_restores_a_metric_that_was_edited_by_hand() -> None:
    text = evaluation.PAGE.read_text(encoding="utf-8")
    summary = json.loads(evaluation.METRICS.read_bytes())
    shown = f"{summary['recipes']['logistic']['log_loss']['mean']:.4f} ±"
    assert text.count(shown) == 1
    assert evaluation.page(text.replace(shown, "0.0101 ±"), summary) == text


def test_a_page_without_the_comments_around_its_tables_is_an_error() -> None:
    with pytest.raises(SystemExit, match=r"evaluation\.md lacks the comments"):
        evaluation.page("# Evaluation\n", json.loads(evaluation.METRICS.read_bytes()))


def test_only_a_full_evaluation_updates_the_evaluation_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = json.loads(evaluation.METRICS.read_bytes())
    simulated = summary.pop("gate")
    monkeypatch.setattr(gate, "simulate", lambda *_: simulated)
    store = open_store(str(tmp_path / "results"), relative_to=tmp_path)

    without = (
        "calibration",
        "decision_curves",
        "costly_patients",
        "other_prevalences",
        "external_validation",
        "subgroups",
    )

    def stored(repeats: int) -> None:
        plain = summary | {"repeats": repeats, **{name: {} for name in without}}
        value = CrossValidation(pd.DataFrame({"patient": [0]}), (), parsing.build(EvaluationSummary, plain))
        store.commit(store.draft("cross_validation", value, run_id="a-run"), run_id="a-run")

    stored(3)
    with pytest.raises(WdbcError, match="has 3 repeats"):
        evaluation.from_store()
    stored(10)
    assert evaluation.from_store() == summary | {"calibration": {}, "gate": simulated}


ROOT = settings.project_root()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")
_PATH = re.compile(r"`((?:[\w.-]+/)+(?:[\w-]+\.(?:py|md|json|html|css|yaml|toml|lock))?|[\w-]+\.(?:py|md))`")
_MODULE = re.compile(r"\b((?:wdbc_assets|wdbc_assets_tests|tools|benchmarks)(?:\.[a-z_]+)+)\b")
_WRITTEN_BY_RUNS = ("demo/", "results/", "champion/", ".dagster_home/", "inbox/")


def _anchors(path: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {"#" + re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_relative_link_of_a_page_leads_to_a_file_and_a_heading(path: Path) -> None:
    for target, anchor in _LINK.findall(path.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            linked = path.parent / target if target else path
            assert linked.exists(), target
            assert not anchor or anchor in _anchors(linked), f"{target}{anchor}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_source_path_and_module_that_a_page_names_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in _PATH.findall(text):
        if not name.startswith(_WRITTEN_BY_RUNS):
            assert any((folder / name).exists() for folder in (ROOT, ROOT / "wdbc_assets")), name
    for module in _MODULE.findall(text):
        source = ROOT.joinpath(*module.split("."))
        assert source.is_dir() or source.with_suffix(".py").is_file() or source.is_file(), module


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_and_make_target_that_a_page_names_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(re.findall(r"\bwdbc ([a-z]+(?:-[a-z]+)*)\b", text)) <= set(cli.wdbc.commands)
    assert set(re.findall(r"(?:`|^    )make ([a-z-]+)", text, flags=re.MULTILINE)) <= set(targets)
