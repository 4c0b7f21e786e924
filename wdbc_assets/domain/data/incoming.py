"""A batch of patients that came in: the rows that can be scored, and what was wrong with the others.

No patient's id is kept. A keyed digest stands in its place, by which the holder of the key can find a patient again.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from wdbc_assets.domain.data.failures import Failure  # noqa: TC001 -- the store reads the types of the fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

_DIGITS = 32
_REQUESTS = b"requests of the service"

ROW_MARK = "#"
"""Stands between the id of a request and the number of a patient in it. No id of a request contains it."""


@dataclass(frozen=True)
class Violation:
    """A rule that some rows of a batch violate: how many cells, and the first of them with their rows in the file."""

    rule: str
    count: int
    failures: tuple[Failure, ...]


class PatientTable(Protocol):
    """A table of patients that is read in parts: there may be more of them than fit into memory."""

    @property
    def rows(self) -> int:
        """The number of patients."""

    def parts(self, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """Yield the table, or some of its columns, in parts."""

    def arrow_parts(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield some columns in parts, as Arrow has them."""

    def array_parts(self, columns: Sequence[str]) -> Iterator[list[NDArray[np.float64]]]:
        """Yield columns of numbers in parts, one array for each column. Do not write to the arrays."""

    def frame(self) -> pd.DataFrame:
        """Return the whole table."""


@dataclass(frozen=True)
class IncomingBatch:
    """The patients of one file.

    Attributes:
        patients: One row per patient that can be scored: `id`, a pseudonym or an empty text, and the 30 measurements.
        rows: Number of rows in the file.
        set_aside: Number of rows that violate a rule. They are not in the table.
        violations: The violated rules.
    """

    patients: PatientTable
    rows: int
    set_aside: int
    violations: tuple[Violation, ...]

    @property
    def table(self) -> pd.DataFrame:
        """All patients in memory, for batches of which that is known to be possible."""
        return self.patients.frame()


def arrival(batch: str) -> datetime:
    """Return when a batch arrived, in UTC, from its key."""
    return datetime.fromisoformat(batch.partition("-")[0])


def identifier(value: object) -> str:
    """Return an id as text: the same for 842302, "842302", and 842302.0 or "842302.0".

    A column of whole numbers is written with ".0" as soon as one of them is missing.
    """
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else "" if value != value else str(value)
    text = "" if value is None else str(value).strip()
    return text.removesuffix(".0") if text.removesuffix(".0").isdecimal() else text


def request_pseudonyms(key: bytes, request_id: str, patients: int) -> list[str]:
    """Return the pseudonyms of the patients of a request to the service, in their order.

    They are those of "id#1", "id#2", ... under a key of their own, so that none is the pseudonym of a patient's id.
    """
    return [request_pseudonym(key, f"{request_id}{ROW_MARK}{row}") for row in range(1, patients + 1)]


def request_pseudonym(key: bytes, patient: str) -> str:
    """Return the pseudonym of a patient of a request: "id#3" for the third one, "id" or "id#1" for the first."""
    name = patient if ROW_MARK in patient or not patient else f"{patient}{ROW_MARK}1"
    return pseudonym(hmac.digest(key, _REQUESTS, hashlib.sha256), name)


def pseudonym(key: bytes, patient: str) -> str:
    """Return the pseudonym of a patient's id: the first 32 hexadecimal digits of its HMAC-SHA256. No id has none."""
    return hmac.digest(key, patient.encode(), hashlib.sha256).hex()[:_DIGITS] if patient else ""
