"""A store of another format, as every command meets it."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from wdbc_assets.cli import wdbc
from wdbc_assets.store.parsing import UnsupportedFormat

COMMANDS = [
    ["status"],
    ["status", "--check"],
    ["run"],
    ["serve"],
    ["predict", "in.csv", "out.csv"],
    ["verify"],
    ["history"],
    ["gc"],
    ["promote", "--dry-run"],
]


@pytest.mark.fault("F08")
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_rejects_a_store_of_format_1_with_one_hint(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def execute(*_: object) -> None:
        raise AssertionError("the service was started")

    monkeypatch.setattr(os, "execve", execute)
    store = tmp_path / "results"
    store.mkdir()
    (store / "store.json").write_text('{"format": 1}')
    Path("in.csv").write_text("id\n")
    error = CliRunner().invoke(wdbc, command).exception
    assert isinstance(error, UnsupportedFormat)
    assert error.what == ("the store was written by an older release: its format is 1, but this release reads format 2")
    assert error.where == str(store / "store.json")
    assert error.hint == (
        "Move the store's folder aside, then run `wdbc run` to build a new store. Nothing was changed."
    )
    assert [path.name for path in store.iterdir()] == ["store.json"]
