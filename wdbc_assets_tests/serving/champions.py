"""Champions for tests: real pipelines, quickly fitted on the published patients and stored as by promotion."""

from functools import cache
from pathlib import Path

import numpy as np

from wdbc_assets.domain.data import cleaning, contract, reading, splitting
from wdbc_assets.domain.evaluation import policy_derivation
from wdbc_assets.domain.modeling import fitting
from wdbc_assets.domain.promotion import bundles
from wdbc_assets.domain.promotion.bundles import Bundle
from wdbc_assets.registry.experiment import Experiment
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import builders
from wdbc_assets_tests.registry import promotions


@cache
def split(seed: int = 42) -> splitting.Split:
    return splitting.split(cleaning.clean(reading.read(builders.bundled_uci_bytes())), seed=seed)


@cache
def bundle(recipe: str = "logistic", seed: int = 42) -> Bundle:
    """Return a bundle. Another seed gives another split, and so another model of the same recipe."""
    sets = split(seed)
    fit = fitting.fit(sets.X_train, sets.y_train, recipe=recipe, grid="small")
    policy = policy_derivation.derive(sets, fit, folds=3)
    return bundles.make(fit, policy, bundles.TrainingSet.of(sets.X_train), {"fitted_pipeline": f"{seed:064x}"})


def store_in(folder: Path) -> Store:
    return open_store(str(folder / "results"), relative_to=folder)


def promote(folder: Path, value: Bundle, *, run_id: str = "promoted") -> Manifest:
    """Promote a bundle to champion in the store of this folder."""
    store = store_in(folder)
    draft = store.draft("champion", value, run_id=run_id)
    assert store.commit(draft, run_id=run_id)
    return draft.manifest


def challenge(folder: Path, value: Bundle, *, share: float = 0.0) -> Experiment:
    """Start an experiment with a bundle in the store of this folder."""
    return promotions.challenge(store_in(folder), value, recipe=value.recipe, share=share)


def patients(rows: int = 1) -> list[dict[str, float]]:
    """Return measurements from the test set of the published patients."""
    table = split().X_test[list(contract.FEATURES)].head(rows)
    return [{str(name): float(value) for name, value in row.items()} for row in table.to_dict("records")]


def expected(value: Bundle, rows: int = 1) -> list[float]:
    """Return the probabilities of scikit-learn for these patients."""
    p = value.pipeline.predict_proba(split().X_test[list(contract.FEATURES)].head(rows))[:, 1]
    return [float(value) for value in np.asarray(p)]
