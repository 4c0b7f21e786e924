"""Some weeks of a real year: `wdbc simulate`, with the champion of a store that has all evidence."""

import json
import subprocess
import sys
from pathlib import Path

from wdbc_assets_tests.shared_evidence import environment_in


def simulate(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "wdbc_assets", "simulate", *arguments],
        cwd=folder, env=environment_in(folder) | {"WDBC_ALERTS": "error=json://127.0.0.1:9/nobody"},
        capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip


def test_nine_weeks_with_three_events_each_found_without_a_false_alarm(evidence_once: Path, tmp_path: Path) -> None:
    done = simulate("--champion-of", str(evidence_once / "results"), "--weeks", "9", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    found = {event["name"]: (event["injected"], event["found"]) for event in result["events"]}
    assert found == {"one unit wrong": (5, 5), "all units changed": (8, 8), "alert channel down": (8, 8)}
    assert (result["false_alarms"], result["unanswered"]) == ([], 0)
    wrong = {event["name"]: event["wrong"] for event in result["events"]}
    assert wrong["one unit wrong"] == 0  # the contract refuses the file
    assert wrong["all units changed"] > 20  # it cannot refuse this one
    assert any("drift" in alert for alert in result["alerts"])  # although the channel was down

    folder = tmp_path / "demo"
    page = (folder / "rehearsal.html").read_text(encoding="utf-8")
    assert "all units changed" in page
    assert '<img src="data:image/svg+xml;base64,' in page
    assert "<script" not in page
    assert "$ wdbc outcomes add" in (folder / "transcript.txt").read_text(encoding="utf-8")
    assert "127.0.0.1:9/" not in (folder / ".env").read_text(encoding="utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]  # nothing of the project was made or changed


def test_a_folder_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine").touch()
    done = simulate(folder=tmp_path)
    assert done.returncode == 1
    assert "the folder of the rehearsal is not empty" in done.stderr
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["mine"]


def test_a_store_without_a_champion_is_refused_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a large file that is no store's").touch()
    done = simulate("--champion-of", "other", folder=tmp_path)
    assert done.returncode == 1
    assert "champion" in done.stderr
    assert not (tmp_path / "demo" / "results").exists(), "nothing of the folder was copied"
    missing = simulate("--champion-of", "nowhere", "--folder", "second", folder=tmp_path)
    assert missing.returncode == 1
    assert "the store cannot be copied" in missing.stderr
