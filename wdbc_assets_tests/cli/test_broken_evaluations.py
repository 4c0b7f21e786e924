"""`wdbc evaluate` when something in it breaks: a recipe in one fold, a worker, the command itself. Real processes."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wdbc_assets_tests.processes import is_alive, workers

pytestmark = pytest.mark.slow

PROGRAM = [sys.executable, str(Path(__file__).with_name("brittle.py")), "evaluate", "--workers", "2"]


def evaluate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, timeout=120, check=False)


@contextlib.contextmanager
def evaluating(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """An evaluation that is at work: some folds are done, others are not."""
    with subprocess.Popen(
        [*PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        deadline = time.monotonic() + 100
        while len(parts()) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(parts()) >= 3
        yield running


def parts() -> set[str]:
    return {path.stem for path in Path("results/cross_validation/parts").rglob("*.json")}


@pytest.mark.nightly
def test_a_failed_fold_is_reported_and_only_that_fold_is_computed_again() -> None:
    Path("broken").touch()
    failed = evaluate("--recipe", "brittle")
    assert failed.returncode == 1
    block = failed.stderr[failed.stderr.index("error:") :]
    assert block.startswith("error: 1 of 20 folds could not be evaluated: brittle, repeat 1, fold ")
    assert "of 5: TypeError: patient 1 is needed" in block.splitlines()[0]
    assert "brittle.py, line " in block
    assert "The other folds are stored and will not be computed again." in block
    assert "Traceback" not in failed.stderr
    assert not Path("results/cross_validation/current.json").exists()
    kept = parts()
    assert len(kept) == 19

    Path("broken").unlink()
    again = evaluate("--recipe", "brittle")
    assert again.returncode == 0, again.stderr
    assert "19 of 20 folds were finished before" in again.stderr
    assert "folds evaluated 20/20" in again.stderr
    assert "folds evaluated 19/20" not in again.stderr
    assert parts() > kept


@pytest.mark.fault("T04")
@pytest.mark.nightly
def test_a_killed_worker_is_reported_and_the_next_run_resumes() -> None:
    with evaluating("--recipe", "slow") as running:
        victim, *others = workers(running.pid)
        os.kill(victim, signal.SIGKILL)
        _, output = running.communicate(timeout=60)
    assert running.returncode == 1
    block = output[output.index("error:") :]
    assert "a worker process died while it computed folds, possibly out of memory" in block
    assert "--workers 1" in block
    assert "Traceback" not in output
    assert not any(map(is_alive, others))
    kept = parts()
    assert 3 <= len(kept) < 20

    again = evaluate("--recipe", "slow")
    assert again.returncode == 0, again.stderr
    assert f"{len(kept)} of 20 folds were finished before" in again.stderr


@pytest.mark.fault("O16")
def test_an_evaluation_that_is_terminated_waits_for_no_fold_and_leaves_no_worker() -> None:
    with evaluating("--recipe", "slow") as running:
        left = workers(running.pid)
        assert len(left) == 2
        Path("hang").touch()
        while not Path("hanging").exists():
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGTERM)
        _, output = running.communicate(timeout=100)
    assert running.returncode == 143, output
    assert "Traceback" not in output
    assert not any(map(is_alive, left))


@pytest.mark.nightly
@pytest.mark.fault("F10")
def test_workers_end_with_the_command_that_was_killed_and_the_next_run_goes_on() -> None:
    with evaluating("--recipe", "slow") as running:
        left = workers(running.pid)
        assert len(left) == 2
        running.kill()
        running.communicate(timeout=60)
        deadline = time.monotonic() + 10
        while any(map(is_alive, left)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(map(is_alive, left))
    kept = parts()
    again = evaluate("--recipe", "slow")
    assert again.returncode == 0, again.stderr
    assert f"{len(kept)} of 20 folds were finished before" in again.stderr
