"""The pages that derive from the code are current."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from dotenv import dotenv_values

from docs import data_dictionary, env_example, evaluation, faults, performance, reliability, serving
from wdbc_assets import settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation.cross_validation import CrossValidation
from wdbc_assets.store.store import open_store


def test_the_data_dictionary_is_what_the_contract_says() -> None:
    assert data_dictionary.PAGE.read_text(encoding="utf-8") == data_dictionary.page(), (
        "run: python -m docs.data_dictionary"
    )


def test_the_example_of_settings_is_what_the_settings_say() -> None:
    assert env_example.PAGE.read_text(encoding="utf-8") == env_example.page(), "run: python -m docs.env_example"


def test_the_settings_on_the_page_of_the_service_are_what_the_settings_say() -> None:
    text = serving.PAGE.read_text(encoding="utf-8")
    assert text == serving.page(text), "run: python -m docs.serving"


def test_the_page_on_performance_is_what_was_measured() -> None:
    assert performance.PAGE.read_text(encoding="utf-8") == performance.page(), "run: python -m docs.performance"


@pytest.mark.slow
def test_the_page_on_reliability_is_what_the_marks_say_and_every_fault_has_a_test() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "docs.reliability", "--check"],
        cwd=settings.project_root(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


def test_a_fault_without_a_test_and_a_mark_without_a_fault_are_told() -> None:
    marked = {fault: ["a_test.py::test_it"] for fault in faults.FAULTS}
    assert reliability.mistakes(marked) == []
    del marked["S01"]
    assert reliability.mistakes(marked | {"S99": ["b_test.py::test_it"]}) == [
        "no test is marked with the fault S01",
        "docs/faults.py does not know S99, a mark of b_test.py::test_it",
    ]


def test_every_line_of_the_example_states_the_default_and_gives_way_to_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".env"
    path.write_text(re.sub(r'^# (WDBC_\w+=")', r"\1", env_example.page(), flags=re.MULTILINE))
    defaults = settings.Settings.model_construct()
    for name in ("WDBC_STORAGE", "WDBC_LOG"):
        monkeypatch.delenv(name)
    assert settings.load() == settings.Settings.model_validate(defaults.model_dump())
    monkeypatch.setenv("WDBC_FOLDS", "7")
    assert dotenv_values(path)["WDBC_FOLDS"] == "7"
    assert settings.load().folds == 7


def test_the_table_of_recipes_in_the_readme_is_what_was_evaluated() -> None:
    readme = evaluation.PAGE.read_text(encoding="utf-8")
    assert readme == evaluation.page(readme, json.loads(evaluation.FIGURES.read_bytes())), (
        "run: python -m docs.evaluation"
    )


def test_a_figure_that_changed_by_hand_is_put_right() -> None:
    readme = evaluation.PAGE.read_text(encoding="utf-8")
    summary = json.loads(evaluation.FIGURES.read_bytes())
    shown = f"{summary['recipes']['logistic']['log_loss']['mean']:.4f} ±"
    assert readme.count(shown) == 1
    assert evaluation.page(readme.replace(shown, "0.0101 ±"), summary) == readme


def test_the_table_is_taken_from_a_full_evaluation_alone(tmp_path: Path) -> None:
    summary = json.loads(evaluation.FIGURES.read_bytes())
    store = open_store(str(tmp_path / "results"), relative_to=tmp_path)

    def stored(repeats: int) -> None:
        value = CrossValidation(pd.DataFrame({"patient": [0]}), [], summary | {"repeats": repeats, "calibration": {}})
        store.commit(store.draft("cross_validation", value, run_id="a-run"), run_id="a-run")

    stored(3)
    with pytest.raises(WdbcError, match="has 3 repeats"):
        evaluation.from_store()
    stored(10)
    assert evaluation.from_store() == summary
