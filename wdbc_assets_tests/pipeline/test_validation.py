"""The rules of the results: each is broken by one change of a real result, and by nothing else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets.domain.promotion.card_parts import ModelCard, Section
from wdbc_assets.pipeline import specs, validation
from wdbc_assets.store.store import open_store

CHECKED = ("exploration", "fitted_pipeline", "metrics", "stability", "importance", "model_card")


@pytest.fixture
def values(evidence_once: Path) -> dict[str, Any]:
    """Every result, by asset."""
    store = open_store(str(evidence_once / "results"), relative_to=evidence_once)
    names = {name for asset in CHECKED for name in (asset, *specs.ASSETS[asset].inputs)}
    return {name: store.handle(name).load() for name in names}


def cited(card: ModelCard, place: str) -> Section:
    """A section whose only value cites another place of its artifact."""
    return Section("Citations", (), (replace(card.values[0], place=(place,)),))


def broken(asset: str, value: Any, values: dict[str, Any]) -> list[str]:
    """The names of the rules that a value breaks."""
    inputs = {name: values[name] for name in specs.ASSETS[asset].inputs}
    return [one.rule for one in validation.validate(asset, value, inputs, where="a test").findings if not one.passed]


@pytest.mark.parametrize("asset", CHECKED)
def test_a_real_result_breaks_no_rule(asset: str, values: dict[str, Any]) -> None:
    assert broken(asset, values[asset], values) == []


@pytest.mark.parametrize(
    ("asset", "change", "rule"),
    [
        ("exploration", lambda value: replace(value, benign=value.benign + 1), "counts_add_up"),
        ("exploration", lambda value: replace(value, missing=1), "counts_add_up"),
        (
            "fitted_pipeline",
            lambda value: replace(value, candidates=tuple(replace(one, converged=False) for one in value.candidates)),
            "every_candidate_converged",
        ),
        (
            "fitted_pipeline",
            lambda value: replace(value, winner={"logistic__C": 100.0}),
            "winner_is_inside_the_grid",
        ),
        ("metrics", lambda value: replace(value, benign=value.benign - 1), "patients_add_up"),
        (
            "metrics",
            lambda value: replace(value, recall=replace(value.recall, value=0.5, low=0.4, high=0.6)),
            "floors_are_not_excluded",
        ),
        (
            "metrics",
            lambda value: replace(value, brier=replace(value.brier, value=0.2, low=0.1, high=0.3)),
            "floors_are_not_excluded",
        ),
        ("importance", lambda value: replace(value, groups=value.groups[:-1]), "every_column_is_covered"),
        (
            "importance",
            lambda value: replace(
                value, groups=(replace(value.groups[0], permuted=value.groups[0].permuted.negated()), *value.groups[1:])
            ),
            "a_cluster_matters",
        ),
        ("stability", lambda value: replace(value, learning=value.learning[1:]), "every_refit_is_counted"),
        ("model_card", lambda value: replace(value, versions={}), "citations_hold"),
        ("model_card", lambda value: replace(value, sections=(cited(value, "nowhere"),)), "citations_hold"),
    ],
)  # fmt: skip
def test_each_rule_is_broken_by_what_it_is_about(
    asset: str, change: Callable[[Any], Any], rule: str, values: dict[str, Any]
) -> None:
    assert broken(asset, change(values[asset]), values) == [rule]


def test_a_grid_with_one_value_has_no_edge(values: dict[str, Any]) -> None:
    fit = values["fitted_pipeline"]
    single = replace(fit, candidates=tuple(one for one in fit.candidates if one.params == fit.winner))
    assert broken("fitted_pipeline", single, values) == []
