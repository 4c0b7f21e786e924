"""Bundles: built only from a pipeline, policy and contract that belong together."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import policy_derivation
from wdbc_assets.domain.modeling import compiling
from wdbc_assets.domain.promotion import bundles
from wdbc_assets_tests import champions

VERSIONS = {"fitted_pipeline": "f" * 64}


def test_a_bundle_records_its_recipe_policy_and_versions() -> None:
    bundle = champions.bundle("pca_logistic")
    assert (bundle.recipe, bundle.features, bundle.contract) == ("pca_logistic", contract.FEATURES, contract.digest())
    assert bundle.scorer is not None
    assert bundle.versions["fitted_pipeline"] == "f" * 64
    assert bundle.policy == policy_derivation.derive(champions.split(), champions.fit("pca_logistic"))


def test_a_recipe_that_cannot_be_compiled_is_bundled_without_a_scorer() -> None:
    assert champions.bundle("svc").scorer is None


def test_the_reference_has_quantiles_of_the_training_set_without_extremes() -> None:
    reference, X = champions.bundle().reference, champions.split().X_train
    assert reference.rows == len(X) == 455
    assert list(reference.quantiles) == list(contract.FEATURES)
    for name, values in reference.quantiles.items():
        np.testing.assert_allclose(values, np.quantile(X[name], reference.levels), rtol=1e-12)
        assert X[name].min() < values[0] <= values[-1] < X[name].max()


@pytest.mark.parametrize("change", [{"recipe": "svc"}, {"winner": {"logistic__C": 3.0}}], ids=str)
def test_a_policy_of_another_pipeline_is_rejected(change: dict[str, Any]) -> None:
    with pytest.raises(WdbcError, match="policy was made for another pipeline"):
        bundles.make(
            champions.fit(),
            dataclasses.replace(champions.bundle().policy, **change),
            bundles.TrainingSet.of(champions.split().X_train),
            VERSIONS,
        )


def test_features_in_another_order_are_rejected() -> None:
    X = champions.split().X_train
    with pytest.raises(WdbcError, match="30 measurements in the order of the contract"):
        bundles.TrainingSet.of(X[X.columns[::-1]])


def test_a_scorer_that_disagrees_with_its_pipeline_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    right = champions.bundle().scorer
    assert right is not None
    wrong = dataclasses.replace(right, intercept=right.intercept + 1e-9)
    monkeypatch.setattr(compiling, "compile_pipeline", lambda _: wrong)
    training = bundles.TrainingSet.of(champions.split().X_train)
    with pytest.raises(WdbcError, match="compiled scorer and scikit-learn differ"):
        bundles.make(champions.fit(), champions.bundle().policy, training, VERSIONS)


def test_the_contract_digest_depends_on_names_bounds_and_order(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = contract.digest()
    renamed = dataclasses.replace(contract.COLUMNS[-1], name="other")
    for columns in ((*contract.COLUMNS[:-1], renamed), contract.COLUMNS[::-1], contract.COLUMNS[:-1]):
        monkeypatch.setattr(contract, "COLUMNS", columns)
        assert contract.digest() != digest
    monkeypatch.undo()
    wider = dataclasses.replace(contract.MEASUREMENTS[0], largest=101.0)
    monkeypatch.setattr(contract, "MEASUREMENTS", (wider, *contract.MEASUREMENTS[1:]))
    assert contract.digest() != digest
    monkeypatch.undo()
    reworded = dataclasses.replace(contract.MEASUREMENTS[0], meaning="another description")
    monkeypatch.setattr(contract, "MEASUREMENTS", (reworded, *contract.MEASUREMENTS[1:]))
    assert contract.digest() == digest
