"""The outbox: episodes, silences and the messages that wait for their channels, in a SQLite file of Dagster's home.

An episode and the messages about it are written in one transaction, so that a process that is killed leaves both or
none; what it left out is derived again at the next look. A message is removed when its channel has accepted it. If the
process is killed in between, or the removal cannot be written, the message is sent again, with the same key: each
message arrives at least once, and a receiver can drop a repetition by its key.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring.alerts.causes import CAUSES
from wdbc_assets.monitoring.alerts.episodes import Episode, Silence
from wdbc_assets.monitoring.alerts.messages import Message

T = TypeVar("T")

FILE = "alerts.sqlite"
_FORMAT = 1
_SECONDS = 5.0
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 300.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS episodes (id TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS silences (target TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS looks (detector TEXT PRIMARY KEY, began REAL NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, key TEXT NOT NULL, title TEXT NOT NULL,
    body TEXT NOT NULL, tone TEXT NOT NULL, written REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    not_before REAL NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '', UNIQUE (channel, key)
);
"""


@dataclass(frozen=True)
class Waiting:
    """The oldest message that waits for a channel: its number, its content, and how often it was tried."""

    number: int
    message: Message
    attempts: int
    not_before: float


@dataclass(frozen=True)
class Backlog:
    """What waits for a channel: how many messages, since when, how often the oldest was tried, and its last error."""

    channel: str
    messages: int
    since: datetime
    attempts: int
    error: str


class Outbox:
    """An open outbox. Not shared between threads."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes inside together, or none. Other processes wait.

        Raises:
            WdbcError: the file cannot be written, or is damaged.
        """
        with _as_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def episodes(self) -> list[Episode]:
        """Return all episodes."""
        rows = self._all("SELECT content FROM episodes")
        episodes = [self._parsed(_episode, content) for (content,) in rows]
        return [episode for episode in episodes if episode.cause in CAUSES]  # an earlier release may know others

    def put(self, episodes: Iterable[Episode]) -> None:
        """Write episodes, each in the place of the earlier one with its id."""
        rows = [(episode.id, _json(episode)) for episode in episodes]
        self._connection.executemany("INSERT OR REPLACE INTO episodes VALUES (?, ?)", rows)

    def remove(self, episode: Episode) -> None:
        """Remove an episode."""
        self._connection.execute("DELETE FROM episodes WHERE id = ?", (episode.id,))

    def silences(self, now: datetime) -> list[Silence]:
        """Return the silences that have not ended."""
        rows = self._all("SELECT content FROM silences")
        silences = [self._parsed(_silence, content) for (content,) in rows]
        return [silence for silence in silences if now < silence.until]

    def silence(self, silence: Silence) -> None:
        """Write a silence, in the place of the earlier one of its target."""
        self._connection.execute("INSERT OR REPLACE INTO silences VALUES (?, ?)", (silence.target, _json(silence)))

    def newer(self, began: datetime, detectors: Iterable[str], now: datetime) -> set[str]:
        """Return the detectors whose last recorded look began later, and record this look of all others.

        A recorded time in the future is that of a clock that has been set back since, and does not count.
        """
        stored: dict[str, float] = dict(self._all("SELECT detector, began FROM looks"))
        names = set(detectors)
        newer = {name for name in names if began.timestamp() < stored.get(name, 0.0) <= now.timestamp()}
        rows = [(name, began.timestamp()) for name in names - newer]
        self._connection.executemany("INSERT OR REPLACE INTO looks VALUES (?, ?)", rows)
        return newer

    def last_look(self) -> float | None:
        """Return when the last look began, in seconds since 1970; None if nobody has looked yet."""
        ((began,),) = self._all("SELECT max(began) FROM looks")
        return None if began is None else float(began)

    def append(self, channel: str, message: Message, now: datetime) -> None:
        """Let a message wait for a channel, behind the others."""
        self._connection.execute(
            "INSERT OR IGNORE INTO messages (channel, key, title, body, tone, written) VALUES (?, ?, ?, ?, ?, ?)",
            (channel, message.key, message.title, message.body, message.tone, now.timestamp()),
        )

    def drop_other_channels(self, names: Iterable[str]) -> None:
        """Remove what waits for channels that are no longer configured."""
        kept = set(names)
        for (channel,) in self._all("SELECT DISTINCT channel FROM messages"):
            if channel not in kept:
                self._connection.execute("DELETE FROM messages WHERE channel = ?", (channel,))

    def next(self, channel: str) -> Waiting | None:
        """Return the oldest message that waits for a channel."""
        columns = "number, key, title, body, tone, attempts, not_before"
        for row in self._all(f"SELECT {columns} FROM messages WHERE channel = ? ORDER BY number LIMIT 1", channel):  # noqa: S608 -- constant columns
            return Waiting(row[0], Message(*row[1:5]), row[5], row[6])
        return None

    def accepted(self, waiting: Waiting) -> None:
        """Remove a message that its channel has accepted.

        Raises:
            WdbcError: the file cannot be written. The message still waits, and is sent again.
        """
        self._change("DELETE FROM messages WHERE number = ?", waiting.number)

    def failed(self, waiting: Waiting, error: str, now: datetime) -> None:
        """Note a failed attempt. The wait until the next one doubles, up to five minutes.

        Raises:
            WdbcError: the file cannot be written. The message is tried again as if there had been no attempt.
        """
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(waiting.attempts, 10))
        self._change(
            "UPDATE messages SET attempts = attempts + 1, error = ?, not_before = ? WHERE number = ?",
            error,
            now.timestamp() + wait,
            waiting.number,
        )

    def backlogs(self) -> list[Backlog]:
        """Return what waits, by channel."""
        rows = self._all("SELECT channel, count(*), min(number) FROM messages GROUP BY channel ORDER BY channel")
        result = []
        for channel, count, oldest in rows:
            query = "SELECT written, attempts, error FROM messages WHERE number = ?"
            for written, attempts, error in self._all(query, oldest):
                result.append(Backlog(channel, count, datetime.fromtimestamp(written, UTC), attempts, error))
        return result

    def has_due(self, channels: Iterable[str], now: datetime) -> bool:
        """Return whether the oldest message of any of the channels may be sent now."""
        heads = map(self.next, channels)
        return any(head is not None and not seconds_until_due(head, now) for head in heads)

    def _parsed(self, read: Callable[[Any], T], content: str) -> T:
        try:
            return read(json.loads(content))
        except (ValueError, TypeError, KeyError):
            raise WdbcError(
                "alerts cannot be read: the file is damaged",
                where=str(self._path),
                hint="Move it aside: open alerts are found again.",
            ) from None

    def _change(self, statement: str, *arguments: object) -> None:
        """Execute a statement outside of a transaction. Another process may hold the lock for longer than we wait."""
        with _as_errors(self._path):
            self._connection.execute(statement, arguments)

    def _all(self, query: str, *arguments: object) -> list[Any]:
        with _as_errors(self._path):
            return self._connection.execute(query, arguments).fetchall()


