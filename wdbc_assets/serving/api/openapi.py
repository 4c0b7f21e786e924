"""The parts of the OpenAPI document that FastAPI does not derive: problems, request bodies, and authentication."""

from collections.abc import Callable
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.datastructures import Default
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from wdbc_assets.serving.api import problems
from wdbc_assets.serving.api.routes import Route

_DESCRIPTIONS = {
    400: "Malformed request: invalid JSON, damaged gzip data, or an invalid header.",
    401: "Missing or invalid API key.",
    403: "The API key lacks the required scope.",
    404: "No such resource.",
    405: "Method not allowed; `Allow` lists the supported methods.",
    408: "The request body did not arrive in time.",
    409: "The champion is not a linear model, so its predictions cannot be decomposed into contributions.",
    413: "The request body exceeds the size limit, measured after decompression.",
    415: "Unsupported media type or content encoding. Send `application/json`, optionally compressed with gzip.",
    421: "No API key exists yet, and the `Host` header does not name the local machine.",
    422: "Validation failed. `errors` lists each error with its row and field.",
    429: "Rate limit exceeded. Retry after the number of seconds in `Retry-After`.",
    500: "Internal server error.",
    503: "No champion is loaded, or the service is overloaded. Retry after the number of seconds in `Retry-After`.",
}
_SCHEMAS = "#/components/schemas/"
_KEY_ERRORS = frozenset({401, 403, 421, 429, 500})
_BODY_ERRORS = frozenset({400, 408, 413, 415, 422})


def add(app: FastAPI, route: Route, handler: Callable[..., Any]) -> None:
    """Add a route to the application, with what the OpenAPI document says about it."""
    errors = {503, *route.errors}
    extra: dict[str, Any] = {}
    if route.scope is not None:
        errors |= _KEY_ERRORS
        extra["security"] = [{"key": []}]
    if route.has_body:
        errors |= _BODY_ERRORS
        schema = {"$ref": f"{_SCHEMAS}Request"}
        extra["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    returned = handler.__annotations__["return"]
    app.add_api_route(
        route.path,
        handler,
        methods=[route.method],
        tags=[route.section] if route.section else None,
        include_in_schema=route.section is not None,
        responses={status: _problem(status) for status in sorted(errors)},
        response_class=Response if issubclass(returned, Response) else Default(JSONResponse),
        openapi_extra=extra,
    )


def _problem(status: int) -> dict[str, Any]:
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
    return {"description": _DESCRIPTIONS[status], "content": content}


def document(
    app: FastAPI, *, request: type[BaseModel], root_path: str, keyless: Callable[[], bool]
) -> Callable[[], dict[str, Any]]:
    """Return a function that builds the OpenAPI document.

    FastAPI's own document lacks the schema of the request body, which is validated outside of FastAPI, and that of
    problems. It also lacks the path prefix of a proxy, and the security scheme, which is present only if keys are
    required.
    """

    @cache
    def build(without_key: bool) -> dict[str, Any]:  # noqa: FBT001 -- the argument is the key of the cache
        content = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        if root_path:
            content["servers"] = [{"url": root_path}]
        components = content.setdefault("components", {})
        for model in (request, problems.Problem):
            schema = model.model_json_schema(ref_template=_SCHEMAS + "{model}")
            components.setdefault("schemas", {}).update({**schema.pop("$defs"), model.__name__: schema})
        if without_key:
            for operations in content["paths"].values():
                for operation in operations.values():
                    operation.pop("security", None)
        else:
            description = "API key created with `wdbc key create NAME`, sent as `Authorization: Bearer KEY`."
            components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": description}}
        return content

    return lambda: build(keyless())
