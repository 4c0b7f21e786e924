"""The errors of an object store in words: what is wrong, and what to do.

A library's error text may contain the address with its password, or data from the server. It is searched for the codes
below, and never repeated.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store.backends.backend import CannotRead, CannotWrite

_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_TRIES = 4

T = TypeVar("T")


@dataclass(frozen=True)
class _Reason:
    """What a store's error means. `signs` are codes of its answer, its status, or words of the library."""

    what: str
    hint: str
    signs: frozenset[str]
    words: tuple[str, ...] = ()


_NO_BUCKET = _Reason(
    "the bucket does not exist",
    "Create the bucket, or correct the address.",
    frozenset({"NoSuchBucket", "ContainerNotFound"}),
)
_REASONS = (
    _NO_BUCKET,
    _Reason(
        "the clock of this machine differs too much from the server's",
        "Set the clock of this machine, for example by NTP.",
        frozenset({"RequestTimeTooSkewed"}),
    ),
    _Reason(
        "no credentials are set, and this machine has no role in a cloud",
        "Set the credentials of the store: AWS_*, GOOGLE_* or AZURE_*.",
        frozenset(),
        ("169.254.169.254", "169.254.170.2", "metadata.google.internal", "metadata/identity"),
    ),
    _Reason(
        "the server does not accept the credentials",
        "Check the credentials of the store: AWS_*, GOOGLE_* or AZURE_*.",
        frozenset(
            {
                "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AuthenticationFailed",
                "InvalidAuthenticationInfo", "UnauthenticatedError", "401",
            }
        ),
    ),
    _Reason(
        "the credentials do not permit it",
        "Permit reading, listing, writing and deleting in the store's folder.",
        frozenset({"PermissionDeniedError", "403"}),
    ),
    _Reason(
        "the server throttled every attempt",
        "Try again later, or with fewer processes at the same time.",
        frozenset({"SlowDown", "503", "429"}),
    ),
    _Reason(
        "the server cannot be reached",
        "Check the network, and the server's address if one is set (AWS_ENDPOINT_URL).",
        frozenset(),
        ("error sending request", "HTTP error"),
    ),
)  # fmt: skip


@contextlib.contextmanager
def explained(kind: type[CannotRead | CannotWrite], where: str) -> Iterator[None]:
    """Raise what goes wrong inside as an error of this kind.

    A missing object stays a FileNotFoundError for a read; a missing bucket does not, because a mistyped address would
    otherwise look like an empty store.
    """
    try:
        yield
    except Exception as error:
        reason = _reason(error)
        missing = isinstance(error, FileNotFoundError) and kind is CannotRead and reason is not _NO_BUCKET
        if isinstance(error, WdbcError) or missing:
            raise
        raise _failed(kind, where, error, reason) from None


@contextlib.contextmanager
def cut_answers_ignored() -> Iterator[None]:
    """Ignore that the server's answer ended too early."""
    try:
        yield
    except Exception as error:
        if "response body" not in str(error):
            raise


def repeated_if_cut(request: Callable[[], T]) -> T:
    """Return what a request returns that may be carried out twice.

    obstore repeats a request that failed, but not one whose answer ended too early.
    """
    for _ in range(_TRIES - 1):
        with cut_answers_ignored():
            return request()
    return request()


def _reason(error: Exception) -> _Reason | None:
    text = str(error)
    signs = {type(error).__name__, *_CODE.findall(text), *_STATUS.findall(text)}
    return next(
        (reason for reason in _REASONS if signs & reason.signs or any(word in text for word in reason.words)),
        None,
    )


def _failed(kind: type[CannotRead | CannotWrite], where: str, error: Exception, reason: _Reason | None) -> WdbcError:
    number = error.errno if isinstance(error, OSError) else None
    what = reason.what if reason else os.strerror(number) if number else type(error).__name__
    hint = reason.hint if reason else "Check that the server is reachable and that address and credentials are correct."
    return kind(
        f"the store cannot be {'read' if kind is CannotRead else 'written'}: {what}",
        where=where,
        hint=f"{hint} The current versions are unchanged.",
    )
