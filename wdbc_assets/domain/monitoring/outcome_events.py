"""Outcomes as they are delivered: a CSV file with one diagnosis per line.

The header names the columns in any order: `id` of the patient or `request_id` of the service's answer, `diagnosis` (M
or B), and `known_at`, the day or time at which the diagnosis became known. A file is accepted whole or not at all, so
that a corrected file can be delivered again.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.data.incoming import identifier
from wdbc_assets.domain.errors import WdbcError

IDENTIFIERS = ("id", "request_id")
_UNCHANGED: Mapping[str, Callable[[str], str]] = dict.fromkeys(IDENTIFIERS, str)
_DIAGNOSES: Mapping[str, int] = {"M": contract.MALIGNANT, "B": contract.BENIGN}
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""Before it, a year is mistyped. Live metrics have a window for each week since the first outcome."""
_AHEAD = timedelta(days=1)
"""How far a time may be ahead of this machine's clock: time zones and clocks differ."""

_SHOWN = 5
_LONGEST_ID = 200
_HINT = (
    "Correct the lines and deliver the file again; nothing was recorded. The columns are id or request_id, diagnosis"
    " (M or B) and known_at (such as 2026-03-31 or 2026-03-31T14:05:00+01:00)."
)


@dataclass(frozen=True)
class Outcome:
    """A diagnosis that became known: of a patient or an answer of the service, 1 for malignant, in UTC (ISO 8601)."""

    patient: str
    diagnosis: int
    known_at: str


@dataclass(frozen=True)
class Delivery:
    """Outcomes that were delivered together, with pseudonyms in place of ids. `recorded_at` is in UTC (ISO 8601)."""

    recorded_at: str
    outcomes: tuple[Outcome, ...]


def read(
    content: bytes, *, now: datetime, where: str, pseudonyms: Mapping[str, Callable[[str], str]] = _UNCHANGED
) -> tuple[Outcome, ...]:
    """Return the outcomes of a CSV file.

    Args:
        content: The bytes of the file, UTF-8.
        now: The current time, with its zone.
        where: The file's name, for messages.
        pseudonyms: What replaces the ids of each of the columns `IDENTIFIERS`.

    Raises:
        WdbcError: a column is missing, or some lines cannot be read. The message names the lines but no value.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _refused("it is not UTF-8 text", where) from None
    if "\0" in text:
        raise _refused("it is not a text file", where)
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    outcomes: list[Outcome] = []
    problems: list[str] = []
    try:
        header = _columns(next(lines, []), where)
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if faults := list(_faults(cells, header, now)):
                problems.append(f"line {lines.line_num}: {', '.join(faults)}")
            else:
                outcomes.append(_outcome(cells, header, pseudonyms[header.identifier]))
    except csv.Error as error:
        raise _refused(f"line {lines.line_num} is not CSV: {error}", where) from None
    if problems:
        more = f"; and {len(problems) - _SHOWN} more lines" if len(problems) > _SHOWN else ""
        raise _refused(f"{'; '.join(problems[:_SHOWN])}{more}", where)
    if not outcomes:
        raise _refused("it has no outcomes", where)
    return tuple(outcomes)


@dataclass(frozen=True)
class _Header:
    """Which column has the ids, the positions of the columns, and the number of all columns."""

    identifier: str
    patient: int
    diagnosis: int
    known_at: int
    width: int


def _columns(names: list[str], where: str) -> _Header:
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        word = name.strip().lower()
        if word in places:
            raise _refused(f"its header names the column {word} twice", where)
        places[word] = place
    identifiers = [name for name in IDENTIFIERS if name in places]
    missing = [name for name in ("diagnosis", "known_at") if name not in places]
    if len(identifiers) != 1 or missing:
        both = "has both id and request_id" if len(identifiers) > 1 else ""
        lacks = "lacks " + " and ".join([*([] if identifiers else ["id or request_id"]), *missing])
        raise _refused(f"its header {both or lacks}", where)
    return _Header(identifiers[0], places[identifiers[0]], places["diagnosis"], places["known_at"], len(names))


def _faults(cells: list[str], header: _Header, now: datetime) -> Iterator[str]:
    if len(cells) != header.width:
        yield f"it has {len(cells)} cells instead of {header.width}"
        return
    patient = cells[header.patient].strip()
    if not patient:
        yield "the id is empty"
    elif len(patient) > _LONGEST_ID:
        yield f"the id has more than {_LONGEST_ID} characters"
    if cells[header.diagnosis].strip().upper() not in _DIAGNOSES:
        yield "the diagnosis is neither M nor B"
    known_at = _time(cells[header.known_at])
    if known_at is None:
        yield "known_at is not a date or time in ISO 8601"
    elif known_at > now + _AHEAD:
        yield "known_at is in the future"
    elif known_at < _EARLIEST:
        yield f"known_at is before {_EARLIEST:%Y}"


def _outcome(cells: list[str], header: _Header, pseudonym: Callable[[str], str]) -> Outcome:
    known_at = _time(cells[header.known_at])
    if known_at is None:
        raise AssertionError("a line without a time has a fault")
    name = cells[header.patient].strip()
    return Outcome(
        pseudonym(identifier(name) if header.identifier == "id" else name),
        _DIAGNOSES[cells[header.diagnosis].strip().upper()],
        known_at.isoformat(timespec="seconds"),
    )


def _time(text: str) -> datetime | None:
    """Return a time in UTC, or None. A time without a zone is one in UTC."""
    try:
        time = datetime.fromisoformat(text.strip())
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _refused(what: str, where: str) -> WdbcError:
    return WdbcError(f"the outcomes cannot be read: {what}", where=where, hint=_HINT)
