"""Measured servers: each is started on a free loopback port, gets requests, and is stopped with all its children.

CPU time is that of the server's whole process tree, as reported by /proc in hundredths of a second.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import CommandFailed

HOST = "127.0.0.1"
_TICKS = os.sysconf("SC_CLK_TCK")
_START_TIMEOUT = 120.0  # seconds to the first response: MLflow imports a lot
_PAUSE = 0.02
_STOP_TIMEOUT = 30.0  # seconds from TERM to KILL


@dataclass(frozen=True)
class Kind:
    """A kind of server: how it is started, and how one patient is scored with it.

    `command` takes the port; `body` builds the request from a patient's measurements; `probability` extracts
    P(malignant) from the response.
    """

    name: str
    command: Callable[[int], Sequence[str]]
    environment: Mapping[str, str]
    path: str
    body: Callable[[Mapping[str, float]], Any]
    probability: Callable[[Any], float]

    def request(self, patient: Mapping[str, float]) -> bytes:
        """Return the encoded body of the request."""
        return json.dumps(self.body(patient)).encode()


@dataclass(frozen=True)
class Server:
    """A running server; `started` is the CPU seconds until its first response."""

    kind: Kind
    port: int
    process: int
    started: float

    @property
    def url(self) -> str:
        """The URL that takes the requests."""
        return f"http://{HOST}:{self.port}{self.kind.path}"

    def cpu(self) -> float:
        """Return the CPU seconds so far of all its processes."""
        return cpu_of(self.process)

    def score(self, patient: Mapping[str, float]) -> float:
        """Return P(malignant) of a patient.

        Raises:
            CommandFailed: the status is not 200.
        """
        return _score(self.kind, self.port, patient)


@contextlib.contextmanager
def running(kind: Kind, patient: Mapping[str, float], folder: Path) -> Iterator[Server]:
    """Start a server in a folder, wait until it scores this patient, and stop it at the end.

    Raises:
        CommandFailed: it ends before it responds, responds with an error, or does not respond for two minutes.
    """
    port = _free_port()
    command = kind.command(port)
    with (folder / "server.log").open("w+b") as log:
        # In its own session, its children end with it, and Ctrl-C reaches only this process, which stops the server.
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(kind.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait(kind, port, patient, process)
            yield Server(kind, port, process.pid, cpu_of(process.pid))
        except CommandFailed as error:
            log.seek(0)
            output = log.read().decode(errors="replace")[-2000:]
            raise CommandFailed(f"{kind.name}: {error}\n{output}") from None
        finally:
            _end(process)


def cpu_of(root: int) -> float:
    """Return the CPU seconds so far of a process and its descendants, including ended ones that were waited for."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the process has ended
                # The name, in parentheses, may contain anything, so parse after the last parenthesis.
                fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                parents[int(folder.name)] = int(fields[1])
                ticks[int(folder.name)] = sum(map(int, fields[11:15]))  # user, system, and both of ended children
    tree, grown = {root}, 0
    while grown < len(tree):
        grown = len(tree)
        tree |= {process for process, parent in parents.items() if parent in tree}
    return sum(ticks.get(process, 0) for process in tree) / _TICKS


def _score(kind: Kind, port: int, patient: Mapping[str, float]) -> float:
    with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=_START_TIMEOUT)) as connection:
        connection.request("POST", kind.path, kind.request(patient), {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
    if response.status != http.client.OK:
        raise CommandFailed(f"responded with {response.status}: {content[:500].decode(errors='replace')}")
    return kind.probability(json.loads(content))


def _wait(kind: Kind, port: int, patient: Mapping[str, float], process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _START_TIMEOUT
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(ConnectionError):
            _score(kind, port, patient)
            return
        time.sleep(_PAUSE)
    if process.poll() is not None:
        raise CommandFailed(f"ended with {process.returncode} before it responded")
    raise CommandFailed(f"did not respond within {_START_TIMEOUT:g} s")


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_TIMEOUT)
    with contextlib.suppress(ProcessLookupError):  # whatever is left of it
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
