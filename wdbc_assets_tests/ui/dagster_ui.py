"""Dagster of this project as its user has it: `wdbc ui` in processes of its own, and a browser that looks at it.

Shared by the tests of this folder and by `tools.pictures`. Nothing here judges what is seen.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import requests

from wdbc_assets import settings
from wdbc_assets.pipeline import specs
from wdbc_assets_tests.shared_evidence import FEW

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

ASSETS = tuple(specs.ASSETS)
OF_MODEL, OF_MONITORING = tuple(specs.MODEL), tuple(specs.MONITORING)
"""The assets with which the model is developed: all but those of its monitoring."""
MADE = tuple(asset for asset in OF_MODEL if not specs.ASSETS[asset].promoted)
"""What "Materialize all" makes of them: everything but what is moved by a promotion."""
TRAINED = specs.JOBS["train"]

# Generous, for a machine of two cores that runs other tests at the same time.
START_SECONDS = 180
RUN_SECONDS = 900
PAGE_SECONDS = 60
STOP_SECONDS = 30

NO_CHROMIUM = "Chromium is not installed (Debian: apt-get install chromium)"
_CHROMIUM_FLAGS = (
    "--no-sandbox",  # root in a container cannot have one; the only pages shown are the project's own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
T = TypeVar("T")


def surroundings(folder: Path, **chosen: str) -> dict[str, str]:
    """Return an environment with a store, a log and a home below `folder`, the shipped dagster.yaml in that home."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(settings.INSTANCE_FILE, home)
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith((settings.PREFIX, "DAGSTER_"))
    }
    return (
        inherited
        | FEW
        | {
            "WDBC_STORAGE": str(folder / "results"),
            "WDBC_LOG": str(folder / "logs" / "wdbc.jsonl"),
            "DAGSTER_HOME": str(home),
            **chosen,
        }
    )


def command(*arguments: str) -> list[str]:
    """Return the command line of a Python module, run by this interpreter."""
    return [sys.executable, "-m", *arguments]


