"""What every test has: an environment of its own, so that nobody's settings, store or history leak in or out.

And what is too dear to be made twice: one store with all evidence for all processes of a test run (`made`).
"""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wdbc_assets import logs, settings
from wdbc_assets_tests.empty_history import empty_history, empty_history_once
from wdbc_assets_tests.shared_evidence import FEW, evidence, evidence_ahead, evidence_once

if TYPE_CHECKING:
    import dagster as dg

__all__ = ["empty_history", "empty_history_once", "evidence", "evidence_ahead", "evidence_once"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests last that need the evidence, which is made meanwhile."""
    items.sort(key=lambda item: "evidence_once" in getattr(item, "fixturenames", ()))


def pytest_collection_finish(session: pytest.Session) -> None:
    """After a mere listing, say which faults of docs/reliability.md the listed tests try."""
    faults = sorted({mark.args[0] for item in session.items for mark in item.iter_markers("fault")})
    if session.config.option.collectonly and faults:
        print(f"{len(faults)} faults: {' '.join(faults)}\n")  # noqa: T201 -- a listing is printed


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store, a log and a home of Dagster's below a temporary folder, and no other setting, nor anybody's .env."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith((settings.PREFIX, "DAGSTER_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WDBC_STORAGE", str(tmp_path / "results"))
    monkeypatch.setenv("WDBC_LOG", str(tmp_path / "logs" / "wdbc.jsonl"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_DISABLE_TELEMETRY", "yes")
    for name, value in FEW.items():
        monkeypatch.setenv(name, value)
    yield tmp_path
    for handler in list(logs.logger.handlers):
        if isinstance(handler, logging.FileHandler):
            logs.logger.removeHandler(handler)
            handler.close()


@pytest.fixture
def instance() -> "Iterator[dg.DagsterInstance]":
    """An instance of Dagster in memory."""
    import dagster as dg

    with dg.DagsterInstance.ephemeral() as made:
        yield made
