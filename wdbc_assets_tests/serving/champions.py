"""Champions for tests: real pipelines of the published patients, quickly fitted, put into a store as promotion does."""

from functools import cache
from pathlib import Path

import numpy as np

from wdbc_assets.domain.data import cleaning, contract, reading, splitting
from wdbc_assets.domain.evaluation import decision_policy
from wdbc_assets.domain.modeling import bundles, fitting
from wdbc_assets.domain.modeling.bundles import Bundle
from wdbc_assets.registry.challenger import Experiment
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import builders
from wdbc_assets_tests.registry import promotions


@cache
def split(seed: int = 42) -> splitting.Split:
    return splitting.split(cleaning.clean(reading.read(builders.bundled_uci_bytes())), seed=seed)


@cache
def bundle(recipe: str = "logistic", seed: int = 42) -> Bundle:
    """Another seed splits the patients otherwise: another model of the same recipe."""
    parts = split(seed)
    fit = fitting.fit(parts.X_train, parts.y_train, recipe=recipe, grid="small")
    decided = decision_policy.policy(parts, fit, folds=3)
    return bundles.make(fit, decided, parts.X_train, {"fitted_pipeline": f"{seed:064x}"})


def store_in(folder: Path) -> Store:
    return open_store(str(folder / "results"), relative_to=folder)


def promote(folder: Path, value: Bundle, *, run_id: str = "promoted") -> Manifest:
    """Make a bundle the champion of the store in this folder."""
    store = store_in(folder)
    draft = store.draft("champion", value, run_id=run_id)
    assert store.commit(draft, run_id=run_id)
    return draft.manifest


def challenge(folder: Path, value: Bundle, *, share: float = 0.0) -> Experiment:
    """Put a bundle under test beside the champion of the store in this folder."""
    return promotions.challenge(store_in(folder), value, recipe=value.recipe, share=share)


def patients(rows: int = 1) -> list[dict[str, float]]:
    """Measurements of the test part of the published patients."""
    table = split().X_test[list(contract.FEATURES)].head(rows)
    return [{str(name): float(value) for name, value in row.items()} for row in table.to_dict("records")]


def expected(value: Bundle, rows: int = 1) -> list[float]:
    """What scikit-learn answers for those."""
    p = value.pipeline.predict_proba(split().X_test[list(contract.FEATURES)].head(rows))[:, 1]
    return [float(one) for one in np.asarray(p)]
