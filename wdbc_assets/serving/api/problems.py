"""Problem details (RFC 9457), the only form of an error response, with row and field where they are known.

No problem contains a submitted value, the name of a field outside the data contract, or a path on the server:
submitted data may belong to a patient.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice

from pydantic import BaseModel, Field
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_MAX_ERRORS = 100


class InvalidField(BaseModel):
    """One validation error in the request body or headers."""

    row: int | None = Field(default=None, description="Position of the patient in the request, starting at 1.")
    field: str | None = Field(default=None, description="Name of the measurement or request field.")
    rule: str = Field(description="Identifier of the violated rule: a rule of the data contract or a schema check.")
    detail: str = Field(description="What a valid value must satisfy.")


class Problem(BaseModel):
    """Error response in the format of RFC 9457 (problem details)."""

    type: str = Field(description="Problem type: `urn:wdbc:problem:` followed by a stable identifier.")
    title: str = Field(description="Reason phrase of the HTTP status.")
    status: int = Field(description="HTTP status code.")
    detail: str = Field(description="Explanation of this error and how to resolve it.")
    request_id: str = Field(description="Identifier of this request in the service log; quote it in bug reports.")
    errors: list[InvalidField] | None = Field(
        default=None, description=f"Individual validation errors, at most {_MAX_ERRORS}."
    )


@dataclass
class ProblemError(Exception):
    """An exception that is sent to the client as a problem.

    Create one for each request: an exception that is raised again keeps the frames of all earlier requests in memory,
    bodies included.
    """

    status: int
    kind: str
    detail: str
    errors: Sequence[InvalidField] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, request_id: str) -> Response:
        """Return the HTTP response."""
        content = Problem(
            type=f"urn:wdbc:problem:{self.kind}",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            request_id=request_id,
            errors=list(self.errors[:_MAX_ERRORS]) or None,
        )
        return Response(content.model_dump_json(exclude_none=True), self.status, dict(self.headers), MEDIA_TYPE)


def invalid_request(errors: Iterable[InvalidField]) -> ProblemError:
    """Return the 422 problem that lists validation errors; consume no more of them than needed."""
    listed = list(islice(errors, _MAX_ERRORS + 1))
    if len(listed) > _MAX_ERRORS:
        count = f"more than {_MAX_ERRORS} errors; the first {_MAX_ERRORS} are listed"
    else:
        count = f"{len(listed)} error" + "s" * (len(listed) != 1)
    return ProblemError(
        422,
        "invalid-request",
        f"The request failed validation: {count}. Nothing was predicted. See /v1/contract for the rules.",
        listed,
    )


def not_found() -> ProblemError:
    """Return the 404 problem."""
    return ProblemError(404, "not-found", "No such resource. See /docs for the available endpoints.")


def not_json() -> ProblemError:
    """Return the 400 problem of a body that cannot be parsed."""
    return ProblemError(400, "not-json", "The body is not valid JSON. Send application/json encoded as UTF-8.")


def internal() -> ProblemError:
    """Return the 500 problem of an unexpected exception."""
    return ProblemError(500, "fault", "Internal server error. Report the request id to the operator of this service.")
