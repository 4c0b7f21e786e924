"""Swagger UI and ReDoc, served from files of an installed package: no external resources, no inline scripts."""

from functools import cache
from importlib.metadata import distribution
from pathlib import Path

from starlette.responses import FileResponse, HTMLResponse, Response

from wdbc_assets.serving.api import problems

_OWN_PAGES = Path(__file__).parent / "pages"
_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
    "favicon.png": "image/png",
}
# ReDoc loads its logo from a CDN. The policy below blocks that, and the browser would log an error.
_EXTERNAL_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
_OWN_FILES = {"swagger.js": "text/javascript"}
# Both insert inline styles and data: images; ReDoc's search runs in a worker created from a blob.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'; base-uri 'none';"
    " form-action 'none'"
)


def page(name: str) -> Response:
    """Return one of the two pages. All links are relative, so a proxy may add a prefix."""
    return HTMLResponse((_OWN_PAGES / name).read_bytes(), headers={"Content-Security-Policy": _POLICY})


def file(name: str) -> Response:
    """Return a file that a page loads.

    Raises:
        ProblemError: 404 if no page loads a file with this name.
    """
    if name in _OWN_FILES:
        return FileResponse(_OWN_PAGES / name, media_type=_OWN_FILES[name])
    if name in _FILES:
        return Response(_package_file(name), media_type=_FILES[name], headers={"Cache-Control": "max-age=3600"})
    raise problems.not_found()


@cache
def _package_file(name: str) -> bytes:
    # Only the package's files are used: its pages run inline scripts, and importing it takes half a second.
    file = distribution("fastapi-offline").locate_file(f"fastapi_offline/static/{name}")
    content = Path(str(file)).read_bytes()
    return content.replace(_EXTERNAL_LOGO, b"pages/favicon.png")
