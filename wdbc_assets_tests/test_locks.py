"""A lock that another process holds: reported, bounded, ended by a signal, and nothing carried out afterwards."""

import errno
import fcntl
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets import locks, signals
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store.backends import ObjectFolder
from wdbc_assets.store.store import open_store
from wdbc_assets_tests.registry import promotions

PATIENTLY = 240.0
COMMAND = [sys.executable, "-m", "wdbc_assets"]
HOLDER = """
import os, sys
from wdbc_assets import locks
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
with locks.held(descriptor, "the lock", where=sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def holder(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock."""
    yield from _holding(path)


def _holding(path: Path) -> Iterator["subprocess.Popen[str]"]:
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", HOLDER, str(path), "gc"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def take(path: Path) -> None:
    with locks.held(os.open(path, os.O_RDWR | os.O_CREAT), "the lock", where=str(path)):
        pass


@pytest.mark.fault("O16")
def test_a_lock_that_is_not_free_in_time_is_an_error_that_names_its_holder(
    path: Path, holder: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(locks, "SECONDS", 0.4)
    monkeypatch.setattr(locks, "_REPORT_SECONDS", 0.1)
    with pytest.raises(locks.Busy, match=rf"process {holder.pid} \(gc\) on ") as refused:
        take(path)
    assert refused.value.where == str(path)
    assert "end it" in refused.value.hint
    assert re.fullmatch(rf"  waiting for the lock, held by process {holder.pid} .*\n", capsys.readouterr().err)


def test_a_lock_of_a_process_that_was_killed_is_free_and_its_signature_names_nobody(
    path: Path, holder: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    holder.kill()
    holder.wait()
    take(path)
    path.write_text(f"{os.uname().nodename} {holder.pid} gc\n")  # as a killed holder leaves it
    monkeypatch.setattr(locks, "SECONDS", 0.1)
    for signature in (path.read_bytes(), b"\x1b[2J 1 gc\n", b"h 1 \x1b]0;x\x07\n", b"", b"\xff" * 600):
        path.write_bytes(signature)
        with path.open("rb") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            with pytest.raises(locks.Busy, match="which another process holds"):
                take(path)


def test_a_lock_within_a_process_has_a_limit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "SECONDS", 0.1)
    store = ObjectFolder(f"memory://{tmp_path.name}")
    with store.commit_lock(), pytest.raises(locks.Busy), store.commit_lock():
        pass
    with store.commit_lock():
        pass


def test_a_file_system_without_locks_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(WdbcError, match="does not support locks: No locks available") as refused:
        take(path)
    assert "flock" in refused.value.hint


def interrupted(done: list[str]) -> None:
    with signals.deferred():
        signal.raise_signal(signal.SIGTERM)
        done.append("the rest")


def test_a_signal_during_a_decision_waits_for_its_end() -> None:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    done: list[str] = []
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted(done)
        assert done == ["the rest"]
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_in_a_thread_nothing_is_deferred_because_no_signal_interrupts_it() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def decide() -> None:
        with signals.deferred():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=decide)
    thread.start()
    thread.join(PATIENTLY)
    assert seen == [before]


# Commands in the background of a script: its shell starts them with Ctrl-C ignored.


@pytest.fixture
def decided(tmp_path: Path) -> Path:
    """A store in which two champions were promoted, and which another process has locked."""
    store = open_store(str(tmp_path / "results"), relative_to=tmp_path)
    promotions.promote(store, b"a")
    promotions.promote(store, b"b")
    promotions.challenge(store, b"c")
    return tmp_path / "results"


def in_the_background(*arguments: str, lock: Path, number: int) -> tuple[int, str]:
    """Run a command in the background of a script until it waits for the lock; send it a signal; return how it ended.

    The lock is held all the time: a command that ends was not waiting for it any more.
    """
    pid, output = Path("pid").absolute(), Path("output").absolute()
    script = f"{shlex.join([*COMMAND, *arguments])} >{output} 2>&1 & echo $! >{pid}.new; mv {pid}.new {pid}; wait $!"
    for _ in _holding(lock):
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests that nohup started would have it ignored
        with subprocess.Popen(["sh", "-c", script]) as shell:
            signal.signal(signal.SIGHUP, before)
            end = time.monotonic() + PATIENTLY
            while not (output.exists() and "waiting for" in output.read_text() and pid.exists()):
                assert shell.poll() is None, output.read_text()
                assert time.monotonic() < end, output.read_text()
                time.sleep(0.02)
            os.kill(int(pid.read_text()), number)
            code = shell.wait(PATIENTLY)
    return code, output.read_text()


@pytest.mark.fault("O16")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
@pytest.mark.parametrize(
    "arguments", [["rollback", "--reason", "x"], ["shadow", "stop"]], ids=["rollback", "shadow stop"]
)
def test_a_decision_that_waits_in_the_background_ends_on_a_signal_and_is_never_carried_out(
    decided: Path, arguments: list[str], number: int, code: int
) -> None:
    before = (decided / "champion/history.jsonl").read_bytes()
    ended, output = in_the_background(*arguments, lock=decided / ".lock", number=number)
    assert ended == code, output
    assert "held by process" in output
    assert "nothing keeps running" in output
    assert "Traceback" not in output
    assert (decided / "champion/history.jsonl").read_bytes() == before


@pytest.mark.slow
@pytest.mark.fault("O16")
@pytest.mark.parametrize(("lock", "number"), [("results/.lock", 15), ("home/opening.lock", 15), ("results/.lock", 2)])
def test_a_run_that_waits_in_the_background_ends_on_a_signal(tmp_path: Path, lock: str, number: int) -> None:
    ended, output = in_the_background("run", "--grid", "small", lock=tmp_path / lock, number=number)
    assert ended == 128 + number, output
    assert "Traceback" not in output
    assert not list((tmp_path / "results").rglob("current.json"))


def test_what_a_hang_up_is_to_leave_alone_goes_on(decided: Path) -> None:
    script = f"nohup {shlex.join(COMMAND)} rollback --reason x >output 2>&1 & echo $! >pid.new; mv pid.new pid; wait $!"
    for holder in _holding(decided / ".lock"):
        before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests that nohup started would have it ignored
        with subprocess.Popen(["sh", "-c", script]) as shell:
            signal.signal(signal.SIGHUP, before)
            end = time.monotonic() + PATIENTLY
            while not (Path("output").exists() and "waiting for" in Path("output").read_text()):
                assert time.monotonic() < end
                time.sleep(0.02)
            os.kill(int(Path("pid").read_text()), signal.SIGHUP)
            holder.kill()
            assert shell.wait(PATIENTLY) == 0, Path("output").read_text()
    assert b"rolled back" in (decided / "champion/history.jsonl").read_bytes()
