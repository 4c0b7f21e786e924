"""What FastAPI and pydantic find wrong with a request, in the one form of problems, without a word of what was sent."""

import difflib
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from wdbc_assets.domain import contract
from wdbc_assets.serving import problems
from wdbc_assets.serving.problems import Fault, Refused

_KNOWN = ("patients", *contract.FEATURES)
_LIST = "patients"


def of_error(error: Exception) -> Refused:
    """Return the problem of an error that a route, or FastAPI itself, raised."""
    if isinstance(error, RequestValidationError):
        found = error.errors()
        if any(one["type"] == "json_invalid" for one in found):
            return problems.NOT_JSON
        return problems.of_faults(map(_fault, found))
    if isinstance(error, HTTPException):
        return _of_status(error)
    return problems.UNFORESEEN


def _of_status(error: HTTPException) -> Refused:
    headers = dict(error.headers or {})
    if error.status_code == 404:
        return problems.NOT_FOUND
    if error.status_code == 405:
        allowed = headers.get("Allow", "another")
        return Refused(405, "wrong-method", f"This takes another method: {allowed}.", headers=headers)
    if error.status_code == 400:
        return problems.NOT_JSON
    return Refused(error.status_code, "refused", "The request was refused.", headers=headers)


def _fault(found: dict[str, Any]) -> Fault:
    place = list(found["loc"])[1:]
    row = next((part + 1 for part in place if isinstance(part, int)), None)
    name = next((part for part in reversed(place) if isinstance(part, str)), None)
    if found["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(name), _KNOWN, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        return Fault(row=row, field=None, rule="unknown_field", detail=f"a field that the contract does not know{hint}")
    # What pydantic says of these types names the demand, never what was found.
    return Fault(row=row, field=name if name in _KNOWN else None, rule=found["type"], detail=found["msg"])
