"""Asking a server for a URL: conditionally, along redirects, and again after transient errors."""

import base64
import dataclasses
import http
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

import requests
from requests.auth import HTTPBasicAuth
from requests.utils import select_proxy

from wdbc_assets import safe_text
from wdbc_assets.sources import retrying, sniffing
from wdbc_assets.sources.http import bodies, connections, faults
from wdbc_assets.sources.limits import Clock, Limits
from wdbc_assets.sources.origin import Origin
from wdbc_assets.sources.retrying import Fault

REDIRECTS = frozenset({301, 302, 303, 307, 308})
DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST_MARK = 256
HEADERS = {
    "User-Agent": "wdbc_assets",
    "Accept": "text/csv, text/plain, */*;q=0.5",
    "Accept-Encoding": bodies.ACCEPTED_ENCODING,
    "Connection": "close",  # one request each; the end of the connection then marks the end of the body
}

# urllib3 logs every request with its query, which may hold a token, below the level of a warning.
logging.getLogger("urllib3.connectionpool").addFilter(lambda record: record.levelno >= logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server delivered, whole.

    Attributes:
        content: the body, decompressed; left out of the representation, for it holds patients' values.
        etag: the header `ETag`, if it is one that can be sent back.
        last_modified: the header `Last-Modified`, likewise.
    """

    content: bytes = field(repr=False)
    etag: str | None
    last_modified: str | None


def get(url: str, *, limits: Limits, known: Origin | None, report: retrying.Report, clock: Clock) -> Answer | None:
    """What the server holds at `url`, or None if it says that this is what is `known`.

    A user and password in the URL, or else in .netrc, are sent as basic authentication, to that host only.
    Certificates are always verified, against REQUESTS_CA_BUNDLE if that is set. The usual variables for proxies are
    heeded.

    Args:
        url: http or https.
        limits: tries, times and sizes.
        known: content that is at hand already: the server is asked to send only what differs from it.
        report: told of each try that failed and is followed by another.
        clock: time and chance.

    Raises:
        SourceRefused: the server, or what it sent, was refused; asking again changes nothing.
        SourceUnavailable: no whole answer within the tries and the time.
    """
    line = connections.Line()
    attempt = _Attempt(url=url, line=line, limits=limits, known=known, clock=clock)
    return retrying.persist(
        attempt.follow,
        where=safe_text.redact_url(url),
        limits=limits,
        clock=clock,
        report=report,
        give_up=line.cut,
    )


@dataclass(frozen=True, slots=True)
class _Redirect:
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One try: a request, and one more for each redirect."""

    url: str
    line: connections.Line
    limits: Limits
    known: Origin | None
    clock: Clock

    def follow(self) -> Answer | Fault | None:
        """What the URL, or where it redirects to, holds; None if that is known."""
        here, credentials = _without_user_info(self.url)
        home = _server(here)
        shown = where = safe_text.redact_url(self.url)
        for _ in range(self.limits.redirects + 1):
            outcome = self._ask(here, credentials if _server(here) == home else None, where=where)
            if not isinstance(outcome, _Redirect):
                return outcome
            here, _ = _without_user_info(outcome.target)
            where = f"{shown}, redirected to {self._plain(safe_text.redact_url(here))}"
        what = f"the server redirects more than {self.limits.redirects} times"
        return Fault(what=what, passing=False, hint=faults.CHECK_URL, where=where)

    def _ask(self, url: str, auth: HTTPBasicAuth | None, *, where: str) -> Answer | Fault | _Redirect | None:
        """One request. What it says of `where` is completed with the proxy, for the trouble may be there."""
        with requests.Session() as session:
            session.headers.clear()
            session.headers.update(HEADERS)
            settings = session.merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
            proxy = _shown_proxy(url, settings["proxies"])
            where += f" (through the proxy {proxy})" if proxy else ""
            trusted = settings["verify"] or True  # a file or folder of certificates, or those that requests brings
            if url.startswith("https:") and isinstance(trusted, str) and not Path(trusted).exists():
                what = f"the certificates that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names are not there: {trusted}"
                return Fault(what=what, passing=False, hint="Correct the variable, or unset it.", where=where)
            session.mount(url, connections.CuttableAdapter(self.line))
            try:
                request = session.prepare_request(requests.Request("GET", url, headers=self._conditions(), auth=auth))
                _remember_credentials(request.headers.get("Authorization"))
                # Not session.send: that reads the whole body of a redirect, however long.
                timeout = (self.limits.connect_seconds, self.limits.read_seconds)
                with session.get_adapter(url).send(
                    request, stream=True, timeout=timeout, verify=trusted, proxies=settings["proxies"]
                ) as response:
                    outcome = self._outcome(response, url, where=where)
            except faults.FORESEEN as error:
                outcome = faults.of_error(error, proxy=proxy)
            finally:
                self.line.release()
        return dataclasses.replace(outcome, where=where) if isinstance(outcome, Fault) else outcome

    def _plain(self, text: str) -> str:
        """What a server sent, as it may be shown, though it may echo a secret of ours."""
        return sniffing.plain(safe_text.redact(safe_text.conceal(text, self.url)))

    def _mark(self, header: str | None) -> str | None:
        """`header` if it can be stored and sent back as it is: one line, and no secret of ours in it."""
        if not header or not header.isascii() or not header.isprintable() or len(header) > LONGEST_MARK:
            return None
        return header if safe_text.redact(safe_text.conceal(header, self.url)) == header else None

    def _conditions(self) -> dict[str, str | bytes]:
        marks = {"If-None-Match": self.known.etag, "If-Modified-Since": self.known.last_modified} if self.known else {}
        return {name: mark for name, mark in marks.items() if mark}

    def _outcome(self, response: requests.Response, url: str, *, where: str) -> Answer | Fault | _Redirect | None:
        status, headers = response.status_code, response.headers
        if status == http.HTTPStatus.OK:
            return Answer(
                content=bodies.read(response, largest_bytes=self.limits.largest_bytes, where=where),
                etag=self._mark(headers.get("ETag")),
                last_modified=self._mark(headers.get("Last-Modified")),
            )
        if status == http.HTTPStatus.NOT_MODIFIED and self._conditions():
            return None
        if status in REDIRECTS and headers.get("Location"):
            return _redirect_to(url, headers["Location"])
        return faults.of_status(status, headers.get("Retry-After"), now=self.clock.today())


def _redirect_to(url: str, to: str) -> _Redirect | Fault:
    target = urljoin(url, to)
    scheme, _, _ = _server(target)  # a port that is none raises here
    if scheme not in DEFAULT_PORTS:
        what = f"the server redirects to {sniffing.plain(scheme)}:, which is not followed"
        return Fault(what=what, passing=False, hint=faults.CHECK_URL)
    if urlsplit(url).scheme == "https" and scheme == "http":
        what = "the server redirects from https to http, which would give up encryption"
        return Fault(what=what, passing=False, hint="Find the address that is served over https.")
    return _Redirect(target)


def _without_user_info(url: str) -> tuple[str, HTTPBasicAuth | None]:
    """The URL as it is asked for, and what goes into the header instead; UTF-8 as RFC 7617 has it."""
    pieces = urlsplit(url)
    user_info, at, host = pieces.netloc.rpartition("@")
    user, _, password = user_info.partition(":")
    auth = HTTPBasicAuth(unquote(user).encode(), unquote(password).encode()) if at else None
    return urlunsplit(pieces._replace(netloc=host)), auth


def _server(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: to no other server than the named one are its credentials sent."""
    pieces = urlsplit(url)
    return pieces.scheme, pieces.hostname, pieces.port or DEFAULT_PORTS.get(pieces.scheme)


def _shown_proxy(url: str, proxies: Mapping[str, str]) -> str | None:
    proxy = select_proxy(url, proxies)
    if not proxy:
        return None
    address = proxy if "://" in proxy else f"http://{proxy}"
    safe_text.remember(address)
    return safe_text.redact_url(address)


def _remember_credentials(header: str | None) -> None:
    """Those of .netrc stand in no address, and a server may send them back all the same."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme == "Basic":
        user_info = base64.b64decode(encoded).decode("utf-8", errors="replace")
        safe_text.remember(f"http://{quote(user_info, safe=':')}@netrc")
