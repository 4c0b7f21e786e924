"""What went wrong between us and a server, in words of our own, and whether it is transient.

requests, urllib3 and http.client put whole URLs into their messages, so none of those is repeated: only error numbers,
TLS verdicts and names of errors are taken from them.
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
CHECK_HOST = "Check host and port in the URL, and the network; or try again later."
CHECK_PROXY = "Check the variables http_proxy, https_proxy and no_proxy."
CHECK_TLS = "Check whether the URL should begin with http://, and what REQUESTS_CA_BUNDLE names if it is set."
CHECK_BUNDLE = (
    "If this is the right server and its certificate is signed by an authority of its own, set REQUESTS_CA_BUNDLE to "
    "the file with that authority's certificate. Verification cannot be switched off."
)
STATUS_HINTS = {
    304: "It was not asked whether anything changed: tell the operator of the server.",
    401: "Give a user and password in the URL (https://user:password@host/...), or check them.",
    403: "Check whether the credentials in the URL allow to read it.",
    407: "Give a user and password in the URL of the proxy (http_proxy, https_proxy).",
    410: "Find out where the file has moved to.",
}
# OpenSSL's numbers, X509_V_ERR_*, of a refused certificate.
CERTIFICATE_VERDICTS = {
    9: ("is not valid yet", "Check the clock of this machine, and tell the server's operator."),
    10: ("has expired", "Check the clock of this machine, and tell the server's operator."),
    18: ("is signed by itself, not by an authority that this machine trusts", CHECK_BUNDLE),
    19: ("is signed by an authority that this machine does not trust", CHECK_BUNDLE),
    20: ("is signed by an authority that this machine does not trust", CHECK_BUNDLE),
    62: ("is for another name", "Check the host in the URL. Verification cannot be switched off."),
    64: ("is for another address", "Check the host in the URL. Verification cannot be switched off."),
}
# Errors, each with what it says, whether it is transient, and what the user can do; the first that fits holds.
VERDICTS: tuple[tuple[type[Exception], str, bool, str], ...] = (
    (ssl.SSLEOFError, "the server closed the connection while TLS began", True, LATER),
    (ssl.SSLError, "TLS with the server cannot be had", False, CHECK_TLS),
    (socket.gaierror, "the name of the host was not found", True, CHECK_HOST),
    (ConnectionRefusedError, "the connection was refused", True, CHECK_HOST),
    (urllib3.exceptions.NewConnectionError, "no connection could be made", True, CHECK_HOST),
    (urllib3.exceptions.ConnectTimeoutError, "no connection came about in time", True, CHECK_HOST),
    (urllib3.exceptions.ReadTimeoutError, "the server fell silent", True, LATER),
    (TimeoutError, "the server fell silent", True, LATER),
    (http.client.RemoteDisconnected, "the server closed the connection without an answer", True, LATER),
    (ConnectionError, "the connection broke", True, LATER),
    (http.client.IncompleteRead, "the body has not the announced length", True, LATER),
    (urllib3.exceptions.ProtocolError, "the answer ended before its time, or is no HTTP", True, LATER),
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
    ValueError,  # what http.client and idna raise for characters that a URL or a header cannot hold
)

_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


def of_status(status: int, retry_after: str | None, *, now: datetime) -> Fault:
    """The fault of an answer that is neither content nor a redirect that can be followed."""
    try:
        phrase = http.HTTPStatus(status).phrase  # the server's own might say anything
    except ValueError:
        phrase = "(not a status of HTTP)"
    passing = status in PASSING_STATUSES
    return Fault(
        what=f"the server answered {status} {phrase}",
        passing=passing,
        hint=STATUS_HINTS.get(status, LATER if passing else CHECK_URL),
        retry_after=seconds_asked(retry_after, now=now),
    )


def seconds_asked(retry_after: str | None, *, now: datetime) -> float:
    """The wait that the header `Retry-After` asks for (RFC 9110, 10.2.3), in seconds or by a date; 0 if for none."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
        return max((date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds(), 0.0)
    except (ValueError, OverflowError):
        return 0.0


def of_error(error: Exception, *, proxy: str | None) -> Fault:
    """The fault that `error`, one of `FORESEEN`, stands for.

    Args:
        error: as it was raised while asking or reading.
        proxy: the URL of the proxy in use, without its credentials.
    """
    causes = tuple(_causes(error))
    if proxy and any(isinstance(cause, PROXY_ERRORS) for cause in causes):
        return _of_proxy(causes, proxy)
    return _verdict(causes)


def _of_proxy(causes: tuple[BaseException, ...], proxy: str) -> Fault:
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
    """`error` and all errors inside it: requests and urllib3 wrap them in arguments, `reason`, cause and context."""
    waiting: list[object] = [error]
    seen = set[int]()
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [*found.args, getattr(found, "reason", None), found.__cause__, found.__context__]
