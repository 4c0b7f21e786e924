"""The reference of the drift scan, built from patients whose diagnosis, or its probability, is known.

This module imports numpy, so callers import it inside functions.
"""

from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import logarithms
from wdbc_assets.domain.monitoring import streams
from wdbc_assets.domain.monitoring.streams import BINS, STREAMS, Reference

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

LEAST_PATIENTS = 100
"""Fewer patients estimate neither a distribution nor the covariance of 30 measurements."""

_NEGLIGIBLE = 1e-10  # of the largest eigenvalue: a direction in which the reference does not vary


def build(X: "ArrayLike", log_odds: "ArrayLike", malignant: "ArrayLike") -> Reference:
    """Return the reference of patients whose diagnosis, or its probability, is known.

    Args:
        X: Their measurements in the order of the contract, shape (n, 30), not negative.
        log_odds: The log-odds of models that were not fitted on the patient, shape (n,).
        malignant: The diagnoses, 1 for malignant, shape (n,). Where the diagnosis is unknown, the probability of
            malignant: the patient then counts in both classes, with these weights.

    Raises:
        WdbcError: there are too few patients, or only one class.
    """
    values, scores, truth = (
        np.asarray(X, dtype=float),
        np.asarray(log_odds, dtype=float),
        np.asarray(malignant, dtype=float),
    )
    if len(values) < LEAST_PATIENTS or not 0 < truth.sum() < len(truth):
        raise WdbcError(
            f"a reference of {len(values)} patients, {truth.sum():.0f} of them malignant, is too small",
            where="the reference of the drift report",
            hint=f"It takes at least {LEAST_PATIENTS} patients, and patients of both classes.",
        )
    offsets, least = logarithms.learn(values)
    logs = logarithms.of(values, offsets, least)
    centre = logs.mean(axis=0)
    whitening = _whitening(logs - centre)
    distance = _left_out(((logs - centre) @ whitening.T) ** 2)
    quantities = np.vstack([values.T, scores, distance])
    edges = np.quantile(scores, np.arange(1, BINS) / BINS)
    bins = np.searchsorted(edges, scores, side="right")
    made = Reference(
        values=np.sort(quantities, axis=1),
        shares=np.empty((2, len(STREAMS))),
        bin_shares=np.array([_smoothed(np.bincount(bins, weight, minlength=BINS)) for weight in (1 - truth, truth)]),
        prevalence=float(truth.mean()),
        edges=edges,
        logarithms=np.array([offsets, least]),
        centre=centre,
        whitening=whitening,
    )
    streams_of = np.vstack(streams.aspects(made.ranks(quantities), made.rows)) / (2 * made.rows)
    made.shares[:] = [np.average(streams_of, axis=1, weights=weight) for weight in (1 - truth, truth)]
    return made


def _smoothed(counts: "Array | NDArray[np.int64]") -> "Array":
    """Return shares from counts. Half a patient is added to each, so that no bin rules out a class."""
    shares: Array = (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
    return shares


def _whitening(centred: "Array") -> "Array":
    """Return the matrix W for which |W x|^2 is the Mahalanobis distance of a centred row x."""
    eigenvalues, vectors = np.linalg.eigh(np.cov(centred, rowvar=False))
    kept = eigenvalues > _NEGLIGIBLE * eigenvalues[-1]
    whitening: Array = (vectors[:, kept] / np.sqrt(eigenvalues[kept])).T
    return whitening


def _left_out(squares: "Array") -> "Array":
    """Return the distance of each patient from all others, given the squares of the whitened rows, shape (n, 30).

    A patient is closer to a mean and covariance in which it takes part: without this correction new patients would
    seem too far away. By the formula of Sherman and Morrison for the covariance without one row.
    """
    n = len(squares)
    leverage = np.minimum(squares.sum(axis=1) / (n - 1), (n - 1) / n * (1 - _NEGLIGIBLE))
    distance: Array = (n - 2) * (n / (n - 1)) ** 2 * leverage / (1 - n / (n - 1) * leverage)
    return distance
