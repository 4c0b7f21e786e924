"""Tables in files are written and read in parts, verified, and never held in memory as a whole."""

import gc
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wdbc_assets import temporary_files
from wdbc_assets.domain.data import contract
from wdbc_assets.domain.data.incoming import IncomingBatch
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import table_files
from wdbc_assets.store.manifest import DamagedStore
from wdbc_assets.store.store import Store
from wdbc_assets.store.table_files import TableFile


def table(n: int) -> pd.DataFrame:
    frame = pd.DataFrame(np.random.default_rng(n).uniform(1, 2, (n, 30)), columns=list(contract.FEATURES))
    frame.insert(0, contract.ID, pd.Series([f"p{row}" for row in range(n)], dtype="str"))
    return frame


def digest(written: TableFile) -> str:
    written.file.seek(0)
    return hashlib.sha256(written.file.read()).hexdigest()


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_files, "ROWS", 10)


@pytest.mark.parametrize("sizes", [(35,), (10, 10, 15), (1, 0, 33, 1), (34, 1)])
def test_equal_tables_give_equal_bytes_in_whatever_pieces_they_come(sizes: tuple[int, ...]) -> None:
    whole = table(35)
    ends = np.cumsum(sizes)
    written = table_files.write(whole.iloc[end - size : end] for size, end in zip(sizes, ends, strict=True))
    assert (written.rows, [len(part) for part in written.parts()]) == (35, [10, 10, 10, 5])
    pd.testing.assert_frame_equal(written.frame(), whole)
    assert next(list(part) for part in written.parts(["id"])) == ["id"]
    assert digest(written) == digest(table_files.write([whole]))


def test_numbers_are_read_as_arrays_or_as_a_matrix() -> None:
    whole, columns = table(35), contract.FEATURES[:2]
    written = table_files.write([whole])
    read = list(written.array_parts(columns))
    assert [len(column) for part in read for column in part] == [10, 10, 10, 10, 10, 10, 5, 5]
    np.testing.assert_array_equal(np.hstack(read).T, whole[list(columns)])
    matrices = [table_files.matrix(part, columns) for part in written.arrow_parts(columns)]
    np.testing.assert_array_equal(np.concatenate(matrices), whole[list(columns)])


def test_a_table_without_rows_has_one_part_or_no_columns() -> None:
    assert [len(part) for part in table_files.write([table(0)]).parts()] == [0]
    assert table_files.write([]).rows == 0


def test_two_readers_of_one_table_do_not_disturb_each_other() -> None:
    written = table_files.write([table(30)])
    for one, other in zip(written.parts(), written.parts(["id"]), strict=True):
        assert one["id"].equals(other["id"])


def test_a_full_disk_is_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("r+b", buffering=0) as full:
        monkeypatch.setattr(temporary_files, "unnamed", lambda: full)
        with pytest.raises(WdbcError, match="No space left") as refused:
            table_files.write([table(3000)])
    assert "TMPDIR" in refused.value.hint


def test_an_error_of_the_rows_closes_the_temporary_file() -> None:
    def broken() -> "list[pd.DataFrame]":
        raise ValueError("rows")

    with pytest.raises(ValueError, match="rows"):
        table_files.write(broken() for _ in range(1))
    gc.collect()  # an open file would be a warning, which is an error in tests


def stored(store: Store) -> Store:
    batch = IncomingBatch(table_files.write([table(25)]), 26, 1, ())
    draft = store.draft("incoming_batch", batch, run_id="a-run", partition="a")
    assert store.commit(draft, run_id="a-run")
    assert store.commit(draft, run_id="a-run")  # again, as a run that was killed in between does
    return store


def test_a_batch_comes_back_from_every_kind_of_store(store: Store) -> None:
    batch = stored(store).handle("incoming_batch", partition="a").load()
    assert (batch.rows, batch.set_aside, batch.patients.rows) == (26, 1, 25)
    assert isinstance(batch.patients, TableFile)
    pd.testing.assert_frame_equal(pd.concat(batch.patients.parts(), ignore_index=True), table(25))
    pd.testing.assert_frame_equal(batch.table, table(25))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a table"])
def test_an_altered_table_is_damage_and_never_read(local: Store, content: bytes) -> None:
    manifest = stored(local).handle("incoming_batch", partition="a").manifest
    path = Path(local.folder(manifest)) / "patients.parquet"
    path.write_bytes(content)
    with pytest.raises(DamagedStore, match="was altered"):
        local.value(manifest)
    stored(local)  # the same batch again repairs it
    assert local.value(manifest).patients.rows == 25
    path.unlink()
    with pytest.raises(DamagedStore, match="is missing"):
        local.value(manifest)


def test_a_table_that_was_removed_while_it_is_read_is_read_to_its_end(local: Store) -> None:
    handle = stored(local).handle("incoming_batch", partition="a")
    patients = handle.load().patients
    local.backend.remove(f"incoming_batch/versions/{handle.manifest.version}")
    assert sum(len(part) for part in patients.parts()) == 25
