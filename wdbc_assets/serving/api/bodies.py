"""Parse and validate request bodies. The cost is bounded by that of the largest valid request, whatever the body holds.

A body with more values than the maximum number of patients is rejected by counting bytes. Repeated names are detected
while the JSON is parsed. Patients are validated one by one until the response has as many errors as it can list.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from wdbc_assets.domain.data import contract
from wdbc_assets.serving.api import exception_handlers, problems, schemas
from wdbc_assets.serving.api.problems import InvalidField

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VALUE_PREFIXES = (b",", b"[", b"{")
_MAX_FIELDS = 2 * len(contract.FEATURES)


class _Repeated(dict[str, Any]):
    """A JSON object with repeated names."""

    names: set[str]


class BodyReader:
    """Parser for request bodies. If `bounded`, values outside the bounds of the contract are rejected."""

    def __init__(self, *, bounded: bool, most: int) -> None:
        self.most = most
        patient = schemas.patient_model(bounded=bounded)
        self.model = schemas.request_model(patient, most=most)
        self._validate = patient.__pydantic_validator__.validate_python
        self._validate_request = schemas.request_model(Any, most=most).__pydantic_validator__.validate_python

    def read(self, body: bytes) -> "NDArray[np.float64]":
        """Return the measurements, shape (patients, 30), in the order of the contract.

        Raises:
            ProblemError: 400 for invalid JSON; 422 for an invalid request, with the validation errors up to a limit.
        """
        patients = self._patients(self._decode(body))
        rows = []
        try:
            for patient in patients:
                if type(patient) is not dict or len(patient) > _MAX_FIELDS:
                    raise problems.invalid_request(self._errors(patients))
                # The model keeps the order of the contract, whatever the order of the fields in the request.
                rows.append(list(self._validate(patient).__dict__.values()))
        except ValidationError:
            raise problems.invalid_request(self._errors(patients)) from None
        return np.array(rows, dtype=np.float64)

    def _decode(self, body: bytes) -> Any:
        values = sum(map(body.count, _VALUE_PREFIXES))
        if values > 2 * (self.most + 1) * (len(contract.FEATURES) + 1):
            detail = f"the body contains more values than the maximum of {self.most} patients can have"
            raise problems.invalid_request([InvalidField(rule="too_many_values", detail=detail)])
        try:
            return json.loads(body.decode("utf-8-sig"), object_pairs_hook=_object, parse_int=float)
        except (ValueError, RecursionError):
            raise problems.not_json() from None

    def _patients(self, request: Any) -> list[Any]:
        errors = list(_object_errors(request, row=None))
        if not errors:
            try:
                return list(self._validate_request(request).patients)
            except ValidationError as error:
                errors = exception_handlers.invalid_fields(error, hints=True)
        raise problems.invalid_request(errors)

    def _errors(self, patients: list[Any]) -> Iterator[InvalidField]:
        hints = True
        for row, patient in enumerate(patients, start=1):
            errors = list(_object_errors(patient, row=row))
            if not errors:
                try:
                    self._validate(patient)
                except ValidationError as error:
                    errors = exception_handlers.invalid_fields(error, row=row, hints=hints)
                    hints = hints and not any(field.rule == exception_handlers.UNKNOWN for field in errors)
            yield from errors


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) == len(pairs):
        return fields
    repeated = _Repeated(fields)
    seen: set[str] = set()
    repeated.names = {name for name, _ in pairs if name in seen or seen.add(name)}  # type: ignore[func-returns-value] # adds
    return repeated


def _object_errors(value: Any, *, row: int | None) -> Iterator[InvalidField]:
    """Yield the errors of an object as a whole: repeated names, or too many fields."""
    if isinstance(value, _Repeated):
        known: list[str | None] = [name for name in exception_handlers.KNOWN if name in value.names]
        for name in known or [None]:
            yield InvalidField(
                row=row, field=name, rule="repeated_field", detail="each field may occur only once per object"
            )
    elif isinstance(value, dict) and len(value) > _MAX_FIELDS:
        detail = f"more than {_MAX_FIELDS} fields; the contract defines {len(contract.FEATURES)} measurements"
        yield InvalidField(row=row, rule="too_many_fields", detail=detail)
