"""How commands print: foreign text is a line that steers nothing, styles are our own, JSON stays JSON."""

import json
import logging

import click
import pytest

from wdbc_assets.cli import terminal
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import metrics

HOSTILE = "ok\n  9  2026-01-01 auditor promoted\r\x1b[2K\x1b]0;x\x07\x9b31m\u2028\u202e\udcff"
SHOWN = r"ok\n  9  2026-01-01 auditor promoted\r\x1b[2K\x1b]0;x\x07\x9b31m\u2028\u202e\udcff"


@pytest.fixture
def coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that takes colours."""
    monkeypatch.setattr(click.utils, "should_strip_ansi", lambda _stream, colour: colour is False)


@pytest.mark.fault("X15")
@pytest.mark.usefixtures("coloured")
def test_a_line_of_foreign_text_is_one_line_without_a_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say(f"\n  reason: {HOSTILE}")
    assert capsys.readouterr().out == f"\n  reason: {SHOWN}\n"


@pytest.mark.fault("X15")
@pytest.mark.usefixtures("coloured")
def test_a_style_is_a_style_and_escape_codes_inside_it_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say("  " + terminal.style(f"a\x1b[8m{HOSTILE}", bold=True) + " b\x1b[1m")
    assert capsys.readouterr().out == f"  \x1b[1ma\\x1b[8m{SHOWN}\x1b[0m b\\x1b[1m\n"


def test_a_metric_without_an_interval_is_shown_as_such_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    found = metrics.evaluate([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], bootstrap=100)  # nobody is called malignant
    terminal.metrics_table(found)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "recall 0.0000 [0.0000, 0.6576] Wilson" in lines
    assert "roc_auc 1.0000 [0.1581, 1.0000] Clopper-Pearson" in lines
    assert "precision n/a no interval" in lines
    assert "precision: no row was predicted malignant" in lines
    assert f"pr_auc: {metrics.NO_PR_AUC_INTERVAL}" in lines


@pytest.mark.parametrize(("value", "colours"), [("1", False), ("", True)])
@pytest.mark.usefixtures("coloured")
def test_no_color_switches_colours_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str, colours: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", value)
    terminal.say(terminal.style("name", fg="red"))
    assert ("\x1b[" in capsys.readouterr().out) == colours


@pytest.mark.fault("X15")
def test_an_error_is_one_block_whatever_it_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_error(WdbcError(HOSTILE, where=f"/{HOSTILE}", hint="Try again."))
    assert capsys.readouterr().err.splitlines() == [f"error: {SHOWN}", f"  where: /{SHOWN}", "  hint:  Try again."]


@pytest.mark.fault("X15")
def test_a_wrong_argument_is_quoted_harmlessly(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_usage_error(click.UsageError(f"no such command {HOSTILE}"))
    assert capsys.readouterr().err == f"Error: no such command {SHOWN}\n"


@pytest.mark.fault("X15")
def test_a_traceback_and_a_record_of_the_log_are_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.show_traceback(ValueError(HOSTILE))
    terminal.Lines().emit(logging.makeLogRecord({"msg": HOSTILE, "event": "note"}))
    for line in capsys.readouterr().err.split("\n"):
        assert line.isprintable()


@pytest.mark.fault("X15")
def test_a_json_document_gives_back_every_character_and_is_plain_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    plain = {"reason": HOSTILE + "\x7f", HOSTILE: [None, 1.5]}
    terminal.document(plain)
    printed = capsys.readouterr().out
    assert json.loads(printed) == plain
    assert all(line.isprintable() and line.isascii() for line in printed.splitlines())


@pytest.mark.fault("X01")
def test_no_line_shows_the_password_of_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say(terminal.style("store s3://u:canary@host/store?sig=canary2#canary3", dim=True) + " and more")
    assert capsys.readouterr().out == "store s3://***@host/store?sig=***#*** and more\n"
