"""What a route is. The table of all routes is `endpoints.ROUTES`; everything else reads it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Route:
    """One route of the service.

    Attributes:
        method: the HTTP method; GET includes HEAD.
        path: an exact path, or a folder and `{name}` for everything in it.
        handler: method of `Endpoints`. Its docstring describes the route in the OpenAPI document and docs/serving.md.
        scope: the scope that the API key must have, None if no key is required. Without a key, a response must reveal
            nothing about patients or traffic, and it occupies no slot, so that it is available under any load.
        has_body: whether the route reads a request body. The body of any other request is not read.
        section: the section of the OpenAPI document, None if it does not list the route.
        errors: error statuses that the OpenAPI document lists beside those of every route of this kind.
    """

    method: str
    path: str
    handler: Callable[..., Awaitable[Any]]
    scope: str | None
    has_body: bool = False
    section: str | None = None
    errors: tuple[int, ...] = ()
