"""A store with all that monitoring needs (a champion, the clean frame, out-of-fold predictions), and files of patients.

Nothing is searched or evaluated, so that it takes a second.
"""

import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from wdbc_assets import settings
from wdbc_assets.domain.data import contract, incoming
from wdbc_assets.domain.evaluation import comparison
from wdbc_assets.domain.monitoring.drift import DriftReport
from wdbc_assets.monitoring import inbox as inboxes
from wdbc_assets.pipeline import batch_functions
from wdbc_assets.pipeline.calls import ScoringContext
from wdbc_assets.registry import references
from wdbc_assets.scoring import incoming as reading
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import builders, champions
from wdbc_assets_tests.domain import out_of_fold, validation

RECIPE = "logistic"


@cache
def _evaluated() -> comparison.CrossValidation:
    predictions = out_of_fold.honest().assign(recipe=RECIPE)
    return comparison.CrossValidation(predictions, (), comparison.summary(predictions, validation.clean_frame()))


def make_store(folder: Path) -> Store:
    """Make the store in a folder, and return it."""
    store = open_store(str(folder), relative_to=folder)
    champions.make_champion(folder, RECIPE)
    for asset, value in (("clean_frame", validation.clean_frame()), ("cross_validation", _evaluated())):
        store.commit(store.draft(asset, value, run_id="a-run"), run_id="a-run")
    return store


def patients(n: int, seed: int = 0, *, moved: str = "", by: float = 1.0) -> pd.DataFrame:
    """Return published patients drawn with replacement, under new ids, one of their measurements multiplied."""
    table = builders.published()
    drawn = table.iloc[np.random.default_rng(seed).integers(0, len(table), n)].reset_index(drop=True)
    drawn[contract.ID] = 1000 * (seed + 1) + np.arange(n)
    if moved:
        drawn[moved] *= by
    return drawn


def put(folder: Path, name: str, table: pd.DataFrame) -> Path:
    """Write patients as a CSV file with a header and without diagnoses, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    table.drop(columns=contract.DIAGNOSIS).to_csv(folder / name, index=False)
    return folder / name


def store_batch(
    store: Store, key: str, table: pd.DataFrame, *, report: bool = True, pseudonym: Callable[[str], str] = "<{}>".format
) -> None:
    """Store the assets of a batch as a run does, by their own functions, without a run."""
    with tempfile.TemporaryDirectory() as folder:
        batch = reading.read(str(put(Path(folder), "batch.csv", table)), pseudonym=pseudonym)
    champion, clean, evaluated = (store.handle(name) for name in ("champion", "clean_frame", "cross_validation"))
    versions = {"champion": champion.manifest.version}
    _commit(store, "incoming_batch", batch, key, {})
    versions["incoming_batch"] = store.handle("incoming_batch", partition=key).manifest.version
    scored = batch_functions.predictions(batch, champion.load(), versions, ScoringContext())
    _commit(store, "predictions", scored, key, versions)
    if report:
        rebase = references.of_batch(store, key)
        drift = batch_functions.drift_report(
            batch,
            scored,
            clean.load(),
            evaluated.load(),
            settings.DriftParameters(drift_cadence="weekly"),
            key,
            [store.handle("drift_report", partition=name).load() for name in store.partitions("drift_report")],
            references.load(store, rebase, versions["champion"]) if rebase else None,
        )
        _commit(store, "drift_report", drift, key, {})


def _commit(store: Store, asset: str, value: Any, key: str, inputs: dict[str, str]) -> None:
    run_id = f"run-{key.replace('.', '-')}"
    draft = store.draft(asset, value, run_id=run_id, inputs=inputs, partition=key)
    assert store.commit(draft, run_id=run_id)


@pytest.fixture
def inbox(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WDBC_INBOX", str(environment / "inbox"))
    monkeypatch.setattr(inboxes, "SETTLE_SECONDS", 0.0)
    return environment / "inbox"


@pytest.fixture
def store(environment: Path) -> Store:
    return make_store(environment / "results")


def take_up(store: Store, key: str, table: pd.DataFrame) -> DriftReport:
    """Store a batch under real pseudonyms, and return its drift report."""
    store_batch(store, key, table, pseudonym=partial(incoming.pseudonym, b"a-key"))
    report: DriftReport = store.handle("drift_report", partition=key).load()
    return report
