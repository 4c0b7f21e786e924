"""The whole platform where there is no network: it works, and does not even try to reach one.

How that place is made, and what a machine or a container must allow for it, is said in `without_network`.
"""

import subprocess
from pathlib import Path

import pytest

from wdbc_assets import settings
from wdbc_assets_tests import needed, shared_evidence, without_network
from wdbc_assets_tests.ui import dagster_ui, queries

pytestmark = pytest.mark.slow

COMMANDS = [
    ["run"],
    ["status"],
    ["explore"],
    ["evaluate", "--protocol", "quick", "--workers", "2"],
    ["report"],
    ["verify"],
    ["export", "exported"],
]
"""What is done there, in this order: all of it must work."""

SERVE = f"""
import os
from wdbc_assets_tests.ui import dagster_ui
with dagster_ui.running_ui(os.environ) as ui:
    print(ui.ask({queries.EVERYTHING!r}))
"""


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty HOME, and a witness."""
    try:
        without_network.command()
    except OSError as error:
        needed.absent(str(error))
    home = tmp_path / "nobody"
    home.mkdir()
    inherited = {name: value for name, value in dagster_ui.surroundings(tmp_path).items() if name[:4] != "XDG_"}
    return inherited | {
        "HOME": str(home),
        "PYTHONPATH": str(settings.project_root()),
        without_network.WITNESS: str(tmp_path / "tried"),
    }


def python(surroundings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        without_network.command(*arguments),
        cwd=Path(surroundings["HOME"]).parent,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def tried(surroundings: dict[str, str]) -> list[str]:
    path = Path(surroundings[without_network.WITNESS])
    return path.read_text().splitlines() if path.exists() else []


def test_there_is_no_route_and_each_attempt_to_leave_is_witnessed_in_every_process(
    surroundings: dict[str, str],
) -> None:
    attempts = (
        "import socket, urllib.request\n"
        "def fails(attempt, *arguments):\n"
        "    try: attempt(*arguments)\n"
        "    except OSError as error: print(error)\n"
        f"fails(socket.create_connection, ('{without_network.NOWHERE}', 9))\n"
        "fails(socket.getaddrinfo, 'host.invalid', 443)\n"
        "fails(socket.gethostbyname, 'other.invalid')\n"
        "fails(urllib.request.urlopen, 'http://third.invalid/')\n"
        f"fails(socket.socket(type=socket.SOCK_DGRAM).sendto, b'x', ('{without_network.NOWHERE}', 9))\n"
        "fails(socket.create_connection, ('127.0.0.1', 9))\n"
        "fails(socket.socket(socket.AF_UNIX).connect, 'nothing')\n"
    )
    here = python(surroundings, "-c", attempts)
    assert here.returncode == 0, here.stderr
    assert "Network is unreachable" in here.stdout
    assert "Connection refused" in here.stdout  # by loopback, which is there
    message = [
        f"socket.getaddrinfo {without_network.NOWHERE}",
        f"socket.connect {without_network.NOWHERE}",
        "socket.getaddrinfo host.invalid",
        "socket.gethostbyname other.invalid",
        "socket.getaddrinfo third.invalid",
        f"socket.sendto {without_network.NOWHERE}",
    ]
    assert tried(surroundings) == message
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {attempts!r}], check=True)"
    assert python(surroundings, "-c", child).returncode == 0
    assert tried(surroundings) == message * 2


@pytest.mark.fault("X13")
def test_every_command_works_without_a_network_and_tries_to_reach_none(
    surroundings: dict[str, str], evidence_once: Path
) -> None:
    store = Path(surroundings["WDBC_STORAGE"])
    shared_evidence.resume_from(evidence_once, store)
    for asset in ("cross_validation", "stability"):
        parts = sorted((store / asset).glob("parts/*/*"))
        assert len(parts) > 4
        for part in parts[:4]:
            part.unlink()  # these are computed, by processes of the pool
    for arguments in COMMANDS:
        done = python(surroundings, "-m", "wdbc_assets", *arguments)
        assert done.returncode == 0, (arguments, done.stderr)
        assert tried(surroundings) == [], arguments


@pytest.mark.fault("X13")
def test_the_ui_works_without_a_network_and_tries_to_reach_none(surroundings: dict[str, str]) -> None:
    served = python(surroundings, "-c", SERVE)
    assert served.returncode == 0, served.stderr
    assert "runsOrError" in served.stdout
    assert tried(surroundings) == []


ASK = """
import json, tempfile
from pathlib import Path
from wdbc_assets.serving.api import schemas
from wdbc_assets_tests.serving import champions, running

with tempfile.TemporaryDirectory() as folder:
    champions.promote(Path(folder), champions.bundle())
    with running.serving(Path(folder)) as service:
        for path in ("/docs", "/redoc", "/openapi.json", "/metrics", "/pages/swagger-ui-bundle.js"):
            assert service.ask(path).status == 200, path
        print(service.ask("/v1/predict", {"patients": [schemas.EXAMPLE]}).json["predictions"])
"""


@pytest.mark.fault("X13")
def test_the_service_works_without_a_network_and_tries_to_reach_none(surroundings: dict[str, str]) -> None:
    asked = python(surroundings, "-c", ASK)
    assert asked.returncode == 0, asked.stderr
    assert "probability" in asked.stdout
    assert tried(surroundings) == []
