"""A change of recipe: both recipes are compared on the labelled patients, if they were evaluated there."""

from dataclasses import replace

import dagster as dg

from wdbc_assets.registry import candidate, evidence
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import index
from wdbc_assets.store.store import Store
from wdbc_assets_tests import retrained
from wdbc_assets_tests.commands import typed
from wdbc_assets_tests.promotion_evidence import put_evidence, put_labelled_evidence
from wdbc_assets_tests.registry.test_candidate import promote, store, train

__all__ = ["store"]  # a fixture


def put_other_patients(store: Store, clean_frame: str) -> None:
    """Let outcomes of more patients be known than those that were evaluated."""
    draft = store.draft(
        "labelled_patients", retrained.patients(count=3), run_id="later", inputs={"clean_frame": clean_frame}
    )
    assert store.commit(draft, run_id="later")


def test_a_change_of_recipe_is_compared_on_the_labelled_patients_if_both_were_evaluated_there(
    instance: dg.DagsterInstance, store: Store
) -> None:
    train(instance, "logistic")
    put_evidence(store, logistic=0.0, airflow_baseline=0.001)
    put_labelled_evidence(store, logistic=0.0)
    first = candidate.gather(store)
    assert not first.evidence.is_labelled  # without a champion there is nothing to compare
    assert promote(instance).success

    train(instance, "airflow_baseline")
    put_evidence(store, logistic=0.0, airflow_baseline=0.001)
    case = candidate.gather(store)
    assert (case.evidence.is_labelled, case.evidence.unused) == (False, "it has no results for airflow_baseline")
    assert case.compare().name == "worse"
    shown = typed("promote", "--dry-run", code=3).output
    assert "the evaluation of the labelled patients does not count: it has no results for airflow_baseline" in shown

    put_labelled_evidence(store, logistic=0.001, airflow_baseline=0.0)
    case = candidate.gather(store)
    table = store.handle("labelled_patients").manifest
    verdict, document = case.compare(), case.document(case.compare())
    assert (case.evidence.is_labelled, case.patients, verdict.name) == (True, table.version, "better")
    assert verdict.broken == []
    assert (document.patients, document.protocol) == (table.version, "quick")
    evaluations = {"cross_validation", "labelled_cross_validation"}
    assert evaluations < document.candidate.made_of.keys()
    assert "compared on the labelled patients: the reference, and later ones" in typed("promote", "--dry-run").output

    other = replace(case.manifests["cross_validation"], inputs={"clean_frame": "e" * 64})
    found = evidence.choose(store, other, candidate="logistic", champion="airflow_baseline")
    assert (found.manifest, found.unused) == (other, "its reference is not the evaluated clean frame eeeeeeeeeeee")

    put_other_patients(store, table.inputs["clean_frame"])
    assert candidate.gather(store).evidence.unused == "the labelled patients have changed since"
    assert candidate.gather(store).compare().name == "worse"
    put_labelled_evidence(store, logistic=0.001, airflow_baseline=0.0)

    assert promote(instance).success
    standing = open_registry(store).standing()
    assert (standing.recipe, standing.problems) == ("airflow_baseline", ())
    assert standing.manifest is not None
    assert evaluations < standing.manifest.inputs.keys()
    for asset in evaluations:
        assert index.read(store).whole(asset, standing.manifest.inputs[asset])
