"""The benchmarks measure what they say. How fast anything is, is no matter of a test."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import measuring, report
from benchmarks.measuring import Cost, Spread
from benchmarks.report import Row, Table

ENVIRONMENT = dict(os.environ)
WORK = "import time\nwhile time.process_time() < {seconds}: pass"


def python(code: str) -> Sequence[str]:
    return sys.executable, "-c", code


def test_the_cpu_time_of_a_process_and_of_its_children_is_counted() -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WORK.format(seconds=0.5)!r}], check=True)"
    assert measuring.cost_of(python(child), environment=ENVIRONMENT).cpu >= 0.5
    assert measuring.cost_of(python("import time; time.sleep(0.5)"), environment=ENVIRONMENT).cpu < 0.5


def test_the_peak_of_memory_is_counted_in_mebibytes() -> None:
    # In a process of its own, for a child counts the size of the process that started it.
    code = """
import os, sys
from benchmarks import measuring
for size in (0, 100):
    print(measuring.cost_of([sys.executable, "-c", f"b'x' * ({size} << 20)"], environment=dict(os.environ)).peak)
"""
    said = subprocess.run(python(code), cwd=measuring.ROOT, capture_output=True, text=True, check=True).stdout
    plain, large = map(float, said.split())
    assert 90 < large - plain < 110


def test_a_command_that_fails_is_told_with_what_it_said() -> None:
    with pytest.raises(measuring.CommandFailed, match=r"ended with 3:\nno luck"):
        measuring.cost_of(python("print('no luck'); raise SystemExit(3)"), environment=ENVIRONMENT)


def test_commands_take_turns_and_the_first_round_does_not_count() -> None:
    order = []

    def prepared(name: str) -> measuring.Prepare:
        def prepare() -> Sequence[str]:
            order.append(name)
            return python("pass")

        return prepare

    a, b = measuring.in_turn([prepared("a"), prepared("b")], repetitions=2, environment=ENVIRONMENT)
    assert "".join(order) == "ababab"
    assert len(a) == len(b) == 2


def test_ratios_are_taken_pair_by_pair() -> None:
    ours = [Cost(2, 0), Cost(20, 0), Cost(9, 0)]
    theirs = [Cost(1, 0), Cost(10, 0), Cost(3, 0)]
    assert measuring.ratios(ours, theirs, "cpu") == Spread(median=2, least=2, most=3)


@pytest.mark.parametrize(("median", "said"), [(1.5, "<= 1.5: met"), (1.51, "<= 1.5: missed")])
def test_a_row_says_whether_its_target_is_met(median: float, said: str) -> None:
    assert Row("run to script", Spread.of([median]), "x", 1.5).cells()[2] == said


def test_a_table_comes_back_from_json() -> None:
    table = Table("cold", "A title", (Row("a", Spread.of([1.0, 2.0, 4.0]), "s"), Row("b", Spread.of([1.0]), "x", 2.0)))
    plain = json.loads(json.dumps(report.as_json([table], repetitions=3, quick=False)))
    assert Table.from_json(plain["tables"][0]) == table
    assert plain["machine"]["cores"] == os.cpu_count()
    assert plain["repetitions"] == 3


@pytest.mark.slow
def test_the_command_prints_a_table_and_writes_it(tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--only", "small", "--output", str(output)],
        cwd=measuring.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "`wdbc status`, CPU time" in done.stdout
    (table,) = json.loads(output.read_bytes())["tables"]
    assert {row["unit"] for row in table["rows"]} == {"s"}
    assert all(row["figure"]["median"] > 0 for row in table["rows"])
