"""The report: all evidence of a store on one page that loads nothing from outside, runs nothing, and prints well.

`content` gathers what the page says from the store; `pictures` draws; `page.html` and `page.css` are the page. What was
never made, or is damaged, is said in its place, with what makes it.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from wdbc_assets import settings
from wdbc_assets.presentation.report import content, formats
from wdbc_assets.store.store import Store

if TYPE_CHECKING:
    import jinja2

_HERE = Path(__file__).parent


def build(store: Store, chosen: settings.Settings) -> bytes:
    """Return the page for what is current in a store.

    Raises:
        UnsupportedFormat: the store has a format that this release does not read.
    """
    gathered = content.gather(store, chosen)
    page = (
        _environment()
        .get_template("page.html")
        .render(
            made_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
            style=(_HERE / "page.css").read_text(encoding="utf-8"),
            **gathered,
        )
    )
    return page.encode()


def _environment() -> "jinja2.Environment":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,  # whatever is shown may come from a file of somebody else's
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(formats.FILTERS)
    return environment
