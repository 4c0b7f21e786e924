"""Tables of measurements: how they are formatted, and written as JSON."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.measuring import Spread

_LIBRARIES = ("dagster", "pandas", "pandera", "pyarrow", "scikit-learn", "scipy", "numpy", "skops")


@dataclass(frozen=True)
class Row:
    """One measurement: its name, its spread, its unit (x: a ratio), and its target.

    The median should be at most `target`, or at least `floor`, if one is given.
    """

    what: str
    value: Spread
    unit: str
    target: float | None = None
    floor: float | None = None

    def cells(self) -> tuple[str, str, str]:
        """Return the row as text: name, value with unit, target and whether it is met."""
        verdict = ""
        if self.target is not None:
            verdict = f"<= {self.target:g}: {'met' if self.value.median <= self.target else 'missed'}"
        elif self.floor is not None:
            verdict = f">= {self.floor:g}: {'met' if self.value.median >= self.floor else 'missed'}"
        return self.what, f"{self.value} {self.unit}", verdict


@dataclass(frozen=True)
class Table:
    """One comparison, with the name for `--only`; notes describe the circumstances of the measurement."""

    name: str
    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Table":
        """Return the table that `as_json` wrote."""
        rows = tuple(Row(**{**row, "value": Spread(**row["value"])}) for row in plain["rows"])
        return cls(plain["name"], plain["title"], rows, tuple(plain.get("notes", ())))

    def text(self) -> str:
        """Return the table for a terminal."""
        lines = [f"{what:<62} {figure:<30} {verdict}".rstrip() for what, figure, verdict in map(Row.cells, self.rows)]
        return "\n".join([self.title, *(f"  {line}" for line in (*lines, *self.notes))])

    def markdown(self) -> str:
        """Return the table for a page."""
        head = ["| measurement | median (min to max) | target |", "|---|---|---|"]
        rows = [f"| {' | '.join(row.cells())} |" for row in self.rows]
        notes = [line for note in self.notes for line in ("", note)]
        return "\n".join([f"### {self.title}", "", *head, *rows, *notes])


def as_json(tables: Sequence[Table], *, repetitions: int, quick: bool) -> dict[str, Any]:
    """Return all measurements, with a description of the machine."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": machine(),
        "repetitions": repetitions,
        "quick": quick,
        "tables": [asdict(table) for table in tables],
    }


def machine() -> dict[str, Any]:
    """Describe the machine: processor, cores, memory, system, Python, libraries, and load average."""
    processors = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return {
        "processor": processors[0] if processors else platform.machine(),
        "cores": os.cpu_count(),
        "memory GiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
        **{name: metadata.version(name) for name in _LIBRARIES},
    }
