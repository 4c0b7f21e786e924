"""What the OpenAPI document says of every route beyond its own answer: its problems, and which key it takes."""

from collections.abc import Callable
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from wdbc_assets.serving.api import problems

_SAID = {
    400: "The body is no JSON, or damaged gzip.",
    401: "No key, or one that opens nothing.",
    403: "A key of another scope.",
    404: "There is nothing here.",
    405: "Another method is needed.",
    408: "The body took too long to arrive.",
    409: "The champion is not linear: nothing to explain.",
    413: "The body is too large, counted after decompression.",
    415: "Another kind of body, or another Content-Encoding than gzip.",
    421: "Without any key: another name than this machine's.",
    422: "What was sent breaks the contract; each fault with row and field.",
    429: "Too many requests; `Retry-After` says when to try again.",
    500: "A fault of the service.",
    503: "No champion yet, or too much to do; `Retry-After` says when to try again.",
}
_SCHEMAS = "#/components/schemas/"
_KEYED = (401, 403, 421, 429, 500)
_BODY = (400, 408, 413, 415, 422)


def asking(*statuses: int) -> dict[str, Any]:
    """Return what a route with a body and a key says of itself."""
    said = asked(*_BODY, *statuses)
    body = {"required": True, "content": {"application/json": {"schema": {"$ref": f"{_SCHEMAS}Request"}}}}
    return {**said, "openapi_extra": {**said["openapi_extra"], "requestBody": body}}


def asked(*statuses: int) -> dict[str, Any]:
    """Return what a route with a key says of itself."""
    return {**open_to_all(*_KEYED, *statuses), "openapi_extra": {"security": [{"key": []}]}}


def open_to_all(*statuses: int) -> dict[str, Any]:
    """Return what a route for everybody says of itself."""
    return {"responses": {status: _problem(status) for status in sorted({*statuses, 503})}}


def _problem(status: int) -> dict[str, Any]:
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
    return {"description": _SAID[status], "content": content}


def document(
    app: FastAPI, *, request: type[BaseModel], root_path: str, keyless: Callable[[], bool]
) -> Callable[[], dict[str, Any]]:
    """Return what gives the OpenAPI document.

    FastAPI's own lacks the schemas of requests, which are validated elsewhere, and of problems; where a proxy shows
    the service; and the kind of key while one is needed.
    """

    @cache
    def made(without_key: bool) -> dict[str, Any]:  # noqa: FBT001 -- what decides is the cache's key
        whole = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        if root_path:
            whole["servers"] = [{"url": root_path}]
        components = whole.setdefault("components", {})
        for model in (request, problems.Problem):
            schema = model.model_json_schema(ref_template=_SCHEMAS + "{model}")
            components.setdefault("schemas", {}).update({**schema.pop("$defs"), model.__name__: schema})
        if without_key:
            for operations in whole["paths"].values():
                for operation in operations.values():
                    operation.pop("security", None)
        else:
            said = "A key of `wdbc key create`."
            components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": said}}
        return whole

    return lambda: made(keyless())
