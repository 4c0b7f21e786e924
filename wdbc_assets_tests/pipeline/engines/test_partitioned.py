"""A table in partitions on an engine: the fit by sums is the same wherever its partitions are computed on."""

import os
import signal
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wdbc_assets import settings, sources
from wdbc_assets.domain.data import contract, reading
from wdbc_assets.domain.data.partitions import Patients
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import fitting, summed_fit
from wdbc_assets.domain.rules import findings
from wdbc_assets.domain.rules import partitions as partition_rules
from wdbc_assets.pipeline.engines import partitioned
from wdbc_assets.pipeline.engines.dask import Dask
from wdbc_assets.pipeline.engines.engine import Engine, WorkerDied
from wdbc_assets.pipeline.engines.local import Local
from wdbc_assets_tests import builders
from wdbc_assets_tests.clusters import Cluster
from wdbc_assets_tests.domain.partitioned import cuts, patients_in
from wdbc_assets_tests.domain.validation import clean_frame


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three files of the real size's patients, one of which is empty."""
    folder, frame = tmp_path_factory.mktemp("parts"), clean_frame()
    paths = []
    for number, part in enumerate([slice(0, 200), slice(200, 200), slice(200, len(frame))]):
        paths.append(folder / f"part-{number}.parquet")
        frame.iloc[part].to_parquet(paths[-1])
    return paths


def on_cluster(cluster: Cluster) -> Dask:
    return Dask(settings.Computing.model_validate({"engine": "dask", "dask": cluster.address}))


def read(path: Path) -> Patients:
    try:
        return Patients.of(pd.read_parquet(path))
    except FileNotFoundError:
        raise WdbcError("a partition is missing", where=path.name, hint="Restore it.") from None


def fit_on(engine: Engine, places: list[Path]) -> fitting.Fit:
    with partitioned.opened(engine, read, places) as table:
        return summed_fit.search(table, recipe="logistic", grid="small", folds=3, repeats=1).fit()


def learned(fit: fitting.Fit) -> tuple[list[object], np.ndarray]:
    return [fit.winner, fit.score], fit.pipeline.predict_proba(clean_frame()[list(contract.FEATURES)])


def test_the_engine_and_the_number_of_its_processes_change_nothing(places: list[Path], shared: Cluster) -> None:
    frame = clean_frame()
    engines: list[Engine] = [Local(1), Local(2), on_cluster(shared)]
    (stated, probabilities), *others = [learned(fit_on(engine, places)) for engine in engines]
    for other_stated, other_probabilities in others:
        assert other_stated == stated
        np.testing.assert_array_equal(other_probabilities, probabilities)
    whole = summed_fit.search(
        patients_in(frame, cuts(len(frame), 1)), recipe="logistic", grid="small", folds=3, repeats=1
    ).fit()
    np.testing.assert_allclose(learned(whole)[1], probabilities, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["local", pytest.param("dask", marks=pytest.mark.nightly)])
def test_a_partition_with_a_hundred_times_the_rows_of_others_changes_nothing(
    name: str, shared: Cluster, tmp_path: Path
) -> None:
    frame, ends = clean_frame(), [0, 5, 10, 510, 515, 569]
    skewed = [tmp_path / f"part-{number}.parquet" for number in range(5)]
    for path, start, end in zip(skewed, ends[:-1], ends[1:], strict=True):
        frame.iloc[start:end].to_parquet(path)
    stated, probabilities = learned(fit_on(Local(2) if name == "local" else on_cluster(shared), skewed))
    even = patients_in(frame, [slice(start, start + 114) for start in range(0, 569, 114)])
    other_stated, others = learned(summed_fit.search(even, recipe="logistic", grid="small", folds=3, repeats=1).fit())
    assert stated == [other_stated[0], pytest.approx(other_stated[1], abs=1e-9)]
    np.testing.assert_allclose(probabilities, others, rtol=0, atol=1e-9)


@pytest.mark.fault("D07")
@pytest.mark.parametrize("name", ["local", pytest.param("dask", marks=pytest.mark.nightly)])
def test_a_bad_row_in_partition_713_of_800_is_refused_with_file_and_row(
    name: str, shared: Cluster, tmp_path: Path
) -> None:
    frame = builders.table_of(1_600)
    frame["area_mean"] = np.where(np.arange(1_600) == 2 * 713 + 1, -1.0, frame["area_mean"])
    table, parts = pa.Table.from_pandas(frame), [tmp_path / f"part-{number:03}.parquet" for number in range(800)]
    for number, path in enumerate(parts):
        pq.write_table(table.slice(2 * number, 2), path)
    engine = Local(1) if name == "local" else on_cluster(shared)
    with partitioned.opened(engine, read_raw, parts) as opened:
        refusal = findings.refusal(partition_rules.validate_raw(opened), "the folder")
    assert refusal is not None
    origin = sources.Origin(shown="", sha256="", bytes=0, files=tuple((path.name, 2) for path in parts))
    message = sources.with_files(refusal, origin.to_json()).what
    assert "nothing_is_negative: 1 cell, first at row 2 of part-713.parquet, column area_mean" in message


def test_a_partition_that_cannot_be_read_is_an_error_that_names_it(places: list[Path]) -> None:
    missing = places[1].with_name("part-713.parquet")
    with (
        partitioned.opened(Local(1), read, [places[0], missing, places[2]]) as table,
        pytest.raises(WdbcError, match="a partition is missing") as caught,
    ):
        table.map(len_of)
    assert caught.value.where == "part-713.parquet"


def test_the_processes_are_started_once_for_results_in_order_and_for_errors(places: list[Path]) -> None:
    with partitioned.opened(Local(2), read, places) as table:
        assert table.map(len_of) == [200, 0, 369]
        with pytest.raises(WdbcError, match="a partition is empty"):
            table.map(require_rows)
        assert table.map(partial(scaled, 2)) == [400, 0, 738]


def test_a_process_that_dies_changes_no_result_and_one_that_dies_again_is_an_error(
    places: list[Path], tmp_path: Path
) -> None:
    with partitioned.opened(Local(2), read, places) as table:
        assert table.map(partial(killed, tmp_path, 1)) == [200, 0, 369]
        assert table.map(len_of) == [200, 0, 369]
        with pytest.raises(WorkerDied):
            table.map(partial(killed, tmp_path, 3))


def killed(folder: Path, times: int, patients: Patients) -> int:
    """End the process of the longest partition the first times that it is asked for."""
    before = len(list(folder.iterdir()))
    if len(patients.y) == 369 and before < times:
        (folder / str(before)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return len(patients.y)


def read_raw(path: Path) -> reading.RawTable:
    frame = pd.read_parquet(path)
    first = 2 * int(path.stem.removeprefix("part-")) + 1
    frame.index = pd.RangeIndex(first, first + len(frame), name=reading.LINE)
    return reading.RawTable(frame.astype({contract.ID: "Int64"}), ())


def len_of(patients: Patients) -> int:
    return len(patients.y)


def scaled(factor: int, patients: Patients) -> int:
    return factor * len(patients.y)


def require_rows(patients: Patients) -> None:
    if not len(patients.y):
        raise WdbcError("a partition is empty", where="part-1.parquet", hint="Remove it.")
