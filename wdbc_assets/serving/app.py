"""Puts the service together: settings, champion, keys, routes, and the layers around them. No logic of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from wdbc_assets import settings
from wdbc_assets.serving import access, api_keys, telemetry
from wdbc_assets.serving.api import bodies, docs_pages, endpoints, exception_handlers, health, openapi
from wdbc_assets.serving.api.problems import ProblemError
from wdbc_assets.serving.keyring import Keyring
from wdbc_assets.serving.middleware import request_context
from wdbc_assets.serving.middleware.auth import AuthMiddleware
from wdbc_assets.serving.middleware.limits import RequestLimits
from wdbc_assets.serving.middleware.request_log import RequestLogMiddleware
from wdbc_assets.serving.models.challenger import ChallengerRouter
from wdbc_assets.serving.models.champion import Champion
from wdbc_assets.serving.models.shadow import Shadow
from wdbc_assets.store.store import open_store

_END_SECONDS = 5.0  # more than a challenger gets to put down what it has paired

_ABOUT = """\
P(malignant) from the thirty measurements of a fine-needle aspirate, by the champion of the artifact store.
A study of method on a public data set, not a medical device."""


def create() -> ASGIApp:
    """Return the service as the settings say, for one worker.

    Raises:
        WdbcError: a setting is wrong.
    """
    chosen = settings.load()
    root = settings.project_root()
    store = open_store(chosen.storage, relative_to=root)
    champion, router = Champion(store), ChallengerRouter(store)
    shadow = Shadow(store, lambda: (router.experiment, router.queue), seconds=chosen.serve_challenger_seconds)
    keyring = Keyring(api_keys.place(chosen.serve_keys, relative_to=root), access.decided())

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watches = (champion.watch, keyring.watch, router.watch, telemetry.watch)
        watchers = [asyncio.create_task(watch(chosen.serve_refresh_seconds)) for watch in watches]
        watchers.append(asyncio.create_task(shadow.work()))
        await champion.settled()
        yield
        for watcher in watchers:
            watcher.cancel()
        await asyncio.wait(watchers, timeout=_END_SECONDS)

    app = FastAPI(
        title="wdbc_assets", version="1", description=_ABOUT, lifespan=lifespan,
        docs_url=None, redoc_url=None, openapi_url="/openapi.json", redirect_slashes=False,
    )  # fmt: skip
    flag = chosen.serve_breaches == "flag"
    reader = bodies.Reader(bounded=not flag, most=chosen.serve_largest_rows)
    root_path = chosen.serve_root_path
    app.openapi = openapi.document(  # type: ignore[method-assign] # as FastAPI's own pages say
        app, request=reader.model, root_path=root_path, keyless=lambda: keyring.open
    )
    app.include_router(endpoints.router(champion, router, reader, flag=flag))
    app.include_router(health.router(champion))
    app.include_router(docs_pages.router(root_path))
    for kind, told in (
        (ProblemError, _told),
        (RequestValidationError, _told),
        (HTTPException, _told),
        (Exception, _told),
    ):
        app.add_exception_handler(kind, told)
    patient = RequestLimits(
        app,
        bodies=endpoints.BODIES,
        largest=chosen.serve_largest_bytes,
        seconds=chosen.serve_seconds,
        at_once=chosen.serve_concurrent,
    )
    gate = AuthMiddleware(patient, keyring, per_minute=chosen.serve_requests_per_minute)
    return RequestLogMiddleware(gate, chosen.trusted_proxies(), root_path=root_path)


async def _told(request: Request, error: Exception) -> Response:
    refused = error if isinstance(error, ProblemError) else exception_handlers.problem_of(error)
    return refused.response(request_context.of(request.scope).request_id)
