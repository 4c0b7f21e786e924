"""A table of a database, or the result of a query, through SQLAlchemy (for PostgreSQL the extra `sql`).

All is read in one transaction that sees one state of the database and cannot write, through a cursor that the server
keeps, in the order of the ids. The rows are lines in UCI's layout, so the same rows give the same digest.

PostgreSQL itself computes a digest over the rows, which the origin records as its mark. While the mark is the same, no
row crosses the network. A count and a largest id would miss a row that is changed in place.
"""

import contextlib
import hashlib
import os
import socket
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from wdbc_assets import safe_text
from wdbc_assets.domain.data import contract, row_text
from wdbc_assets.domain.data.csv_layouts import NotATable
from wdbc_assets.sources import large_tables, limits, retrying, sql_faults
from wdbc_assets.sources.errors import UnknownSource
from wdbc_assets.sources.files import read as read_file
from wdbc_assets.sources.files import require_regular
from wdbc_assets.sources.origin import Origin, Received
from wdbc_assets.sources.retrying import Fault
from wdbc_assets.sources.source import FetchContext, Source

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

TABLE, QUERY = "table", "query"
_ROWS_AT_ONCE = 1000
_LARGEST_QUERY = 2**20


class Database(Source):
    """What the databases have in common. An address names a table or a file with a query.

    Attributes:
        digest_of_rows: what is selected to tell whether any row differs, if the database can compute it.
    """

    digest_of_rows: ClassVar[str | None] = None

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Return the source at a URL.

        Raises:
            UnknownSource: the URL is malformed, or does not name one table or query.
        """
        source = super().from_url(url)
        try:
            _ = urlsplit(url).port
        except ValueError:
            hint = "Write the port as a number from 0 to 65535, as in host:5432."
            raise UnknownSource("the port in the URL is not a number", where=source.shown, hint=hint) from None
        if len(_given(url).keys() & {TABLE, QUERY}) != 1:
            hint = "Add ?table=NAME (or SCHEMA.NAME), or ?query=FILE.sql."
            raise UnknownSource("the URL must name either a table or a query", where=source.shown, hint=hint)
        return source

    def read(self, context: FetchContext, /) -> Received | None:
        """Return the rows as lines in UCI's layout, or None if the database reports that it holds the known ones.

        Raises:
            SourceRefused: the database, or the table, refuses; or a column is missing or of another type.
            SourceUnavailable: the database could not be read within the limits of attempts and time.
        """
        line = _Line()
        return retrying.persist(
            lambda: self._attempt(context, line),
            where=self.shown,
            limits=context.limits,
            clock=context.clock,
            report=context.report,
            give_up=line.cut,
        )

    def _usable(self, known: Origin | None, pinned: str | None) -> Origin | None:
        # The mark is a digest of the rows themselves, so it holds for any user and any setting of the connection.
        same = known is not None and known.shown == self.shown and pinned in {None, known.sha256}
        return known if same else None

    def _attempt(self, context: FetchContext, line: "_Line") -> Received | Fault | None:
        try:
            from sqlalchemy.exc import SQLAlchemyError

            engine = self._engine(context.limits)
        except ModuleNotFoundError as error:
            what = f"the package {error.name} is not installed"
            return Fault(what=what, passing=False, hint='Install the extra: pip install "wdbc_assets[sql]".')
        try:
            with engine.connect() as connection:
                line.hold(connection)
                for statement in self._beginning(context.limits):
                    connection.exec_driver_sql(statement)
                return self._received(connection, context)
        except NotATable as error:
            what = error.what.replace("the header", "the result" if QUERY in _given(self.address) else "the table", 1)
            hint = error.hint
            if not isinstance(error, row_text.UnsuitableValue):
                hint = "Name the contract's columns, in any order and case; docs/data-dictionary.md lists them."
            where = f"{self.shown}, {error.where}" if isinstance(error, row_text.UnsuitableValue) else self.shown
            return Fault(what=what, passing=False, hint=hint, where=where)
        except SQLAlchemyError as error:
            # `from` a value, so that no library's exception, which may quote the address, becomes a context.
            return self._explain(error)
        finally:
            line.release()
            engine.dispose()

    def _received(self, connection: "Connection", context: FetchContext) -> Received | None:
        rows = self._rows(connection)
        # What is put together here are quoted names and the user's own query.
        described = connection.exec_driver_sql(f"select * from {rows} as t limit 0").cursor.description  # noqa: S608
        names = [column[0] for column in described]
        order = row_text.places(names, strict=False)
        columns = [names[place] for place in order]
        quoted = ", ".join(map(self._quoted(connection), columns))
        selected = f"select {quoted} from {rows} as t"  # noqa: S608
        mark = self._mark(connection, f"({selected})", [described[place][:2] for place in order])
        if mark is not None and context.known is not None and context.known.etag == mark:
            return None
        by_id = self._quoted(connection)(names[order[0]])
        options = connection.execution_options(stream_results=True, yield_per=_ROWS_AT_ONCE)
        with options.exec_driver_sql(f"{selected} order by {by_id}") as cursor:
            lines = row_text.of_values(cursor, range(len(columns)))
            content = large_tables.collect(lines, context.limits, where=self.shown, report=context.report)
        return Received(content, etag=mark)

    def _rows(self, connection: "Connection") -> str:
        """Return what stands behind `from`: the table, or the query of the file."""
        if (table := _given(self.address).get(TABLE)) is not None:
            return ".".join(map(self._quoted(connection), table.split(".")))
        content = read_file(Path(_given(self.address)[QUERY]), largest_bytes=_LARGEST_QUERY)
        text = content.decode("utf-8", errors="replace").strip().removesuffix(";")
        return f"(\n{text}\n)"  # its last line may be a comment

    def _quoted(self, connection: "Connection") -> Any:
        return connection.dialect.identifier_preparer.quote_identifier

    def conceal(self, text: str) -> str:
        """Return `text`, sent by the database, without secrets of the address."""
        return safe_text.conceal(text, self._driver_url())

    def _driver_url(self) -> str:
        """Return the address without what only this class understands."""
        options = {name: value for name, value in _given(self.address).items() if name not in {TABLE, QUERY}}
        return urlsplit(self.address)._replace(query=urlencode(options)).geturl()

    def _mark(self, connection: "Connection", rows: str, types: list[Any]) -> str | None:
        """Return a digest of the rows and of the types of their columns, if the database can compute one."""
        if self.digest_of_rows is None:
            return None
        digests = connection.exec_driver_sql(self.digest_of_rows.format(rows=rows)).one()
        return hashlib.sha256(repr((contract.digest(), types, *map(str, digests))).encode()).hexdigest()

    @abstractmethod
    def _engine(self, bounds: limits.Limits) -> "Engine":
        """Return SQLAlchemy's engine for the database."""

    @abstractmethod
    def _beginning(self, bounds: limits.Limits) -> list[str]:
        """Return the statements with which the transaction begins."""

    @abstractmethod
    def _explain(self, error: Exception) -> Fault:
        """Return the fault for an error of the driver that SQLAlchemy passed on."""


