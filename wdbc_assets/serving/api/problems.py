"""The one form of every error: problem details (RFC 9457), with row and field where they are known.

None of them holds a value that was sent, the name of a field that the contract does not know, or where the service's
files lie: what was sent may be a patient's.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_SHOWN = 100


class InvalidField(BaseModel):
    """One thing that is wrong with what was sent."""

    row: int | None = Field(default=None, description="number of the patient in the request, from 1")
    field: str | None = Field(default=None, description="name of the measurement, or of the request's own field")
    rule: str = Field(description="name of what is broken: a rule of the contract, or a type of the request")
    detail: str = Field(description="what is demanded")


class Problem(BaseModel):
    """What went wrong, in the form of RFC 9457."""

    type: str = Field(description="what kind of problem this is: `urn:wdbc:problem:` and a word")
    title: str = Field(description="the kind of problem, in words")
    status: int = Field(description="the status of the answer")
    detail: str = Field(description="what is wrong and what to do")
    request_id: str = Field(description="by which this request is found in the service's log")
    errors: list[InvalidField] | None = Field(
        default=None, description=f"each fault of what was sent; the first {_SHOWN} of them"
    )


@dataclass
class ProblemError(Exception):
    """A request that is answered with a problem."""

    status: int
    kind: str
    detail: str
    errors: Sequence[InvalidField] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, request_id: str) -> Response:
        """Return the answer."""
        content: dict[str, Any] = {
            "type": f"urn:wdbc:problem:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.errors:
            content["errors"] = [one.model_dump(exclude_none=True) for one in self.errors[:_SHOWN]]
        return Response(json.dumps(content), self.status, dict(self.headers), MEDIA_TYPE)


def of_invalid_fields(faults: Iterable[InvalidField]) -> ProblemError:
    """Return the problem of measurements or requests that are not as they must be; looks at no more than are shown."""
    listed = list(islice(faults, _SHOWN + 1))
    count = f"{len(listed)} fault" + "s" * (len(listed) != 1)
    if len(listed) > _SHOWN:
        count = f"More than {_SHOWN} faults"
    shown = f"; the first {_SHOWN} are listed" if len(listed) > _SHOWN else ""
    return ProblemError(
        422, "invalid-request", f"{count} in what was sent{shown}. Nothing was predicted; see /v1/contract.", listed
    )


NOT_FOUND = ProblemError(404, "not-found", "There is nothing here. See /docs for what there is.")
NOT_JSON = ProblemError(400, "not-json", "The body is no JSON that can be read. Send application/json in UTF-8.")
UNFORESEEN = ProblemError(
    500, "fault", "This is a fault of the service, not of your request. Report the request's id to who runs it."
)
