"""Write the tables of endpoints and settings in docs/serving.md: `python -m tools.serving`. A test compares them."""

import inspect
from collections.abc import Iterable
from pathlib import Path

from wdbc_assets import settings
from wdbc_assets.serving.api.endpoints import ROUTES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "serving.md"

_BEGIN, _END = "<!-- by `python -m tools.serving`, from {} -->\n", "<!-- end -->\n"


def page(text: str) -> str:
    """Return the page with its tables rewritten."""
    text = _with_table(
        text, "wdbc_assets/serving/api/endpoints.py", ["endpoint | what it does | scope of the key", *_endpoints()]
    )
    return _with_table(text, "wdbc_assets/settings", ["variable | default | meaning", *_settings()])


def _endpoints() -> Iterable[str]:
    for route in ROUTES:
        if route.section:
            description = " ".join((inspect.getdoc(route.handler) or "").split())
            yield f"`{route.method} {route.path}` | {description} | {f'`{route.scope}`' if route.scope else 'none'}"


def _settings() -> Iterable[str]:
    for name, field in settings.Serving.model_fields.items():
        yield f"`{settings.variable(name)}` | `{field.default}` | {field.description}"


def _with_table(text: str, source: str, lines: list[str]) -> str:
    begin = _BEGIN.format(source)
    before, rest = text.split(begin)
    head, *rows = [f"| {line} |" for line in lines]
    return "\n".join([before + begin + head, "|---|---|---|", *rows, _END + rest.partition(_END)[2]])


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
