"""Canary secrets in every address and in the environment: used, and searched for wherever a run leaves anything."""

import base64
import json
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from wdbc_assets import settings
from wdbc_assets_tests import builders
from wdbc_assets_tests.misbehaving_server import PASSWORD, USER, MisbehavingServer
from wdbc_assets_tests.ui import dagster_ui, queries

pytestmark = pytest.mark.slow

TOKEN = "canary-t0ken"
CANARIES = [
    TOKEN,
    PASSWORD,
    quote(PASSWORD),
    quote(PASSWORD, safe=""),
    base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode(),
]


@pytest.mark.fault("X01")
@pytest.mark.fault("X14")
def test_no_secret_is_found_in_any_of_eight_sinks_after_a_good_run_and_a_refused_one(tmp_path: Path) -> None:
    with MisbehavingServer(builders.bundled_uci_bytes()) as server:

        def address(path: str) -> str:
            return server.url(f"{path}?token={TOKEN}", user_info=f"{USER}:{quote(PASSWORD, safe='')}")

        surroundings = dagster_ui.surroundings(tmp_path, WDBC_GRID="small", WDBC_SOURCE=address("/private"))
        said = [
            _wdbc(surroundings, "run"),
            _wdbc(surroundings, "status"),
            _wdbc(surroundings, "export", str(tmp_path / "exported")),
        ]
        refused = _wdbc(surroundings | {"WDBC_SOURCE": address("/status/404")}, "run", code=1)
        echoed = _wdbc(
            surroundings | {"WDBC_SOURCE": address("/marked-echo"), "WDBC_STORAGE": str(tmp_path / "r2")}, "run"
        )
        # A store in memory ends with its process; what Dagster, the log and the terminal keep of its address stays.
        credentials = f"{USER}:{quote(PASSWORD, safe='')}"
        elsewhere = surroundings | {
            "WDBC_STORAGE": f"memory://{credentials}@host/store?sig={TOKEN}",
            "WDBC_SOURCE": "bundled",
            "AWS_SECRET_ACCESS_KEY": PASSWORD,
            "https_proxy": f"http://{credentials}@127.0.0.1:1",
        }
        said += [echoed, *(_wdbc(elsewhere, *arguments) for arguments in (["run"], ["status"], ["status", "--json"]))]
        said += [
            _wdbc(elsewhere, *arguments, code=1) for arguments in (["champion", "--json"], ["promote"], ["verify"])
        ]
        said.append(_wdbc(elsewhere, "history", "--json"))
        with dagster_ui.running_ui(surroundings) as ui:
            shown = json.dumps(ui.ask(queries.EVERYTHING), ensure_ascii=False)
        assert server.requests[0].headers["Authorization"]
        assert TOKEN in server.requests[0].path

    # Each sink is one where something stands, so that a search in the wrong place is noticed.
    sinks = {
        "stdout and stderr": "".join([*said, refused]),
        "pages of the UI": shown,
        **{str(path.relative_to(tmp_path)): _text(path) for path in tmp_path.rglob("*") if path.is_file()},
    }
    assert "404" in refused
    assert sum("memory://***@host/store" in text for text in said) >= 6
    assert any("memory://***@host/store" in text for name, text in sinks.items() if name.endswith(".db"))
    assert all("raw_data" in sinks[name] for name in ("stdout and stderr", "pages of the UI"))
    assert any("raw_data" in text for name, text in sinks.items() if name.endswith(".db"))
    assert any('"origin"' in text for name, text in sinks.items() if name.endswith("current.json"))
    assert any("404" in text for name, text in sinks.items() if name.endswith(".jsonl"))
    assert any(name.endswith("X_train.csv") for name in sinks)
    assert [(name, canary) for name, text in sinks.items() for canary in CANARIES if canary in text] == []


def _wdbc(surroundings: dict[str, str], *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        dagster_ui.command("wdbc_assets", *arguments),
        cwd=settings.project_root(),
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def _text(path: Path) -> str:
    return path.read_bytes().decode("latin-1")
