"""The end of a Dask cluster of this machine: in a bounded time, and no process is left."""

import contextlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets.pipeline.engines import dask_cluster
from wdbc_assets_tests import clusters


def _started() -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
    process.start()
    return process


def _has_ended(process: BaseProcess) -> bool:
    """Return whether a process ends soon. Its exit code is known to the thread alone that waited for it first."""
    return bool(wait([process.sentinel], 60))


@dataclass
class WaitingCluster:
    """A cluster that is closed when its workers have ended; it starts as many `replacements` before."""

    replacements: int = 0
    workers: list[BaseProcess] = field(default_factory=lambda: [_started()])
    never: bool = False
    closed: bool = False

    def close(self) -> None:
        for _ in range(self.replacements):
            self.workers[-1].join()
            self.workers.append(_started())
        self.workers[-1].join()
        if self.never:
            threading.Event().wait(600)
        self.closed = True
        raise OSError("the connection to a worker was lost")


@pytest.fixture
def other() -> Iterator[BaseProcess]:
    """A process that is none of the cluster's."""
    process = _started()
    yield process
    process.kill()
    process.join()


@pytest.mark.fault("O11")
@pytest.mark.parametrize("replacements", [0, 2])
def test_after_an_interruption_workers_and_those_in_their_place_are_killed(
    other: BaseProcess, replacements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "_CLOSE_SECONDS", 60)  # which no worker is given
    cluster: Any = WaitingCluster(replacements)
    begun = time.monotonic()
    dask_cluster._end(cluster, {other}, KeyboardInterrupt)
    assert time.monotonic() - begun < 60
    assert cluster.closed
    assert len(cluster.workers) == 1 + replacements
    assert all(map(_has_ended, cluster.workers))
    assert other.is_alive()


def test_workers_have_a_while_to_end_by_themselves(other: BaseProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "_CLOSE_SECONDS", 1)
    cluster: Any = WaitingCluster()
    begun = time.monotonic()
    dask_cluster._end(cluster, {other}, None)
    assert time.monotonic() - begun >= 1
    assert _has_ended(cluster.workers[0])


@pytest.mark.fault("O11")
def test_a_cluster_that_cannot_be_closed_is_left_after_its_workers_are_killed(
    other: BaseProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "_CLOSE_SECONDS", 1)
    cluster: Any = WaitingCluster(never=True)
    dask_cluster._end(cluster, {other}, KeyboardInterrupt)
    assert not cluster.closed
    assert _has_ended(cluster.workers[0])


@pytest.mark.fault("O11")
def test_a_second_interruption_ends_the_wait_and_leaves_no_worker(
    other: BaseProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster: Any = WaitingCluster(never=True)
    monkeypatch.setattr(dask_cluster, "_CLOSE_SECONDS", 60)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where a shell started the tests
    try:
        threading.Timer(1, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
        with pytest.raises(KeyboardInterrupt):
            dask_cluster._end(cluster, {other}, None)
    finally:
        signal.signal(signal.SIGINT, before)
    assert _has_ended(cluster.workers[0])


SCRIPT = """
import time

from wdbc_assets import settings, signals
from wdbc_assets.pipeline.engines.dask import Dask
from wdbc_assets.pipeline.engines.engine import completed

def endless():
    print("ready", flush=True)
    time.sleep(600)

def unit(task, number):
    {in_unit}

if __name__ == "__main__":
    signals.interrupt()  # as the commands do: a shell starts background processes with Ctrl-C ignored
    results = completed(Dask(settings.Computing(engine="dask", workers=1)), unit, 3, range(5), noun="units")
    try:
        next(results)
        raise SystemExit(3)
    except KeyboardInterrupt:
        results.close()
        print("stopped", flush=True)
else:
    {in_worker}
"""
COMPUTING = {"in_unit": "endless()", "in_worker": "pass"}
STARTING = {"in_unit": "pass", "in_worker": "endless()"}
LEFT_OPEN = {"in_unit": "pass", "in_worker": "pass"}


@contextlib.contextmanager
def _running(place: Path, parts: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run the script in a process group of its own, which gets signals as from a terminal."""
    script = place / "script.py"
    script.write_text(SCRIPT.format(**parts))
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": str(clusters.ROOT)},
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.fault("O11")
@pytest.mark.parametrize("parts", [COMPUTING, STARTING], ids=["computing", "starting"])
def test_ctrl_c_ends_workers_that_would_not_end_without_a_word_of_theirs(tmp_path: Path, parts: dict[str, str]) -> None:
    with (
        socket.create_server(("127.0.0.1", 8787)) if _is_free(8787) else contextlib.nullcontext(),
        _running(tmp_path, parts) as process,
    ):
        assert process.stdout
        assert process.stdout.readline() == "ready\n"  # and no warning of the port of Dask's pages
        os.killpg(process.pid, signal.SIGINT)
        rest = process.communicate(timeout=60)[0]  # the pipe is closed when the last of its processes has ended
    assert (rest, process.returncode) == ("stopped\n", 0)


@pytest.mark.nightly
@pytest.mark.fault("O11")
def test_a_cluster_that_is_left_open_ends_with_its_process(tmp_path: Path) -> None:
    with _running(tmp_path, LEFT_OPEN) as process:
        process.communicate(timeout=60)
    assert process.returncode == 3


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) != 0
