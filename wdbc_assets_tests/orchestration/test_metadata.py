"""What the UI shows of a value: short enough to be read in place, without ids, and as numbers what has a trend."""

import itertools
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.data import cleaning, contract, exploration, reading, splitting
from wdbc_assets.domain.evaluation import comparison, explanations, floors, metrics
from wdbc_assets.domain.evaluation.comparison import CrossValidation
from wdbc_assets.domain.evaluation.decision_policy import Quantiles
from wdbc_assets.domain.modeling import fitting, recipes, search
from wdbc_assets.orchestration.metadata import dataset, evidence, model, stability
from wdbc_assets.orchestration.metadata import exploration as exploration_metadata
from wdbc_assets.presentation import privacy
from wdbc_assets_tests import builders, results

# Dagster's UI shows longer markdown behind a click, and cuts longer labels of a column off.
SHOWN_IN_PLACE = 1000
LONGEST_LABEL = 25


def published() -> bytes:
    """The published patients, with ids that are no other number of the table."""
    return builders.published_with(*((line, "id", 8_420_000 + line) for line in range(1, 570)))


def raw() -> dict[str, Any]:
    return with_preview(dataset.describe_raw_data(published()))


def clean() -> dict[str, Any]:
    return with_preview(dataset.describe_clean_frame(cleaning.clean(reading.read(published()))))


def split() -> dict[str, Any]:
    return with_preview(dataset.describe_split(splitting.split(cleaning.clean(reading.read(published())))))


def with_preview(described: dict[str, Any]) -> dict[str, Any]:
    return privacy.redact_description(described, shown=True)


def explored() -> dict[str, Any]:
    return exploration_metadata.describe_exploration(exploration.explore(cleaning.clean(reading.read(published()))))


def fitted(recipe: str = recipes.DEFAULT) -> dict[str, Any]:
    chosen = recipes.named(recipe)
    candidates = tuple(
        search.Candidate(
            params=dict(params),
            mean_score=-0.123456,
            std_score=0.1,
            fold_scores=(-0.1, -0.2),
            rank=rank,
            converged=True,
            n_iter=9,
        )
        for rank, params in enumerate(chosen.candidates("full"), start=1)
    )
    return model.describe_fitted_pipeline(
        fitting.Fit(
            recipe=recipe,
            grid="full",
            scoring=chosen.scoring,
            folds=2,
            repeats=1,
            seed=42,
            pipeline=None,  # nothing of it is shown
            winner=candidates[0].params,
            score=candidates[0].mean_score,
            candidates=candidates,
            fit_counts={"transformers": 3, "estimators": 7},
            warnings=(),
        )
    )


def described_metrics(*probabilities: float) -> dict[str, Any]:
    return model.describe_metrics(metrics.evaluate([0, 0, 1, 1], probabilities or (0.1, 0.6, 0.4, 0.9), bootstrap=100))


def decided() -> dict[str, Any]:
    return evidence.describe_decision_policy(results.policy(quantiles=Quantiles(0.5, 0.9)))


def explained(*, linear: bool = True) -> dict[str, Any]:
    return evidence.describe_importance(results.importance(linear=linear))


def stable() -> dict[str, Any]:
    return stability.describe_stability(results.stability())


def evaluated() -> dict[str, Any]:
    random = np.random.default_rng(0)
    tables = []
    for recipe in (floors.RECIPE, "airflow_baseline", "pca_logistic", "svc", "stacking"):
        p = random.random(100)
        tables.append(
            pd.DataFrame(
                {
                    "recipe": recipe,
                    "repeat": 0,
                    "patient": np.arange(100),
                    "fold": np.arange(100) // 2 % 10,
                    "diagnosis": np.arange(100) % 2,
                    "probability": (p + np.arange(100) % 2) / 2,
                }
            )
        )
    table = pd.concat(tables)
    return evidence.describe_cross_validation(CrossValidation(table, (), comparison.summary(table)))


def numbers(described: dict[str, Any]) -> set[str]:
    return {name for name, value in described.items() if isinstance(value, int | float)}


@pytest.mark.parametrize(
    ("described", "tables"),
    [
        (raw, {"preview"}),
        (clean, {"preview"}),
        (split, {"parts", "preview"}),
        *((lambda name=name: fitted(name), {"best candidates"}) for name in recipes.RECIPES),
        (described_metrics, {"intervals", "classification report"}),
        (explored, {"findings", "best alone"}),
        (decided, {"rates"}),
        (explained, {"increase of log-loss"}),
        (lambda: explained(linear=False), {"increase of log-loss"}),
        (stable, {"optimism", "learning curve", "selected parameters"}),
        (
            evaluated,
            {
                "recipes",
                "differences of log-loss",
                "calibration",
                "Brier score",
                "patients for an external validation",
            },
        ),
    ],
    ids=[
        "raw_data",
        "clean_frame",
        "train_test_split",
        *recipes.RECIPES,
        "metrics",
        "exploration",
        "decision_policy",
        "importance",
        "importance of a recipe that is not linear",
        "stability",
        "cross_validation",
    ],
)
def test_every_table_is_short_enough_to_be_shown_in_place(described: Any, tables: set[str]) -> None:
    markdown = {name: value.value for name, value in described().items() if isinstance(value, dg.MarkdownMetadataValue)}
    assert {name for name, text in markdown.items() if len(text) < SHOWN_IN_PLACE} == tables
    assert all(text.startswith("![") for name, text in markdown.items() if name not in tables)  # pictures