def seconds_until_due(waiting: Waiting, now: datetime) -> float:
    """Return how long a message has to wait. A wait that is too long is that of a clock that has been set back."""
    seconds = waiting.not_before - now.timestamp()
    return seconds if 0 < seconds <= _LONGEST_WAIT else 0.0


@contextlib.contextmanager
def open_outbox(home: Path) -> Iterator[Outbox]:
    """Open the outbox of a home, created if it is missing.

    Raises:
        WdbcError: it cannot be opened, is damaged, or a newer release wrote it.
    """
    path = home / FILE
    with _as_errors(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # only the owner may read it
        connection = sqlite3.connect(path, timeout=_SECONDS, isolation_level=None)
    with contextlib.closing(connection):
        with _as_errors(path):
            for pragma in ("journal_mode = WAL", "synchronous = FULL"):
                connection.execute(f"PRAGMA {pragma}")
            (number,) = connection.execute("PRAGMA user_version").fetchone()
            if number > _FORMAT:
                raise WdbcError(
                    f"the alerts were recorded by a newer release: their format is {number}, not {_FORMAT}",
                    where=str(path),
                    hint="Upgrade wdbc_assets, or move the file aside: open alerts are found again.",
                )
            if number < _FORMAT:
                connection.executescript(f"{_SCHEMA}PRAGMA user_version = {_FORMAT};")
        yield Outbox(connection, path)


def exists(home: Path) -> bool:
    """Return whether a home has an outbox."""
    return (home / FILE).is_file()


@contextlib.contextmanager
def _as_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise WdbcError(
            f"alerts cannot be recorded: {reason}",
            where=str(path),
            hint="Free some space there and check its permissions. If the file is damaged, move it aside: open alerts"
            " are found again.",
        ) from None


def _json(record: Episode | Silence) -> str:
    plain = {item.name: getattr(record, item.name) for item in fields(record)}
    return json.dumps({name: _written(value) for name, value in plain.items()})


def _written(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _episode(plain: dict[str, Any]) -> Episode:
    times = {name: _time(plain[name]) for name in ("closed_at", "reported_at")}
    return Episode(**{**plain, **times, "since": datetime.fromisoformat(plain["since"])})


def _silence(plain: dict[str, Any]) -> Silence:
    return Silence(**{**plain, "until": datetime.fromisoformat(plain["until"])})


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
