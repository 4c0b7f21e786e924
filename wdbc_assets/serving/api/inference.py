"""From the body of a request to the predictions or explanations of its response."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import linear_scorer
from wdbc_assets.domain.rules import groups, screening
from wdbc_assets.serving import telemetry
from wdbc_assets.serving.api import bodies, problems, schemas
from wdbc_assets.serving.api.problems import InvalidField, ProblemError
from wdbc_assets.serving.models.champion import LoadedModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_REQUIREMENTS = {rule.name: rule.description for rule in groups.MEASUREMENT_RULES}
_LARGE = 32 * 1024  # bytes; about fifty patients


async def measurements(reader: bodies.BodyReader, body: bytes, *, flag: bool) -> "tuple[Array, list[list[str]]]":
    """Return the measurements, shape (patients, 30), and for each row the rules that it violates.

    Raises:
        ProblemError: The body is invalid or, unless `flag`, a rule is violated.
    """

    def parse() -> "tuple[Array, list[list[str]]]":
        X = reader.read(body)
        return X, _broken_rules(X, flag=flag)

    # A large body takes milliseconds; a thread keeps the event loop free for other requests.
    return await asyncio.to_thread(parse) if len(body) > _LARGE else parse()


def _broken_rules(X: "Array", *, flag: bool) -> list[list[str]]:
    """Return for each row the rules that it violates.

    Raises:
        ProblemError: A rule is violated and `flag` is false.
    """
    violations = screening.faults(X)
    broken: list[list[str]] = [[] for _ in X]
    for rule, cells in Counter(violation.rule for violation in violations).items():
        telemetry.BREACHES.labels(rule).inc(cells)
    for violation in violations:
        broken[violation.position].append(f"{violation.column}: {violation.rule}")
    if violations and not flag:
        raise problems.invalid_request(
            InvalidField(
                row=violation.position + 1,
                field=violation.column,
                rule=violation.rule,
                detail=_REQUIREMENTS[violation.rule],
            )
            for violation in violations
        )
    return broken


async def probabilities(loaded: LoadedModel, X: "Array") -> "Array":
    """Return the probability of malignancy of each patient by the model as it was fitted: see `predictions`.

    Raises:
        ProblemError: 422 if the computation overflows.
    """
    try:
        if loaded.served.compiled:
            return loaded.served.probabilities(X)
        # scikit-learn takes milliseconds; a thread keeps the event loop free for other requests.
        return await asyncio.to_thread(loaded.served.probabilities, X)
    except WdbcError:
        raise _overflow() from None


def contributions(loaded: LoadedModel, X: "Array") -> tuple[float, "Array"]:
    """Return the intercept and the contribution of each measurement to the log-odds, shape (patients, 30).

    Raises:
        ProblemError: 409 if the model is not linear; 422 if the computation overflows.
    """
    try:
        decomposition = loaded.served.contributions(X)
    except WdbcError:
        raise _overflow() from None
    if decomposition is None:
        raise ProblemError(
            409,
            "not-linear",
            f"The recipe {loaded.served.recipe} is not linear: its predictions have no additive contributions.",
        )
    if not np.isfinite(decomposition[1]).all():
        raise _overflow()
    return decomposition


def _overflow() -> ProblemError:
    return ProblemError(
        422, "cannot-compute", "A measurement is so large that the computation overflows. Nothing was predicted."
    )


def model_info(loaded: LoadedModel) -> schemas.ModelInfo:
    """Return which model produced a response."""
    return schemas.ModelInfo(version=loaded.served.version, recipe=loaded.served.recipe)


def predictions(
    loaded: LoadedModel, X: "Array", p: "Array", broken: Sequence[list[str]], *, refers_everyone: bool
) -> schemas.Predictions:
    """Apply the decision policy to the probabilities of the model, and report them recalibrated; count the patients."""
    served = replace(loaded.served, refers_everyone=True) if refers_everyone else loaded.served
    triage, above_threshold = served.triage(p).tolist(), served.above_threshold(p).tolist()
    outside = loaded.reference_range.outside(X)
    telemetry.count_patients(triage, sum(map(bool, outside)))
    rows = zip(served.recalibrated(p).tolist(), triage, above_threshold, outside, broken, strict=True)
    return schemas.Predictions(
        model=model_info(loaded),
        policy=served.applied_policy,
        predictions=[
            schemas.Prediction(
                triage=outcome, probability=probability, above_threshold=above, outside_training=beyond, breaches=rules
            )
            for probability, outcome, above, beyond, rules in rows
        ],
    )


def explanations(
    loaded: LoadedModel, intercept: float, terms: "Array", broken: Sequence[list[str]]
) -> schemas.Explanations:
    """Return the contributions, largest absolute value first, with the probabilities that they add up to."""
    log_odds = intercept + terms.sum(axis=1)
    p = linear_scorer.sigmoid(log_odds)
    strongest = np.argsort(-np.abs(terms), axis=1, kind="stable")
    names = loaded.served.features

    def by_size(row: int) -> dict[str, float]:
        order = strongest[row].tolist()
        return {names[column]: float(terms[row, column]) for column in order}

    return schemas.Explanations(
        model=model_info(loaded),
        intercept=intercept,
        explanations=[
            schemas.Explanation(
                probability=float(p[row]),
                log_odds=float(log_odds[row]),
                contributions=by_size(row),
                breaches=broken[row],
            )
            for row in range(len(terms))
        ],
    )
