"""`wdbc status` for people: one line an asset, each reason on a line, and what was refused."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from wdbc_assets import settings
from wdbc_assets.cli import terminal, wdbc
from wdbc_assets.pipeline import code_versions, specs, staleness
from wdbc_assets.store.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(str(tmp_path / "results"), relative_to=tmp_path)
    draft = store.draft(
        "raw_data",
        b"1,M\n" * 1000,
        run_id="run-1",
        parameters=staleness.resolved("raw_data", settings.load(test_size=0.2), {}) | {"source": "elsewhere"},
        code_version=code_versions.code_version("raw_data"),
        origin={"sha256": ""},
    )
    store.commit(draft, run_id="run-1")
    return store


def lines() -> list[str]:
    result = CliRunner().invoke(wdbc, ["status"])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_an_empty_store_says_that_nothing_was_made() -> None:
    assert [line.split()[-2:] for line in lines()[3:]] == [["never", "made"]] * len(specs.ASSETS)


def test_a_line_has_version_time_and_size_and_every_reason_has_a_line(store: Store) -> None:
    manifest = store.handle("raw_data").manifest
    shown = lines()
    assert shown[0] == f"store {store.url}"
    first, second = shown[3:5]
    for part in ("raw_data", manifest.version[:12], manifest.made_at[:19], "3.9 KiB", "configuration source elsewhere"):
        assert part in first
    assert second.strip().startswith("source content changed")


def test_one_batch_or_row_is_in_the_singular(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    key = "20260301T000000Z-000000000001"
    store.commit(store.draft("drift_report", b"{}", run_id="run-1", partition=key), run_id="run-1")
    assert any(line.endswith(f"latest of 1 batch: {key}") for line in lines())
    terminal.asset_line("raw_data", "made", 1, None, "0" * 64)
    assert " 1 row " in capsys.readouterr().out


@pytest.mark.fault("O02")
def test_what_was_refused_last_is_reported(store: Store) -> None:
    store.note_refusal("raw_data", run_id="run-2", reasons=["the source is empty"])
    assert any("last attempt refused at" in line for line in lines())
    assert "      the source is empty" in lines()