@contextmanager
def process_group(
    arguments: list[str], environment: Mapping[str, str], log: Path, *, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command in a session of its own; at the end press Ctrl-C, and kill what is left of its group."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            arguments,
            cwd=cwd or settings.project_root(),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            kill_group(process, after_seconds=STOP_SECONDS)


def kill_group(process: "subprocess.Popen[bytes]", *, after_seconds: float = 0) -> None:
    """Kill a process and its children for good, at once or when it has had time to end by itself."""
    deadline = time.monotonic() + after_seconds
    # WNOWAIT leaves the dead leader as it is: as long as nobody has reaped it, its number can be nobody else's.
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(found: Callable[[], T | None], *, seconds: float, what: str, every: float = 0.2) -> T:
    """Ask again and again until there is an answer other than None, and return it.

    Raises:
        TimeoutError: there was none in time.
    """
    deadline = time.monotonic() + seconds
    while (answer := found()) is None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(every)
    return answer


@dataclass(frozen=True)
class DagsterUi:
    """A UI that answers: its address, and the file with all that its processes have printed."""

    url: str
    log: Path

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send a GraphQL query, as the pages of the UI do, and return its data."""
        with requests.Session() as session:
            session.trust_env = False  # no proxy stands between a machine and itself
            answer = session.post(
                f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=PAGE_SECONDS
            )
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        if "errors" in content:
            raise ValueError(f"GraphQL refused: {content['errors']}")
        data: dict[str, Any] = content["data"]
        return data


@contextmanager
def running_ui(environment: Mapping[str, str], *, cwd: Path | None = None) -> Iterator[DagsterUi]:
    """Run `wdbc ui` on a free port for as long as the block lasts, from when its definitions are loaded.

    Raises:
        RuntimeError: it ended instead of answering; the message is what it printed.
    """
    log = Path(environment["DAGSTER_HOME"]) / "ui.log"
    ui = DagsterUi(f"http://127.0.0.1:{free_port()}", log)
    port = ui.url.rpartition(":")[2]
    with process_group(command("wdbc_assets", "ui", "--port", port), environment, log, cwd=cwd) as process:

        def loaded() -> bool | None:
            if process.poll() is not None:
                raise RuntimeError(f"`wdbc ui` ended with {process.returncode}:\n{log.read_text()}")
            try:
                answer = ui.ask("{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }")
            except requests.ConnectionError:
                return None
            return bool(answer["repositoriesOrError"].get("nodes")) or None

        until(loaded, seconds=START_SECONDS, what=f"{ui.url} and its definitions; its output is in {log}")
        yield ui


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def chromium() -> str | None:
    """Return the path of an installed Chromium, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def browser_page(*, width: int, height: int, scale: float = 1) -> Iterator["Page"]:
    """Open a page in a headless Chromium; `width` and `height` in CSS pixels, of `scale` screen pixels each."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(_CHROMIUM_FLAGS))
        context = browser.new_context(
            viewport={"width": width, "height": height},
            device_scale_factor=scale,
            locale="en-US",
            timezone_id="Etc/UTC",
            reduced_motion="reduce",
        )
        context.set_default_timeout(PAGE_SECONDS * 1000)
        try:
            yield context.new_page()
        finally:
            browser.close()


def open_lineage(page: "Page", ui: DagsterUi) -> None:
    """Click from the first page to the graph of all assets, with all groups open; then show those of the model.

    What lies outside of the window is not drawn, and all of them do not fit into one.
    """
    page.set_viewport_size({"width": 2800, "height": 4000})
    page.goto(ui.url)
    page.get_by_text("Lineage", exact=True).click()
    page.get_by_text("Hide navigation").click()
    page.get_by_label("panel_show_right").last.click()
    page.get_by_label("settings").last.click()
    page.get_by_role("menuitem", name="Expand all groups").click()
    page.keyboard.press("Escape")
    show_assets(page, OF_MODEL)


def show_assets(page: "Page", assets: tuple[str, ...]) -> None:
    """Show only the assets of the model, or only those of its monitoring, in the graph that is open."""
    chosen = 'not group:"monitoring"' if assets == OF_MODEL else 'group:"monitoring"'
    page.goto(re.sub(r"/asset-groups[^?]*\?", f"/asset-groups~{quote(chosen, safe='')}?", page.url))
    for asset in assets:
        node(page, asset).wait_for()


def node(page: "Page", asset: str) -> "Locator":
    """Return an asset's box in the graph."""
    return page.locator("foreignObject").filter(has_text=re.compile(rf"^{asset}(?![a-z_])"))


def materialize_all(page: "Page") -> None:
    """Click the button above the graph of the model's assets, which need no batch: for the others it asks for one."""
    page.get_by_role("button", name="Materialize all").click()


def leave_until_finished(page: "Page", ui: DagsterUi) -> None:
    """Close the graph while a run works, and open it again: drawing without a GPU takes as much time as the run."""
    graph = page.url
    page.get_by_text("Launched run").wait_for()
    page.goto("about:blank")
    unfinished = "{ runsOrError(filter: {statuses: [QUEUED, STARTING, STARTED]}) { ... on Runs { count } } }"
    until(
        lambda: ui.ask(unfinished)["runsOrError"]["count"] == 0 or None, seconds=RUN_SECONDS, what="the end of the run"
    )
    page.goto(graph)


def wait_until_materialized(page: "Page", assets: Iterable[str] = MADE) -> None:
    """Wait until the graph shows assets as materialized.

    Raises:
        AssertionError: it shows one as failed, or takes too long.
    """
    from playwright.sync_api import expect

    for asset in assets:
        expect(node(page, asset)).to_contain_text(re.compile("Materialized|Failed"), timeout=RUN_SECONDS * 1000)
        expect(node(page, asset)).to_contain_text("Materialized")


def open_asset(page: "Page", ui: DagsterUi, asset: str, tab: str) -> None:
    """Open one tab of an asset's page: Overview, Events, Checks or Lineage."""
    page.goto(f"{ui.url}/assets/{asset}")
    page.get_by_role("tab", name=tab).click()


def open_check(page: "Page", ui: DagsterUi, asset: str, check: str) -> None:
    """Open a check among those of its asset."""
    open_asset(page, ui, asset, "Checks")
    page.get_by_text(check, exact=True).first.click()  # the second is an invisible copy that the UI measures


def materialize(page: "Page") -> None:
    """Click the button on an asset's page."""
    page.get_by_role("button", name="Materialize").first.click()


def show_picture(page: "Page", key: str) -> "Locator":
    """Open the dialog with a picture among an asset's metadata, and return the picture."""
    page.get_by_role("row").filter(has_text=key).get_by_text("Show Markdown").click()
    picture = page.get_by_role("dialog").get_by_role("img").last
    picture.wait_for()
    return picture
