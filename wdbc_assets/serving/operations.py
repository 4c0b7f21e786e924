"""For whoever runs the service: is it alive, can it answer, and its figures."""

import asyncio

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from wdbc_assets.serving import documented, metrics, models
from wdbc_assets.serving.champion import Champion


def router(champion: Champion) -> APIRouter:
    """Return the routes."""
    made = APIRouter(tags=["operation"])

    @made.get("/health/live", **documented.open_to_all())
    async def live() -> models.State:
        """Say that the process answers; nothing else is asked."""
        return models.State(status="alive")

    @made.get("/health/ready", **documented.open_to_all())
    async def ready() -> models.State:
        """Say whether a model answers, and whether it could be refreshed."""
        champion.now()
        return models.State(status="ready", refresh=champion.refresh)

    @made.get("/metrics", response_class=Response, **documented.asked())
    async def figures() -> Response:
        """Give the figures of all workers, for Prometheus. The key needs the scope `admin`."""
        page = await asyncio.to_thread(metrics.page)
        return Response(page, media_type=CONTENT_TYPE_LATEST)

    return made
