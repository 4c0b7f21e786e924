"""For whoever runs the service: is it alive, can it answer, and its figures."""

import asyncio

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from wdbc_assets.serving import telemetry
from wdbc_assets.serving.api import openapi, schemas
from wdbc_assets.serving.models.champion import Champion


def router(champion: Champion) -> APIRouter:
    """Return the routes."""
    made = APIRouter(tags=["operation"])

    @made.get("/health/live", **openapi.open_to_all())
    async def live() -> schemas.State:
        """Say that the process answers; nothing else is asked."""
        return schemas.State(status="alive")

    @made.get("/health/ready", **openapi.open_to_all())
    async def ready() -> schemas.State:
        """Say whether a model answers, and whether it could be refreshed."""
        champion.now()
        return schemas.State(status="ready", refresh=champion.refresh)

    @made.get("/metrics", response_class=Response, **openapi.asked())
    async def figures() -> Response:
        """Give the figures of all workers, for Prometheus. The key needs the scope `admin`."""
        page = await asyncio.to_thread(telemetry.page)
        return Response(page, media_type=CONTENT_TYPE_LATEST)

    return made
