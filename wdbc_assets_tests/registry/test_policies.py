"""A policy for another prevalence: stored without serving anybody, promoted by itself, rolled back, and kept by gc."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import wdbc_assets
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import recalibration
from wdbc_assets.pipeline import functions
from wdbc_assets.registry import audit_log, candidate, policies, roots
from wdbc_assets.registry.audit_log import Entry, PolicyVersion
from wdbc_assets.registry.decision_log import Decision, Superseded
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.store import bundle_loader, codecs, gc, index, parsing
from wdbc_assets.store.manifest import Manifest
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import champions
from wdbc_assets_tests.registry import promotions


def put(store: Store, asset: str, value: Any, **inputs: str) -> Manifest:
    """Make a value the current version of an asset."""
    draft = store.draft(asset, value, run_id="a-run", inputs=inputs)
    assert store.commit(draft, run_id="a-run")
    return draft.manifest


def with_champion(folder: Path, recipe: str = "logistic", evidence: str | None = None) -> Store:
    """Return a store in which a recipe is the champion, with the versions that it was made of."""
    store = open_store(str(folder), relative_to=folder)
    values = {"train_test_split": champions.split(), "fitted_pipeline": champions.fit(recipe)}
    split = put(store, "train_test_split", values["train_test_split"]).version
    fit = put(store, "fitted_pipeline", values["fitted_pipeline"], train_test_split=split).version
    policy = champions.bundle(recipe).policy
    own = put(store, "decision_policy", policy, train_test_split=split, fitted_pipeline=fit).version
    versions = {"train_test_split": split, "fitted_pipeline": fit, "decision_policy": own}
    value = replace(champions.bundle(recipe), versions={name: versions[name] for name in functions.MADE_OF})
    draft = store.draft("champion", value, run_id="run-1", inputs=versions)
    registry = open_registry(store)
    registry.promote(
        draft,
        promotions.decision(recipe=recipe, evidence=evidence, forced=evidence is None),
        expected=registry.standing().version,
    )
    return store


def standing(store: Store) -> Standing:
    return open_registry(store).standing()


def promote(store: Store, version: str) -> Entry:
    """Promote a policy of the champion's model."""
    now = standing(store)
    made = policies.exchange(store, now, version)
    return policies.promote(open_registry(store), now, made, actor="ada", reason="a clinic elsewhere")


def recalibrated(store: Store, prevalence: float = 0.1) -> policies.Stored:
    return policies.recalibrate(store, standing(store), prevalence)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return with_champion(tmp_path)


def test_a_recalibrated_policy_is_a_version_that_moves_no_pointer(store: Store) -> None:
    champion, current = store.current("champion"), store.current("decision_policy")
    made = recalibrated(store)
    assert not made.serves
    assert (store.current("champion"), store.current("decision_policy")) == (champion, current)
    stored = index.find(store, "decision_policy", made.manifest.version)
    assert current is not None
    assert (stored.inputs, stored.parameters) == ({"decision_policy": current.version}, {"prevalence": 0.1})
    assert store.value(stored) == made.value == recalibration.recalibrate(champions.bundle().policy, 0.1)
    assert len(standing(store).history.entries) == 1


def test_recalibrating_again_stores_nothing_and_writes_a_damaged_file_again(store: Store) -> None:
    first = recalibrated(store).manifest
    assert recalibrated(store).manifest == first
    assert len(index.read(store).stated["decision_policy", first.version]) == 1
    path = f"decision_policy/versions/{first.version}/decision_policy.json"
    store.backend.replace(path, b"{}")
    assert store.damage(first) is not None
    assert recalibrated(store).manifest == first
    assert store.damage(first) is None


def test_a_recalibrated_champion_is_recalibrated_from_its_original_policy(store: Store) -> None:
    own = store.current("decision_policy")
    assert own is not None
    expected = recalibrated(store, 0.2).manifest.version
    first = recalibrated(store)
    promote(store, first.manifest.version)
    again = recalibrated(store, 0.2)
    assert (again.manifest.version, again.manifest.inputs) == (expected, {"decision_policy": own.version})
    assert recalibrated(store).serves
    back = recalibrated(store, 170 / 455)
    assert (back.manifest.version, back.serves) == (own.version, False)
    entry = promote(store, back.manifest.version[:12])
    assert entry.policy == PolicyVersion(own.version, 170 / 455, 170 / 455)
    assert (standing(store).recalibrated, standing(store).policy) == (None, entry.policy)


