"""Bundles of quickly fitted pipelines, and stores in which one of them is the champion."""

from functools import cache
from pathlib import Path

import pandas as pd

from wdbc_assets.domain.data import splitting
from wdbc_assets.domain.evaluation import policy_derivation
from wdbc_assets.domain.modeling import fitting, linear
from wdbc_assets.domain.promotion import bundles
from wdbc_assets.store import codecs
from wdbc_assets.store.store import open_store
from wdbc_assets_tests.domain import validation

COMPILED = ("logistic", "pca_logistic", "airflow_baseline", "spline")


@cache
def split() -> splitting.Split:
    """The published patients, parted as by default."""
    return splitting.split(validation.clean_frame())


@cache
def fit(recipe: str = "logistic") -> fitting.Fit:
    """One candidate of a recipe, fitted on the training part."""
    return fitting.fit(split().X_train, split().y_train, recipe=recipe, grid="small")


def contributions(fitted: fitting.Fit, X: pd.DataFrame) -> tuple[float, pd.DataFrame]:
    """The intercept of a linear recipe, and what each cell of X adds to it."""
    found = linear.linear(fitted.pipeline)
    assert found is not None
    return found.intercept, found.contributions(X)


@cache
def bundle(recipe: str = "logistic") -> bundles.Bundle:
    """The bundle of that pipeline and its policy."""
    versions = {"fitted_pipeline": "f" * 64, "decision_policy": "d" * 64}
    return bundles.make(
        fit(recipe), policy_derivation.derive(split(), fit(recipe)), bundles.TrainingSet.of(split().X_train), versions
    )


@cache
def _files(recipe: str) -> tuple[tuple[str, bytes], ...]:
    return tuple(codecs.encode("champion", bundle(recipe))[1].items())


def files(recipe: str = "logistic") -> dict[str, bytes]:
    """The files of a bundle, by their names."""
    return dict(_files(recipe))


def make_champion(folder: Path, recipe: str = "logistic") -> str:
    """Make a bundle the champion of the store in a folder; return its version."""
    store = open_store(str(folder), relative_to=folder)
    draft = store.draft("champion", bundle(recipe), run_id="a-run")
    store.commit(draft, run_id="a-run")
    return draft.manifest.version
