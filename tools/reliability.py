"""Write docs/reliability.md from the marks of the tests: `python -m tools.reliability`. `--check` only compares.

`tools.faults` lists the faults. pytest itself collects the marks, so a mark on a single parameter set counts, too.
"""

import contextlib
import io
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from tools.faults import FAULTS, GROUPS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reliability.md"

_HEAD = """\
# Reliability

This page lists the faults that the project handles, and what happens in each case. For every fault, at least one test
causes it for real and fails if the protection is removed. "Kept" means that what was current stays current, byte for
byte.

`python -m tools.reliability` generates this page from the marks of the tests. To run all of these tests, use
`make test ARGS="-m fault"`; to list them, use `.venv/bin/pytest -m fault --collect-only -q`.
"""

_NOT_PROMISED = """\
## Limits

- **Two machines that write to one store at the same time.** On an object store the last pointer wins as a whole, but
  the check that its inputs are still current works within one machine only. A network disk must honour `flock`.
- **A file that is cut inside its very last number, without a final line end.** This leaves no trace. Pin the SHA-256 of
  a source that matters.
- **A disk that loses data after it has confirmed the write.**
- **A run from the UI whose process is killed together with Dagster's code server.** It is marked as failed only at the
  limit of 60 minutes, and only while a daemon runs. A killed `wdbc run` is marked as failed by the next one.
- **A second daemon.** `wdbc ui` ensures one daemon per history, but does not prevent a `dagster-daemon` that is started
  by hand. The alert `second-daemon` reports it. Each batch is still stored once and each alert sent once, but one tick
  may start two runs.
- **Forgery.** A user who can write to the store can replace a version together with its manifest. Digests detect
  damage, not forgery.
"""


class _Marks:
    """A pytest plugin that records which test functions carry the mark of which fault."""

    def __init__(self) -> None:
        self.tests: dict[str, set[str]] = defaultdict(set)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            for mark in item.iter_markers("fault"):
                self.tests[mark.args[0]].add(item.nodeid.partition("[")[0])


def collected() -> dict[str, list[str]]:
    """Return the node ids of the tests of each fault.

    Raises:
        SystemExit: pytest cannot collect the tests.
    """
    marks = _Marks()
    arguments = ["--collect-only", "-qq", "-m", "fault", "-p", "no:cacheprovider"]
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        failed = pytest.main([*arguments, f"--rootdir={ROOT}", str(ROOT / "wdbc_assets_tests")], plugins=[marks])
    if failed:
        raise SystemExit(f"pytest could not collect the tests:\n{output.getvalue()}")
    return {fault: sorted(tests) for fault, tests in marks.tests.items()}


def problems(tests: Mapping[str, list[str]]) -> list[str]:
    """Return a message for each fault without a test and each mark without a fault."""
    return [
        *(f"no test is marked with the fault {fault}" for fault in FAULTS if fault not in tests),
        *(f"tools/faults.py does not know {fault}, a mark of {tests[fault][0]}" for fault in set(tests) - set(FAULTS)),
    ]


def page(tests: Mapping[str, list[str]]) -> str:
    """Return the text of the page."""
    parts = [_HEAD]
    for letter, title in GROUPS.items():
        rows = [
            f"| {fault} | {what} | {then} | {_evidence(tests[fault])} |"
            for fault, (what, then) in FAULTS.items()
            if fault.startswith(letter)
        ]
        head = ["| | fault | what happens | tested by |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {title}", "", *head, *rows, ""]))
    return "\n".join([*parts, _NOT_PROMISED])


def _evidence(tests: list[str]) -> str:
    path, _, name = tests[0].partition("::")
    sentence = name.rpartition("::")[2].removeprefix("test_").replace("_", " ")
    more = f", and {len(tests) - 1} more" if len(tests) > 1 else ""
    return f"[{sentence}](../{path}){more}"


def main(arguments: list[str]) -> str | None:
    """Write or check the page; return an error message, or None."""
    tests = collected()
    if messages := problems(tests):
        return "\n".join(messages)
    if arguments != ["--check"]:
        PAGE.write_text(page(tests), encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page(tests):
        return "docs/reliability.md is out of date; run: python -m tools.reliability"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
