"""A recipe that was removed or renamed after a model was fitted with it: each command says so, and nothing crashes."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from wdbc_assets import settings
from wdbc_assets.cli.champion import champion
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import policy_derivation
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.domain.promotion import model_card
from wdbc_assets.pipeline import specs, staleness
from wdbc_assets.registry import candidate
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import Store, open_store
from wdbc_assets.verification import configuration
from wdbc_assets_tests import champions, evidence
from wdbc_assets_tests.domain import out_of_fold
from wdbc_assets_tests.registry import promotions

REMOVED = "the stored version was made with the recipe svc, which no longer exists"


@pytest.fixture
def store(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store whose champion and current fit have the recipe `svc`, which this release does not have."""
    store = open_store(str(environment / "results"), relative_to=environment)
    parameters = {"recipe": "svc", "grid": "full"}
    draft = store.draft("fitted_pipeline", {"recipe": "svc"}, run_id="run-1", parameters=parameters)
    assert store.commit(draft, run_id="run-1")
    promotions.promote(store, b"a champion", recipe="svc")
    monkeypatch.delitem(recipes.RECIPES, "svc")
    return store


@pytest.mark.parametrize(
    ("name", "fate"), [("gone", "no longer exists"), (next(iter(recipes.RENAMED)), "was renamed to airflow_")]
)
def test_the_error_says_what_became_of_the_recipe_and_what_to_run(
    name: str, fate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(recipes.RENAMED, "old", recipes.BASELINE)
    with pytest.raises(WdbcError, match=fate) as refused:
        recipes.of_stored(name)
    assert "`wdbc run --recipe NAME`" in refused.value.hint
    assert recipes.of_stored(recipes.DEFAULT).name == recipes.DEFAULT


def test_status_names_the_removed_recipe_first(store: Store) -> None:
    (fit,) = staleness.assess(store, settings.load(), assets=["fitted_pipeline"])
    assert fit.reasons[0] == "the recipe svc no longer exists"
    evaluated = replace(fit.manifest, parameters={"evaluated_recipes": "svc,gone,logistic"})  # type: ignore[type-var]
    assert staleness.removed_recipes(specs.ASSETS["cross_validation"], evaluated) == [
        "the recipe svc no longer exists",
        "the recipe gone no longer exists",
    ]
    assert staleness.removed_recipes(specs.ASSETS["metrics"], fit.manifest) == []
    assert staleness.removed_recipes(specs.ASSETS["fitted_pipeline"], None) == []


def test_champion_says_that_it_serves_and_cannot_be_fitted_again(store: Store) -> None:
    shown = CliRunner().invoke(champion)
    assert "the recipe svc no longer exists: the champion serves, and cannot be fitted again" in shown.output
    assert shown.exception is None or isinstance(shown.exception, SystemExit)


def test_a_candidate_of_a_removed_recipe_is_refused_and_not_a_champion_of_another(store: Store) -> None:
    manifest = store.handle("fitted_pipeline").manifest
    case = candidate.Case(
        store=store,
        manifests={"fitted_pipeline": manifest},
        search={"recipe": "svc"},
        standing=open_registry(store).standing(),
        is_current=True,
    )
    with pytest.raises(WdbcError, match=REMOVED):
        _ = case.definition
    assert not case.champion_is_unchanged


def test_another_candidate_is_compared_with_what_the_removed_champion_was_promoted_by() -> None:
    predictions = out_of_fold.honest()
    verdict = out_of_fold.compare(
        predictions.assign(recipe="logistic"),
        candidate="logistic",
        champion="gone",
        champion_predictions=out_of_fold.with_loss(predictions, 0.05),
    )
    assert verdict.name == "better"
    assert (
        out_of_fold.compare(predictions.assign(recipe="logistic"), candidate="logistic", champion="gone").name
        == "not measured"
    )


def test_verify_says_that_the_recipe_is_gone_and_not_that_a_setting_is_invalid(store: Store) -> None:
    manifest = store.handle("fitted_pipeline").manifest
    with pytest.raises(WdbcError, match=REMOVED):
        configuration.resolve("fitted_pipeline", manifest, settings.load())
    other = replace(manifest, parameters={"evaluated_recipes": f"svc,{recipes.BASELINE}"})
    with pytest.raises(WdbcError, match=REMOVED):
        configuration.resolve("cross_validation", other, settings.load())
    assert configuration.resolve("metrics", manifest, settings.load()).now is not None


def test_the_decision_policy_and_the_card_of_a_removed_recipe_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = champions.fit("logistic")
    monkeypatch.delitem(recipes.RECIPES, "logistic")
    with pytest.raises(WdbcError, match="recipe logistic, which no longer exists"):
        policy_derivation.derive(champions.split(), fit)
    with pytest.raises(WdbcError, match="recipe logistic, which no longer exists"):
        model_card.card(evidence.contents("logistic"), evidence.versions())
