"""The central log: JSON lines that hold what a machine sorts by, and hold no secret and no patient's value."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets import logs
from wdbc_assets.domain.errors import WdbcError


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "logs" / "wdbc.jsonl"
    logs.open_log(str(path), relative_to=tmp_path)
    yield path
    for handler in list(logs.logger.handlers):
        if getattr(handler, "baseFilename", "") == str(path):
            logs.logger.removeHandler(handler)
            handler.close()


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_says_what_happened_to_which_asset_in_which_run(log: Path) -> None:
    logs.logger.info("made", extra={"event": "made", "asset": "raw_data", "run_id": "r1", "rows": 569})
    (line,) = lines(log)
    assert {key: line[key] for key in ("level", "message", "asset", "run_id", "rows")} == {
        "level": "INFO",
        "message": "made",
        "asset": "raw_data",
        "run_id": "r1",
        "rows": 569,
    }
    assert str(line["at"]).endswith("+00:00")


def test_opening_the_log_twice_writes_each_line_once(log: Path, tmp_path: Path) -> None:
    logs.open_log(str(log), relative_to=tmp_path)
    logs.logger.info("once")
    assert len(lines(log)) == 1


@pytest.mark.fault("X01")
def test_credentials_in_an_address_are_blanked_wherever_they_come_from(log: Path) -> None:
    logs.logger.info("asked %s", "https://user:canary@example.org/x")
    assert "canary" not in log.read_text()
    assert "https://***@example.org/x" in log.read_text()


@pytest.mark.fault("D14")
def test_what_an_error_shows_at_the_terminal_stays_out_of_the_log(log: Path) -> None:
    error = WdbcError("a rule failed", detail="row 3: 17.99")
    logs.logger.error("refused: %s", error.what, extra={"event": "refused", "error": error})
    assert "17.99" not in log.read_text()


@pytest.mark.fault("X15")
def test_what_others_wrote_is_one_harmless_line_for_every_handler(log: Path, caplog: pytest.LogCaptureFixture) -> None:
    logs.logger.info("one\ntwo %s", "\x1b[31m\x9b\u202e\u2028\udcff")
    shown = r"one\ntwo \x1b[31m\x9b\u202e\u2028\udcff"
    assert lines(log)[0]["message"] == shown
    assert caplog.messages == [shown]


def test_a_log_that_another_process_rotated_away_is_opened_again(log: Path) -> None:
    logs.logger.info("before")
    log.rename(log.with_suffix(".1"))
    logs.logger.info("after")
    assert [line["message"] for line in lines(log)] == ["after"]


def test_a_log_that_cannot_be_written_says_which_setting_to_change(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WdbcError, match="log cannot be written") as caught:
        logs.open_log("file/wdbc.jsonl", relative_to=tmp_path)
    assert "WDBC_LOG" in caught.value.hint
    assert not any(isinstance(handler, logging.FileHandler) for handler in logs.logger.handlers)
