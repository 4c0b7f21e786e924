"""API version 1: predictions, explanations, the model in production, and the data contract."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import APIRouter, Header, Request

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import linear_scorer
from wdbc_assets.domain.rules import groups, screening
from wdbc_assets.serving import telemetry
from wdbc_assets.serving.api import bodies, openapi, problems, schemas
from wdbc_assets.serving.api.problems import InvalidField, ProblemError
from wdbc_assets.serving.middleware import request_context
from wdbc_assets.serving.models.challenger import ChallengerRouter
from wdbc_assets.serving.models.champion import Champion, LoadedModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Key = Annotated[
    str | None,
    Header(
        alias="X-Assignment-Key",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Pseudonymous assignment key for A/B tests. While a challenger serves a share of the requests, all"
        " requests with the same key are served by the same model. Neither stored nor logged. Defaults to the API key"
        " or, without one, to the client address.",
    ),
]
BODIES = frozenset({"/v1/predict", "/v1/explain"})
"""The paths that accept a body. The body of a request to any other path is not read."""
_REQUIREMENTS = {rule.name: rule.description for rule in groups.MEASUREMENT_RULES}
_LARGE = 32 * 1024  # bytes; about fifty patients

logger = logging.getLogger("wdbc_assets.serving")


def router(champion: Champion, router: ChallengerRouter, reader: bodies.Reader, *, flag: bool) -> APIRouter:
    """Return the routes of version 1.

    If `flag`, patients that violate the contract are scored and their violations listed; otherwise they are rejected.
    """
    routes = APIRouter(prefix="/v1", tags=["version 1"])

    @routes.post("/predict", **openapi.with_body(503))
    async def predict(request: Request, key: Key = None) -> schemas.Predictions:
        """Predict the probability of malignancy for each patient and apply the decision policy.

        All predictions in a response come from the same model, which the response identifies. Measurements outside the
        reference range of the training set are listed in `outside_training`.
        """
        context = request_context.get(request.scope)
        loaded = champion.current()
        X, broken = await _measurements(reader, context.body, flag=flag)
        p = await _probabilities(loaded, X)
        loaded, p = await router.answer(loaded, X, p, context, key)
        context.rows, context.version = len(X), loaded.served.version[:12]
        return _predictions(loaded, X, p, broken)

    @routes.post("/explain", **openapi.with_body(409, 503))
    async def explain(request: Request, key: Key = None) -> schemas.Explanations:
        """Decompose the log-odds of each patient into additive contributions of the measurements.

        The decomposition is exact. It exists for linear models only; for any other champion the response is 409.
        """
        context = request_context.get(request.scope)
        loaded = router.model_for_explanation(champion.current(), context, key)
        X, broken = await _measurements(reader, context.body, flag=flag)
        intercept, terms = _contributions(loaded, X)
        context.rows, context.version = len(X), loaded.served.version[:12]
        return _explanations(loaded, intercept, terms, broken)

    @routes.get("/model", **openapi.with_key(503))
    async def model() -> schemas.Champion:
        """Describe the champion: version, load time, decision policy, and the state of its hot reload."""
        loaded = champion.current()
        served = loaded.served
        return schemas.Champion(
            model=_model(loaded),
            compiled=served.compiled,
            loaded_at=loaded.since,
            policy=schemas.Policy(**{name: served.policy[name] for name in schemas.Policy.model_fields}),
            refresh=champion.refresh,
            challenger=_challenger(router),
        )

    @routes.get("/contract", **openapi.with_key())
    async def data_contract() -> schemas.Contract:
        """Return the data contract: units and bounds of the measurements, and the rules between them."""
        columns = [column for column in contract.CLEAN_COLUMNS if column.name in contract.FEATURES]
        return schemas.Contract(
            measurements=[
                schemas.ContractColumn(
                    name=column.name, unit=column.unit, meaning=column.meaning, constraints=list(column.constraints)
                )
                for column in columns
            ],
            rules=[
                schemas.ContractRule(name=rule.name, demand=rule.description, hint=rule.hint)
                for rule in groups.MEASUREMENT_RULES
            ],
            breaches="flag" if flag else "refuse",
            most_patients=reader.most,
            example={"patients": [schemas.EXAMPLE]},
        )

    return routes


async def _measurements(reader: bodies.Reader, body: bytes, *, flag: bool) -> "tuple[Array, list[list[str]]]":
    """Return the measurements and, for each row, the rules that it violates."""

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


async def _probabilities(loaded: LoadedModel, X: "Array") -> "Array":
    try:
        if loaded.served.compiled:
            return loaded.served.probabilities(X)
        # scikit-learn takes milliseconds; a thread keeps the event loop free for other requests.
        return await asyncio.to_thread(loaded.served.probabilities, X)
    except WdbcError:
        raise _overflow() from None


def _contributions(loaded: LoadedModel, X: "Array") -> tuple[float, "Array"]:
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


def _model(loaded: LoadedModel) -> schemas.Model:
    return schemas.Model(version=loaded.served.version, recipe=loaded.served.recipe)


def _challenger(router: ChallengerRouter) -> schemas.Challenger | None:
    if router.variant is None:
        return None
    experiment, variant = router.variant
    return schemas.Challenger(model=_model(variant), share=experiment.share)


def _predictions(loaded: LoadedModel, X: "Array", p: "Array", broken: Sequence[list[str]]) -> schemas.Predictions:
    served = loaded.served
    decisions, sets = served.decisions(p).tolist(), served.sets(p).tolist()
    outside = loaded.reference_range.outside(X)
    telemetry.count_patients(sets, sum(map(bool, outside)))
    rows = zip(p.tolist(), decisions, sets, outside, broken, strict=True)
    return schemas.Predictions(
        model=_model(loaded),
        predictions=[
            schemas.Prediction(
                probability=probability, decision=decision, set=set_, outside_training=beyond, breaches=rules
            )
            for probability, decision, set_, beyond, rules in rows
        ],
    )


def _explanations(
    loaded: LoadedModel, intercept: float, terms: "Array", broken: Sequence[list[str]]
) -> schemas.Explanations:
    log_odds = intercept + terms.sum(axis=1)
    p = linear_scorer.sigmoid(log_odds)
    strongest = np.argsort(-np.abs(terms), axis=1, kind="stable")
    names = loaded.served.features

    def contributions(row: int) -> dict[str, Any]:
        order = strongest[row].tolist()
        return {names[column]: float(terms[row, column]) for column in order}

    return schemas.Explanations(
        model=_model(loaded),
        intercept=intercept,
        explanations=[
            schemas.Explanation(
                probability=float(p[row]),
                log_odds=float(log_odds[row]),
                contributions=contributions(row),
                breaches=broken[row],
            )
            for row in range(len(terms))
        ],
    )
