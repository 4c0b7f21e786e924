"""Small fakes of Google Cloud Storage and Azure Blob Storage, which enforce their conditional requests.

They answer what obstore sends: Google's XML API, which differs from S3 in the condition, a generation, and Azure's REST
API. Signatures are not checked. `Fake.refused` counts the writes whose condition did not hold.
"""

import base64
import contextlib
import json
import re
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "bucket"
ACCOUNT = "account"
_PAGE = 50  # objects of one page of a listing; the clouds have some thousands


@dataclass(frozen=True)
class _Object:
    content: bytes
    generation: int
    modified: float = field(default_factory=time.time)

    @property
    def headers(self) -> dict[str, str]:
        return {
            "ETag": f'"{self.generation:x}"',
            "Last-Modified": formatdate(self.modified, usegmt=True),
            "x-goog-generation": str(self.generation),
        }


@dataclass(frozen=True)
class _Answer(Exception):
    status: int
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""


class Fake(ThreadingHTTPServer, ABC):
    """A server on loopback with one bucket. A check of a condition and its write are one step."""

    daemon_threads = True
    url: str
    handler: type["_Handler"]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.handler)
        self.objects: dict[str, _Object] = {}
        self.parts: dict[tuple[str, str], bytes] = {}  # by object and upload or block
        self.refused = 0
        self.last = int(time.time() * 1e6)
        self.guard = threading.RLock()

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator["Fake"]:
        with cls() as server:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            yield server
            server.shutdown()

    @staticmethod
    @abstractmethod
    def settings(port: int) -> dict[str, str]:
        """The environment variables with which obstore finds a server at this port."""

    def write(self, name: str, content: bytes) -> _Object:
        with self.guard:
            self.last += 1
            self.objects[name] = _Object(content, self.last)
            return self.objects[name]

    def found(self, name: str, code: str) -> _Object:
        if name not in self.objects:
            raise _Answer(404, code)
        return self.objects[name]

    def page(self, prefix: str, marker: str) -> tuple[list[tuple[str, _Object]], str]:
        """Return the objects of one page of a listing, and the marker of the next."""
        with self.guard:
            names = sorted(name for name in self.objects if name.startswith(prefix) and name > marker)
            more = names[_PAGE - 1] if len(names) > _PAGE else ""
            return [(name, self.objects[name]) for name in names[:_PAGE]], more


class _Handler(BaseHTTPRequestHandler, ABC):
    """One request: what both clouds have in common."""

    server: Fake
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    root: ClassVar[str]
    codes: ClassVar[tuple[str, str]]  # of a bucket, and of an object that does not exist

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        self.query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        path = unquote(parts.path)
        if path != self.root and not path.startswith(f"{self.root}/"):
            self._send(_Answer(404, self.codes[0]))
            return
        try:
            with self.server.guard:
                answer = self._answered(path[len(self.root) + 1 :], body)
        except _Answer as raised:
            answer = raised
        self._send(answer)

    @abstractmethod
    def _answered(self, name: str, body: bytes) -> _Answer:
        """Carry out a request on an object, or on the bucket if the name is empty."""

    def _read(self, name: str) -> _Answer:
        found = self.server.found(name, self.codes[1])
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if span is None:
            return _Answer(200, headers=found.headers, content=found.content)
        size = len(found.content)
        first, last = int(span[1]), min(int(span[2] or size), size - 1)
        headers = {**found.headers, "Content-Range": f"bytes {first}-{last}/{size}"}
        return _Answer(206, headers=headers, content=found.content[first : last + 1])

    def _delete(self, name: str) -> None:
        self.server.found(name, self.codes[1])
        del self.server.objects[name]

    def _refuse(self, status: int, code: str) -> None:
        self.server.refused += 1
        raise _Answer(status, code)

    def _send(self, answer: _Answer) -> None:
        content = answer.content
        if answer.code:
            content = f"<Error><Code>{answer.code}</Code></Error>".encode()
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(content)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(ConnectionError):  # the client does not wait for the answer any more
                self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 -- the names are http.server's

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is http.server's
        pass


class _GoogleHandler(_Handler):
    root = f"/{BUCKET}"
    codes = ("NoSuchBucket", "NoSuchKey")

    def _answered(self, name: str, body: bytes) -> _Answer:
        match self.command:
            case "GET" if not name:
                return self._list()
            case "GET" | "HEAD":
                return self._read(name)
            case "PUT" if "uploadId" in self.query:
                part = f"{self.query['uploadId']}-{int(self.query['partNumber']):05}"
                self.server.parts[name, part] = body
                return _Answer(200, headers={"ETag": f'"{part}"'})
            case "PUT":
                return self._put(name, body)
            case "POST" if "uploads" in self.query:
                self.server.last += 1
                return _xml(f"<InitiateMultipartUploadResult><UploadId>{self.server.last}</UploadId>"
                            "</InitiateMultipartUploadResult>")  # fmt: skip
            case "POST":
                stated = re.findall(r"<ETag>(?:\"|&quot;)?([\d-]+)", body.decode())
                return self._complete(name, [part for part in stated if part.startswith(self.query["uploadId"])])
            case "DELETE" if "uploadId" in self.query:
                return _Answer(204)
            case _:
                self._delete(name)
                return _Answer(204)

    def _put(self, name: str, body: bytes) -> _Answer:
        condition = self.headers.get("x-goog-if-generation-match")
        present = self.server.objects[name].generation if name in self.server.objects else 0
        if condition is not None and int(condition) != present:
            self._refuse(412, "PreconditionFailed")
        if source := self.headers.get("x-goog-copy-source"):
            body = self.server.found(unquote(source).removeprefix(f"{BUCKET}/"), self.codes[1]).content
        return _Answer(200, headers=self.server.write(name, body).headers)

    def _complete(self, name: str, parts: Iterable[str]) -> _Answer:
        if not parts:
            raise _Answer(404, "NoSuchUpload")
        made = self.server.write(name, b"".join(self.server.parts[name, part] for part in parts))
        tag = escape(made.headers["ETag"])
        answer = _xml(f"<CompleteMultipartUploadResult><ETag>{tag}</ETag></CompleteMultipartUploadResult>")
        answer.headers.update(made.headers)
        return answer

    def _list(self) -> _Answer:
        page, more = self.server.page(self.query.get("prefix", ""), self.query.get("continuation-token", ""))
        found = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(one.content)}</Size><LastModified>{_iso(one.modified)}"
            f"</LastModified><ETag>{escape(one.headers['ETag'])}</ETag></Contents>"
            for name, one in page
        )
        following = f"<NextContinuationToken>{escape(more)}</NextContinuationToken>" if more else ""
        return _xml(f"<ListBucketResult>{found}{following}</ListBucketResult>")


