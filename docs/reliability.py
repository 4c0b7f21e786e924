"""Writes docs/reliability.md from the tests' marks: `python -m docs.reliability`. With `--check` nothing is written.

The faults stand in `docs.faults`. The marks are those that pytest itself collects, so that a mark on one case of many
counts too.
"""

import contextlib
import io
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from docs.faults import FAULTS, GROUPS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reliability.md"

_HEAD = """\
# What it withstands

Each fault is tried for real, by a test that goes red when its protection is taken away. This page is derived from the
tests' marks by `python -m docs.reliability`; `make test ARGS="-m fault"` tries all of them, and
`.venv/bin/pytest -m fault --collect-only -q` lists them. "Kept" says: what was current stays current, byte for byte.
"""

_NOT_PROMISED = """\
## What is not promised

- Two machines that write one store at the same instant: on an object store the last pointer wins whole, but the check
  that its inputs are still current holds within one machine only. A network disk must honour `flock`.
- A file cut inside its very last number, without a last line end: it leaves no trace. Pin the SHA-256 of a source that
  matters.
- A disk that loses what it said it had written.
- A run that the UI launched and whose process is killed together with Dagster's code server is told as failed only by
  the limit of 60 minutes, and only while a daemon runs. A killed `wdbc run` is told by the next one.
- One daemon per history is made sure of by `wdbc ui`; a `dagster-daemon` started by hand beside it is not noticed.
- Somebody who may write into the store can replace a version and its manifest together: digests find damage, and no
  forgery.
"""


class _Marks:
    """A plugin that notes which test functions carry which fault."""

    def __init__(self) -> None:
        self.tests: dict[str, set[str]] = defaultdict(set)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            for mark in item.iter_markers("fault"):
                self.tests[mark.args[0]].add(item.nodeid.partition("[")[0])


def collected() -> dict[str, list[str]]:
    """Return the tests of each fault, as pytest names them."""
    marks = _Marks()
    arguments = ["--collect-only", "-qq", "-m", "fault", "-p", "no:cacheprovider"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        failed = pytest.main([*arguments, f"--rootdir={ROOT}", str(ROOT / "wdbc_assets_tests")], plugins=[marks])
    if failed:
        raise SystemExit(f"pytest could not collect the tests:\n{said.getvalue()}")
    return {fault: sorted(tests) for fault, tests in marks.tests.items()}


def mistakes(tests: Mapping[str, list[str]]) -> list[str]:
    """Return what is wrong with the marks: a fault without a test, a mark without a fault."""
    return [
        *(f"no test is marked with the fault {fault}" for fault in FAULTS if fault not in tests),
        *(f"docs/faults.py does not know {fault}, a mark of {tests[fault][0]}" for fault in set(tests) - set(FAULTS)),
    ]


def page(tests: Mapping[str, list[str]]) -> str:
    """Return the page as it should be."""
    parts = [_HEAD]
    for letter, title in GROUPS.items():
        rows = [
            f"| {fault} | {what} | {then} | {_proof(tests[fault])} |"
            for fault, (what, then) in FAULTS.items()
            if fault.startswith(letter)
        ]
        head = ["| | fault | what happens | tried by |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {title}", "", *head, *rows, ""]))
    return "\n".join([*parts, _NOT_PROMISED])


def _proof(tests: list[str]) -> str:
    path, _, name = tests[0].partition("::")
    sentence = name.rpartition("::")[2].removeprefix("test_").replace("_", " ")
    more = f", and {len(tests) - 1} more" if len(tests) > 1 else ""
    return f"[{sentence}](../{path}){more}"


def main(arguments: list[str]) -> str | None:
    """Write the page, or check it; return what is wrong."""
    tests = collected()
    if wrong := mistakes(tests):
        return "\n".join(wrong)
    if arguments != ["--check"]:
        PAGE.write_text(page(tests), encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != page(tests):
        return "docs/reliability.md is not current; run: python -m docs.reliability"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
