"""The history: whatever is altered, removed or put in between is found, and named."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from wdbc_assets.registry import audit_log
from wdbc_assets.registry.audit_log import Content, Entry, Head, History


def entry(**facts: object) -> Entry:
    plain = {
        "at": "2026-01-02T03:04:05+00:00", "actor": "ada", "action": audit_log.PROMOTED, "run_id": "run-1",
        "before": None, "after": "a" * 64, "recipe": "logistic", "candidate": "c" * 64, "verdict": "first",
        "evidence": "e" * 64, "reason": "the first", "forced": False,
    }  # fmt: skip
    return Entry(**(plain | facts))  # type: ignore[arg-type]


def read(lines: bytes | None, head: bytes | None) -> History:
    return audit_log.read(Content(lines), Content(head))


def head_of(found: History) -> bytes | None:
    """The head as it stands beside a whole history."""
    return audit_log.head_of(found.entries[-1]) if found.entries else None


def written(count: int) -> History:
    found = read(None, None)
    for number in range(count):
        content, placed = found.with_entry(entry(reason=f"reason {number}"))
        found = read(content, audit_log.head_of(placed))
    return found


def again(found: History, change: Callable[[list[bytes]], object]) -> tuple[str, ...]:
    """What is said of the lines after a change, with the head as it was."""
    lines = list(found.lines)
    change(lines)
    return read(b"\n".join(lines), head_of(found)).problems


def altered(line: bytes, **changes: object) -> bytes:
    return json.dumps({**json.loads(line), **changes}).encode()


def rehashed(line: bytes, reason: str) -> bytes:
    forged = replace(Entry.from_line(line), reason=reason)
    return json.dumps(replace(forged, digest=forged.digest_of_content()).to_plain()).encode()


def test_entries_are_numbered_and_each_carries_the_digest_of_the_one_before() -> None:
    found = written(4)
    assert found.problems == ()
    assert found.unfinished is None
    assert [one.number for one in found.entries] == [1, 2, 3, 4]
    assert [one.previous for one in found.entries] == ["", *(one.digest for one in found.entries[:-1])]
    assert len({one.digest for one in found.entries}) == 4
    assert found.head == Head(4, found.entries[-1].digest)


def test_a_line_says_from_and_to_in_words() -> None:
    plain = json.loads(written(1).lines[0])
    assert (plain["from"], plain["to"]) == (None, "a" * 64)
    assert {"at", "actor", "action", "run_id", "verdict", "evidence", "reason", "forced", "previous"} <= set(plain)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines.pop(1), "entry 2 was removed"),
        (lambda lines: lines.pop(0), "entry 1 was removed"),
        (lambda lines: lines.pop(), "entry 5 was removed"),
        (lambda lines: lines.__delitem__(slice(1, 3)), "entries 2 to 3 were removed"),
        (lambda lines: lines.clear(), "champion/history.jsonl is missing or empty: entries 1 to 5 were removed"),
        (lambda lines: lines.__setitem__(2, altered(lines[2], reason="another")), "entry 3 was altered"),
        (lambda lines: lines.__setitem__(2, altered(lines[2], forced=True)), "entry 3 was altered"),
        (lambda lines: lines.__setitem__(2, altered(lines[2], extra=1)), "line 3 is damaged"),
        (lambda lines: lines.__setitem__(2, lines[2][:-9]), "line 3 is damaged"),
        (lambda lines: lines.__setitem__(2, rehashed(lines[2], "better worded")), "entry 4 does not follow"),
        (lambda lines: lines.__setitem__(4, rehashed(lines[4], "better worded")), "entry 5 was altered"),
        (lambda lines: lines.insert(2, lines[1]), "entry 2 does not follow"),
        (lambda lines: lines.__setitem__(slice(1, 3), lines[2:0:-1]), "entry 2 was removed"),
    ],
)
def test_a_fault_is_named_by_the_entry(change: Callable[[list[bytes]], object], said: str) -> None:
    faults = again(written(5), change)
    assert faults
    assert said in faults[0], faults


def test_entries_that_were_added_beside_the_program_are_named() -> None:
    short, long = written(2), written(5)
    faults = read(b"\n".join(long.lines), head_of(short)).problems
    assert faults == ("entries 3 to 5 were added by another program",)


def test_one_entry_more_than_finished_ones_is_an_unfinished_one_and_no_fault() -> None:
    found = read(b"\n".join(written(3).lines), head_of(written(2)))
    assert found.problems == ()
    assert found.unfinished == found.entries[2]


def test_after_a_fault_entries_go_on_and_the_fault_stays_visible() -> None:
    found = written(3)
    lines = list(found.lines)
    lines[1] = altered(lines[1], reason="another")
    damaged = read(b"\n".join(lines), head_of(found))
    content, placed = damaged.with_entry(entry())
    assert placed.number == 4
    assert read(content, audit_log.head_of(placed)).problems == ("entry 2 was altered",)


@pytest.mark.fault("F13")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "champion/history.json is missing"),
        (b"", "champion/history.json is damaged: it is not JSON"),
        (b"{", "champion/history.json is damaged: it is not JSON"),
        (b"[]", "champion/history.json is damaged: Head is not a JSON object"),
        (b'{"entries": "many", "digest": ""}', "champion/history.json is damaged: Head.entries has the wrong type"),
        (b'{"entries": true, "digest": ""}', "champion/history.json is damaged: Head.entries has the wrong type"),
        (b'{"entries": 1e999, "digest": ""}', "champion/history.json is damaged: it has a number that is not finite"),
        (b'{"entries": -1, "digest": ""}', "champion/history.json is damaged: it counts no entries"),
        (b'{"entries": 3, "entries": 3, "digest": ""}', "damaged: it has duplicate field names"),
    ],
)
def test_a_head_that_is_missing_or_damaged_is_named_and_entries_go_on(content: bytes | None, said: str) -> None:
    found = read(b"\n".join(written(3).lines), content)
    assert len(found.problems) == 1
    assert said in found.problems[0]
    assert found.unfinished is None
    lines, placed = found.with_entry(entry())
    assert read(lines, audit_log.head_of(placed)).problems == ()


@pytest.mark.fault("F13")
@pytest.mark.parametrize(
    "field", ["number", "at", "actor", "action", "from", "to", "candidate", "evidence", "reason", "forced", "digest"]
)
@pytest.mark.parametrize(
    "value", [None, [], {"a": 1}, 1e300, -1, 10**18, "\ud800", "../../x", True], ids=lambda value: repr(value)[:9]
)
def test_a_field_of_any_type_is_a_fault_and_no_crash_and_the_next_entry_can_be_read(field: str, value: object) -> None:
    lines = list(written(3).lines)
    before = json.loads(lines[1])[field]
    lines[1] = altered(lines[1], **{field: value})
    found = read(b"\n".join(lines), head_of(written(3)))
    assert bool(found.problems) == (value is not before and value != before)
    content, placed = found.with_entry(entry())
    assert read(content, audit_log.head_of(placed)).entries[-1] == placed


@pytest.mark.fault("F13")
@pytest.mark.parametrize("number", [10**9, 2**63 - 1])
def test_numbers_go_on_from_what_was_written_and_not_from_what_was_altered(number: int) -> None:
    lines = list(written(3).lines)
    forged = replace(Entry.from_line(lines[2]), number=number)
    lines[2] = json.dumps(replace(forged, digest=forged.digest_of_content()).to_plain()).encode()
    for head in (head_of(written(3)), json.dumps({"entries": number, "digest": "x"}).encode()):
        _, placed = read(b"\n".join(lines), head).with_entry(entry())
        assert placed.number == 4


@pytest.mark.fault("F12")
def test_an_entry_that_was_altered_moves_nothing_and_is_not_finished() -> None:
    lines = list(written(2).lines)
    lines[1] = altered(lines[1], to="b" * 64)
    found = read(b"\n".join(lines), head_of(written(1)))
    assert [move.after for move in found.moves] == ["a" * 64]
    assert found.unfinished is None