class Google(Fake):
    """Google Cloud Storage: the condition of a write is the object's generation, 0 for none."""

    url = f"gs://{BUCKET}"
    handler = _GoogleHandler

    @staticmethod
    def settings(port: int) -> dict[str, str]:
        key = {"gcs_base_url": f"http://127.0.0.1:{port}", "disable_oauth": True}
        unused = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        return {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(key | unused), "GOOGLE_ALLOW_HTTP": "true"}


class _AzureHandler(_Handler):
    root = f"/{ACCOUNT}/{BUCKET}"
    codes = ("ContainerNotFound", "BlobNotFound")

    def _answered(self, name: str, body: bytes) -> _Answer:
        match self.command, self.query.get("comp"):
            case "GET", "list":
                return self._list()
            case (("GET" | "HEAD"), _):
                return self._read(name)
            case "PUT", "block":
                self.server.parts[name, self.query["blockid"]] = body
                return _Answer(201)
            case "PUT", _:
                return self._put(name, body)
            case "POST", "batch":
                return self._delete_all(body.decode())
            case _:
                self._delete(name)
                return _Answer(202)

    def _put(self, name: str, body: bytes) -> _Answer:
        present = self.server.objects.get(name)
        if self.headers.get("If-None-Match") == "*" and present is not None:
            self._refuse(409, "BlobAlreadyExists")
        expected = self.headers.get("If-Match")
        if expected is not None and (present is None or present.headers["ETag"] != expected):
            self._refuse(412, "ConditionNotMet")
        if self.query.get("comp") == "blocklist":
            blocks = re.findall(r"<(?:Latest|Uncommitted)>([^<]+)<", body.decode())
            body = b"".join(self._block(name, block) for block in blocks)
            self.server.parts = {key: part for key, part in self.server.parts.items() if key[0] != name}
        if source := self.headers.get("x-ms-copy-source"):
            origin = unquote(urlsplit(source).path).removeprefix(f"{self.root}/")
            made = self.server.write(name, self.server.found(origin, self.codes[1]).content)
            return _Answer(202, headers={**made.headers, "x-ms-copy-status": "success"})
        return _Answer(201, headers=self.server.write(name, body).headers)

    def _block(self, name: str, block: str) -> bytes:
        if (name, block) not in self.server.parts:
            raise _Answer(400, "InvalidBlockList")
        assert len(base64.b64decode(block)) <= 64, "Azure's limit"
        return self.server.parts[name, block]

    def _delete_all(self, body: str) -> _Answer:
        """Answer a batch: several requests in one, each with its own status."""
        answers = []
        for number, path in enumerate(re.findall(r"(?m)^DELETE (\S+) HTTP", body)):
            status = "202 Accepted"
            try:
                self._delete(unquote(path).removeprefix(f"{self.root}/"))
            except _Answer:
                status = "404 The specified blob does not exist.\r\nx-ms-error-code: BlobNotFound"
            answers.append(
                f"--answers\r\nContent-Type: application/http\r\nContent-ID: {number}\r\n\r\n"
                f"HTTP/1.1 {status}\r\nx-ms-version: 2023-11-03\r\n\r\n"
            )
        headers = {"Content-Type": "multipart/mixed; boundary=answers"}
        return _Answer(202, headers=headers, content=("".join(answers) + "--answers--\r\n").encode())

    def _list(self) -> _Answer:
        page, more = self.server.page(self.query.get("prefix", ""), self.query.get("marker", ""))
        found = "".join(
            f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{one.headers['Last-Modified']}"
            f"</Last-Modified><Etag>{escape(one.headers['ETag'])}</Etag><Content-Length>{len(one.content)}"
            "</Content-Length><Content-Type>application/octet-stream</Content-Type></Properties></Blob>"
            for name, one in page
        )
        return _xml(
            f"<EnumerationResults><Blobs>{found}</Blobs><NextMarker>{escape(more)}</NextMarker></EnumerationResults>"
        )


class Azure(Fake):
    """Azure Blob Storage: the condition of a write is an ETag, or that there is no such blob."""

    url = f"az://{BUCKET}"
    handler = _AzureHandler

    @staticmethod
    def settings(port: int) -> dict[str, str]:
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": base64.b64encode(b"no secret").decode(),
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{ACCOUNT}",
            "AZURE_ALLOW_HTTP": "true",
        }


def _xml(text: str) -> _Answer:
    return _Answer(200, headers={"Content-Type": "application/xml"}, content=text.encode())


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03}Z"
