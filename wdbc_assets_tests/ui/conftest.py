"""What the tests of this folder share: a page in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from wdbc_assets_tests import needed
from wdbc_assets_tests.ui import dagster_ui


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A page of a headless Chromium; what it showed last is left as a picture in the test's temporary folder."""
    if dagster_ui.chromium() is None:
        needed.absent(dagster_ui.NO_CHROMIUM)
    expect.set_options(timeout=dagster_ui.PAGE_SECONDS * 1000)
    with dagster_ui.browser_page(width=1600, height=900) as page:
        yield page
        page.screenshot(path=tmp_path / "last.png")
