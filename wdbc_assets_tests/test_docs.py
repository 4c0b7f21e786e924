"""The pages that derive from the code are current."""

import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

from docs import data_dictionary, env_example
from wdbc_assets import settings


def test_the_data_dictionary_is_what_the_contract_says() -> None:
    assert data_dictionary.PAGE.read_text(encoding="utf-8") == data_dictionary.page(), (
        "run: python -m docs.data_dictionary"
    )


def test_the_example_of_settings_is_what_the_settings_say() -> None:
    assert env_example.PAGE.read_text(encoding="utf-8") == env_example.page(), "run: python -m docs.env_example"


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
