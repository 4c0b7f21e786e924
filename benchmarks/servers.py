"""Servers that are measured: each started on a free port of loopback, asked, and ended with all that it started.

CPU time is that of the server's whole tree of processes, as /proc tells it: in hundredths of a second.
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
_PATIENCE = 120.0  # seconds to the first answer: MLflow imports a lot
_PAUSE = 0.02
_TO_END = 30.0  # seconds from TERM to KILL


@dataclass(frozen=True)
class Kind:
    """A kind of server: how it is started, and how it is asked about one patient.

    `command` takes the port; `body` makes the request of a patient's measurements, and `probability` finds in the
    answer how probable malignant is.
    """

    name: str
    command: Callable[[int], Sequence[str]]
    environment: Mapping[str, str]
    path: str
    body: Callable[[Mapping[str, float]], Any]
    probability: Callable[[Any], float]

    def request(self, patient: Mapping[str, float]) -> bytes:
        """Return the body of the request as it is sent."""
        return json.dumps(self.body(patient)).encode()


@dataclass(frozen=True)
class Server:
    """A server that runs; `started` is what it took until the first answer, in CPU seconds."""

    kind: Kind
    port: int
    process: int
    started: float

    @property
    def url(self) -> str:
        """Where the requests go."""
        return f"http://{HOST}:{self.port}{self.kind.path}"

    def cpu(self) -> float:
        """Return the CPU seconds so far, of all its processes."""
        return cpu_of(self.process)

    def ask(self, patient: Mapping[str, float]) -> float:
        """Return the probability that it answers.

        Raises:
            CommandFailed: it answers with another status than 200.
        """
        return _asked(self.kind, self.port, patient)


@contextlib.contextmanager
def running(kind: Kind, patient: Mapping[str, float], folder: Path) -> Iterator[Server]:
    """Start a server in a folder, wait until it answers about this patient, and end it.

    Raises:
        CommandFailed: it ends before it answers, answers with an error, or does not answer for two minutes.
    """
    port = _free_port()
    command = kind.command(port)
    with (folder / "server.log").open("w+b") as log:
        # A session of its own: what it starts ends with it, and Ctrl-C reaches this process alone, which ends it.
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
            said = log.read().decode(errors="replace")[-2000:]
            raise CommandFailed(f"{kind.name}: {error}\n{said}") from None
        finally:
            _end(process)


def cpu_of(root: int) -> float:
    """Return the CPU seconds so far of a process and all below it, with those that ended and were waited for."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                # The name, in parentheses, may hold anything: what counts comes after the last one.
                fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
                parents[int(folder.name)] = int(fields[1])
                ticks[int(folder.name)] = sum(map(int, fields[11:15]))  # user, system, and both of ended children
    tree, grown = {root}, 0
    while grown < len(tree):
        grown = len(tree)
        tree |= {process for process, parent in parents.items() if parent in tree}
    return sum(ticks.get(process, 0) for process in tree) / _TICKS


def _asked(kind: Kind, port: int, patient: Mapping[str, float]) -> float:
    with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=_PATIENCE)) as connection:
        connection.request("POST", kind.path, kind.request(patient), {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
    if response.status != http.client.OK:
        raise CommandFailed(f"answered with {response.status}: {content[:500].decode(errors='replace')}")
    return kind.probability(json.loads(content))


def _wait(kind: Kind, port: int, patient: Mapping[str, float], process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(ConnectionError):
            _asked(kind, port, patient)
            return
        time.sleep(_PAUSE)
    if process.poll() is not None:
        raise CommandFailed(f"ended with {process.returncode} before it answered")
    raise CommandFailed(f"did not answer within {_PATIENCE:g} s")


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_TO_END)
    with contextlib.suppress(ProcessLookupError):  # whatever of it is still there
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
