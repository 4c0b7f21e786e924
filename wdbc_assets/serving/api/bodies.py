"""From the bytes of a body to measurements, at a cost that grows with the largest sound request, whatever was sent.

What has more values than the most patients have is refused by counting bytes; names that are repeated are found while
the JSON is read; each patient is validated by itself, and no more once there are as many faults as an answer lists.
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

_STARTS_OF_VALUES = (b",", b"[", b"{")
_MOST_FIELDS = 2 * len(contract.FEATURES)


class _Repeated(dict[str, Any]):
    """A JSON object in which names are repeated."""

    names: set[str]


class Reader:
    """Reads bodies of requests; `bounded` refuses what is beyond the contract, cell by cell."""

    def __init__(self, *, bounded: bool, most: int) -> None:
        self.most = most
        patient = schemas.patient_model(bounded=bounded)
        self.model = schemas.request_model(patient, most=most)
        self._validate = patient.__pydantic_validator__.validate_python
        self._validate_request = schemas.request_model(Any, most=most).__pydantic_validator__.validate_python

    def read(self, body: bytes) -> "NDArray[np.float64]":
        """Return the measurements, shape (patients, 30), in the order of the contract.

        Raises:
            ProblemError: 400 for what is no JSON, 422 for what is no request, with each fault, up to a limit.
        """
        patients = self._patients(self._decoded(body))
        rows = []
        try:
            for patient in patients:
                if type(patient) is not dict or len(patient) > _MOST_FIELDS:
                    raise problems.of_invalid_fields(self._faults(patients))
                # A model's fields lie in the order of the contract, whatever the order in which they were sent.
                rows.append(list(self._validate(patient).__dict__.values()))
        except ValidationError:
            raise problems.of_invalid_fields(self._faults(patients)) from None
        return np.array(rows, dtype=np.float64)

    def _decoded(self, body: bytes) -> Any:
        values = sum(map(body.count, _STARTS_OF_VALUES))
        if values > 2 * (self.most + 1) * (len(contract.FEATURES) + 1):
            detail = f"the body has far more values than {self.most} patients, the most of one request, have"
            raise problems.of_invalid_fields([InvalidField(rule="too_many_values", detail=detail)])
        try:
            return json.loads(body.decode("utf-8-sig"), object_pairs_hook=_object, parse_int=float)
        except (ValueError, RecursionError):
            raise problems.NOT_JSON from None

    def _patients(self, request: Any) -> list[Any]:
        found = list(_of_object(request, row=None))
        if not found:
            try:
                return list(self._validate_request(request).patients)
            except ValidationError as error:
                found = exception_handlers.of_validation(error, hints=True)
        raise problems.of_invalid_fields(found)

    def _faults(self, patients: list[Any]) -> Iterator[InvalidField]:
        hints = True
        for row, patient in enumerate(patients, start=1):
            found = list(_of_object(patient, row=row))
            if not found:
                try:
                    self._validate(patient)
                except ValidationError as error:
                    found = exception_handlers.of_validation(error, row=row, hints=hints)
                    hints = hints and not any(fault.rule == exception_handlers.UNKNOWN for fault in found)
            yield from found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    repeated = _Repeated(made)
    seen: set[str] = set()
    repeated.names = {name for name, _ in pairs if name in seen or seen.add(name)}  # type: ignore[func-returns-value] # adds
    return repeated


def _of_object(value: Any, *, row: int | None) -> Iterator[InvalidField]:
    """Give the faults of an object that its fields do not show."""
    if isinstance(value, _Repeated):
        known: list[str | None] = [name for name in exception_handlers.KNOWN if name in value.names]
        for name in known or [None]:
            yield InvalidField(
                row=row, field=name, rule="repeated_field", detail="a field may be sent once in an object"
            )
    elif isinstance(value, dict) and len(value) > _MOST_FIELDS:
        detail = f"more than {_MOST_FIELDS} fields: the contract knows {len(contract.FEATURES)} measurements"
        yield InvalidField(row=row, rule="too_many_fields", detail=detail)
