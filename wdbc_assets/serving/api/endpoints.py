"""Version 1: predict, explain, which model, which contract."""

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
from wdbc_assets.serving.models.champion import Answering, Champion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Key = Annotated[
    str | None,
    Header(
        alias="X-Assignment-Key",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="What belongs together, a pseudonym: while a challenger answers a share of the requests, all with"
        " the same key are answered by the same model. It is neither kept nor logged.",
    ),
]
BODIES = frozenset({"/v1/predict", "/v1/explain"})
"""The paths that take a body: no other body is read."""
_DEMANDS = {rule.name: rule.description for rule in groups.MEASUREMENT_RULES}
_LARGE = 32 * 1024  # bytes: some fifty patients

logger = logging.getLogger("wdbc_assets.serving")


def router(champion: Champion, router: ChallengerRouter, reader: bodies.Reader, *, flag: bool) -> APIRouter:
    """Return the routes of version 1; `flag` says that measurements that break the contract are answered and named."""
    made = APIRouter(prefix="/v1", tags=["version 1"])

    @made.post("/predict", **openapi.asking(503))
    async def predict(request: Request, key: Key = None) -> schemas.Predictions:
        """Say for each patient how probable malignant is, and what the policy makes of it.

        All answers are of one model, which the answer names. Measurements that are unlike those of the training part
        are named in `outside_training`.
        """
        call = request_context.of(request.scope)
        answering = champion.now()
        X, broken = await _measurements(reader, call.body, flag=flag)
        p = await _probabilities(answering, X)
        answering, p = await router.answer(answering, X, p, call, key)
        call.rows, call.version = len(X), answering.served.version[:12]
        return _predictions(answering, X, p, broken)

    @made.post("/explain", **openapi.asking(409, 503))
    async def explain(request: Request, key: Key = None) -> schemas.Explanations:
        """Say for each patient what each measurement adds to the log-odds of malignant; exact, not estimated.

        Only a linear champion can be explained so; for any other the answer is 409.
        """
        call = request_context.of(request.scope)
        answering = router.explains(champion.now(), call, key)
        X, broken = await _measurements(reader, call.body, flag=flag)
        found = _terms(answering, X)
        call.rows, call.version = len(X), answering.served.version[:12]
        return _explanations(answering, *found, broken)

    @made.get("/model", **openapi.asked(503))
    async def model() -> schemas.Champion:
        """Say which model answers, since when, by which policy, and whether it could be refreshed."""
        answering = champion.now()
        served = answering.served
        return schemas.Champion(
            model=_model(answering),
            compiled=served.compiled,
            loaded_at=answering.since,
            policy=schemas.Policy(**{name: served.policy[name] for name in schemas.Policy.model_fields}),
            refresh=champion.refresh,
            challenger=_challenger(router),
        )

    @made.get("/contract", **openapi.asked())
    async def the_contract() -> schemas.Contract:
        """Say what measurements must be: units, bounds, and the rules between them."""
        columns = [column for column in contract.CLEAN_COLUMNS if column.name in contract.FEATURES]
        return schemas.Contract(
            measurements=[
                schemas.ColumnOfContract(
                    name=one.name, unit=one.unit, meaning=one.meaning, constraints=list(one.constraints)
                )
                for one in columns
            ],
            rules=[
                schemas.RuleOfContract(name=rule.name, demand=rule.description, hint=rule.hint)
                for rule in groups.MEASUREMENT_RULES
            ],
            breaches="flag" if flag else "refuse",
            most_patients=reader.most,
            example={"patients": [schemas.EXAMPLE]},
        )

    return made


async def _measurements(reader: bodies.Reader, body: bytes, *, flag: bool) -> "tuple[Array, list[list[str]]]":
    """Return the measurements, and for each row which rules it breaks."""

    def measure() -> "tuple[Array, list[list[str]]]":
        X = reader.read(body)
        return X, _broken_rules(X, flag=flag)

    # A large body takes milliseconds: others are answered meanwhile.
    return await asyncio.to_thread(measure) if len(body) > _LARGE else measure()


def _broken_rules(X: "Array", *, flag: bool) -> list[list[str]]:
    """Return for each row which rules it breaks.

    Raises:
        ProblemError: there are any, and they are not to be flagged.
    """
    found = screening.faults(X)
    broken: list[list[str]] = [[] for _ in X]
    for rule, cells in Counter(fault.rule for fault in found).items():
        telemetry.BREACHES.labels(rule).inc(cells)
    for fault in found:
        broken[fault.position].append(f"{fault.column}: {fault.rule}")
    if found and not flag:
        raise problems.of_invalid_fields(
            InvalidField(row=one.position + 1, field=one.column, rule=one.rule, detail=_DEMANDS[one.rule])
            for one in found
        )
    return broken


async def _probabilities(answering: Answering, X: "Array") -> "Array":
    try:
        if answering.served.compiled:
            return answering.served.probabilities(X)
        # scikit-learn takes milliseconds: others are answered meanwhile.
        return await asyncio.to_thread(answering.served.probabilities, X)
    except WdbcError:
        raise _incomputable() from None


def _terms(answering: Answering, X: "Array") -> tuple[float, "Array"]:
    try:
        found = answering.served.contributions(X)
    except WdbcError:
        raise _incomputable() from None
    if found is None:
        raise ProblemError(
            409, "not-linear", f"The recipe {answering.served.recipe} is not linear: it has no such sum."
        )
    if not np.isfinite(found[1]).all():
        raise _incomputable()
    return found


def _incomputable() -> ProblemError:
    return ProblemError(422, "cannot-compute", "A measurement is too large to compute with. Nothing was predicted.")


def _model(answering: Answering) -> schemas.Model:
    return schemas.Model(version=answering.served.version, recipe=answering.served.recipe)


def _challenger(router: ChallengerRouter) -> schemas.Challenger | None:
    if router.variant is None:
        return None
    experiment, variant = router.variant
    return schemas.Challenger(model=_model(variant), share=experiment.share)


def _predictions(answering: Answering, X: "Array", p: "Array", broken: Sequence[list[str]]) -> schemas.Predictions:
    served = answering.served
    decisions, sets = served.decisions(p).tolist(), served.sets(p).tolist()
    outside = answering.usual.outside(X)
    telemetry.decided(sets, sum(map(bool, outside)))
    rows = zip(p.tolist(), decisions, sets, outside, broken, strict=True)
    return schemas.Predictions(
        model=_model(answering),
        predictions=[
            schemas.Prediction(probability=one, decision=decision, set=set_, outside_training=beyond, breaches=rules)
            for one, decision, set_, beyond, rules in rows
        ],
    )


def _explanations(
    answering: Answering, intercept: float, terms: "Array", broken: Sequence[list[str]]
) -> schemas.Explanations:
    log_odds = intercept + terms.sum(axis=1)
    p = linear_scorer.sigmoid(log_odds)
    strongest = np.argsort(-np.abs(terms), axis=1, kind="stable")
    names = answering.served.features

    def explanation(row: int) -> dict[str, Any]:
        order = strongest[row].tolist()
        return {names[column]: float(terms[row, column]) for column in order}

    return schemas.Explanations(
        model=_model(answering),
        intercept=intercept,
        explanations=[
            schemas.Explanation(
                probability=float(p[row]),
                log_odds=float(log_odds[row]),
                contributions=explanation(row),
                breaches=broken[row],
            )
            for row in range(len(terms))
        ],
    )
