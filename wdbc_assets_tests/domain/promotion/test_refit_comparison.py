"""A refit and its comparison with the champion: each verdict, and labels that are wrong in both halves."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from wdbc_assets.domain.data.labelled import LabelledPatients
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.promotion import refit_comparison
from wdbc_assets.domain.promotion.bundles import Bundle
from wdbc_assets.domain.promotion.refit import refit
from wdbc_assets.domain.promotion.refit_comparison import RefitComparison
from wdbc_assets.domain.promotion.refit_rules import uncompared, without_later_patients
from wdbc_assets.store import codecs
from wdbc_assets_tests import champions, retrained

VERSIONS = {"champion": "c" * 64, "refit": "f" * 64}
Labels = retrained.Labels


@cache
def drifted() -> tuple[LabelledPatients, Bundle]:
    patients = retrained.patients(**retrained.DRIFTED)
    return patients, made(patients)


def made(patients: LabelledPatients, champion: Bundle | None = None) -> Bundle:
    return refit(
        patients, champions.split(), champion or champions.bundle(), versions=VERSIONS, progress=lambda *_: None
    )


def compared(patients: LabelledPatients, bundle: Bundle, champion: Bundle | None = None) -> RefitComparison:
    return refit_comparison.compare(
        patients, champions.split(), bundle, champion or champions.bundle(), versions=VERSIONS
    )


def same(**how: Any) -> Bundle:
    """Return the champion as a refit of itself."""
    return replace(champions.bundle(), versions=VERSIONS, trained_until="2026-02-01T00:00:00+00:00", **how)


def test_a_refit_is_fitted_on_the_training_set_and_the_patients_up_to_the_cut() -> None:
    _, bundle = drifted()
    assert bundle.trained_until == "2026-02-01T00:00:00+00:00"
    assert bundle.reference.rows == len(champions.split().X_train) + 150
    assert bundle.policy.training.rows == bundle.reference.rows
    assert (bundle.policy.recall_target, bundle.recipe) == (champions.bundle().policy.recall_target, "logistic")
    assert bundle.scorer is not None
    name, files, _ = codecs.encode("refit", bundle)
    assert codecs.decode(name, files).trained_until == bundle.trained_until
    assert without_later_patients(bundle) == []
    assert without_later_patients(champions.bundle())


def test_after_a_drift_a_refit_is_better_on_patients_that_neither_has_seen() -> None:
    comparison = compared(*drifted())
    verdict = comparison.verdict
    assert (verdict.name, verdict.promoted, verdict.broken) == ("better", True, [])
    assert (comparison.held_back, verdict.patients, comparison.champion_trained_until) == (90, 90, "")
    assert [criterion.name for criterion in verdict.criteria] == ["log_loss", "net_benefit", "reference"]
    assert verdict.protocol == "two fitted models, on 90 patients that neither has seen"
    assert uncompared(comparison) == []
    name, files, _ = codecs.encode("refit_comparison", comparison)
    assert codecs.decode(name, files) == comparison


def test_the_other_way_round_it_is_worse() -> None:
    patients, bundle = drifted()
    assert compared(patients, same(), replace(bundle, trained_until="")).verdict.name == "worse"


def test_an_equal_refit_is_not_worse_and_not_promoted_by_itself() -> None:
    verdict = compared(drifted()[0], same()).verdict
    assert (verdict.name, verdict.promoted) == ("not worse", False)


@pytest.mark.parametrize("until", ["2026-02-15T00:00:00+00:00", "2026-02-08T00:00:00+00:00"])
def test_few_later_patients_are_too_few_to_say(until: str) -> None:
    patients = retrained.patients(seed=2, count=8, size=28)
    verdict = compared(patients, replace(same(), trained_until=until)).verdict
    assert verdict.name == "too few to say"
    assert not verdict.promoted
    assert "60 are needed, and 15 of either class" in verdict.reason


def test_patients_of_one_class_are_too_few_to_say() -> None:
    patients = retrained.patients(seed=2, labels=lambda week, labels: labels * (week <= 5))
    assert compared(patients, same()).verdict.name == "too few to say"


def tenth(week: int, labels: Labels) -> Labels:
    """Return the diagnoses with every tenth exchanged."""
    wrong = np.random.default_rng(week).random(len(labels)) < 0.1
    return np.where(wrong, 1 - labels, labels)


@pytest.mark.parametrize("labels", [tenth, lambda _, labels: 1 - labels])
def test_wrong_labels_that_the_refit_learned_are_found_on_the_reference(labels: Any) -> None:
    patients = retrained.patients(seed=2, count=12, labels=labels)
    verdict = compared(patients, made(patients)).verdict
    log_loss, _, reference = verdict.criteria
    assert log_loss.holds  # on labels that are wrong in the same way it looks better
    assert not reference.holds
    assert (verdict.name, verdict.promoted) == ("inconclusive", False)


def test_the_next_refit_goes_on_from_the_cut_of_the_last_one() -> None:
    patients, bundle = drifted()
    later = replace(champions.bundle(), trained_until=bundle.trained_until)
    assert patients.cut(after=later.trained_until) == "2026-02-08T00:00:00+00:00"


def test_a_refit_of_an_earlier_champion_is_not_compared() -> None:
    patients, bundle = drifted()
    with pytest.raises(WdbcError, match="an earlier champion"):
        compared(patients, replace(bundle, versions={"champion": "d" * 64}))


def test_a_comparison_on_patients_that_the_champion_has_seen_breaks_its_rule() -> None:
    comparison = compared(*drifted())
    assert uncompared(replace(comparison, champion_trained_until="2026-03-01", held_back=9))[1:] == [
        "patients compared is 90, needed: 9"
    ]


def test_one_difference_has_no_interval() -> None:
    found = refit_comparison._difference(np.array([0.5]))
    assert (found.mean, found.low, found.high) == (0.5, None, None)


def test_the_interval_is_that_of_student() -> None:
    from scipy import stats

    sample = np.random.default_rng(1).normal(size=70)
    found = refit_comparison._difference(sample)
    low, high = stats.t.interval(0.95, 69, sample.mean(), stats.sem(sample))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_a_recipe_of_the_champion_that_no_longer_exists_is_an_error() -> None:
    patients, _ = drifted()
    with pytest.raises(WdbcError, match="recipe"):
        made(patients, replace(champions.bundle(), recipe="removed"))
