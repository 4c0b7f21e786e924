"""A table or a query of PostgreSQL as a source, against a real server."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets import sources
from wdbc_assets.domain.data import row_text
from wdbc_assets.sources import SourceRefused, SourceUnavailable, UnknownSource
from wdbc_assets_tests import postgres_server
from wdbc_assets_tests.postgres_server import PASSWORD, QUOTED, CuttingProxy, Server
from wdbc_assets_tests.sources.builders import Fetching, short

SECRETS = (PASSWORD, QUOTED)


@pytest.fixture(scope="session")
def started() -> Iterator[Server]:
    with postgres_server.running() as server:
        server.fill()
        yield server


@pytest.fixture
def postgres(started: Server) -> Server:
    with started.connect() as connection:
        if connection.execute("select to_regclass('patients')").fetchone()[0] is None:
            started.fill()
    return started


@pytest.fixture
def changed(postgres: Server) -> Iterator[Server]:
    """The server for a test that changes the table, which is made again afterwards."""
    yield postgres
    postgres.fill()


def refused(fetch: Fetching, address: str, what: str) -> SourceRefused:
    with pytest.raises(SourceRefused, match=what) as raised:
        fetch(address)
    error = raised.value
    assert "\n" not in error.what
    assert error.hint
    assert not any(secret in f"{error!r} {error} {error.__context__!r} {fetch.reported}" for secret in SECRETS)
    assert fetch.waits.asked == []
    return error


def test_a_table_is_read_in_the_order_of_the_ids(postgres: Server, fetch: Fetching) -> None:
    found = fetch(postgres.url())
    ids = [int(line.partition(b",")[0]) for line in found.content.splitlines()]
    assert ids == list(range(1, 570))
    assert found.origin.shown == f"postgresql+psycopg://***@127.0.0.1:{postgres.port}/postgres?table=patients"


def test_the_same_rows_give_the_same_digest_however_they_are_stored(postgres: Server, fetch: Fetching) -> None:
    postgres.do(
        'create or replace view other as select area_mean::numeric(12,4) as "Area Mean", now() as seen,'
        ' id::int as "ID", patients.* from patients order by radius_mean'.replace(
            "patients.*", _all_but("id", "area_mean")
        ),
        "grant select on other to reader",
    )
    table, view = fetch(postgres.url()), fetch(postgres.url("postgres?table=public.other"))
    assert view.content == table.content
    assert view.origin.etag != table.origin.etag  # the columns have other types


def _all_but(*names: str) -> str:
    from wdbc_assets.domain.data.csv_layouts import NAMES

    return ", ".join(name for name in NAMES if name not in names)


def test_a_query_is_read_from_its_file(postgres: Server, fetch: Fetching, tmp_path: Path) -> None:
    (tmp_path / "query.sql").write_text("select * from patients where id % 2 = 0 -- 100 % even;\n")
    found = fetch(postgres.url("postgres?query=query.sql"))
    assert len(found.content.splitlines()) == 284
    assert found.origin.shown.endswith("/postgres?query=query.sql")


@pytest.mark.fault("S11")
def test_a_table_that_did_not_change_is_not_read_again(changed: Server, fetch: Fetching) -> None:
    known = fetch(changed.url()).origin
    assert fetch(changed.url(), known=known) is None
    # The number of rows and the largest id stay what they were.
    changed.do("update patients set radius_mean = 18.5 where id = 7")
    assert sources.parse(changed.url()).fingerprint(known) != known.sha256
    found = fetch(changed.url(), known=known)
    assert found.content.splitlines()[6].split(b",")[2] == b"18.5"


def test_what_is_added_or_removed_besides_the_columns_does_not_count(changed: Server, fetch: Fetching) -> None:
    known = fetch(changed.url()).origin
    changed.do("alter table patients add note text default 'seen'")
    assert fetch(changed.url(), known=known) is None


@pytest.mark.fault("S18")
@pytest.mark.fault("S19")
def test_rows_that_change_during_the_read_are_read_as_they_were(
    changed: Server, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fetch(changed.url())
    original = row_text.of_values

    def interrupted(rows: Any, order: Sequence[int]) -> Iterator[bytes]:
        lines = original(rows, order)
        yield next(lines)
        changed.do("update patients set radius_mean = 18.5 where id = 569", "delete from patients where id = 5")
        yield from lines

    monkeypatch.setattr(row_text, "of_values", interrupted)
    assert fetch(changed.url()) == before
    monkeypatch.undo()
    assert len(fetch(changed.url()).content.splitlines()) == 568


@pytest.mark.fault("S19")
def test_a_wrong_password_is_refused_immediately_and_shown_nowhere(postgres: Server, fetch: Fetching) -> None:
    error = refused(fetch, postgres.url(password="canary%2FOpen2"), "the database rejected the user or the password")
    assert "Open2" not in f"{error} {error.where}"


@pytest.mark.fault("S19")
@pytest.mark.parametrize(
    ("rest", "what"),
    [
        ("postgres?table=none", 'the table does not exist: relation "none" does not exist'),
        ("postgres?table=nowhere.patients", 'the table does not exist: relation "nowhere.patients" does not exist'),
        ("postgres?table=pg_catalog.pg_authid", "this user may not read the table: permission denied for table"),
        ("none?table=patients", "the database does not admit this user from this host"),
        ("postgres?table=pg_catalog.pg_class", "the table lacks id, diagnosis, radius_mean"),
        ("postgres?table=patients&sslmode=nonsense", "no TLS connection"),
        ("postgres?table=patients&nonsense=1", "the address has an option that libpq refuses"),
    ],
)
def test_what_the_database_refuses_is_explained(postgres: Server, fetch: Fetching, rest: str, what: str) -> None:
    assert postgres.url(rest).rpartition("@")[2].partition("&")[0] in refused(fetch, postgres.url(rest), what).where


@pytest.mark.fault("S19")
@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("selec 1", "the query has a syntax error: syntax error at or near"),
        ("select * from patients where none = 1", 'a column of the query does not exist: column "none" does not exist'),
        ("select *, nextval('counter') as n from patients", "the query tries to write"),
        (
            "select * from patients where radius_mean::text::int > 0",
            r"the query meets a value that it cannot convert\n",
        ),
        ("select 1) as t; commit; drop table patients; select * from (select 1", "the query tries to write"),
    ],
)
def test_a_query_that_is_wrong_or_writes_is_refused(
    postgres: Server, fetch: Fetching, tmp_path: Path, query: str, what: str
) -> None:
    postgres.do("create sequence if not exists counter", "grant usage on counter to reader")
    (tmp_path / "query.sql").write_text(query)
    refused(fetch, postgres.url("postgres?query=query.sql"), what)
    assert len(fetch(postgres.url()).content.splitlines()) == 569


@pytest.mark.fault("S19")
@pytest.mark.parametrize(
    ("column", "type_", "what"),
    [
        ("radius_mean", "text", "the column radius_mean holds text; numbers are needed"),
        ("area_se", "boolean using area_se > 0", "the column area_se holds true or false; numbers are needed"),
        ("id", "text", "the column id holds text; whole numbers are needed"),
        ("diagnosis", "integer using 1", "the column diagnosis holds values of the type int; M or B is needed"),
    ],
)
def test_a_column_of_another_type_is_refused_with_its_row(
    changed: Server, fetch: Fetching, column: str, type_: str, what: str
) -> None:
    changed.do(f"alter table patients alter {column} type {type_}")
    assert refused(fetch, changed.url(), what).where.endswith("?table=patients, row 1")


def test_a_missing_value_is_an_empty_cell_for_the_rules_to_refuse(changed: Server, fetch: Fetching) -> None:
    changed.do("update patients set radius_mean = null, area_mean = 'NaN' where id = 3")
    row = fetch(changed.url()).content.splitlines()[2].split(b",")
    assert (row[2], row[5]) == (b"", b"nan")


@pytest.mark.fault("S19")
def test_a_connection_that_is_cut_in_the_middle_is_tried_again(postgres: Server, fetch: Fetching) -> None:
    whole = fetch(postgres.url())
    with CuttingProxy(postgres.port, cuts=2, after=60_000) as proxy:
        assert fetch(postgres.url(port=proxy.port), short(read_seconds=10, total_seconds=60)).content == whole.content
    assert len(fetch.reported) == 2
    assert "the connection to the database was lost" in fetch.reported[0]


@pytest.mark.fault("S19")
@pytest.mark.fault("S01")
def test_a_database_that_is_away_or_always_cut_is_unavailable(
    postgres: Server, fetch: Fetching, closed_port: int
) -> None:
    with pytest.raises(SourceUnavailable, match=r"the database refused the connection \(4 attempts"):
        fetch(postgres.url(port=closed_port), short(total_seconds=60))
    with (
        CuttingProxy(postgres.port, cuts=99, after=60_000) as proxy,
        pytest.raises(SourceUnavailable, match=r"the connection to the database was lost \(4 attempts") as raised,
    ):
        fetch(postgres.url(port=proxy.port), short(read_seconds=10, total_seconds=60))
    assert not any(secret in f"{raised.value} {raised.value.__context__!r} {fetch.reported}" for secret in SECRETS)


@pytest.mark.fault("S19")
@pytest.mark.fault("S02")
def test_a_table_that_another_session_holds_ends_in_time_and_leaves_no_connection(
    postgres: Server, fetch: Fetching
) -> None:
    with postgres.connect() as holder, holder.transaction():
        holder.execute("lock table patients")
        with pytest.raises(SourceUnavailable, match=r"no complete response within 0.7 s"):
            fetch(postgres.url(), short(total_seconds=0.7, tries=1))
        for _ in range(100):
            if postgres.connections() == 0:
                break
        assert postgres.connections() == 0


def test_tls_settings_are_passed_on(postgres: Server, fetch: Fetching, tmp_path: Path) -> None:
    trusted = f"postgres?table=patients&sslmode=verify-full&sslrootcert={postgres.certificate}"
    found = fetch(postgres.url(trusted))
    assert len(found.content.splitlines()) == 569
    assert found.origin.shown.endswith("?table=patients&sslmode=***&sslrootcert=***")
    (tmp_path / "other.pem").write_bytes(Path(os.devnull).read_bytes())
    refused(
        fetch, postgres.url(f"postgres?table=patients&sslmode=verify-full&sslrootcert={tmp_path}/other.pem"), "no TLS"
    )


@pytest.mark.fault("S07")
def test_more_rows_than_the_limit_are_refused(postgres: Server, fetch: Fetching) -> None:
    with pytest.raises(SourceRefused, match="the content is larger than 1,000 bytes"):
        fetch(postgres.url(), short(largest_bytes=1000))


@pytest.mark.fault("S17")
def test_a_missing_package_is_named_with_its_extra(
    postgres: Server, fetch: Fetching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    error = refused(fetch, postgres.url(), "the package psycopg is not installed")
    assert error.hint == 'Install the extra: pip install "wdbc_assets[sql]".'


@pytest.mark.fault("S17")
@pytest.mark.parametrize("rest", ["", "?", "?table=", "?table=a&query=b", "?tabel=a"])
def test_an_address_without_a_table_or_query_is_refused(rest: str) -> None:
    with pytest.raises(UnknownSource, match="the URL must name either a table or a query") as raised:
        sources.parse(f"postgresql+psycopg://ann:sesame@db.example.org/clinic{rest}")
    assert "sesame" not in f"{raised.value} {raised.value.where}"
