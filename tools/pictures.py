"""Take the README's screenshots of Dagster's UI, in a headless Chromium: `python -m tools.pictures`."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from wdbc_assets_tests import builders
from wdbc_assets_tests.ui import dagster_ui

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Page

_MARGIN = 90  # a group has a title above its assets
FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"


def main() -> None:
    """Click "Materialize all", promote, then break the source and run again; take a screenshot of each state."""
    if dagster_ui.chromium() is None:
        sys.exit(dagster_ui.NO_CHROMIUM)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary, "wdbc.data")
        source.write_bytes(builders.bundled_uci_bytes())
        surroundings = dagster_ui.surroundings(Path(temporary), WDBC_SOURCE=str(source), WDBC_SHOW_VALUES="true")
        with dagster_ui.running_ui(surroundings) as ui:
            # The graph is larger than a normal window. At this scale the screenshot is as wide as a page of GitHub.
            with dagster_ui.browser_page(width=2800, height=4000, scale=0.5) as page:
                dagster_ui.open_lineage(page, ui)
                dagster_ui.materialize_all(page)
                dagster_ui.wait_until_materialized(page)
                promote = dagster_ui.command("wdbc_assets", "promote")
                subprocess.run(promote, env=surroundings, check=True)  # noqa: S603 -- the project's own command
                dagster_ui.wait_until_materialized(page, dagster_ui.OF_MODEL)
                take(page, "lineage", of=around_the_assets(page))
            with dagster_ui.browser_page(width=1280, height=720) as page:
                metrics_and_failed_check(page, ui, source)


def metrics_and_failed_check(page: "Page", ui: dagster_ui.DagsterUi, source: Path) -> None:
    """Take a screenshot of the metrics, and one of a failed check after the source was broken."""
    dagster_ui.open_asset(page, ui, "metrics", "Overview")
    dagster_ui.show_picture(page, "confusion matrix")
    take(page, "metrics")

    source.write_bytes(builders.published_with((5, "radius_worst", 0.5)))
    dagster_ui.open_asset(page, ui, "raw_data", "Overview")
    dagster_ui.materialize(page)
    page.get_by_text("Failed in").wait_for(timeout=dagster_ui.RUN_SECONDS * 1000)
    dagster_ui.open_check(page, ui, "raw_data", "worst_is_not_below_mean")
    page.get_by_text("Evaluation result").wait_for()
    page.get_by_placeholder("Filter checks").fill("is_not")
    page.get_by_text("area_fits_radius").wait_for(state="hidden")
    take(page, "failed_check")


def around_the_assets(page: "Page") -> "FloatRect":
    """Return the region of the window that has all assets, with the frames of their groups."""
    boxes = [dagster_ui.node(page, asset).bounding_box() for asset in dagster_ui.OF_MODEL]
    drawn = [box for box in boxes if box is not None]
    left, top = min(box["x"] for box in drawn) - _MARGIN, min(box["y"] for box in drawn) - _MARGIN
    right, bottom = (
        max(box["x"] + box["width"] for box in drawn) + _MARGIN,
        max(box["y"] + box["height"] for box in drawn) + _MARGIN,
    )
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def take(page: "Page", name: str, *, of: "FloatRect | None" = None) -> None:
    """Save a screenshot of the page or a region of it, without animations, hover or focus."""
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path, animations="disabled", clip=of)
    print(f"  {path}  {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
