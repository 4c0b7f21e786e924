"""Routes for operators: liveness, readiness and Prometheus metrics."""

import asyncio

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from wdbc_assets.serving import telemetry
from wdbc_assets.serving.api import openapi, schemas
from wdbc_assets.serving.models.champion import Champion


def router(champion: Champion) -> APIRouter:
    """Return the routes for operators."""
    routes = APIRouter(tags=["operation"])

    @routes.get("/health/live", **openapi.public())
    async def live() -> schemas.State:
        """Liveness probe: responds as long as the process runs. Checks neither model nor store."""
        return schemas.State(status="alive")

    @routes.get("/health/ready", **openapi.public())
    async def ready() -> schemas.State:
        """Readiness probe: 200 if a champion is loaded, 503 otherwise."""
        champion.current()
        return schemas.State(status="ready", refresh=champion.refresh)

    @routes.get("/metrics", response_class=Response, **openapi.with_key())
    async def metrics() -> Response:
        """Return the Prometheus metrics of all workers. Requires a key with the scope `admin`."""
        page = await asyncio.to_thread(telemetry.page)
        return Response(page, media_type=CONTENT_TYPE_LATEST)

    return routes
