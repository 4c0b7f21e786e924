"""Swagger UI and ReDoc, from the files that a package brings: nothing is loaded from elsewhere, nothing runs inline."""

from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from wdbc_assets.serving.api import problems

_OURS = Path(__file__).parent / "pages"
_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
    "favicon.png": "image/png",
}
# ReDoc would load its logo from its makers; the policy below forbids it, and the page would complain.
_LOGO_ELSEWHERE = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
_STARTS = {"swagger.js": "text/javascript"}
# Both put styles into the page as they go, and pictures as data; ReDoc searches in a worker that it makes of a blob.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none';"
    " form-action 'none'"
)


def router(root_path: str) -> APIRouter:
    """Return the routes of both pages and of what they load, all by relative addresses; a proxy may add a prefix."""
    made = APIRouter(include_in_schema=False)

    @made.get("/")
    async def start() -> RedirectResponse:
        return RedirectResponse(f"{root_path}/docs")

    @made.get("/docs")
    async def swagger() -> HTMLResponse:
        return _page("swagger.html")

    @made.get("/redoc")
    async def redoc() -> HTMLResponse:
        return _page("redoc.html")

    @made.get("/pages/{name}")
    async def asset(name: str) -> Response:
        if name in _STARTS:
            return FileResponse(_OURS / name, media_type=_STARTS[name])
        if name in _FILES:
            return Response(_theirs(name), media_type=_FILES[name], headers={"Cache-Control": "max-age=3600"})
        raise problems.NOT_FOUND

    return made


def _page(name: str) -> HTMLResponse:
    return HTMLResponse((_OURS / name).read_bytes(), headers={"Content-Security-Policy": _POLICY})


@cache
def _theirs(name: str) -> bytes:
    # Of this package only the files are used: its own pages run scripts inline, and importing it takes half a second.
    file = distribution("fastapi-offline").locate_file(f"fastapi_offline/static/{name}")
    content = Path(str(file)).read_bytes()
    return content.replace(_LOGO_ELSEWHERE, b"pages/favicon.png")
