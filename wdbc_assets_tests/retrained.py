"""A store with a promoted champion, and labelled patients of batches: all that a retraining needs.

Patients are drawn as `builders.table_of` draws them, so that none of them is one of the reference. Nothing is searched
for the champion, so that it takes a second.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.data.incoming import IncomingBatch
from wdbc_assets.domain.data.labelled import LabelledPatients
from wdbc_assets.domain.monitoring import collection, live
from wdbc_assets.registry.decision_log import Decision
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import table_files
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import builders, champions
from wdbc_assets_tests.domain import validation

Labels = NDArray[np.int64]
DRIFTED: dict[str, Any] = {"seed": 6, "scale": 1.1}
"""Patients for whom a refit is better than the champion."""
RECORDED_AT = "2026-06-01T00:00:00+00:00"


def key(week: int) -> str:
    """Return the key of the batch of a week of 2026, from 1."""
    return f"{pd.Timestamp('2026-01-04') + pd.Timedelta(weeks=week - 1):%Y%m%d}T000000Z-{week:012x}"


def batches(
    count: int = 8,
    size: int = 30,
    *,
    seed: int = 0,
    first: int = 1,
    scale: float = 1.0,
    labels: Callable[[int, Labels], Labels] = lambda _, labels: labels,
) -> tuple[dict[str, IncomingBatch], pd.DataFrame]:
    """Return weekly batches and the outcomes of all their patients.

    Args:
        count: The number of batches.
        size: The number of patients in each.
        seed: Of the patients.
        first: The week of the first batch.
        scale: What all measurements are multiplied by: the patients have drifted.
        labels: Returns the recorded diagnoses of a week's patients from the true ones.
    """
    table = builders.table_of(max(count * size, contract.PUBLISHED_ROWS), seed)
    ids = [f"{seed:08x}{number:024x}" for number in table[contract.ID]]
    made, events = {}, []
    for week in range(first, first + count):
        rows = slice((week - first) * size, (week - first + 1) * size)
        patients = (table[list(contract.FEATURES)][rows] * scale).reset_index(drop=True)
        patients.insert(0, contract.ID, ids[rows])
        made[key(week)] = IncomingBatch(table_files.write([patients]), size, 0, ())
        true = np.where(table[contract.DIAGNOSIS][rows] == "M", 1, 0)
        recorded = labels(week, true)
        events += [
            (name, int(label), RECORDED_AT, RECORDED_AT) for name, label in zip(ids[rows], recorded, strict=True)
        ]
    return made, pd.DataFrame(events, columns=list(live.EVENT_COLUMNS))


def patients(**how: Any) -> LabelledPatients:
    """Return the labelled patients of the reference and of `batches`."""
    return collection.collect(validation.clean_frame(), *batches(**how))


def put(store: Store, made: dict[str, IncomingBatch], events: pd.DataFrame) -> None:
    """Make batches and outcomes the current ones of a store."""
    for name, batch in made.items():
        store.commit(store.draft("incoming_batch", batch, run_id="a-run", partition=name), run_id="a-run")
    store.commit(store.draft("outcomes", events, run_id="a-run"), run_id="a-run")


def make_store(folder: Path, recipe: str = "logistic") -> Store:
    """Make a store with the reference, its split, and a champion that was promoted; return it."""
    store = open_store(str(folder), relative_to=folder)
    for asset, value in (("clean_frame", validation.clean_frame()), ("train_test_split", champions.split())):
        store.commit(store.draft(asset, value, run_id="a-run"), run_id="a-run")
    draft = store.draft("champion", champions.bundle(recipe), run_id="a-run")
    open_registry(store).promote(draft, Decision(actor="anna", run_id=None, recipe=recipe), expected=None)
    return store
