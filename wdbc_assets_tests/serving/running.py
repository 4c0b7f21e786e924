"""A real `wdbc serve` on a free loopback port, used over real connections and stopped by its process id."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wdbc_assets import settings

FAST = {"serve_refresh_seconds": 0.05, "serve_requests_per_minute": 10_000_000}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def versions(self) -> str:
        return str(self.json["model"]["version"])


@dataclass
class Service:
    """A running service. `headers` are sent with every request unless overridden."""

    folder: Path
    port: int
    process: "subprocess.Popen[bytes]"
    headers: dict[str, str] = field(default_factory=dict)

    def connect(self, timeout: float = 20) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def ask(
        self, path: str, content: Any = None, *, method: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request on a new connection. `content` is sent as JSON, or unchanged if it is bytes."""
        body = content if isinstance(content, bytes | None) else json.dumps(content).encode()
        sent = {"Content-Type": "application/json"} if body is not None else {}
        with contextlib.closing(self.connect()) as connection:
            connection.request(
                method or ("GET" if body is None else "POST"), path, body, sent | self.headers | dict(headers or {})
            )
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read())

    def send(self, raw: bytes, *, timeout: float = 20) -> bytes:
        """Send raw bytes and return everything received until the service closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(raw)
            return rest(connection)

    @property
    def log(self) -> list[dict[str, Any]]:
        """The request log so far."""
        return [json.loads(line) for line in (self.folder / "access.log").read_text().splitlines()]

    @property
    def stderr(self) -> str:
        """The content of standard error so far."""
        return (self.folder / "stderr.log").read_text()

    def metrics(self) -> dict[str, float]:
        """Return the metrics by name and labels in the Prometheus format."""
        lines = self.ask("/metrics").body.decode().splitlines()
        return {name: float(value) for line in lines if line[0] != "#" for name, _, value in [line.rpartition(" ")]}

    def until(self, holds: Callable[[], bool], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not holds():
            assert self.process.poll() is None, self.stderr
            assert time.monotonic() < end, self.stderr
            time.sleep(0.02)

    @property
    def resident(self) -> int:
        """The resident memory of the process in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024

    @property
    def descriptors(self) -> int:
        """The number of open file descriptors of the process."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    @property
    def workers(self) -> list[int]:
        """The process ids of the serving children."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        commands = {
            int(child): Path(f"/proc/{child}/cmdline").read_bytes()
            for child in children
            if Path(f"/proc/{child}").exists()
        }
        return [child for child, command in commands.items() if b"spawn_main" in command]

    @property
    def accepted(self) -> int:
        """The number of established connections that a process has accepted: those still waiting have no inode."""
        connections = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        ours, established = f"0100007F:{self.port:04X}", "01"
        return sum(one[1] == ours and one[3] == established and one[9] != "0" for one in connections)

    @property
    def listens(self) -> bool:
        """Whether the port accepts connections. On shutdown it may reset one that no process has accepted yet."""
        with contextlib.closing(self.connect()) as connection, contextlib.suppress(ConnectionRefusedError):
            connection.connect()
            return True
        return False

    def stop(self) -> int:
        """Stop the service with SIGTERM and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


def rest(connection: socket.socket) -> bytes:
    """Receive until the other side closes the connection."""
    chunks = []
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            chunks.append(chunk)
    return b"".join(chunks)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment_in(folder: Path, **options: object) -> dict[str, str]:
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith((settings.PREFIX, "PROMETHEUS"))
    }
    places = {"storage": folder / "results", "log": folder / "wdbc.jsonl", "serve_keys": folder / "keys.json"}
    inherited |= {"TMPDIR": str(folder), "DAGSTER_HOME": str(folder / "home")}
    variables = {settings.variable(name): str(value) for name, value in {**places, **FAST, **options}.items()}
    return {**inherited, **variables}


def wdbc(folder: Path, *arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "wdbc_assets", *arguments],
        cwd=folder,
        env=environment_in(folder, **options),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextlib.contextmanager
def serving(folder: Path, *arguments: str, streams: int | None = None, **options: object) -> Iterator[Service]:
    """Start the service on the store in this folder, wait until it responds, and stop it at the end.

    `streams` is a descriptor for its standard output instead of the request log file.
    """
    port = free_port()
    with (folder / "access.log").open("wb") as access, (folder / "stderr.log").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "wdbc_assets", "serve", "--port", str(port), *arguments],
            cwd=folder,
            env=environment_in(folder, **options),
            stdout=access if streams is None else streams,
            stderr=errors,
        )
    service = Service(folder, port, process)

    def answers() -> bool:
        with contextlib.suppress(OSError):
            return service.ask("/health/live").status == 200
        return False

    try:
        service.until(answers, seconds=60)
        yield service
    finally:
        service.stop()
