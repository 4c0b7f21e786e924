"""Tables in partitions, for tests."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from wdbc_assets.domain.data.partitions import Blocks, Patients
from wdbc_assets.domain.rules.partitions import RawPart


def cuts(rows: int, parts: int) -> list[slice]:
    """Return uneven parts of so many rows."""
    ends = np.sort(np.random.default_rng(parts).integers(0, rows, parts - 1))
    return [slice(start, end) for start, end in zip([0, *ends], [*ends, rows], strict=True)]


def patients_in(frame: pd.DataFrame, parts: Sequence[slice]) -> Blocks[Patients]:
    """Return a clean frame in partitions."""
    return Blocks([Patients.of(frame.iloc[part]) for part in parts])


def raw_in(frame: pd.DataFrame, parts: Sequence[slice]) -> Blocks[RawPart]:
    """Return a raw table in partitions, each from a file of its own."""
    return Blocks([RawPart(f"part-{number}.parquet", 1, frame.iloc[part]) for number, part in enumerate(parts)])
