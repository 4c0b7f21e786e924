"""An object store to test against: moto's S3 server in a process of its own, and a proxy that causes faults."""

import contextlib
import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import unquote

SERVER = """
import sys, threading
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
# One request at a time: between moto's check of a condition and its write comes no other writer.
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.port, flush=True)
sys.stdin.read()  # until the process that started it ends
"""
BUCKET = "bucket"


@contextlib.contextmanager
def running() -> Iterator[int]:
    """Yield the port of a server on loopback that has one bucket."""
    command = [sys.executable, "-W", "ignore", "-c", SERVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            _request(port, f"/{BUCKET}")
            yield port
        finally:
            server.kill()


def create_versioned(port: int, bucket: str) -> None:
    """Create a bucket that keeps what is replaced and removed."""
    _request(port, f"/{bucket}")
    _request(
        port,
        f"/{bucket}?versioning",
        b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    )


def _request(port: int, path: str, body: bytes = b"") -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("PUT", path, body)
    assert connection.getresponse().status == 200
    connection.close()


def settings(port: int) -> dict[str, str]:
    """The environment variables with which obstore finds the server."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }


@dataclass
class Fault:
    """What happens to the next requests of a method whose path contains a text."""

    kind: str
    method: str = "PUT"
    path: str = ""
    times: int = 1

    def fits(self, method: str, path: str) -> bool:
        return self.times > 0 and self.method in ("", method) and self.path in unquote(path)


KINDS = ("lost", "throttled", "cut", "repeated", "delayed", "dropped")
"""What a network does: see `_Handler`. `forbidden` and `skewed` are answers of a server."""

_ANSWERS = {
    "throttled": (503, "SlowDown"), "forbidden": (403, "AccessDenied"), "skewed": (403, "RequestTimeTooSkewed"),
    "unsigned": (403, "SignatureDoesNotMatch"),
}  # fmt: skip


class Proxy(ThreadingHTTPServer):
    """Passes requests on, and causes faults: those that were asked for, or one in every `every` requests."""

    daemon_threads = True

    def __init__(self, port: int, *, every: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = port
        self.faults: list[Fault] = []
        self.caused: list[str] = []
        self._every = every
        self._passed = 0
        self._guard = threading.Lock()

    @classmethod
    @contextlib.contextmanager
    def to(cls, port: int, *, every: int = 0) -> Iterator["Proxy"]:
        with cls(port, every=every) as proxy:
            threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
            yield proxy
            proxy.shutdown()

    def cause(self, kind: str, *, method: str = "PUT", path: str = "", times: int = 1) -> None:
        """Cause a fault at the next requests of this method and path; an empty method is any."""
        self.faults.append(Fault(kind, method, path, times))

    def next_fault(self, method: str, path: str) -> str:
        with self._guard:
            fault = next((one for one in self.faults if one.fits(method, path)), None)
            self._passed += 1
            kind = ""
            if fault is not None:
                fault.times -= 1
                kind = fault.kind
            elif self._every and self._passed % self._every == 0:
                kind = KINDS[self._passed // self._every % len(KINDS)]
            if kind:
                self.caused.append(kind)
            return kind


class _Handler(BaseHTTPRequestHandler):
    """Passes one request on.

    `dropped`: the connection ends while the request is sent; `throttled`: 503, nothing was carried out. The others were
    carried out: `lost` without an answer, `cut` with half of one, `repeated` twice, with the second answer, `delayed`.
    """

    server: Proxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hop: ClassVar[set[str]] = {"connection", "transfer-encoding", "content-length"}

    def _pass_on(self) -> None:
        fault = self.server.next_fault(self.command, self.path)
        length = int(self.headers.get("Content-Length") or 0)
        if fault == "dropped":
            self.rfile.read(length // 2)
            self.close_connection = True
            return
        body = self.rfile.read(length)
        if len(body) < length:  # the client gave the request up; the server would wait for the rest of it
            self.close_connection = True
            return
        if fault in _ANSWERS:
            status, code = _ANSWERS[fault]
            self._answer(status, {"Content-Type": "application/xml"}, f"<Error><Code>{code}</Code></Error>".encode())
            return
        status, headers, content = self._asked(body)
        if fault == "repeated":
            status, headers, content = self._asked(body)
        if fault == "delayed":
            time.sleep(0.3)
        if fault == "lost":
            self.close_connection = True
            return
        self._answer(status, headers, content, cut=fault == "cut")

    def _asked(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=60)
        with contextlib.closing(connection):
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
        length = answer.getheader("Content-Length") or str(len(content))
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in self.hop}
        return answer.status, {**kept, "Content-Length": length}, content

    def _answer(self, status: int, headers: dict[str, str], content: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client does not wait for the answer any more
            self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = self.close_connection or cut

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on  # noqa: N815 -- the names are http.server's

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is http.server's
        pass
