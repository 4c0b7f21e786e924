"""The running service of the rehearsal, and what it answers."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    import numpy as np

_START_SECONDS = 60.0
_END_SECONDS = 20.0
_PAUSE = 0.1
_REFUSED = 422


@dataclass(frozen=True)
class Answer:
    """What the service answered to one request: the version of the model, and the triage of each patient."""

    version: str
    triage: tuple[str, ...]


class Service:
    """The service at an address.

    Attributes:
        unanswered: Requests that were not answered.
        refused: Requests that were refused because a patient violates the contract.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.unanswered = 0
        self.refused = 0

    def ask(self, X: "np.ndarray", names: list[str]) -> Answer | None:
        """Return the answer for patients, or None if they were refused or there was no answer, which is counted."""
        import requests

        body = {"patients": [dict(zip(names, row, strict=True)) for row in X.tolist()]}
        try:
            response = requests.post(f"{self.address}/v1/predict", json=body, timeout=10)
            if response.status_code == _REFUSED:
                self.refused += 1
                return None
            response.raise_for_status()
            answer: dict[str, Any] = response.json()
        except requests.RequestException:
            self.unanswered += 1
            return None
        return Answer(answer["model"]["version"], tuple(patient["triage"] for patient in answer["predictions"]))


@contextlib.contextmanager
def serving(log: Path) -> Iterator[Service]:
    """Start the service as `wdbc serve` does, and stop it at the end. What it prints goes to a file.

    Raises:
        WdbcError: it does not become ready.
    """
    port = _unused_port()
    command = [sys.executable, "-m", "wdbc_assets", "serve", "--port", str(port)]
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)  # noqa: S603 -- our own program
        try:
            service = Service(f"http://127.0.0.1:{port}")
            _await_ready(service, process, log)
            yield service
        finally:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_ready(service: Service, process: "subprocess.Popen[bytes]", log: Path) -> None:
    import requests

    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{service.address}/health/ready", timeout=5).ok:
                return
        time.sleep(_PAUSE)
    raise WdbcError("the service of the rehearsal did not start", where=str(log), hint="Read that file.")


def _unused_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port
