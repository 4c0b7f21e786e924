"""A store with all that monitoring needs (a champion, the clean frame, out-of-fold predictions), and files of patients.

Nothing is searched or evaluated, so that it takes a second.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wdbc_assets import settings
from wdbc_assets.domain.data import contract, incoming
from wdbc_assets.domain.evaluation import comparison
from wdbc_assets.domain.monitoring.drift import DriftReport
from wdbc_assets.monitoring import inbox as inboxes
from wdbc_assets.pipeline import batch_functions
from wdbc_assets.registry import references
from wdbc_assets.scoring import tables
from wdbc_assets.store import bundle_loader
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


@pytest.fixture
def inbox(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WDBC_INBOX", str(environment / "inbox"))
    monkeypatch.setattr(inboxes, "SETTLE_SECONDS", 0.0)
    return environment / "inbox"


@pytest.fixture
def store(environment: Path) -> Store:
    return make_store(environment / "results")


def take_up(store: Store, key: str, table: pd.DataFrame) -> DriftReport:
    """Store a batch under its key as a run of `monitor` does, without Dagster and the inbox; return its report."""
    ids = table[contract.ID].astype(str).map(lambda name: incoming.pseudonym(b"a-key", name))
    measured = table[list(contract.FEATURES)].assign(id=ids)[[contract.ID, *contract.FEATURES]]
    batch = incoming.IncomingBatch(measured, len(measured), 0, ())
    champion = store.handle("champion").manifest.version
    predictions = tables.predictions(measured, bundle_loader.open_champion(store))
    rebase = references.of_batch(store, key)
    report = batch_functions.drift_report(
        batch,
        predictions,
        store.handle("clean_frame").load(),
        store.handle("cross_validation").load(),
        settings.DriftParameters(drift_cadence="weekly"),
        partition=key,
        earlier=[store.handle("drift_report", partition=one).load() for one in store.partitions("drift_report")],
        rebased=references.load(store, rebase, champion) if rebase else None,
    )
    for asset, value, inputs in (
        ("incoming_batch", batch, {}),
        ("predictions", predictions, {"champion": champion}),
        ("drift_report", report, {}),
    ):
        draft = store.draft(asset, value, run_id=f"run-{key[:15]}", inputs=inputs, partition=key)
        store.commit(draft, run_id=f"run-{key[:15]}")
    return report
