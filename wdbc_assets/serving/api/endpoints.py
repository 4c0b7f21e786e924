"""The routes of the service: the table `ROUTES`, and the handlers of its entries."""

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import Header, Request
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, RedirectResponse, Response

from wdbc_assets.domain import formatting
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.evaluation import recalibration
from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy
from wdbc_assets.domain.rules import groups
from wdbc_assets.serving import telemetry
from wdbc_assets.serving.api import bodies, docs_pages, inference, schemas
from wdbc_assets.serving.api.routes import Route
from wdbc_assets.serving.middleware import request_context
from wdbc_assets.serving.models.challenger import ChallengerRouter
from wdbc_assets.serving.models.champion import ChampionLoader
from wdbc_assets.serving.records.recorder import Recorder

AssignmentKey = Annotated[
    str | None,
    Header(
        alias="X-Assignment-Key",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Pseudonymous assignment key for A/B tests. While a challenger serves a share of the requests, all"
        " requests with the same key are served by the same model. Neither stored nor logged. Defaults to the API key"
        " or, without one, to the client address.",
    ),
]


@dataclass(frozen=True)
class Endpoints:
    """The handlers of the routes, and what they need.

    Attributes:
        flag: whether patients that violate the contract are scored and their violations listed, not rejected.
        root_path: the prefix under which a proxy publishes the service.
    """

    champion: ChampionLoader
    router: ChallengerRouter
    reader: bodies.BodyReader
    recorder: Recorder
    flag: bool
    root_path: str

    async def predict(self, request: Request, key: AssignmentKey = None) -> schemas.Predictions:
        """Predict the probability of malignancy for each patient and apply the decision policy.

        All predictions in a response come from the same model, which the response identifies. Measurements outside the
        reference range of the training set are listed in `outside_training`.
        """
        context = request_context.get(request.scope)
        loaded = self.champion.current()
        X, broken = await inference.measurements(self.reader, context.body, flag=self.flag)
        p = await inference.probabilities(loaded, X)
        self.recorder.scored(loaded, X, p, broken)
        loaded, p = await self.router.answer(loaded, X, p, context, key)
        context.rows, context.version = len(X), formatting.short(loaded.served.version)
        referred = self.champion.referral is not None
        answer = inference.predictions(loaded, X, p, broken, refers_everyone=referred)
        self.recorder.answered(context.request_id, answer)
        return answer

    async def explain(self, request: Request, key: AssignmentKey = None) -> schemas.Explanations:
        """Decompose the log-odds of each patient into additive contributions of the measurements.

        The decomposition is exact. It exists for linear models only; for any other champion the response is 409.
        """
        context = request_context.get(request.scope)
        loaded = self.router.model_for_explanation(self.champion.current(), context, key)
        X, broken = await inference.measurements(self.reader, context.body, flag=self.flag)
        intercept, terms = inference.contributions(loaded, X)
        context.rows, context.version = len(X), formatting.short(loaded.served.version)
        return inference.explanations(loaded, intercept, terms, broken)

    async def model(self) -> schemas.ChampionInfo:
        """Describe the champion: version, load time, decision policy, and the state of its hot reload."""
        loaded = self.champion.current()
        served = loaded.served
        return schemas.ChampionInfo(
            model=inference.model_info(loaded),
            compiled=served.compiled,
            loaded_at=loaded.since,
            policy=_policy(served.policy),
            refresh=self.champion.refresh,
            challenger=self._challenger(),
            refers_everyone=self._referral(),
        )

    def _referral(self) -> schemas.ReferralInfo | None:
        policy = self.champion.referral
        return None if policy is None else schemas.ReferralInfo(since=policy.since, reason=policy.reason)

    def _challenger(self) -> schemas.ChallengerInfo | None:
        if self.router.variant is None:
            return None
        experiment, variant = self.router.variant
        return schemas.ChallengerInfo(model=inference.model_info(variant), share=experiment.share)

    async def data_contract(self) -> schemas.Contract:
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
            breaches="flag" if self.flag else "refuse",
            most_patients=self.reader.most,
            example={"patients": [schemas.EXAMPLE]},
        )

    async def live(self) -> schemas.State:
        """Liveness probe: responds as long as the process runs. Checks neither model nor store."""
        return schemas.State(status="alive")

    async def ready(self) -> schemas.State:
        """Readiness probe: 200 if a champion is loaded, 503 otherwise."""
        self.champion.current()
        return schemas.State(status="ready", refresh=self.champion.refresh)

    async def metrics(self) -> Response:
        """Return the Prometheus metrics of all workers. Requires a key with the scope `admin`."""
        page = await asyncio.to_thread(telemetry.page)
        return Response(page, media_type=CONTENT_TYPE_LATEST)

    async def start(self) -> Response:
        """Redirect to Swagger UI."""
        return RedirectResponse(f"{self.root_path}/docs")

    async def swagger(self) -> Response:
        """Return the page of Swagger UI."""
        return docs_pages.page("swagger.html")

    async def redoc(self) -> Response:
        """Return the page of ReDoc."""
        return docs_pages.page("redoc.html")

    async def page_file(self, name: str) -> Response:
        """Return a file that one of the two pages loads."""
        return docs_pages.file(name)

    async def openapi(self, request: Request) -> Response:
        """Return the OpenAPI document."""
        return JSONResponse(request.app.openapi())


def _policy(policy: DecisionPolicy) -> schemas.Policy:
    bounds = recalibration.bounds(policy)
    return schemas.Policy(
        prevalence=policy.prevalence,
        trained_prevalence=policy.training.prevalence,
        threshold=bounds.threshold,
        recall_target=policy.recall_target,
        quantiles=vars(bounds.quantiles),
    )


_V1, _OPERATION = "version 1", "operation"

ROUTES = (
    Route("POST", "/v1/predict", Endpoints.predict, scope="predict", has_body=True, section=_V1),
    Route("POST", "/v1/explain", Endpoints.explain, scope="predict", has_body=True, section=_V1, errors=(409,)),
    Route("GET", "/v1/model", Endpoints.model, scope="predict", section=_V1),
    Route("GET", "/v1/contract", Endpoints.data_contract, scope="predict", section=_V1),
    Route("GET", "/health/live", Endpoints.live, scope=None, section=_OPERATION),
    Route("GET", "/health/ready", Endpoints.ready, scope=None, section=_OPERATION),
    Route("GET", "/metrics", Endpoints.metrics, scope="admin", section=_OPERATION),
    Route("GET", "/", Endpoints.start, scope=None),
    Route("GET", "/docs", Endpoints.swagger, scope=None),
    Route("GET", "/redoc", Endpoints.redoc, scope=None),
    Route("GET", "/pages/{name}", Endpoints.page_file, scope=None),
    Route("GET", "/openapi.json", Endpoints.openapi, scope=None),
)
_EXACT = {route.path: route for route in ROUTES if "{" not in route.path}
_FOLDERS = {route.path.partition("{")[0]: route for route in ROUTES if "{" in route.path}


def find(path: str) -> Route | None:
    """Return the route of a path, whatever the method, or None for an unknown path."""
    if (route := _EXACT.get(path)) is not None:
        return route
    return next((route for folder, route in _FOLDERS.items() if path.startswith(folder)), None)
