"""Broken files, each through the whole job: nothing that was current moves, and the status says what was refused."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from wdbc_assets import settings
from wdbc_assets.orchestration.definitions import defs
from wdbc_assets.pipeline import staleness
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests import builders
from wdbc_assets_tests.builders import published_with

PUBLISHED = builders.bundled_uci_bytes()
LINES = PUBLISHED.splitlines(keepends=True)
BROKEN = {
    "an empty file": b"",
    "blanks only": b" \n\n",
    "one row": LINES[0],
    "half of the rows": b"".join(LINES[:284]),
    "cut in the middle of a line": PUBLISHED[: len(PUBLISHED) // 2],
    "cut at the end of a line": b"".join(LINES[:-1]),
    "an HTML page": b"<!DOCTYPE html><html><title>Sign in</title></html>",
    "a JSON error": b'{"error": "gone"}',
    "a compressed file cut short": gzip.compress(PUBLISHED)[:-9],
    "UTF-16": PUBLISHED.decode().encode("utf-16"),
    "a NUL byte": PUBLISHED[:100] + b"\0" + PUBLISHED[100:],
    "semicolons": PUBLISHED.replace(b",", b";"),
    "a column too few": b"".join(line.rpartition(b",")[0] + b"\n" for line in LINES),
    "a column too many": PUBLISHED.replace(b"\n", b",1\n"),
    "a lower-case label": published_with((3, "diagnosis", "m")),
    "a blank cell": published_with((3, "area_mean", "")),
    "nan": published_with((3, "area_mean", "nan")),
    "inf": published_with((3, "area_mean", "inf")),
    "a formula": published_with((3, "area_mean", "=1+1")),
    "a decimal comma in quotation marks": published_with((3, "area_mean", '"1203,5"')),
    "a negative size": published_with((3, "radius_mean", "-19.69")),
    "a zero where none can be": published_with((3, "radius_se", "0")),
    "an absurd size": published_with((3, "texture_worst", "1e6")),
    "worst below mean": published_with((3, "radius_worst", "1")),
    "a perimeter in another unit": published_with((3, "perimeter_mean", "1300")),
    "an id twice": published_with((3, "id", builders.published_cell(4, "id"))),
    "a patient twice": PUBLISHED + b"999999999" + LINES[0][LINES[0].index(b",") :],
    "one class only": PUBLISHED.replace(b",B,", b",M,"),
    "inverted labels": PUBLISHED.replace(b",B,", b",X,").replace(b",M,", b",B,").replace(b",X,", b",M,"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dg.DagsterInstance]]:
    """A store in which the data were made once, and an instance that saw it."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as environment, dg.DagsterInstance.ephemeral() as instance:
        environment.setenv("WDBC_STORAGE", str(folder))
        environment.setenv("WDBC_LOG", str(folder / "wdbc.jsonl"))
        assert refresh(instance).success
        yield folder, instance


def refresh(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("refresh").execute_in_process(instance=instance, raise_on_error=False)


def kept(folder: Path) -> dict[str, bytes]:
    """Every pointer and every file of every version."""
    paths = [*folder.glob("*/current.json"), *folder.glob("*/versions/*/*")]
    return {str(path): path.read_bytes() for path in sorted(paths)}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_leaves_every_version_as_it_was_and_the_status_says_so(
    made: tuple[Path, dg.DagsterInstance], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    folder, instance = made
    source = tmp_path / "broken.data"
    source.write_bytes(content)
    monkeypatch.setenv("WDBC_STORAGE", str(folder))
    monkeypatch.setenv("WDBC_SOURCE", str(source))
    before = kept(folder)
    store = open_store(str(folder), relative_to=folder)
    assert store.current("raw_data") is not None

    result = refresh(instance)

    assert not result.success
    assert [event.step_key for event in result.all_events if event.is_step_failure] == ["raw_data"]
    assert kept(folder) == before
    state = {one.asset: one for one in staleness.assess(store, settings.load())}["raw_data"]
    assert state.reasons[0] == f"configuration source bundled -> {source}"
    assert refused_by(store, result.run_id)


@pytest.mark.fault("O02")
def test_a_file_that_is_no_table_is_a_failed_check_with_its_reason(
    made: tuple[Path, dg.DagsterInstance], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, instance = made
    (tmp_path / "broken.data").write_bytes(BROKEN["semicolons"])
    monkeypatch.setenv("WDBC_STORAGE", str(folder))
    monkeypatch.setenv("WDBC_SOURCE", str(tmp_path / "broken.data"))
    (check,) = refresh(instance).get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("file_is_a_table", False)
    assert check.description == "the columns are separated by semicolons; commas are needed"


def refused_by(store: Store, run_id: str) -> bool:
    refusal = store.refusal("raw_data")
    return refusal is not None and refusal.run_id == run_id and bool(refusal.reasons[0])
