"""What the OpenAPI document says of every route beyond its own answer: its problems, and which key it takes."""

from collections.abc import Callable
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from wdbc_assets.serving import problems

_SAID = {
    400: "The body is no JSON.",
    401: "No key, or one that opens nothing.",
    403: "A key of another scope.",
    404: "There is nothing here.",
    405: "Another method is needed.",
    408: "The body took too long to come.",
    409: "The champion is not linear: nothing to explain.",
    413: "The body is too large.",
    415: "Another kind of body.",
    421: "Without any key: another name than this machine's.",
    422: "What was sent breaks the contract; each fault with row and field.",
    429: "Too many requests; `Retry-After` says when to try again.",
    500: "A fault of the service.",
    503: "No champion yet, or too much to do; `Retry-After` says when to try again.",
}
_KEYED = (401, 403, 421, 429, 500)
_BODY = (400, 408, 413, 415, 422)


def asking(*statuses: int) -> dict[str, Any]:
    """Return what a route with a body and a key says of itself."""
    return asked(*_BODY, *statuses)


def asked(*statuses: int) -> dict[str, Any]:
    """Return what a route with a key says of itself."""
    return {**open_to_all(*_KEYED, *statuses), "openapi_extra": {"security": [{"key": []}]}}


def open_to_all(*statuses: int) -> dict[str, Any]:
    """Return what a route for everybody says of itself."""
    return {"responses": {status: _problem(status) for status in sorted({*statuses, 503})}}


def _problem(status: int) -> dict[str, Any]:
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": _SAID[status], "content": content}


def document(app: FastAPI, *, keyless: Callable[[], bool]) -> Callable[[], dict[str, Any]]:
    """Return what gives the OpenAPI document: with the schema of problems, and the kind of key while one is needed."""
    made = cache(lambda without: _made(app, keyless=without))
    return lambda: made(keyless())


def _made(app: FastAPI, *, keyless: bool) -> dict[str, Any]:
    whole = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = whole.setdefault("components", {})
    schema = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components.setdefault("schemas", {}).update({**schema.pop("$defs"), "Problem": schema})
    if keyless:
        for operations in whole["paths"].values():
            for operation in operations.values():
                operation.pop("security", None)
    else:
        said = "A key of `wdbc key create`."
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": said}}
    return whole
