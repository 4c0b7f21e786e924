"""Convert failures of HTTP requests into messages of this package, and classify them as transient or permanent.

requests, urllib3 and http.client put whole URLs into their messages. Only error numbers, TLS verdicts and class names
are therefore taken from them.
"""

import dataclasses
import email.utils
import http
import http.client
import os
import re
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime

import requests
import urllib3.exceptions

from wdbc_assets.sources.http.bodies import BrokenBody
from wdbc_assets.sources.retrying import Fault

PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})

LATER = "Try again later."
CHECK_URL = "Check the URL."
CHECK_HOST = "Check host and port in the URL, and the network connection, or try again later."
CHECK_PROXY = "Check the variables http_proxy, https_proxy and no_proxy."
CHECK_TLS = "Check whether the URL should begin with http://, and check REQUESTS_CA_BUNDLE if it is set."
CHECK_BUNDLE = (
    "If this is the right server and a private authority signed its certificate, set REQUESTS_CA_BUNDLE to "
    "the file with that authority's certificate. Verification cannot be switched off."
)
STATUS_HINTS = {
    304: "The request was not conditional: report this to the operator of the server.",
    401: "Put user and password into the URL (https://user:password@host/...), or check them.",
    403: "Check whether the credentials in the URL have read permission.",
    407: "Put user and password into the URL of the proxy (http_proxy, https_proxy).",
    410: "Find the new address of the file.",
}
# OpenSSL's verification errors, X509_V_ERR_*.
CERTIFICATE_VERDICTS = {
    9: ("is not valid yet", "Check the clock of this machine, and report this to the server's operator."),
    10: ("has expired", "Check the clock of this machine, and report this to the server's operator."),
    18: ("is self-signed, not signed by an authority that this machine trusts", CHECK_BUNDLE),
    19: ("is signed by an authority that this machine does not trust", CHECK_BUNDLE),
    20: ("is signed by an authority that this machine does not trust", CHECK_BUNDLE),
    62: ("is for another host name", "Check the host in the URL. Verification cannot be switched off."),
    64: ("is for another address", "Check the host in the URL. Verification cannot be switched off."),
}
# Error class, message, whether it is transient, and hint. The first match applies.
VERDICTS: tuple[tuple[type[Exception], str, bool, str], ...] = (
    (ssl.SSLEOFError, "the server closed the connection during the TLS handshake", True, LATER),
    (ssl.SSLError, "the TLS handshake with the server failed", False, CHECK_TLS),
    (socket.gaierror, "the host name could not be resolved", True, CHECK_HOST),
    (ConnectionRefusedError, "the connection was refused", True, CHECK_HOST),
    (urllib3.exceptions.NewConnectionError, "the connection failed", True, CHECK_HOST),
    (urllib3.exceptions.ConnectTimeoutError, "the connection timed out", True, CHECK_HOST),
    (urllib3.exceptions.ReadTimeoutError, "the server stopped responding", True, LATER),
    (TimeoutError, "the server stopped responding", True, LATER),
    (http.client.RemoteDisconnected, "the server closed the connection without a response", True, LATER),
    (ConnectionError, "the connection was lost", True, LATER),
    (http.client.IncompleteRead, "the response does not have the announced length", True, LATER),
    (urllib3.exceptions.ProtocolError, "the response ended early, or is not HTTP", True, LATER),
    (ValueError, "the URL is not valid", False, CHECK_URL),
)
PROXY_ERRORS = (
    urllib3.exceptions.ProxyError,
    requests.exceptions.InvalidProxyURL,
    requests.exceptions.InvalidSchema,  # a SOCKS proxy without PySocks: the URL itself is http or https
)
FORESEEN = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    BrokenBody,
    OSError,
    ValueError,  # http.client and idna raise it for characters that are invalid in a URL or a header
)

_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


def fault_for_status(status: int, retry_after: str | None, *, now: datetime) -> Fault:
    """Return the fault for a status that is neither content nor a redirect that can be followed."""
    try:
        phrase = http.HTTPStatus(status).phrase  # not the server's phrase, which is arbitrary text
    except ValueError:
        phrase = "(not an HTTP status)"
    passing = status in PASSING_STATUSES
    return Fault(
        what=f"the server answered {status} {phrase}",
        passing=passing,
        hint=STATUS_HINTS.get(status, LATER if passing else CHECK_URL),
        retry_after=seconds_asked(retry_after, now=now),
    )


def seconds_asked(retry_after: str | None, *, now: datetime) -> float:
    """Return the wait that the `Retry-After` header requests (RFC 9110, 10.2.3), in seconds or as a date; 0 if none."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
        return max((date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds(), 0.0)
    except (ValueError, OverflowError):
        return 0.0


def fault_for_error(error: Exception, *, proxy: str | None) -> Fault:
    """Return the fault for an error, one of `FORESEEN`.

    Args:
        error: as raised while requesting or reading.
        proxy: the URL of the proxy in use, without its credentials.
    """
    causes = tuple(_causes(error))
    if proxy and any(isinstance(cause, PROXY_ERRORS) for cause in causes):
        return _proxy_fault(causes, proxy)
    return _verdict(causes)


def _proxy_fault(causes: tuple[BaseException, ...], proxy: str) -> Fault:
    refusal = next(filter(None, (_TUNNEL.match(str(cause)) for cause in causes)), None)
    if refusal:
        status = int(refusal[1])
        return Fault(
            what=f"the proxy {proxy} answered {status}",
            passing=status in PASSING_STATUSES,
            hint=STATUS_HINTS.get(status, CHECK_PROXY),
        )
    verdict = _verdict(causes)
    what = f"the proxy {proxy} cannot be used: {verdict.what}"
    return dataclasses.replace(verdict, what=what, hint=CHECK_PROXY)


def _verdict(causes: tuple[BaseException, ...]) -> Fault:
    for cause in causes:
        if isinstance(cause, BrokenBody):
            return Fault(what=str(cause), passing=True, hint=LATER)
        if isinstance(cause, ssl.SSLCertVerificationError):
            verdict, hint = CERTIFICATE_VERDICTS.get(cause.verify_code, ("is not trusted", CHECK_BUNDLE))
            return Fault(what=f"the certificate of the server {verdict}", passing=False, hint=hint)
    for type_, what, passing, hint in VERDICTS:
        if any(isinstance(cause, type_) for cause in causes):
            return Fault(what=what, passing=passing, hint=hint)
    number = next((cause.errno for cause in causes if isinstance(cause, OSError) and cause.errno), None)
    reason = os.strerror(number) if number else type(causes[0]).__name__
    return Fault(what=f"the request failed ({reason})", passing=True, hint=LATER)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and all errors in it: requests and urllib3 wrap them in arguments, `reason`, cause and context."""
    waiting: list[object] = [error]
    seen = set[int]()
    while waiting:
        cause = waiting.pop(0)
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
