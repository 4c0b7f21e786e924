"""The benchmarks measure what they claim to measure. Speed itself is not tested."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import load, measuring, report, servers
from benchmarks.load import Load
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
    # In a separate process, because Linux counts the size of the parent for a child.
    code = """
import os, sys
from benchmarks import measuring
for size in (0, 100):
    print(measuring.cost_of([sys.executable, "-c", f"b'x' * ({size} << 20)"], environment=dict(os.environ)).peak)
"""
    output = subprocess.run(python(code), cwd=measuring.ROOT, capture_output=True, text=True, check=True).stdout
    plain, large = map(float, output.split())
    assert 90 < large - plain < 110


def test_the_error_for_a_failed_command_contains_its_output() -> None:
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


def test_ratios_are_computed_pair_by_pair() -> None:
    ours = [Cost(2, 0), Cost(20, 0), Cost(9, 0)]
    theirs = [Cost(1, 0), Cost(10, 0), Cost(3, 0)]
    assert measuring.ratios(ours, theirs, "cpu") == Spread(median=2, least=2, most=3)


@pytest.mark.parametrize(("median", "verdict"), [(1.5, "<= 1.5: met"), (1.51, "<= 1.5: missed")])
def test_a_row_shows_whether_its_target_is_met(median: float, verdict: str) -> None:
    assert Row("run to script", Spread.of([median]), "x", 1.5).cells()[2] == verdict


def test_a_table_survives_a_round_trip_through_json() -> None:
    table = Table("cold", "A title", (Row("a", Spread.of([1.0, 2.0, 4.0]), "s"), Row("b", Spread.of([1.0]), "x", 2.0)))
    plain = json.loads(json.dumps(report.as_json([table], repetitions=3, quick=False)))
    assert Table.from_json(plain["tables"][0]) == table
    assert plain["machine"]["cores"] == os.cpu_count()
    assert plain["repetitions"] == 3


def test_a_table_keeps_its_notes_and_an_older_one_has_none() -> None:
    table = Table("serving", "A title", (Row("a", Spread.of([1.0]), "s"),), ("MLflow is skipped: why.",))
    plain = json.loads(json.dumps(report.as_json([table], repetitions=1, quick=True)))["tables"][0]
    assert Table.from_json(plain) == table
    assert table.text().endswith("\n  MLflow is skipped: why.")
    assert table.markdown().endswith("|\n\nMLflow is skipped: why.")
    del plain["notes"]
    assert Table.from_json(plain).notes == ()


def test_the_output_of_wrk_is_parsed() -> None:
    output = """Running 5s test @ http://127.0.0.1:1/v1/predict
  Requests/sec:   2500.00
measured {"p99": 9500, "requests": 12500, "timeout": 1, "connect": 0, "status": 3, "read": 2, "p50": 6250, "write": 0}
"""
    assert Load.parse(output) == Load(answered=12497, failed=6, p50=6.25, p99=9.5)


def test_the_error_for_missing_measurements_contains_the_output() -> None:
    with pytest.raises(measuring.CommandFailed, match=r"printed no measurements:\nunable to connect"):
        Load.parse("unable to connect")


@pytest.mark.skipif(shutil.which(load.PROGRAM) is None, reason="wrk is not installed")
def test_wrk_prints_what_is_parsed_and_a_400_counts_as_a_failed_request(tmp_path: Path) -> None:
    with servers.running(stand_in(), {"radius_mean": 0.25}, tmp_path) as server:
        well = load.send(server.url, b'{"p": 0.25}', seconds=1, folder=tmp_path)
        badly = load.send(server.url, b"[]", seconds=1, folder=tmp_path)
    assert well.answered > 0 == well.failed
    assert badly.failed > 0 == badly.answered
    assert 0 < well.p50 <= well.p99 < 1000


def test_without_wrk_the_requested_table_says_how_to_install_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--only", "serving", "--output", str(tmp_path / "r.json")],
        cwd=measuring.ROOT,
        env={**ENVIRONMENT, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Error: serving cannot be measured: it needs the program wrk" in done.stderr
    assert "apt-get install wrk" in done.stderr


STAND_IN = """
import http.server, json, subprocess, sys
subprocess.run([sys.executable, "-c", WORK])
stays = [sys.executable, "-c", WORK + "\\nprint(flush=True)\\ntime.sleep(60)"]
subprocess.Popen(stays, stdout=subprocess.PIPE).stdout.readline()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        content = json.dumps(body).encode()
        self.send_response(200 if body else 400)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
    protocol_version = "HTTP/1.1"
    log_message = lambda *_: None
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def stand_in(code: str = STAND_IN) -> servers.Kind:
    """A server that returns the request. Two child processes work for .2 s each, and one of them keeps running."""
    work = f"WORK = {WORK.format(seconds=0.2)!r}\n"
    return servers.Kind(
        name="stand-in",
        command=lambda port: (*python(work + code), str(port)),
        environment=ENVIRONMENT,
        path="/",
        body=lambda patient: {"p": patient["radius_mean"]},
        probability=lambda answer: float(answer["p"]),
    )


def alive(group: int) -> bool:
    """Whether any process of the group is still running; zombies do not count."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            state, _, member_of = stat.read_text().rpartition(")")[2].split()[:3]
            if int(member_of) == group and state != "Z":
                return True
    return False


def test_the_cpu_time_of_a_server_includes_its_children_and_all_are_stopped(tmp_path: Path) -> None:
    with servers.running(stand_in(), {"radius_mean": 0.25}, tmp_path) as server:
        assert server.score({"radius_mean": 0.75}) == 0.75
        assert 0.35 <= server.started <= server.cpu()  # ticks are truncated
        assert servers.cpu_of(os.getpid()) >= server.cpu()
        assert alive(server.process)
    end = time.monotonic() + 10
    while alive(server.process):  # a signal takes a moment
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_error_for_a_failing_server_contains_its_output(tmp_path: Path) -> None:
    with (
        pytest.raises(measuring.CommandFailed, match=r"stand-in: ended with 3 before it responded\nno luck"),
        servers.running(stand_in("print('no luck'); raise SystemExit(3)"), {"radius_mean": 0.25}, tmp_path),
    ):
        pass
    with (
        pytest.raises(measuring.CommandFailed, match=r"stand-in: responded with 400: \{\}"),
        servers.running(replace(stand_in(), body=lambda _: {}), {}, tmp_path),
    ):
        pass


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
    assert all(row["value"]["median"] > 0 for row in table["rows"])


@pytest.mark.slow
@pytest.mark.nightly
def test_the_benchmark_of_scale_finds_the_scores_of_grid_search_in_worker_processes(tmp_path: Path) -> None:
    output = tmp_path / "scale.json"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", "--rows", "2000", "--compare", "2000", "--output", str(output)],
        cwd=measuring.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    plain = json.loads(output.read_bytes())
    assert plain["measured"]["2000 1"]["scores"] == pytest.approx(plain["measured"]["2000 2"]["scores"], abs=1e-9)
    assert plain["measured"]["2000 1"]["scores"] == pytest.approx(plain["measured"]["theirs"]["scores"], abs=1e-6)
    assert plain["measured"]["2000 run"]["cpu"] > 0
    assert output.with_suffix(".svg").read_text(encoding="utf-8").startswith("<?xml")
