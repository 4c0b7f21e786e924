"""Process supervision: replacement of workers, cleanup, and a guaranteed shutdown."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wdbc_assets.serving import run_folder
from wdbc_assets_tests.serving import champions, running, stubborn
from wdbc_assets_tests.serving.models.test_champion import figure
from wdbc_assets_tests.serving.running import Service


@contextlib.contextmanager
def parent_of(kind: str, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with (folder / "stderr.log").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "wdbc_assets_tests.serving.stubborn", kind],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=errors,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for worker in started(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)


def started(folder: Path) -> list[int]:
    """Return the process ids of all workers so far."""
    with contextlib.suppress(FileNotFoundError):
        return [int(line) for line in (folder / stubborn.STARTS).read_text().split()]
    return []


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def lives(process: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.fault("V20")
def test_a_worker_that_ignores_sigterm_is_killed_in_time_by_its_supervisor(tmp_path: Path) -> None:
    with parent_of("hang", tmp_path) as parent:
        until(lambda: len(started(tmp_path)) == 2)
        time.sleep(1)  # the supervisor has received both heartbeats
        asked = time.monotonic()
        parent.terminate()
        time.sleep(0.2)
        parent.terminate()  # a second SIGTERM does not double the wait
        assert parent.wait(timeout=30) == 0
        assert time.monotonic() - asked >= 1.5, "they were killed without having got their time"
        assert not any(map(lives, started(tmp_path)))
        assert "was killed" in (tmp_path / "stderr.log").read_text()


@pytest.mark.fault("V20")
def test_a_second_ctrl_c_kills_the_workers_immediately(tmp_path: Path) -> None:
    with parent_of("hang", tmp_path) as parent:
        until(lambda: len(started(tmp_path)) == 2)
        for _ in range(2):
            parent.send_signal(signal.SIGINT)
            time.sleep(0.3)
        assert parent.wait(timeout=30) == 130


@pytest.mark.fault("V20")
def test_workers_that_die_at_start_are_restarted_with_growing_logged_pauses(tmp_path: Path) -> None:
    with parent_of("crash", tmp_path) as parent:
        log_file = tmp_path / "stderr.log"
        until(lambda: log_file.read_text().count("restarting in 4 s") >= 2)
        assert 2 * 4 <= len(started(tmp_path)) <= 2 * 4 + 2, "each again after 0.5, 1 and 2 seconds"
        assert "exited with code 7" in log_file.read_text()
        assert parent.poll() is None
        parent.terminate()
        assert parent.wait(timeout=30) == 0


def test_a_service_exits_if_its_first_workers_cannot_start(tmp_path: Path) -> None:
    with parent_of("fail", tmp_path) as parent:
        assert parent.wait(timeout=60) == 3


@pytest.mark.fault("V20")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_single_process_that_hangs_is_killed_by_its_alarm(tmp_path: Path, number: signal.Signals) -> None:
    champions.promote(tmp_path, champions.bundle())
    code = """
import socket, sys, threading, time
from wdbc_assets import settings
from wdbc_assets.serving import server
server._CLOSING_SECONDS = 0
class Hung(server.Server):
    async def shutdown(self, sockets=None):
        threading.Event().wait()
    async def on_tick(self, counter):
        print("serving", flush=True)
        return await super().on_tick(counter)
server.end_with(lambda: Hung(settings.load()).serve_until_stopped(socket.create_server(("127.0.0.1", 0))))
"""
    environment = running.environment_in(tmp_path, serve_seconds=0.5)
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"serving\n"
        process.send_signal(number)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)  # does not restart the timeout
        assert process.wait(timeout=30) == -signal.SIGALRM


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service of two workers."""
    champions.promote(tmp_path, champions.bundle())
    with running.serving(tmp_path, "--workers", "2") as made:
        made.until(lambda: len(made.workers) == 2 and figure(made, "wdbc_champion{") == 2, seconds=60)
        yield made


@pytest.mark.fault("V20")
def test_workers_end_with_their_killed_supervisor_and_free_the_port(service: Service) -> None:
    orphans = service.workers
    service.process.kill()
    service.process.wait()
    until(lambda: not any(map(lives, orphans)), seconds=20)
    with socket.create_server(("127.0.0.1", service.port)):
        pass
    (left,) = (service.folder / "home").glob("wdbc-serve-*")
    with running.serving(service.folder, "--workers", "2"):
        assert not left.exists(), "what a killed service leaves is removed by the next"


@pytest.mark.fault("V20")
def test_removing_the_metrics_folder_breaks_nothing_and_counts_nothing_twice(service: Service) -> None:
    for _ in range(20):
        service.ask("/v1/contract")
    (folder,) = (service.folder / "home").glob("wdbc-serve-*")
    count = 'wdbc_requests_total{method="GET",route="/v1/contract",status="200"}'
    assert service.metrics()[count] == 20
    for _ in range(2):
        shutil.rmtree(folder)
        assert service.ask("/metrics").status == 200
        assert service.ask("/v1/model").status == 200
        service.until(lambda: service.metrics().get(count) == 20 and figure(service, "wdbc_champion{") == 2)
    # An answer arrives a moment before its request is counted as done. A request counted twice would stay.
    service.until(lambda: service.metrics()["wdbc_requests_in_progress"] == 1)
    shutil.rmtree(folder)
    before = set(service.workers)
    for worker in before:
        os.kill(worker, signal.SIGKILL)
    service.until(lambda: len(set(service.workers) - before) == 2)

    def ready() -> bool:
        with contextlib.suppress(OSError):
            return service.ask("/metrics").status == service.ask("/v1/model").status == 200
        return False

    service.until(ready, seconds=60)
    assert service.stop() == 0
    assert not folder.exists()


def test_the_metrics_folder_of_a_running_process_is_not_removed(tmp_path: Path) -> None:
    living, dead = tmp_path / f"wdbc-serve-{os.getpid()}-x", tmp_path / "wdbc-serve-4194305-x"  # beyond the highest id
    living.mkdir()
    dead.mkdir()
    run_folder._sweep(tmp_path)
    assert (living.exists(), dead.exists()) == (True, False)


@pytest.mark.fault("V20")
def test_of_two_services_that_start_on_one_port_one_reports_the_conflict(tmp_path: Path) -> None:
    port = str(running.free_port())
    command = [sys.executable, "-m", "wdbc_assets", "serve", "--port", port]
    environment = running.environment_in(tmp_path)
    two = [
        subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for _ in range(2)
    ]
    try:
        until(lambda: any(process.poll() is not None for process in two))
        (refused,) = [process for process in two if process.poll() is not None]
        assert refused.returncode == 1
        assert refused.stderr is not None
        assert b"cannot listen" in refused.stderr.read()
    finally:
        for process in two:
            process.kill()
            process.communicate()


@pytest.mark.fault("V20")
@pytest.mark.parametrize("count", ["1", "2"])
def test_a_stalled_log_reader_delays_neither_requests_nor_shutdown(tmp_path: Path, count: str) -> None:
    champions.promote(tmp_path, champions.bundle())
    unread, log = os.pipe()
    with contextlib.suppress(BlockingIOError):  # the pipe is full
        os.set_blocking(log, False)
        while True:
            os.write(log, b"x" * 4096)
    os.set_blocking(log, True)
    try:
        with running.serving(tmp_path, "--workers", count, streams=log) as service:
            for _ in range(20):
                assert service.ask("/v1/model").status == 200
            assert service.stop() == 0
    finally:
        os.close(unread)
        os.close(log)
