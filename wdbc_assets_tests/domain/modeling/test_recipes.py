"""Recipes: valid candidates, a deterministic order, and errors for unknown names."""

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from sklearn.base import clone
from sklearn.model_selection import ParameterGrid

from wdbc_assets import settings
from wdbc_assets.cli import wdbc
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import recipes

ROOT = Path(__file__).resolve().parents[3]


def test_listing_the_recipes_does_not_import_scikit_learn() -> None:
    code = (
        "import sys; from wdbc_assets.domain.modeling import recipes; print(*recipes.RECIPES, 'sklearn' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert shown.split() == [*recipes.RECIPES, "False"]


def test_the_default_is_one_of_the_recipes() -> None:
    assert recipes.named(recipes.DEFAULT).name == recipes.DEFAULT


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("airflow_baseline", 10),
        ("pca_logistic", 60),
        ("logistic", 9),
        ("spline", 9),
        ("svc", 20),
        ("stacking", 1),
        ("blend", 9),
    ],
)
def test_the_small_grid_is_one_candidate_of_the_full_grid(name: str, full: int) -> None:
    recipe = recipes.named(name)
    labels = {recipes.label(candidate) for candidate in recipe.candidates("full")}
    assert len(labels) == full
    (small,) = recipe.candidates("small")
    assert recipes.label(small) in labels


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_candidate_has_parameters_of_its_pipeline(name: str) -> None:
    recipe = recipes.named(name)
    pipeline = recipe.build(42)
    for candidate in (*recipe.candidates("full"), *recipe.candidates("small")):
        assert candidate.items() <= clone(pipeline).set_params(**candidate).get_params().items()


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_the_seed_is_passed_to_the_model(name: str) -> None:
    first, second = (recipes.named(name).build(seed).get_params() for seed in (7, 8))
    assert str(first) != str(second)


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_a_summary_is_one_sentence(name: str) -> None:
    summary = recipes.named(name).summary
    assert summary.endswith(".")
    assert summary.count(".") == 1


@pytest.mark.fault("T05")
def test_the_order_of_candidates_does_not_depend_on_the_grids_order() -> None:
    recipe = recipes.named("pca_logistic")
    written = [dict(reversed(list(candidate.items()))) for candidate in recipe.grids["full"]]
    random.Random(0).shuffle(written)
    shuffled = replace(recipe, grids={"full": written})
    assert shuffled.candidates("full") == recipe.candidates("full")
    assert list(map(recipes.label, shuffled.grids["full"])) != list(map(recipes.label, recipe.candidates("full")))


def test_the_order_of_candidates_equals_scikit_learns_parameter_grid() -> None:
    grid = {"pca__n_components": [0.9, 0.95], "logistic__C": [0.01, 0.1, 1.0, 10.0, 100.0]}
    assert recipes.named("airflow_baseline").candidates("full") == tuple(ParameterGrid(grid))


@pytest.mark.fault("T03")
def test_an_unknown_recipe_is_rejected_with_the_existing_names() -> None:
    with pytest.raises(WdbcError, match="no recipe 'forest'") as error:
        recipes.named("forest")
    assert error.value.hint == "Choose one of: airflow_baseline, blend, logistic, pca_logistic, spline, stacking, svc."


@pytest.mark.fault("T03")
def test_a_renamed_recipe_is_rejected_with_its_new_name() -> None:
    with pytest.raises(WdbcError, match=r"^The recipe seed_baseline was renamed to airflow_baseline\.") as error:
        recipes.named("seed_baseline")
    assert error.value.hint == "Use the name airflow_baseline."


@pytest.mark.fault("T03")
def test_an_unknown_grid_is_rejected_with_the_existing_names() -> None:
    with pytest.raises(WdbcError, match="no grid 'tiny'") as error:
        recipes.named("logistic").candidates("tiny")
    assert error.value.hint == "Choose one of: full, small."


@pytest.mark.fault("T03")
def test_an_empty_grid_is_rejected() -> None:
    empty = replace(recipes.named("logistic"), grids={"full": []})
    with pytest.raises(WdbcError, match="is empty"):
        empty.candidates("full")


@pytest.mark.fault("T03")
@pytest.mark.parametrize("command", ["run", "evaluate"])
def test_a_renamed_recipe_is_wrong_usage_and_the_new_name_is_shown(command: str) -> None:
    result = CliRunner().invoke(wdbc, [command, "--recipe", "seed_baseline"])
    assert result.exit_code == 2
    assert "seed_baseline was renamed to airflow_baseline" in result.output


@pytest.mark.fault("T03")
@pytest.mark.parametrize("variable", ["WDBC_RECIPE", "WDBC_EVALUATED_RECIPES"])
def test_a_setting_with_a_renamed_recipe_is_rejected_with_its_new_name(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "seed_baseline")
    with pytest.raises(WdbcError, match=f"{variable}: seed_baseline was renamed to airflow_baseline"):
        settings.load()
