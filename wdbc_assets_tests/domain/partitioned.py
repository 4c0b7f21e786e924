"""Tables in partitions, for tests."""

import pickle  # as an engine sends functions and results; nothing that was stored is read
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import pandas as pd

from wdbc_assets.domain.data import reading
from wdbc_assets.domain.data.partitions import Blocks, Patients
from wdbc_assets.domain.rules.partitions import CleanPart

T = TypeVar("T")
PartT_co = TypeVar("PartT_co", covariant=True)


@dataclass(frozen=True)
class Elsewhere(Generic[PartT_co]):
    """Partitions as a process of an engine has them: functions and results are pickled. It counts the passes."""

    blocks: Sequence[PartT_co]
    passes: list[int]

    def map(self, function: Callable[[PartT_co], T]) -> list[T]:
        """Apply a copy of the function to one partition after the other."""
        self.passes.append(len(self.blocks))
        copied = pickle.loads(pickle.dumps(function))
        return [pickle.loads(pickle.dumps(copied(block))) for block in self.blocks]


def cuts(rows: int, parts: int) -> list[slice]:
    """Return uneven parts of so many rows."""
    ends = np.sort(np.random.default_rng(parts).integers(0, rows, parts - 1))
    return [slice(start, end) for start, end in zip([0, *ends], [*ends, rows], strict=True)]


def patients_in(frame: pd.DataFrame, parts: Sequence[slice]) -> Blocks[Patients]:
    """Return a clean frame in partitions."""
    return Blocks([Patients.of(frame.iloc[part]) for part in parts])


def raw_in(table: reading.RawTable, parts: Sequence[slice]) -> Elsewhere[reading.RawTable]:
    """Return a raw table in partitions."""
    blocks = []
    for part in parts:
        frame = table.frame.iloc[part]
        blocks.append(reading.RawTable(frame, tuple(one for one in table.unreadable if one.row in frame.index)))
    return Elsewhere(blocks, [])


def clean_in(frame: pd.DataFrame, parts: Sequence[slice]) -> Elsewhere[CleanPart]:
    """Return a clean frame in partitions."""
    return Elsewhere([CleanPart(part.start, frame.iloc[part].reset_index(drop=True)) for part in parts], [])
