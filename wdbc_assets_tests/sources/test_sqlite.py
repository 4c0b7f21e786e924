"""A table or a query of a SQLite file as a source."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets import sources
from wdbc_assets.domain.data import csv_layouts, reading
from wdbc_assets.sources import SourceRefused, SourceUnavailable, UnknownSource
from wdbc_assets_tests import builders
from wdbc_assets_tests.sources.builders import Fetching, short

ADDRESS = "sqlite:///clinic.db?table=patients"


@pytest.fixture
def database(environment: Path) -> Iterator[sqlite3.Connection]:
    """The published patients, in no order, in a file of the current folder."""
    connection = sqlite3.connect(environment / "clinic.db")
    names = [name.upper() if name == "id" else name for name in csv_layouts.NAMES]
    connection.execute(f"create table patients ({', '.join(names)}, note)")
    marks = ",".join("?" * 33)
    for row in builders.published()[::-1].itertuples(index=False):
        connection.execute(f"insert into patients values ({marks})", [int(row[0]), *row[1:], "seen"])
    connection.commit()
    yield connection
    connection.close()


def test_a_table_is_read_in_the_order_of_the_ids(database: sqlite3.Connection, fetch: Fetching) -> None:
    found = fetch(ADDRESS)
    assert found.origin.shown == ADDRESS
    assert reading.read(found.content).frame.equals(builders.published())
    assert not sources.parse(ADDRESS).remote


def test_a_change_in_place_is_noticed_and_a_return_is_the_earlier_content(
    database: sqlite3.Connection, fetch: Fetching
) -> None:
    known = fetch(ADDRESS).origin
    database.execute("update patients set radius_mean = radius_mean + 1 where id = 7")
    database.commit()
    assert sources.parse(ADDRESS).fingerprint(known) != known.sha256
    database.execute("update patients set radius_mean = radius_mean - 1 where id = 7")
    database.commit()
    assert sources.parse(ADDRESS).fingerprint(known) == known.sha256


def test_a_query_is_read_from_its_file(database: sqlite3.Connection, fetch: Fetching) -> None:
    Path("query.sql").write_text("select * from patients where note like '%seen%' and id > 500")
    assert len(fetch("sqlite:///clinic.db?query=query.sql").content.splitlines()) == 69


@pytest.mark.fault("S19")
@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("selec 1", "the query has a syntax error"),
        ("select none from patients", "a column of the query does not exist: no such column: none"),
        ("select * from none", "the table does not exist: no such table: none"),
        ("delete from patients returning *", "the query has a syntax error"),
        ("select id from patients", "the result lacks diagnosis, radius_mean"),
    ],
)
def test_a_query_that_is_wrong_is_refused(database: sqlite3.Connection, fetch: Fetching, query: str, what: str) -> None:
    Path("query.sql").write_text(query)
    with pytest.raises(SourceRefused, match=what) as raised:
        fetch("sqlite:///clinic.db?query=query.sql")
    assert raised.value.hint
    assert fetch.waits.asked == []


@pytest.mark.fault("S19")
def test_a_value_of_another_type_is_refused_with_its_row(database: sqlite3.Connection, fetch: Fetching) -> None:
    database.execute("update patients set area_mean = 'large' where id = 9")
    database.commit()
    with pytest.raises(SourceRefused, match="the column area_mean holds text; numbers are needed") as raised:
        fetch(ADDRESS)
    assert raised.value.where == f"{ADDRESS}, row 9"
    assert "large" not in str(raised.value)


@pytest.mark.fault("S19")
def test_a_database_that_another_program_holds_is_tried_again(database: sqlite3.Connection, fetch: Fetching) -> None:
    database.execute("begin exclusive")
    with pytest.raises(SourceUnavailable, match=r"another program holds the database \(2 attempts"):
        fetch(ADDRESS, short(tries=2, read_seconds=0.05))
    database.rollback()
    assert len(fetch(ADDRESS).content.splitlines()) == 569


@pytest.mark.fault("S15")
@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("sqlite:///missing.db?table=patients", "the file does not exist"),
        ("sqlite:///folder?table=patients", "a folder"),
        ("sqlite:///text.db?table=patients", "the file is not a SQLite database"),
    ],
)
def test_what_is_no_database_is_refused_and_nothing_is_created(fetch: Fetching, address: str, what: str) -> None:
    Path("folder").mkdir()
    Path("text.db").write_text("not a database, and long enough to be looked at" * 20)
    before = sorted(Path.cwd().iterdir())
    with pytest.raises(SourceRefused, match=what):
        fetch(address)
    assert sorted(Path.cwd().iterdir()) == before


@pytest.mark.fault("S17")
@pytest.mark.parametrize("address", ["sqlite://host/clinic.db?table=a", "sqlite:///?table=a", "sqlite:///clinic.db"])
def test_an_address_without_a_file_or_a_table_is_refused(address: str) -> None:
    with pytest.raises(UnknownSource):
        sources.parse(address)
