"""Closed, full and broken streams: the work is done to its end, the exit code says so, and there is no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

from wdbc_assets.store.store import open_store

pytestmark = pytest.mark.fault("O23")

COMMAND = f'{sys.executable} -c "from wdbc_assets.cli import main; main()"'


def shell(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script of bash in which `wdbc` is the command line; a failure inside a pipe is the pipe's."""
    # Buffered, as users have it: what is buffered is written when the interpreter ends.
    text = f'unset PYTHONUNBUFFERED\nset -o pipefail\nwdbc() {{ {COMMAND} "$@"; }}\n{script}'
    return subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize(
    ("script", "code", "says"),
    [
        ("wdbc status >&-", 0, ""),
        ("wdbc status 2>&-", 0, None),
        ("wdbc status <&- >&- 2>&-", 0, ""),
        ("wdbc status > /dev/full", 1, "the output cannot be written: No space left on device"),
        ("wdbc --help > /dev/full", 1, "No space left on device"),
        ("wdbc history 2> /dev/full", 0, None),
        ("wdbc champion > /dev/full 2> /dev/full", 1, ""),
        ("wdbc nonsense 2>&-", 2, None),
        ("wdbc status | true", 141, ""),
        ("wdbc history --json | true", 141, ""),
    ],
)
def test_a_stream_that_takes_nothing_ends_no_command_with_a_traceback(
    environment: Path, script: str, code: int, says: str | None
) -> None:
    done = shell(script)
    assert "Traceback" not in done.stdout + done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode == code, done.stderr
    if says is not None:
        assert says in done.stderr
        assert bool(says) == bool(done.stderr)


def test_a_change_is_made_though_nobody_reads_of_it(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WDBC_SERVE_KEYS", str(environment / "keys.json"))
    for number, stream in enumerate((">&-", "> /dev/full", "2> /dev/full", "| true")):
        shell(f"wdbc key create reader-{number} {stream}")
    keys = shell("wdbc key list").stdout
    assert [f"reader-{number}" in keys for number in range(4)] == [True] * 4


def test_what_is_printed_to_a_closed_stdout_gets_into_no_file(environment: Path) -> None:
    store = open_store(str(environment / "results"), relative_to=environment)
    store.commit(store.draft("raw_data", b"1,M\n", run_id="run-1"), run_id="run-1")
    before = {path: path.read_bytes() for path in environment.rglob("*") if path.is_file()}
    assert shell("wdbc history >&- 2>&- <&-").returncode == 0
    after = {path: path.read_bytes() for path in environment.rglob("*") if path.is_file()}
    assert {path: after[path] for path in before} == before
    assert all(not content for path, content in after.items() if path not in before)