class Postgres(Database):
    """A table or query of PostgreSQL."""

    remote = True
    usage = "postgresql+psycopg://user@host/database?table=NAME (or ?query=FILE.sql)"
    # The hash of each row is a number, so that the order of the rows makes no difference and nothing is sorted.
    digest_of_rows = (
        "select count(*), sum(('x' || substr(md5(t::text), 1, 16))::bit(64)::bigint::numeric) from {rows} as t"
    )

    @classmethod
    def schemes(cls) -> tuple[str, ...]:
        """Return the URL schemes of PostgreSQL, of which psycopg is the only driver here."""
        return "postgresql+psycopg", "postgresql"

    def _engine(self, bounds: limits.Limits) -> "Engine":
        import psycopg  # noqa: F401 -- for the name of the missing package
        from sqlalchemy import NullPool, create_engine

        url = "postgresql+psycopg://" + self._driver_url().partition("://")[2]
        seconds = {} if "connect_timeout=" in url else {"connect_timeout": max(2, round(bounds.connect_seconds))}
        return create_engine(
            url,
            poolclass=NullPool,
            connect_args=seconds,
            # Without parameters a % in a query means itself.
            execution_options={
                "isolation_level": "REPEATABLE READ",
                "postgresql_readonly": True,
                "no_parameters": True,
            },
            hide_parameters=True,
        )

    def _beginning(self, bounds: limits.Limits) -> list[str]:
        return [
            f"set local statement_timeout = {round(bounds.total_seconds * 1000)}",
            "set local extra_float_digits = 1",
            "set default_transaction_read_only = on",  # a query could end the transaction
        ]

    def _explain(self, error: Exception) -> Fault:
        return sql_faults.postgres(error, conceal=self.conceal)


class Sqlite(Database):
    """A table or query of a SQLite file. It is read whole at each look, as every local file is."""

    remote = False
    usage = "sqlite:///FILE?table=NAME"

    @classmethod
    def schemes(cls) -> tuple[str, ...]:
        """Return the URL scheme of SQLite."""
        return ("sqlite",)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Return the source at a URL with three slashes, and a fourth before an absolute path.

        Raises:
            UnknownSource: the URL is malformed, or does not name a file and one table or query.
        """
        source = super().from_url(url)
        if urlsplit(url).netloc or len(urlsplit(url).path) < len("/x"):
            raise UnknownSource(
                "the URL names no SQLite file", where=source.shown, hint="Write sqlite:///folder/file.db?table=NAME."
            )
        return source

    def _engine(self, bounds: limits.Limits) -> "Engine":
        from sqlalchemy import NullPool, create_engine

        path = _path(self.address)
        # Otherwise SQLite says of a missing file, a folder and a pipe the same; a pipe would block it.
        require_regular(path)
        return create_engine(
            f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true",
            poolclass=NullPool,
            connect_args={"timeout": bounds.read_seconds, "check_same_thread": False},
        )

    def _beginning(self, _bounds: limits.Limits) -> list[str]:
        return ["begin"]

    def _explain(self, error: Exception) -> Fault:
        return sql_faults.sqlite(error, conceal=self.conceal)


def _given(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def _path(url: str) -> Path:
    """Return the file of a SQLite URL; a relative one starts at the current folder."""
    return Path(unquote(urlsplit(url).path)[1:]).absolute()


class _Line:
    """The connection of one attempt, which another thread can cut."""

    def __init__(self) -> None:
        self._driver: Any = None

    def hold(self, connection: "Connection") -> None:
        self._driver = connection.connection.dbapi_connection

    def release(self) -> None:
        self._driver = None

    def cut(self) -> None:
        """End what the connection is waiting for."""
        driver = self._driver
        with contextlib.suppress(Exception):
            if hasattr(driver, "interrupt"):
                driver.interrupt()
            elif driver is not None:
                with socket.socket(fileno=os.dup(driver.fileno())) as duplicate:
                    duplicate.shutdown(socket.SHUT_RDWR)
