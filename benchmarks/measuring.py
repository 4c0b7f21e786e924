"""Run commands in turn, as whole processes, and measure the cost of each.

CPU time is user and system time of the process and of the children that it waited for; peak memory is the largest
resident set of one process. Linux counts the size of the parent for a new process, too, so the measuring process must
stay small and import nothing heavy. Machines are noisy: two commands run A B A B, and ratios are computed pair by pair.
"""

import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Cost:
    """CPU seconds and peak memory in MiB of one finished process."""

    cpu: float
    peak: float


@dataclass(frozen=True)
class Spread:
    """Median, minimum and maximum over the repetitions."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} to {self.most:.2f})"


class CommandFailed(Exception):
    """A measured command failed, so its cost means nothing."""


class Skipped(Exception):
    """This machine lacks something that a table needs. The message says what, and how to install it."""


Prepare = Callable[[], Sequence[str]]
"""Prepares one run, unmeasured, and returns the command to measure."""


def cost_of(command: Sequence[str], *, environment: dict[str, str]) -> Cost:
    """Run a command to its end and return its cost.

    Raises:
        CommandFailed: the exit code is not 0.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            text = output.read().decode(errors="replace")[-2000:]
            raise CommandFailed(f"{' '.join(command)} ended with {process.returncode}:\n{text}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def in_turn(commands: Sequence[Prepare], *, repetitions: int, environment: dict[str, str]) -> list[list[Cost]]:
    """Run the commands A B A B ..., after one unmeasured round that fills caches; return the costs of each command."""
    costs: list[list[Cost]] = [[] for _ in commands]
    for repetition in range(repetitions + 1):
        for prepare, measured in zip(commands, costs, strict=True):
            cost = cost_of(prepare(), environment=environment)
            if repetition:
                measured.append(cost)
    return costs


def ratios(of: Sequence[object], to: Sequence[object], attribute: str) -> Spread:
    """Return the ratios of an attribute, pair by pair."""
    return Spread.of([getattr(a, attribute) / getattr(b, attribute) for a, b in zip(of, to, strict=True)])


def environment_in(folder: Path) -> dict[str, str]:
    """Return an environment with store, history and log in a folder, and with bytecode caching."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WDBC_", "DAGSTER_")) and name != "PYTHONDONTWRITEBYTECODE"
    }
    return inherited | {
        "WDBC_STORAGE": str(folder / "store"),
        "WDBC_LOG": str(folder / "log.jsonl"),
        "DAGSTER_HOME": str(folder / "home"),
        "PYTHONPATH": str(ROOT),
    }
