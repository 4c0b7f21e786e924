"""Newton's method for many ridge logistic regressions at once, on sums over the partitions of a table.

A problem is the fit of one candidate on one training set. Each pass over the table gives every problem its loss and its
gradient. The Hessian is the expensive sum. With many rows it hardly differs between the folds of a candidate, so each
problem steps by one that is given, and asks for its own only if its gradient does not shrink fast. What converges is
the gradient of the problem itself, so the result is that of `newton`, to rounding error. This module imports numpy, so
callers import it inside functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.data import partitions as tables
from wdbc_assets.domain.modeling import summed_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from wdbc_assets.domain.data.partitions import Draws, Partitions, Patients
    from wdbc_assets.domain.modeling.summed_terms import Kind, Terms

    Array = NDArray[np.float64]

TOLERANCE = 1e-11
"""Of the largest component of the gradient of the mean loss; one more step follows."""
_FAST = 1 / 8  # a step that shrinks the gradient less than this asks for the problem's own Hessian
_SMALLEST_STEP, _ROUNDING, _SUFFICIENT = 2.0**-30, 1e-13, 1e-4
MOST_PASSES = 100


class FitProblem:
    """One fit: the training set s of `order_statistics.Counted`, its number of rows, and the penalty of its weights.

    The weights, shape (terms + 1,), the intercept last, minimize the mean loss + penalty |weights|^2 / 2.
    """

    def __init__(self, s: int, rows: int, c: float, start: Array, curvature: Array | None) -> None:
        self.s = s
        self.rows = rows
        self.penalty = np.full(len(start), 1 / (c * rows))
        self.penalty[-1] = 0.0
        self.weights = start
        self.curvature = curvature
        self.wants_curvature = curvature is None
        self.passes = 0
        self.done = self.converged = False
        self._last: tuple[Array, Array, float, float, float] | None = None  # weights, step, loss, slope, gradient
        self._length, self._own = 1.0, False

    def take(self, loss: float, gradient: Array, curvature: Array | None) -> None:
        """Take the sums at `weights`, and move them on."""
        self.passes += 1
        value = loss / self.rows + float((self.penalty * self.weights**2).sum()) / 2
        total_gradient = gradient / self.rows + self.penalty * self.weights
        steepest = float(np.abs(total_gradient).max())
        if self._last is not None:
            weights, step, before, slope, steepest_before = self._last
            enough = before + _ROUNDING * abs(before) - _SUFFICIENT * self._length * slope
            if not (value <= enough or steepest <= TOLERANCE) and self._length > _SMALLEST_STEP:
                if not self._own:  # back, for a step by the problem's own Hessian
                    self.weights, self._last, self.wants_curvature = weights, None, True
                    return
                self._length /= 2
                self.weights = weights - self._length * step
                return
            self.wants_curvature = steepest > _FAST * steepest_before
        if curvature is not None:
            self.curvature = curvature / self.rows
        self._own = curvature is not None
        hessian = np.array(self.curvature)
        hessian.flat[:: len(hessian) + 1] += self.penalty
        step = np.linalg.solve(hessian, total_gradient)
        self._last, self._length = (self.weights, step, value, float(total_gradient @ step), steepest), 1.0
        self.weights = self.weights - step
        self.converged = steepest <= TOLERANCE
        self.done = self.converged or self.passes >= MOST_PASSES


def solve(
    kind: Kind,
    partitions: Partitions[Patients],
    draws: Draws,
    terms: Sequence[Terms],
    problems: Sequence[FitProblem],
    on_pass: Callable[[int], None],
) -> None:
    """Solve the problems, all in the same passes over the table; `on_pass` receives how many are solved."""
    while open_ := [problem for problem in problems if not problem.done]:
        by_set: dict[int, list[FitProblem]] = {}
        for problem in open_:
            by_set.setdefault(problem.s, []).append(problem)
        requests = tuple(
            _Request(
                s,
                terms[s],
                np.column_stack([problem.weights for problem in set_problems]),
                tuple(number for number, problem in enumerate(set_problems) if problem.wants_curvature),
            )
            for s, set_problems in by_set.items()
        )
        parts = partitions.map(partial(_sums, kind, draws, requests))
        for place, (request, set_problems) in enumerate(zip(requests, by_set.values(), strict=True)):
            losses, gradients, curvatures = (
                tables.total([part[place][quantity] for part in parts]) for quantity in range(3)
            )
            for number, problem in enumerate(set_problems):
                own = curvatures[request.with_curvature.index(number)] if number in request.with_curvature else None
                problem.take(float(losses[number]), gradients[:, number], own)
        on_pass(sum(problem.done for problem in problems))


@dataclass(frozen=True)
class _Request:
    """Which sums a pass returns: of a training set, at the weights of its candidates (one column each)."""

    s: int
    terms: Terms
    weights: Array
    with_curvature: tuple[int, ...]


def _sums(
    kind: Kind, draws: Draws, requests: Sequence[_Request], patients: Patients
) -> list[tuple[Array, Array, Array]]:
    """Return the losses, gradients and Hessians of each set, summed over the partition."""
    training, fold_of = draws.training(patients)
    sums = []
    for request in requests:
        size, count = request.weights.shape
        sums.append((np.zeros(count), np.zeros((size, count)), np.zeros((len(request.with_curvature), size, size))))
    for block in summed_terms.blocks(kind, training.X):
        for request, (losses, gradients, curvatures) in zip(requests, sums, strict=True):
            kept = summed_terms.in_set(fold_of[:, block.rows], request.s, draws.folds)
            design = block.design(request.terms, kept)
            y = training.y[block.rows][kept][:, None].astype(np.float64)
            log_odds = design @ request.weights
            # One exponential serves both the probability and the loss, log(1 + exp(-x)) of the true class.
            small = np.exp(-np.abs(log_odds))
            p = np.where(log_odds >= 0, 1.0, small) / (1 + small)
            losses[:] += (np.log1p(small) + np.maximum(np.where(y == 1, -log_odds, log_odds), 0)).sum(axis=0)
            gradients[:] += design.T @ (p - y)
            for number, column in enumerate(request.with_curvature):
                curvatures[number] += (design.T * (p[:, column] * (1 - p[:, column]))) @ design
    return sums


def softplus(log_odds: Array) -> Array:
    """Return log(1 + exp(x)), in a third of the time of `np.logaddexp`."""
    smooth: Array = np.log1p(np.exp(-np.abs(log_odds))) + np.maximum(log_odds, 0)
    return smooth
