"""Errors of databases in this package's own words, without what they may quote: an address, or a patient's value."""

import re
from collections.abc import Callable

from wdbc_assets.sources import sniffing
from wdbc_assets.sources.retrying import Fault

Conceal = Callable[[str], str]

_CHECK_USER = "Check user and password; they may also come from PGUSER, PGPASSWORD or ~/.pgpass."
_CHECK_ADDRESS = "Check host and port, and that the database runs and can be reached from here."
_CHECK_TLS = "Check sslmode, sslrootcert, sslcert and sslkey in the address."
_LATER = "Try again later."

# What libpq says of a connection that failed: it has no code then. In English, for libpq is built without translations.
_CONNECTING = (
    (r"password authentication failed|no password supplied|role \".*\" does not exist|authentication failed",
     "the database rejected the user or the password", False, _CHECK_USER),
    (r"no pg_hba.conf entry|pg_hba.conf rejects", "the database does not admit this user from this host", False,
     "Ask its operator for an entry in pg_hba.conf; it may demand TLS (sslmode=require)."),
    (r"database \".*\" does not exist", "the server has no database of this name", False, "Check the address."),
    (r"permission denied for database", "this user may not connect to the database", False, _CHECK_USER),
    (r"does not support SSL|SSL error: (?!unexpected eof)|certificate|sslmode|private key", "no TLS connection", False,
     _CHECK_TLS),
    (r"could not translate host name|failed to resolve|Name or service not known", "the host is unknown", True,
     _CHECK_ADDRESS),
    (r"timeout expired|timed out", "the database did not answer in time", True, _CHECK_ADDRESS),
    (r"Connection refused|No such file or directory|No route to host|unreachable",
     "the database refused the connection", True, _CHECK_ADDRESS),
    (r"too many (clients|connections)|remaining connection slots", "the database has no free connection", True, _LATER),
    (r"starting up|shutting down|recovery mode", "the database is starting or stopping", True, _LATER),
    (r"invalid (connection option|URI|integer|port)|invalid .* value", "the address has an option that libpq refuses",
     False, "Check the options behind the ? of the address."),
)  # fmt: skip
_CODES = (
    ("42P01", "the table does not exist", "Check the name; a table in another schema is SCHEMA.NAME. Case matters."),
    ("3F000", "the schema does not exist", "Check the name; case matters."),
    ("42703", "a column of the query does not exist", "Check the query."),
    ("42501", "this user may not read the table", "Grant it: GRANT SELECT ON the table TO the user."),
    ("25006", "the query tries to write, in a transaction that may only read", "Use a query that only selects."),
    ("42601", "the query has a syntax error", "Try the query in psql; it must be one SELECT."),
    ("0A", "the query is not supported here", "It must be one SELECT."),
    ("22", "the query meets a value that it cannot convert", "Try the query in psql."),
)
_CUT = ("08", "57P", "53", "40", "55P03")


def postgres(error: Exception, *, conceal: Conceal) -> Fault:
    """Return the fault for an error of psycopg that SQLAlchemy passed on."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause, "sqlstate", None)
    text = str(cause)
    if code == "57014":
        hint = "Try again later, or raise WDBC_TOTAL_SECONDS; an index on the id helps."
        return Fault(what="the query did not end in time", passing=False, hint=hint)
    if code is None:
        for pattern, what, passing, hint in _CONNECTING:
            if re.search(pattern, text):
                return Fault(what=what, passing=passing, hint=hint)
        lost = type(cause).__name__ == "OperationalError"
        what = "the connection to the database was lost" if lost else f"the driver failed ({type(cause).__name__})"
        return Fault(what=what, passing=lost, hint=_CHECK_ADDRESS)
    for prefix, what, hint in _CODES:
        if code.startswith(prefix):
            # The text of class 42 quotes names and the query, that of class 22 a value.
            detail = f": {sniffing.plain(conceal(text.partition(chr(10))[0]))}" if code.startswith("42") else ""
            return Fault(what=what + detail, passing=False, hint=hint)
    if code.startswith(_CUT):
        return Fault(what=f"the database ended the connection (SQLSTATE {code})", passing=True, hint=_LATER)
    return Fault(what=f"the database failed (SQLSTATE {code})", passing=False, hint="See the log of the database.")


_SQLITE = (
    (r"no such table", "the table does not exist", False, "Check the name."),
    (r"no such column", "a column of the query does not exist", False, "Check the query."),
    (r"file is not a database|file is encrypted|malformed", "the file is not a SQLite database, or it is damaged",
     False, "Check the path, or restore the file."),
    (r"locked|busy|interrupted", "another program holds the database", True, "Try again when it has finished."),
    (r"readonly|read-only|read only", "the query tries to write", False, "Use a query that only selects."),
    (r"syntax error|incomplete input|You can only execute one statement", "the query has a syntax error", False,
     "It must be one SELECT."),
)  # fmt: skip


def sqlite(error: Exception, *, conceal: Conceal) -> Fault:
    """Return the fault for an error of sqlite3 that SQLAlchemy passed on."""
    text = str(getattr(error, "orig", None) or error)
    for pattern, what, passing, hint in _SQLITE:
        if re.search(pattern, text):
            detail = "" if passing else f": {sniffing.plain(conceal(text))}"
            return Fault(what=what + detail, passing=passing, hint=hint)
    return Fault(
        what=f"the database cannot be read: {sniffing.plain(conceal(text))}", passing=False, hint="Check the file."
    )