@pytest.mark.parametrize("recipe", ["logistic", "spline", "svc"])
def test_a_promoted_policy_changes_every_probability_and_no_triage(tmp_path: Path, recipe: str) -> None:
    store = with_champion(tmp_path, recipe)
    X = champions.split().X_test
    before = bundle_loader.open_champion(store)
    model = wdbc_assets.champion(store=tmp_path)
    made = recalibrated(store)
    entry = promote(store, made.manifest.version)
    after = bundle_loader.open_champion(store)
    adapted = wdbc_assets.champion(store=tmp_path)
    p = after.probabilities(X.to_numpy())
    np.testing.assert_array_equal(p, before.probabilities(X.to_numpy()))
    np.testing.assert_array_equal(adapted.triage(X), model.triage(X))
    np.testing.assert_array_equal(after.above_threshold(p), before.above_threshold(p))
    shown = adapted.predict_proba(X)[:, 1]
    np.testing.assert_array_equal(shown, after.recalibrated(p))
    assert (shown[p < 1] < p[p < 1]).all()
    assert (model.prevalence, adapted.prevalence) == (170 / 455, 0.1)
    if recipe != "svc":
        explained = adapted.explain(X)
        np.testing.assert_allclose(1 / (1 + np.exp(-explained.sum(axis=1))), shown, rtol=0, atol=1e-12)
        pd.testing.assert_frame_equal(explained.drop(columns="intercept"), model.explain(X).drop(columns="intercept"))
    assert (entry.action, entry.actor, entry.reason) == (audit_log.POLICY_PROMOTED, "ada", "a clinic elsewhere")
    assert entry.policy == PolicyVersion(made.manifest.version, 0.1, 170 / 455)
    assert (entry.before, entry.after) == (before.version, after.version)
    assert after.versions["decision_policy"] == made.manifest.version
    assert promotions.is_consistent(store)


def test_the_promotion_of_the_model_applies_to_it_with_another_policy_and_a_rollback_restores_both(
    store: Store,
) -> None:
    first = standing(store)
    assert first.promotion is not None
    assert first.promotion.forced
    promote(store, recalibrated(store).manifest.version)
    second = standing(store)
    assert second.promotion == first.promotion
    assert second.versions_of_model == {first.version, second.version}
    back = promotions.rollback(open_registry(store))
    assert (back.after, back.policy) == (first.version, None)
    assert bundle_loader.open_champion(store).policy == champions.bundle().policy
    again = promotions.rollback(open_registry(store), str(second.version))
    assert again.policy == second.policy == standing(store).recalibrated
    assert bundle_loader.open_champion(store).policy.prevalence == 0.1


def test_candidates_compared_with_the_model_still_count_with_another_policy(store: Store) -> None:
    registry = open_registry(store)
    document = promotions.judgement("worse", patients="9" * 64)
    evidence = registry.keep_evidence(document)
    registry.keep(Decision(actor="ada", run_id=None, evidence=evidence), expected=standing(store).version)
    promote(store, recalibrated(store).manifest.version)
    assert registry.compared(standing(store), "9" * 64) == [document.candidate.definition]


def test_the_candidate_of_the_champions_fit_is_the_champion_unless_its_policy_differs_in_more(store: Store) -> None:
    def case() -> candidate.Case:
        names = ("train_test_split", "fitted_pipeline", "decision_policy")
        manifests = {name: store.handle(name).manifest for name in names}
        return candidate.Case(
            store=store, manifests=manifests, search={"recipe": "logistic"}, standing=standing(store), is_current=True
        )

    assert case().is_champion
    promote(store, recalibrated(store).manifest.version)
    assert case().is_champion
    own = store.handle("decision_policy").manifest
    put(store, "decision_policy", replace(champions.bundle().policy, recall_target=0.9), **own.inputs)
    assert not case().is_champion


def test_a_policy_of_another_model_an_unknown_and_an_ambiguous_one_are_refused(store: Store) -> None:
    own = store.handle("decision_policy").manifest
    of_another = {**own.inputs, "fitted_pipeline": "f" * 64}
    other = store.draft(
        "decision_policy", replace(champions.bundle().policy, seed=7), run_id="another-run", inputs=of_another
    )
    store.add(other)
    with pytest.raises(WdbcError, match="belongs to another model: to fitted_pipeline ffffffffffff") as refused:
        promote(store, other.manifest.version)
    assert "wdbc recalibrate" in refused.value.hint
    with pytest.raises(WdbcError, match="no version of decision_policy") as refused:
        promote(store, "not-one")
    assert own.version[:12] in refused.value.hint
    with pytest.raises(WdbcError, match="more than one version of decision_policy"):
        promote(store, "")
    assert len(standing(store).history.entries) == 1


