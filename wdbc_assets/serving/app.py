"""Application factory: wires settings, champion, keys, routes and middleware together. No logic of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from types import MethodType

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from wdbc_assets import settings
from wdbc_assets.serving import access, api_keys, telemetry
from wdbc_assets.serving.api import bodies, endpoints, exception_handlers, openapi
from wdbc_assets.serving.api.endpoints import Endpoints
from wdbc_assets.serving.api.problems import ProblemError
from wdbc_assets.serving.keyring import Keyring
from wdbc_assets.serving.middleware import request_context
from wdbc_assets.serving.middleware.auth import AuthMiddleware
from wdbc_assets.serving.middleware.limits import RequestLimits
from wdbc_assets.serving.middleware.request_log import RequestLogMiddleware
from wdbc_assets.serving.models.challenger import ChallengerRouter
from wdbc_assets.serving.models.champion import ChampionLoader
from wdbc_assets.serving.models.shadow import Shadow
from wdbc_assets.serving.records.recorder import Recorder

_END_SECONDS = 5.0  # longer than a challenger may take to store its last pairs

_DESCRIPTION = """\
Predicts the probability of malignancy from thirty measurements of a fine-needle aspirate of a breast mass, using the
champion of the artifact store.

A methods study on a public data set (UCI Breast Cancer Wisconsin, Diagnostic). Not a medical device."""


def create() -> ASGIApp:
    """Return the application of one worker, configured by the settings.

    Raises:
        WdbcError: A setting is invalid.
    """
    options = settings.load()
    root = settings.project_root()
    store = options.open_store()
    champion, router = ChampionLoader(store), ChallengerRouter(store)
    shadow = Shadow(store, lambda: (router.experiment, router.queue), seconds=options.serve_challenger_seconds)
    recorder = Recorder(store, champion, options)
    keyring = Keyring(api_keys.locate(options.serve_keys, relative_to=root), access.inherited())

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watches = (champion.watch, keyring.watch, router.watch, telemetry.watch)
        watchers = [asyncio.create_task(watch(options.serve_refresh_seconds)) for watch in watches]
        watchers += map(asyncio.create_task, (shadow.work(), recorder.work(), recorder.watch_reference()))
        await champion.wait_for_first_poll()
        yield
        for watcher in watchers:
            watcher.cancel()
        await asyncio.wait([*watchers, asyncio.create_task(recorder.finish())], timeout=_END_SECONDS)

    app = FastAPI(
        title="wdbc_assets", version="1", description=_DESCRIPTION, lifespan=lifespan,
        docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False,
    )  # fmt: skip
    flag = options.serve_breaches == "flag"
    reader = bodies.BodyReader(bounded=not flag, most=options.serve_largest_rows)
    root_path = options.serve_root_path
    app.openapi = openapi.document(  # type: ignore[method-assign] # as FastAPI documents it
        app, request=reader.model, root_path=root_path, keyless=lambda: keyring.open
    )
    handlers = Endpoints(champion, router, reader, recorder, flag=flag, root_path=root_path)
    for route in endpoints.ROUTES:
        openapi.add(app, route, MethodType(route.handler, handlers))
    for kind in (ProblemError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _handle)
    limits = RequestLimits(
        app,
        largest=options.serve_largest_bytes,
        seconds=options.serve_seconds,
        at_once=options.serve_concurrent,
    )
    auth = AuthMiddleware(limits, keyring, per_minute=options.serve_requests_per_minute)
    return RequestLogMiddleware(auth, endpoints.find, options.trusted_proxies(), root_path=root_path)


async def _handle(request: Request, error: Exception) -> Response:
    problem = error if isinstance(error, ProblemError) else exception_handlers.problem_for(error)
    return problem.response(request_context.get(request.scope).request_id)
