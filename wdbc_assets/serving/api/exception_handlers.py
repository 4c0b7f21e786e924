"""What FastAPI and pydantic find wrong with a request, in the one form of problems, without a word of what was sent."""

import difflib
from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from wdbc_assets.domain.data import contract
from wdbc_assets.serving.api import problems
from wdbc_assets.serving.api.problems import InvalidField, ProblemError

KNOWN = ("patients", *contract.FEATURES)
UNKNOWN = "unknown_field"
_MOST_HINTS = 5  # a comparison with every known name takes half a millisecond
_LONGEST_NAME = 50


def problem_of(error: Exception) -> ProblemError:
    """Return the problem of an error that a route, or FastAPI itself, raised."""
    if isinstance(error, RequestValidationError):
        return problems.of_invalid_fields(
            _fault(found, found["loc"][1:], row=None, hint="") for found in error.errors()
        )
    if isinstance(error, HTTPException):
        return _of_status(error)
    return problems.UNFORESEEN


def _of_status(error: HTTPException) -> ProblemError:
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return problems.NOT_FOUND
    if error.status_code == 405:
        allowed = headers["Allow"] = _with_head(headers.get("Allow", "another"))
        return ProblemError(405, "wrong-method", f"This takes another method: {allowed}.", headers=headers)
    return ProblemError(error.status_code, "refused", "The request was refused.", headers=headers)


def _with_head(allowed: str) -> str:
    return allowed.replace("GET", "GET, HEAD") if "HEAD" not in allowed else allowed


def of_validation(error: ValidationError, *, hints: bool, row: int | None = None) -> list[InvalidField]:
    """Return the faults of a request, or of the patient in one of its rows; a few may say which name was meant."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    unknown = [found["loc"] for found in errors if found["type"] == "extra_forbidden"]
    hinted = {place: _hint(place) for place in unknown[: _MOST_HINTS * hints]}
    return [_fault(found, found["loc"], row=row, hint=hinted.get(found["loc"], "")) for found in errors]


def _fault(found: Mapping[str, Any], place: tuple[int | str, ...], *, row: int | None, hint: str) -> InvalidField:
    if found["type"] == "extra_forbidden":
        return InvalidField(row=row, field=None, rule=UNKNOWN, detail=f"a field that the contract does not know{hint}")
    name = next((part for part in reversed(place) if isinstance(part, str)), None)
    # What pydantic says of these types names the demand, never what was found.
    return InvalidField(row=row, field=name if name in KNOWN else None, rule=found["type"], detail=found["msg"])


def _hint(place: tuple[int | str, ...]) -> str:
    name = str(place[-1])
    close = difflib.get_close_matches(name, KNOWN, n=1) if len(name) <= _LONGEST_NAME else []
    return f"; did you mean {close[0]}?" if close else ""
