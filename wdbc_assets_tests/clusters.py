"""Dask clusters to test against: a scheduler and workers as real processes on private ports, and work for them."""

import contextlib
import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets_tests.misbehaving_server.certificates import Certificate

ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 120


@dataclass
class Cluster:
    """A scheduler, and the workers that were added to it."""

    folder: Path
    scheduler: subprocess.Popen[bytes]
    address: str
    tls: list[str]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def add_worker(self, *options: str, path: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a worker; `path` comes first on its PYTHONPATH."""
        flags = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--memory-limit", "0"]
        command = ["worker", self.address, *flags, "--local-directory", str(self.folder), *self.tls, *options]
        worker = _dask(command, self.folder, path)
        self.workers.append(worker)
        return worker


@contextlib.contextmanager
def scheduler(folder: Path, *, certificate: Certificate | None = None) -> Iterator[Cluster]:
    """Yield a cluster without workers; with a certificate, which is its own authority, its protocol is TLS."""
    stated = folder / "scheduler.json"
    tls, protocol = [], "tcp"
    if certificate:
        pem, protocol = str(certificate.pem), "tls"
        tls = ["--tls-ca-file", pem, "--tls-cert", pem, "--tls-key", str(certificate.key)]
    command = ["scheduler", "--host", f"{protocol}://127.0.0.1:0", "--no-dashboard"]
    command += ["--scheduler-file", str(stated), *tls]
    process = _dask(command, folder, None)
    cluster = Cluster(folder, process, "", tls)
    try:
        end = time.monotonic() + _START_SECONDS
        while not cluster.address:
            assert process.poll() is None, (folder / "dask.log").read_text()
            assert time.monotonic() < end, "the scheduler does not start"
            time.sleep(0.05)
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                cluster.address = json.loads(stated.read_text())["address"]
        yield cluster
    finally:
        for one in (*cluster.workers, process):
            one.kill()
            one.wait()


def _dask(arguments: list[str], folder: Path, path: Path | None) -> subprocess.Popen[bytes]:
    places = [str(path)] if path else []
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*places, str(ROOT)])}
    code = "import sys; from dask.__main__ import main; sys.argv[0] = 'dask'; main()"
    with (folder / "dask.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", code, *arguments], env=environment, cwd=folder, stdout=log, stderr=log
        )


def squared(factor: int, unit: int) -> int:
    """The work of a unit that takes a moment."""
    time.sleep(0.2)
    return factor * unit * unit


def refused(_task: object, unit: int) -> int:
    """A unit that fails."""
    raise WdbcError(f"unit {unit}: it broke", where="here", hint="Fix it.")


def full(_task: object, _unit: int) -> int:
    """Fail as a unit does whose disk is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a-table")


def dies(markers: str, unit: int) -> int:
    """A unit whose process dies: once if it is 5, always if it is 7."""
    marker = Path(markers) / str(unit)
    if (unit == 5 and not marker.exists()) or unit == 7:
        marker.touch()
        os._exit(9)
    return unit * unit


def repeated(size: int, unit: int) -> bytes:
    """Return an outcome of this many bytes."""
    return bytes([unit % 256]) * size
