"""By hash, a patient's set and folds depend on the measurements and the seed, and on nothing else."""

import hashlib
import struct

import numpy as np
import pandas as pd
import pytest

from wdbc_assets.domain.data import contract, membership, splitting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import cross_validation, importance, policy_derivation, refits
from wdbc_assets.domain.evaluation.cross_validation import FoldUnit
from wdbc_assets.domain.modeling import fitting
from wdbc_assets.domain.rules import schemas
from wdbc_assets.pipeline.engines import refitting
from wdbc_assets_tests.domain.validation import clean_frame

FEATURES = list(contract.FEATURES)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return clean_frame()


@pytest.fixture(scope="module")
def order(frame: pd.DataFrame) -> "np.ndarray":
    return np.random.default_rng(1).permutation(len(frame))


@pytest.fixture(scope="module")
def permuted(frame: pd.DataFrame, order: "np.ndarray") -> pd.DataFrame:
    return frame.iloc[order].reset_index(drop=True)


def mixed(text: str, digest: int) -> float:
    """Return the fraction of the documented hash, computed with Python's integers alone."""
    bits, most = digest ^ int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"), 2**64
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % most
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % most
    return ((bits ^ bits >> 31) >> 11) / 2**53


def test_the_hash_is_the_documented_one(frame: pd.DataFrame) -> None:
    digests = membership.digests(frame)
    for row in (0, 17, 568):
        values = struct.pack("<30d", *frame[FEATURES].iloc[row])
        digest = int.from_bytes(hashlib.blake2b(values, digest_size=8).digest(), "little")
        assert digests[row] == digest
        assert membership.fold_of(digests, folds=5, seed=7)[row] == int(mixed("5 7", digest) * 5)
        chosen = membership.in_test_set(digests, test_size=0.2, seed=42)[row]
        assert chosen == (mixed("test set 42", digest) < 0.2)


def test_zero_has_one_digest_whatever_its_sign(frame: pd.DataFrame) -> None:
    flat = frame[FEATURES].assign(concavity_mean=0.0)
    assert (membership.digests(flat) == membership.digests(flat.assign(concavity_mean=-0.0))).all()


def test_draws_do_not_depend_on_each_other(frame: pd.DataFrame) -> None:
    """A set is not made of few folds: the share of the test set in each of ten folds is that of all, within chance."""
    digests = membership.digests(pd.concat([frame * factor for factor in np.linspace(1, 2, 30)]))
    chosen = membership.in_test_set(digests, test_size=0.2, seed=42)
    for folds, seed in ((10, 42), (5, 42), (5, 43)):
        shares = np.bincount(membership.fold_of(digests, folds=folds, seed=seed), chosen) / len(digests) * folds
        assert abs(shares - 0.2).max() < 0.05
    first, second = (membership.fold_of(digests, folds=5, seed=seed) for seed in (42, 43))
    assert np.mean(first == second) == pytest.approx(0.2, abs=0.02)


def test_a_permuted_table_gives_the_same_model_metrics_and_policy_bit_by_bit(
    frame: pd.DataFrame, permuted: pd.DataFrame
) -> None:
    found = []
    for table in (frame, permuted):
        split = splitting.split(table, method="hash")
        fit = fitting.fit(split.X_train, split.y_train, recipe="logistic", repeats=1, method="hash")
        found.append((split, fit, policy_derivation.derive(split, fit, folds=2)))
    (split, fit, policy), (other, other_fit, other_policy) = found

    pd.testing.assert_frame_equal(split.X_train, other.X_train)
    pd.testing.assert_series_equal(split.y_test, other.y_test)
    assert fit.candidates == other_fit.candidates
    assert fit.winner == other_fit.winner
    assert (fit.pipeline[-1].coef_ == other_fit.pipeline[-1].coef_).all()
    assert policy == other_policy


def test_a_patient_keeps_the_fold_if_others_are_missing(frame: pd.DataFrame) -> None:
    few = frame.iloc[::2]
    for repeat in range(3):
        folds = cross_validation.folds(frame, repeat, "hash")
        assert (cross_validation.folds(few, repeat, "hash") == folds[::2]).all()
    of_both = (splitting.split(table, method="hash") for table in (frame, few))
    sets = [set(membership.digests(split.X_test).tolist()) for split in of_both]
    assert sets[1] < sets[0]


