"""Request a URL from a server: conditional requests, redirects, and retries of transient errors."""

import base64
import dataclasses
import http
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

import requests
from requests.auth import HTTPBasicAuth
from requests.utils import select_proxy

from wdbc_assets import safe_text
from wdbc_assets.sources import retrying, sniffing
from wdbc_assets.sources.http import bodies, connections, faults
from wdbc_assets.sources.limits import Clock, Limits
from wdbc_assets.sources.origin import Origin, Received
from wdbc_assets.sources.retrying import Fault

REDIRECTS = frozenset({301, 302, 303, 307, 308})
DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST_MARK = 256
HEADERS = {
    "User-Agent": "wdbc_assets",
    "Accept": "text/csv, text/plain, */*;q=0.5",
    "Accept-Encoding": bodies.ACCEPTED_ENCODING,
    "Connection": "close",  # one request per connection: its end marks the end of the body
}

# urllib3 logs every request below warning level, with its query, which may contain a token.
logging.getLogger("urllib3.connectionpool").addFilter(lambda record: record.levelno >= logging.WARNING)


def get(url: str, *, limits: Limits, known: Origin | None, report: retrying.Report, clock: Clock) -> Received | None:
    """Return the content at `url`, or None if the server reports that it equals what is `known`.

    User and password from the URL, or else from .netrc, are sent as basic authentication, to that host only.
    Certificates are always verified, against REQUESTS_CA_BUNDLE if it is set. The usual proxy variables apply.

    Args:
        url: http or https.
        limits: attempts, times and sizes.
        known: the origin of content that the caller already has; the server is asked for changes only.
        report: receives one line for each failed attempt that is followed by another.
        clock: time and randomness.

    Raises:
        SourceRefused: the server or its response was rejected; a retry does not help.
        SourceUnavailable: no complete response within the limits of attempts and time.
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
    """One attempt: a request, and one more for each redirect."""

    url: str
    line: connections.Line
    limits: Limits
    known: Origin | None
    clock: Clock

    def follow(self) -> Received | Fault | None:
        """Return the content of the URL after redirects, or None if it is unchanged."""
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

    def _ask(self, url: str, auth: HTTPBasicAuth | None, *, where: str) -> Received | Fault | _Redirect | None:
        """Send one request. A fault's `where` includes the proxy, because the proxy may be the cause."""
        with requests.Session() as session:
            session.headers.clear()
            session.headers.update(HEADERS)
            settings = session.merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
            proxy = _shown_proxy(url, settings["proxies"])
            where += f" (through the proxy {proxy})" if proxy else ""
            trusted = settings["verify"] or True  # a file or folder of certificates, or True: those of requests
            if url.startswith("https:") and isinstance(trusted, str) and not Path(trusted).exists():
                what = f"the certificate bundle of REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE does not exist: {trusted}"
                return Fault(what=what, passing=False, hint="Fix the variable, or unset it.", where=where)
            session.mount(url, connections.CuttableAdapter(self.line))
            try:
                request = session.prepare_request(requests.Request("GET", url, headers=self._conditions(), auth=auth))
                _remember_credentials(request.headers.get("Authorization"))
                # session.send would read the whole body of a redirect, of any length.
                timeout = (self.limits.connect_seconds, self.limits.read_seconds)
                with session.get_adapter(url).send(
                    request, stream=True, timeout=timeout, verify=trusted, proxies=settings["proxies"]
                ) as response:
                    outcome = self._outcome(response, url, where=where)
            except faults.FORESEEN as error:
                outcome = faults.fault_for_error(error, proxy=proxy)
            finally:
                self.line.release()
        return dataclasses.replace(outcome, where=where) if isinstance(outcome, Fault) else outcome

    def _plain(self, text: str) -> str:
        """Return a server's text for display, without secrets of ours that it may echo."""
        return sniffing.plain(safe_text.redact(safe_text.conceal(text, self.url)))

    def _mark(self, header: str | None) -> str | None:
        """Return `header` if it can be stored and sent back unchanged: one line that contains no secret of ours."""
        if not header or not header.isascii() or not header.isprintable() or len(header) > LONGEST_MARK:
            return None
        return header if safe_text.redact(safe_text.conceal(header, self.url)) == header else None

    def _conditions(self) -> dict[str, str | bytes]:
        marks = {"If-None-Match": self.known.etag, "If-Modified-Since": self.known.last_modified} if self.known else {}
        return {name: mark for name, mark in marks.items() if mark}

    def _outcome(self, response: requests.Response, url: str, *, where: str) -> Received | Fault | _Redirect | None:
        status, headers = response.status_code, response.headers
        if status == http.HTTPStatus.OK:
            return Received(
                bodies.read(response, largest_bytes=self.limits.largest_bytes, where=where),
                etag=self._mark(headers.get("ETag")),
                last_modified=self._mark(headers.get("Last-Modified")),
            )
        if status == http.HTTPStatus.NOT_MODIFIED and self._conditions():
            return None
        if status in REDIRECTS and headers.get("Location"):
            return _redirect_to(url, headers["Location"])
        return faults.fault_for_status(status, headers.get("Retry-After"), now=self.clock.today())


def _redirect_to(url: str, to: str) -> _Redirect | Fault:
    target = urljoin(url, to)
    scheme, _, _ = _server(target)  # raises ValueError for an invalid port
    if scheme not in DEFAULT_PORTS:
        what = f"the server redirects to {sniffing.plain(scheme)}:, which is not supported"
        return Fault(what=what, passing=False, hint=faults.CHECK_URL)
    if urlsplit(url).scheme == "https" and scheme == "http":
        what = "the server redirects from https to http, which would give up encryption"
        return Fault(what=what, passing=False, hint="Use an address that is served over https.")
    return _Redirect(target)


def _without_user_info(url: str) -> tuple[str, HTTPBasicAuth | None]:
    """Return the URL to request, and the credentials for the header, encoded as UTF-8 (RFC 7617)."""
    pieces = urlsplit(url)
    user_info, at, host = pieces.netloc.rpartition("@")
    user, _, password = user_info.partition(":")
    auth = HTTPBasicAuth(unquote(user).encode(), unquote(password).encode()) if at else None
    return urlunsplit(pieces._replace(netloc=host)), auth


def _server(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port. Credentials are sent to this server only."""
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
    """Redact credentials from .netrc: they are in no address, but a server may echo them."""
    scheme, _, encoded = (header or "").partition(" ")
    if scheme == "Basic":
        user_info = base64.b64decode(encoded).decode("utf-8", errors="replace")
        safe_text.remember(f"http://{quote(user_info, safe=':')}@netrc")
