"""The report page: all evidence of a store in one self-contained, printable HTML file without scripts.

`content` collects the data, `pictures` draws the plots, `page.html` and `page.css` are the template. For a missing or
damaged artifact, the page shows the command that makes it.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wdbc_assets import settings
from wdbc_assets.presentation.report import content, formats
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    import jinja2

_HERE = Path(__file__).parent


def build(store: Store, config: settings.Settings) -> bytes:
    """Return the report page for the current versions of a store.

    Raises:
        UnsupportedFormat: The store has a format that this release does not read.
    """
    return render(
        _HERE / "page.html",
        made_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        **content.gather(store, config),
    )


def render(template: Path, **values: Any) -> bytes:
    """Return a page from its template, in the style of the report."""
    style = (_HERE / "page.css").read_text(encoding="utf-8")
    page: str = _environment().from_string(template.read_text(encoding="utf-8")).render(style=style, **values)
    return page.encode()


def _environment() -> "jinja2.Environment":
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,  # values may come from foreign files
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(formats.FILTERS)
    return environment