def test_each_patient_of_a_permuted_table_is_scored_in_the_same_fold_with_the_same_probability(
    frame: pd.DataFrame, permuted: pd.DataFrame, order: "np.ndarray"
) -> None:
    unit = FoldUnit("logistic", 1, 4, "hash")
    answers = []
    for table in (frame, permuted):
        scored = cross_validation.fold_rows(table, unit)[1]
        answer = np.full(len(table), np.nan)
        answer[scored] = cross_validation.evaluate_fold(table, unit).probabilities
        answers.append(answer)
    np.testing.assert_array_equal(answers[0][order], answers[1])


def test_importance_and_refits_do_not_depend_on_the_order_of_the_table(
    frame: pd.DataFrame, permuted: pd.DataFrame, order: "np.ndarray"
) -> None:
    split = splitting.split(frame, method="hash")
    fit = fitting.fit(split.X_train, split.y_train, recipe="logistic", grid="small", method="hash")
    losses = [
        importance.score_fold(importance.task_of(table, fit, permutations=2), FoldUnit("logistic", 0, 3, "hash"))
        for table in (frame, permuted)
    ]
    assert losses[0] == losses[1]
    for kind, number in (("bootstrap", 2), ("learning", 0)):
        unit = refits.RefitUnit(kind, number)  # type: ignore[arg-type]
        one, other = (refits.run(refitting.task_of(table, fit, seed=1), unit) for table in (frame, permuted))
        if isinstance(one, refits.Refit) and isinstance(other, refits.Refit):
            assert [one.probabilities[row] for row in order] == list(other.probabilities)
            assert one.development.winner == other.development.winner
        else:
            assert one == other


def test_a_split_by_hash_is_validated_by_what_chance_allows(frame: pd.DataFrame) -> None:
    split = splitting.split(frame, method="hash")
    assert all(finding.passed for finding in schemas.validate_split(split, frame))
    assert 114 - 40 < len(split.y_test) < 114 + 40


@pytest.mark.fault("D12")
def test_rows_in_the_other_set_than_the_hash_says_are_refused(frame: pd.DataFrame) -> None:
    shuffled = splitting.split(frame)
    forged = splitting.Split(**{**vars(shuffled), "stratified": False, "by_hash": splitting.Draw(0.2, 42)})
    found = {one.rule: one for one in schemas.validate_split(forged, frame) if not one.passed}
    assert list(found) == ["sets_follow_the_hash"]
    first = found["sets_follow_the_hash"].failures[0]
    digest = membership.digests(shuffled.X_train.iloc[[first.row - 1]])  # type: ignore[operator]
    assert membership.in_test_set(digest, test_size=0.2, seed=42).all()


@pytest.mark.fault("D12")
def test_a_count_that_chance_does_not_give_is_refused(frame: pd.DataFrame) -> None:
    """Where malignancy could be read from the set, the count of a class is far from its expectation."""
    split = splitting.split(frame, test_size=0.5, method="hash")
    claimed = splitting.Split(**{**vars(split), "by_hash": splitting.Draw(0.2, 42)})
    found = {one.rule: one for one in schemas.validate_split(claimed, frame) if not one.passed}
    assert "sets_are_stratified" in found
    assert "of 357 of class B, 71.4 expected by the hash" in found["sets_are_stratified"].summary


def test_the_tail_is_the_binomial_one() -> None:
    from scipy.stats import binom

    for chosen, of, share in ((0, 10, 0.2), (10, 10, 0.2), (60, 212, 0.2), (30, 212, 0.2)):
        tails = binom.cdf(chosen, of, share), binom.sf(chosen - 1, of, share)
        assert membership.tail(chosen, of, share) == pytest.approx(min(tails), rel=1e-9)


@pytest.mark.fault("D10")
def test_a_fold_without_a_class_is_refused(frame: pd.DataFrame) -> None:
    malignant = frame[frame["diagnosis"] == 1].iloc[:6]
    few = pd.concat([malignant, frame[frame["diagnosis"] == 0]], ignore_index=True)
    with pytest.raises(WdbcError, match=r"By the hash of the measurements, \d of 5 folds hold no malignant patient"):
        fitting.fit(few[FEATURES], few["diagnosis"], recipe="logistic", method="hash")
