"""The UI as its user meets it: a real webserver and daemon, clicked through in a real browser."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pytest
from playwright.sync_api import Page, expect

from wdbc_assets import settings
from wdbc_assets.domain.data import contract
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.pipeline import specs, validation
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store.store import open_store
from wdbc_assets_tests import builders, shared_evidence
from wdbc_assets_tests.ui import dagster_ui
from wdbc_assets_tests.ui.dagster_ui import ASSETS, DagsterUi, node, open_asset

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MARKUP = "<img src=x onerror=alert(1)>"
RUN_MILLISECONDS = dagster_ui.RUN_SECONDS * 1000


def drawn_lineage(page: Page, assets: Sequence[str]) -> set[tuple[str, str]]:
    """The arrows of the graph as pairs of these assets, identified by where each begins and ends."""
    boxes = {
        asset: node(page, asset).evaluate("e => ['x', 'y', 'width', 'height'].map(name => +e.getAttribute(name))")
        for asset in assets
    }
    arrows = page.locator("path[marker-end]").evaluate_all("paths => paths.map(path => path.getAttribute('d'))")

    def beside(place: tuple[float, float], *, right: bool) -> str:
        def distance(asset: str) -> float:
            x, y, width, height = map(float, boxes[asset])
            return abs(place[0] - (x + width * right)) + abs(place[1] - (y + height / 2))

        return min(assets, key=distance)

    found = set()
    for arrow in arrows:
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", arrow)]
        found.add((beside((numbers[0], numbers[1]), right=True), beside((numbers[-2], numbers[-1]), right=False)))
    return found


@pytest.mark.fault("O15")
def test_a_newcomer_finds_all_assets_makes_them_by_clicking_and_sees_their_lineage(
    page: Page, tmp_path: Path, evidence_once: Path
) -> None:
    graph = defs.resolve_asset_graph()
    # The full grid: evidence and fit are what the gate would promote, if it were asked.
    shared_evidence.resume_from(evidence_once, tmp_path / "results")
    with dagster_ui.running_ui(dagster_ui.surroundings(tmp_path)) as ui:
        page.goto(ui.url)
        expect(page.get_by_text("No runs or scheduled ticks in this time period.")).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)

        dagster_ui.open_lineage(page, ui)
        for assets in (dagster_ui.OF_MONITORING, dagster_ui.OF_MODEL):
            dagster_ui.show_assets(page, assets)
            for asset in assets:
                state = "0 partitions" if specs.ASSETS[asset].partitioned else "Never materialized"
                expect(node(page, asset)).to_contain_text(state)
            assert drawn_lineage(page, assets) == {
                (source, asset) for asset in assets for source in specs.ASSETS[asset].inputs if source in assets
            }

        dagster_ui.materialize_all(page)
        dagster_ui.leave_until_finished(page, ui)
        dagster_ui.wait_until_materialized(page)
        sees_that_nothing_was_promoted(page, tmp_path)
        for asset in dagster_ui.OF_MODEL:
            rules = len(validation.rules(asset))
            if rules:
                expect(node(page, asset)).to_contain_text(f"{rules} / {rules} Passed")
        expect(page.get_by_text("Unsynced")).to_have_count(0)

        for asset in ASSETS:
            open_asset(page, ui, asset, "Overview")
            description = graph.get(dg.AssetKey(asset)).description or "none"
            expect(page.get_by_text(description.replace("`", ""))).to_be_visible()  # Markdown shows them as code
        open_asset(page, ui, "raw_data", "Overview")
        sees_the_contract_of_raw_data(page)
        open_asset(page, ui, "metrics", "Overview")
        sees_figures_and_pictures(page)


def sees_that_nothing_was_promoted(page: Page, folder: Path) -> None:
    expect(node(page, "champion")).to_contain_text("Never materialized")
    store = open_store(str(folder / "results"), relative_to=folder)
    assert store.current("cross_validation") is not None
    assert store.current("decision_policy") is not None
    assert open_registry(store).standing().history.entries == ()


def sees_the_contract_of_raw_data(page: Page) -> None:
    expect(page.get_by_text("Row count").locator("..")).to_contain_text(str(contract.PUBLISHED_ROWS))
    expect(page.get_by_text("Latest check results").locator("..")).to_contain_text(
        str(len(validation.rules("raw_data")))
    )
    rows = page.get_by_role("table").filter(has_text="Column name").get_by_role("row")
    for column in contract.COLUMNS:
        expect(rows.filter(has_text=re.compile(f"^{column.name}[^_]"))).to_contain_text(column.dtype)
    row = rows.filter(has_text=re.compile("^radius_worst"))
    for stated in ("non-nullable", "> 0", ">= radius_mean", "mean of the three largest values"):
        expect(row).to_contain_text(stated)
    page.get_by_role("tab", name="Checks").click()
    for rule in validation.rules("raw_data"):
        expect(page.get_by_text(rule.name, exact=True).first).to_be_visible()


def sees_figures_and_pictures(page: Page) -> None:
    expect(page.get_by_role("row").filter(has_text="intervals")).to_contain_text("bootstrap")
    for key in ("confusion matrix", "ROC curve"):
        picture = dagster_ui.show_picture(page, key)
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 400
        page.get_by_role("button", name="Close").click()
        expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.nightly
def test_a_run_of_the_command_line_is_in_the_timeline_and_can_be_executed_again(page: Page, tmp_path: Path) -> None:
    surroundings = dagster_ui.surroundings(tmp_path, WDBC_GRID="small")
    subprocess.run(dagster_ui.command("wdbc_assets", "run"), cwd=settings.project_root(), env=surroundings, check=True)
    with dagster_ui.running_ui(surroundings) as ui:
        page.goto(f"{ui.url}/overview/activity/timeline")
        expect(page.get_by_role("link", name="train").first).to_be_visible()
        page.goto(f"{ui.url}/runs")
        expect(page.get_by_text("Success", exact=True)).to_have_count(1)
        page.locator("a[href*='/runs/']").first.click()
        page.get_by_role("button", name="Re-execute all (*)").click()
        expect(page.get_by_text("Re-executions (1)")).to_be_visible(timeout=RUN_MILLISECONDS)
        page.goto(f"{ui.url}/runs")
        expect(page.get_by_text("Success", exact=True)).to_have_count(2, timeout=RUN_MILLISECONDS)


@pytest.mark.fault("O02")
@pytest.mark.fault("X04")
def test_a_failed_check_shows_its_rows_as_text_and_what_was_current_stays_current(page: Page, tmp_path: Path) -> None:
    surroundings = dagster_ui.surroundings(tmp_path, WDBC_GRID="small", WDBC_SHOW_VALUES="true")
    subprocess.run(dagster_ui.command("wdbc_assets", "run"), cwd=settings.project_root(), env=surroundings, check=True)
    broken = tmp_path / "broken.data"
    broken.write_bytes(builders.published_with((5, "radius_worst", 0.5), (7, "diagnosis", MARKUP)))
    with dagster_ui.running_ui(surroundings | {"WDBC_SOURCE": str(broken)}) as ui:
        dagster_ui.open_lineage(page, ui)
        dagster_ui.wait_until_materialized(page, dagster_ui.TRAINED)
        dagster_ui.materialize_all(page)
        expect(node(page, "raw_data")).to_contain_text("Failed", timeout=RUN_MILLISECONDS)

        sees_the_failed_check(page, ui)
        sees_markup_as_text(page, ui)
        open_asset(page, ui, "raw_data", "Events")
        expect(page.get_by_text("failed, and did not materialize this asset")).to_be_visible()
        expect(page.get_by_text("Materialized in run")).to_be_visible()


def sees_the_failed_check(page: Page, ui: DagsterUi) -> None:
    dagster_ui.open_check(page, ui, "raw_data", "worst_is_not_below_mean")
    expect(page.get_by_text("Evaluation result").locator("..")).to_contain_text("Failed")
    expect(page.get_by_text("first at line 5, column radius_worst")).to_be_visible()
    table = page.get_by_role("row").filter(has_text="failing rows").get_by_role("table")
    expect(table.get_by_role("row")).to_have_text(["rowcolumnvalue", "5radius_worst0.5"])


def sees_markup_as_text(page: Page, ui: DagsterUi) -> None:
    opened: list[str] = []
    page.on("dialog", lambda dialog: opened.append(dialog.message))
    dagster_ui.open_check(page, ui, "raw_data", "diagnosis_is_m_or_b")
    table = page.get_by_role("row").filter(has_text="failing rows").get_by_role("table")
    expect(table.get_by_role("row")).to_have_text(["rowcolumnvalue", f"7diagnosis'{MARKUP}'"])
    expect(page.locator("img[src=x]")).to_have_count(0)
    assert opened == []