@pytest.mark.parametrize("described", [raw, clean, split], ids=["raw_data", "clean_frame", "train_test_split"])
def test_a_preview_holds_first_rows_and_no_id(described: Any) -> None:
    preview = described()["preview"].value
    head, _, *rows = preview.splitlines()
    assert len(rows) == 5
    assert "radius_mean" in head
    assert contract.ID not in head.split()
    assert "842" not in preview


def test_a_column_states_type_and_constraints_in_labels_that_fit() -> None:
    for schema in (dataset.raw_columns(), dataset.clean_columns()):
        assert all(column.description and not column.constraints.nullable for column in schema.columns)
        labels = itertools.chain.from_iterable(column.constraints.other for column in schema.columns)
        assert max(map(len, labels)) <= LONGEST_LABEL
    worst = {column.name: column for column in dataset.clean_columns().columns}["area_worst"]
    assert worst.constraints.other == ["> 0", "<= 37699.1", ">= area_mean"]
    assert worst.description is not None
    assert worst.description.endswith("[px²]")


def test_only_what_has_a_trend_is_a_number() -> None:
    assert numbers(raw()) == set()
    assert numbers(clean()) == {"malignant", "benign"}
    assert numbers(split()) == {"training rows", "test rows"}
    assert numbers(fitted()) == {"cross-validation score", "not converged"}
    figures = {"accuracy", "precision", "recall", "specificity", "f1", "roc_auc", "pr_auc", "log_loss", "brier"}
    assert numbers(described_metrics()) == figures
    assert numbers(explored()) == {"duplicates", "outliers", "AUC of the row order"}
    assert fitted()["cross-validation score"] == -0.1235
    assert numbers(decided()) == {
        "threshold",
        "recall, at least",
        "out-of-fold specificity",
        "out-of-fold referred",
    }
    assert numbers(explained()) == set()


def test_a_policy_tells_its_lines_and_every_share_with_its_interval() -> None:
    described = decided()
    assert described["triage"] == (
        "by conformal prediction sets, for a coverage of 0.98: malignant possible from 0.1000, benign up to 0.5000,"
        " refer if both are or none is"
    )
    assert described["threshold for"] == "a recall of 0.98"
    assert described["promise"] == results.policy().promised
    assert "| recall, out of fold | 0.9820 |  |  |" in described["rates"].value
    assert "| ppv, test | 0.9200 | 0.9100 | 0.9200 |" in described["rates"].value
    assert "| coverage of malignant, test | 0.9500 | 0.9400 | 0.9500 |" in described["rates"].value


def test_an_evaluation_states_each_measure_of_calibration_and_what_it_says() -> None:
    described = evaluated()
    for explanation in (*explanations.CALIBRATION.values(), explanations.ECE):
        assert described[f"{floors.RECIPE} {explanation.label}"].endswith(explanation.sentence)
    slope = described[f"{floors.RECIPE} calibration slope"]
    assert slope.startswith("cannot be said: the probabilities separate the classes")
    assert "; by chance 0." in described[f"{floors.RECIPE} ECE"]
    head, _, first, *_ = described["calibration"].value.splitlines()
    assert head == "| recipe | slope | in the large | O/E | ICI | E50 | E90 | ECE | z |"
    assert first.startswith("| airflow_baseline | n/a | ")
    assert described["decision curves"].value.startswith("![Net benefit of each recipe")


def test_metrics_without_an_interval_are_explained() -> None:
    described = described_metrics()
    assert "| pr_auc | 0.8333 |  |  | no interval |" in described["intervals"].value
    assert f"pr_auc: {metrics.NO_PR_AUC_INTERVAL}" in described["notes"]


def test_only_a_linear_recipe_has_contributions() -> None:
    assert "contributions of typical patients" in explained()
    described = explained(linear=False)
    assert "contributions of typical patients" not in described
    assert described["contributions"] == "none: the recipe is not linear"


def test_a_figure_that_is_undefined_is_shown_as_such_and_is_no_number() -> None:
    described = described_metrics(0.1, 0.2, 0.3, 0.4)  # nobody is called malignant
    assert "precision" not in numbers(described)
    assert "| precision | n/a |  |  | no interval |" in described["intervals"].value
    assert "| malignant | n/a | 0.0000 |" in described["classification report"].value


def test_an_exploration_is_shown_as_findings_and_the_best_ten_measurements() -> None:
    described = explored()
    findings = described["findings"].value.splitlines()
    assert all(line.startswith("- ") for line in findings)
    assert "- No cell is missing, and no two patients have the same measurements." in findings
    head, _, *rows = described["best alone"].value.splitlines()
    assert head == "| measurement | median benign | malignant | AUC | skew | outliers |"
    assert rows[0].startswith("| perimeter_worst | 86.92 | 138 | 0.9755 | 1.1282 |")
    assert len(rows) == 10
    assert described["AUC of the row order"] == 0.6693
