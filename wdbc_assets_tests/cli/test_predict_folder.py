"""`wdbc predict` on a folder of Parquet files: the predictions of the same table in one file, or nothing at all."""

import itertools
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from wdbc_assets import api, settings
from wdbc_assets.cli.predict import predict
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline.engines import predicting
from wdbc_assets.registry import referral
from wdbc_assets.scoring import files
from wdbc_assets_tests import builders, champions
from wdbc_assets_tests.processes import is_alive, workers

ROWS = 30_000
CUTS = (0, 1_003, 1_003, 17_001, ROWS)  # the second part is empty


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Synthetic patients, three of whom break a rule."""
    frame = builders.table_of(ROWS).drop(columns=contract.DIAGNOSIS)
    frame.loc[frame.index[[7, 1_004, ROWS - 1]], "radius_mean"] = -1.0
    return pa.Table.from_pandas(frame, preserve_index=False)


@pytest.fixture
def patients(environment: Path, table: pa.Table) -> Path:
    """A folder with the table in four files, of several row groups each, and a store with a champion."""
    champions.make_champion(environment / "results")
    folder = environment / "patients"
    folder.mkdir()
    for number, (begin, end) in enumerate(itertools.pairwise(CUTS)):
        part = table.slice(begin, end - begin)
        if not len(part):
            part = pa.table({name: pa.nulls(0) for name in part.column_names})  # as of an empty frame
        pq.write_table(part, folder / f"part-{number}", row_group_size=4_999)
    (folder / "_SUCCESS").write_bytes(b"")
    return folder


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name not in {"logs", "results"})


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_folder_has_the_predictions_of_its_table_in_one_file(
    patients: Path, table: pa.Table, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.setenv("WDBC_WORKERS", workers)
    pq.write_table(table, "whole.parquet")
    counts = api.predict("whole.parquet", "whole-out.parquet", rejects="whole.csv")
    merged = api.predict(patients, "out.parquet", rejects="rejects.csv")
    assert Path("out.parquet").read_bytes() == Path("whole-out.parquet").read_bytes()
    assert (merged.rows, merged.scored, merged.triage) == (ROWS, counts.scored, counts.triage)
    assert merged.rules == counts.rules
    assert "first in row 8 of part-0" in merged.reasons
    whole, rejects = pd.read_csv("whole.csv"), pd.read_csv("rejects.csv")
    begins = rejects.pop("file").map(dict(zip(("part-0", "part-1", "part-2", "part-3"), CUTS, strict=False)))
    pd.testing.assert_frame_equal(rejects.assign(row=rejects["row"] + begins), whole)
    api.predict(patients, "out.csv")
    api.predict("whole.parquet", "whole-out.csv")
    assert Path("out.csv").read_bytes() == Path("whole-out.csv").read_bytes()


@pytest.mark.usefixtures("environment")
def test_a_new_folder_has_a_private_file_for_each_file(patients: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_WORKERS", "1")
    api.predict(patients, "out.parquet")
    left = Path(".wdbc-predict-of-a-killed-process")
    left.mkdir()
    done = CliRunner().invoke(predict, [str(patients), "predictions/"])
    assert done.exit_code == 0, done.output
    assert "files      4" in done.output
    assert "engine     local, 1 process\n" in done.output
    assert f"{ROWS:,} = {ROWS - 3:,} scored + 3 set aside" in done.output
    parts = sorted(Path("predictions").iterdir())
    assert [path.name for path in parts] == ["part-0", "part-1", "part-2", "part-3"]
    assert {path.stat().st_mode & 0o777 for path in parts} == {0o600}
    assert pa.concat_tables(map(pq.read_table, parts)).equals(pq.read_table("out.parquet"))
    assert not left.exists()
    with pytest.raises(WdbcError, match="not an empty folder"):
        api.predict(patients, "predictions")


def without_an_id(folder: Path) -> None:
    pq.write_table(pq.read_table(folder / "part-3").drop_columns(contract.ID), folder / "part-3")


def without_a_measurement(folder: Path) -> None:
    pq.write_table(pq.read_table(folder / "part-3").drop_columns("radius_mean"), folder / "part-3")


def damaged_within(folder: Path) -> None:
    content = bytearray((folder / "part-3").read_bytes())
    content[len(content) // 2 : len(content) // 2 + 2_000] = b"\0" * 2_000
    (folder / "part-3").write_bytes(content)


def emptied(folder: Path) -> None:
    for path in folder.glob("part-*"):
        path.unlink()


@pytest.mark.fault("D15")
@pytest.mark.parametrize(
    ("harm", "what", "where"),
    [
        (without_an_id, "its ids are missing, and those of part-0 are of type", "part-3"),
        (without_a_measurement, "lacks radius_mean", "part-3"),
        (damaged_within, "damaged", "part-3, rows "),
        (emptied, "holds no file", "patients"),
        (lambda folder: (folder / "note.csv").write_text("a,b\n"), "not Parquet", "note.csv"),
        (lambda folder: (folder / "more").mkdir(), "a folder, not a regular file", "more"),
    ],
)
@pytest.mark.parametrize("target", ["out.parquet", "predictions"])
def test_a_folder_with_a_bad_file_is_refused_by_its_name(
    patients: Path,
    monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[Path], object],
    what: str,
    where: str,
    target: str,
) -> None:
    monkeypatch.setenv("WDBC_WORKERS", "1")
    harm(patients)
    with pytest.raises(WdbcError, match=what) as caught:
        api.predict(patients, target, rejects="rejects.csv")
    assert f"{where}" in caught.value.where
    assert visible(Path()) == ["patients"]


def test_a_place_where_nothing_may_be_written_is_refused(patients: Path) -> None:
    for target, rejects, what in (
        ("patients/out.parquet", None, "in the folder that is scored"),
        ("out.parquet", "patients/rejects.csv", "in the folder that is scored"),
        ("patients", None, "not an empty folder"),
        ("out.csv", "out.csv", "the same file"),
    ):
        with pytest.raises(WdbcError, match=what):
            api.predict(patients, target, rejects=rejects)
    with pytest.raises(WdbcError, match="neither on this machine nor a folder of a bucket"):
        api.predict("s3://bucket/patients", "out.parquet")
    assert visible(Path()) == ["patients"]


@pytest.mark.fault("S18")
def test_a_file_that_is_written_meanwhile_is_refused(patients: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_WORKERS", "1")
    packed, _ = referral.packed_champion(settings.load().open_store())
    for target, file in (("out.parquet", "part-3"), ("predictions", "part-4")):
        named = files.parse(str(patients), target)
        assert isinstance(named, files.Folder)

        def written(_: object, file: str = file) -> None:
            (patients / file).write_bytes((patients / "part-0").read_bytes())

        with pytest.raises(WdbcError, match="changed while it was read"):
            predicting.score_folder(named, packed, settings.load(), progress=written)
    assert visible(Path()) == ["patients"]


def test_a_full_disk_leaves_nothing(patients: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_WORKERS", "1")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        for target in ("predictions", "out.parquet"):
            with pytest.raises(WdbcError, match="cannot be written: File too large"):
                api.predict(patients, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert visible(Path()) == ["patients"]


@pytest.mark.fault("O11")
def test_ctrl_c_leaves_nothing_and_no_process(patients: Path) -> None:
    for number in range(100):
        (patients / f"part-9{number:02}").hardlink_to(patients / "part-3")
    before = visible(patients.parent)
    command = [sys.executable, "-m", "wdbc_assets", "predict", str(patients), "predictions/"]
    environment = os.environ | {"WDBC_WORKERS": "2"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        while running.poll() is None and len(list(patients.parent.glob(".*/part-*"))) < 10:
            time.sleep(0.01)
        started = workers(running.pid)
        os.killpg(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert len(started) == 2
    assert "Traceback" not in said
    assert visible(patients.parent) == before
    assert not any(map(is_alive, started))
