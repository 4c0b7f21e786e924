"""Exception handlers: convert errors of FastAPI and pydantic into problems without quoting the submitted data."""

import difflib

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException

from wdbc_assets.domain.data import contract
from wdbc_assets.serving.api import problems
from wdbc_assets.serving.api.problems import InvalidField, ProblemError

KNOWN = ("patients", *contract.FEATURES)
UNKNOWN = "unknown_field"
_MAX_HINTS = 5  # comparing one name with every known name takes half a millisecond
_LONGEST_NAME = 50


def problem_for(error: Exception) -> ProblemError:
    """Return the problem for an exception raised by a route or by FastAPI."""
    if isinstance(error, RequestValidationError):
        return problems.invalid_request(
            _invalid_field(details, details["loc"][1:], row=None, hint="") for details in error.errors()
        )
    if isinstance(error, HTTPException):
        return _http_problem(error)
    return problems.internal()


def _http_problem(error: HTTPException) -> ProblemError:
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return problems.not_found()
    if error.status_code == 405:
        allowed = headers["Allow"] = _with_head(headers.get("Allow", "another"))
        return ProblemError(405, "wrong-method", f"Method not allowed. Supported: {allowed}.", headers=headers)
    return ProblemError(error.status_code, "refused", "The request was rejected.", headers=headers)


def _with_head(allowed: str) -> str:
    return allowed.replace("GET", "GET, HEAD") if "HEAD" not in allowed else allowed


def invalid_fields(error: ValidationError, *, hints: bool, row: int | None = None) -> list[InvalidField]:
    """Return the invalid fields of a request, or of the patient in one of its rows.

    If `hints`, the first unknown fields suggest the most similar known name.
    """
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    unknown = [details["loc"] for details in errors if details["type"] == "extra_forbidden"]
    suggestions = {location: _hint(location) for location in unknown[: _MAX_HINTS * hints]}
    return [
        _invalid_field(details, details["loc"], row=row, hint=suggestions.get(details["loc"], "")) for details in errors
    ]


def _invalid_field(
    details: ErrorDetails, location: tuple[int | str, ...], *, row: int | None, hint: str
) -> InvalidField:
    if details["type"] == "extra_forbidden":
        return InvalidField(row=row, field=None, rule=UNKNOWN, detail=f"unknown field{hint}")
    name = next((item for item in reversed(location) if isinstance(item, str)), None)
    # For these types pydantic's message states the requirement and never quotes the input.
    return InvalidField(row=row, field=name if name in KNOWN else None, rule=details["type"], detail=details["msg"])


def _hint(location: tuple[int | str, ...]) -> str:
    name = str(location[-1])
    close = difflib.get_close_matches(name, KNOWN, n=1) if len(name) <= _LONGEST_NAME else []
    return f"; did you mean {close[0]}?" if close else ""