def test_without_a_champion_there_is_nothing_to_recalibrate_or_promote(tmp_path: Path) -> None:
    empty = open_store(str(tmp_path), relative_to=tmp_path)
    for attempt in (lambda: recalibrated(empty), lambda: promote(empty, "a")):
        with pytest.raises(WdbcError, match="no champion has been promoted yet") as refused:
            attempt()
        assert "wdbc promote" in refused.value.hint


def test_a_damaged_pointer_is_no_missing_champion(store: Store) -> None:
    store.backend.replace("champion/current.json", b"{}")
    with pytest.raises(WdbcError, match="cannot determine what is in production") as refused:
        recalibrated(store)
    assert "wdbc rollback" in refused.value.hint


def test_a_champion_whose_policy_is_no_longer_stored_cannot_be_recalibrated(store: Store) -> None:
    own = store.handle("decision_policy").manifest
    store.backend.remove(f"decision_policy/versions/{own.version}")
    with pytest.raises(WdbcError, match=f"policy {own.version[:12]} is no longer stored"):
        recalibrated(store)


def test_a_champion_that_changed_in_the_meantime_keeps_its_policy(store: Store) -> None:
    now = standing(store)
    made = policies.exchange(store, now, recalibrated(store).manifest.version)
    promote(store, recalibrated(store, 0.2).manifest.version)
    with pytest.raises(Superseded, match="another decision moved the champion"):
        policies.promote(open_registry(store), now, made, actor="ada", reason="late")
    assert bundle_loader.open_champion(store).policy.prevalence == 0.2


def test_a_damaged_policy_is_never_promoted(store: Store) -> None:
    made = recalibrated(store).manifest
    store.backend.replace(f"decision_policy/versions/{made.version}/decision_policy.json", b"{}")
    with pytest.raises(WdbcError, match="was altered"):
        promote(store, made.version)
    assert len(standing(store).history.entries) == 1


def test_gc_keeps_a_policy_and_what_it_was_made_from_as_long_as_a_champion_has_it(store: Store) -> None:
    served, unused = recalibrated(store).manifest, recalibrated(store, 0.2).manifest
    promote(store, served.version)
    own = store.handle("decision_policy").manifest.version
    kept = {one.version: one.kept for one in gc.survey(store, roots.of(store, keep=5), run_limit=-1e9)}
    assert kept[served.version] == f"input of champion {standing(store).version[:12]}"  # type: ignore[index]
    assert kept[own] == "current"
    assert kept[unused.version] in (None, "a reader may be using it")


def test_an_entry_with_a_policy_is_read_back_and_an_altered_prevalence_is_detected(store: Store) -> None:
    promote(store, recalibrated(store).manifest.version)
    log = store.backend.read("champion/history.jsonl")
    first, second = log.splitlines()
    assert b'"policy"' not in first
    assert Entry.from_line(second) == standing(store).history.entries[-1]
    store.backend.replace("champion/history.jsonl", log.replace(b'"prevalence": 0.1', b'"prevalence": 0.2'))
    assert any("entry 2 was altered" in problem for problem in standing(store).problems)


@pytest.mark.parametrize(
    "change",
    [
        {"offset": 1.0}, {"prevalence": 0.2}, {"prevalence": 0.0}, {"prevalence": 1.5}, {"trained": 0.1},
        {"trained": None}, {"more": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_bundle_with_a_forged_recalibration_is_refused(change: dict[str, Any]) -> None:
    files = champions.files()
    policy = recalibration.recalibrate(champions.bundle().policy, 0.1)
    assert policy.recalibration is not None
    sound = {"policy.json": codecs.to_json(_plain(policy, {}))}
    assert bundle_loader.open_bundle(files | sound).policy == policy
    with pytest.raises(WdbcError, match=r"policy\.json is invalid"):
        bundle_loader.open_bundle(files | {"policy.json": codecs.to_json(_plain(policy, change))})


def _plain(policy: Any, change: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = parsing.plain(policy)
    return plain | {"recalibration": plain["recalibration"] | change}


def test_a_promotion_that_loses_a_recalibration_says_how_to_repeat_it(store: Store) -> None:
    assert policies.lost(standing(store)) is None
    promote(store, recalibrated(store, 0.125).manifest.version)
    lost = policies.lost(standing(store))
    assert lost is not None
    assert "for a prevalence of 12.5 %" in lost
    assert "wdbc recalibrate --prevalence 0.125" in lost
