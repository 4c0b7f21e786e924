"""The load: `wrk`, a program of its own, sends one request again and again over some connections."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import CommandFailed, LeftOut

PROGRAM = "wrk"
CONNECTIONS = 16
_THREADS = 1  # all it needs by far, and the other cores stay the server's
_MARK = "figures "
_ERRORS = ("status", "connect", "read", "write", "timeout")

# wrk's own words round the latencies and give no errors if there are none: here are the numbers. They are in
# microseconds; `status` counts the answers of 400 and above.
_SCRIPT = """\
function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.body = file:read("*a")
  file:close()
end

function done(summary, latency, _)
  local found = {requests = summary.requests, p50 = latency:percentile(50), p99 = latency:percentile(99)}
  for name, count in pairs(summary.errors) do
    found[name] = count
  end
  local parts = {}
  for name, value in pairs(found) do
    table.insert(parts, string.format('"%s": %d', name, value))
  end
  io.write("figures {", table.concat(parts, ", "), "}\\n")
end
"""


@dataclass(frozen=True)
class Load:
    """What came of a load: requests answered well and failed ones, median and 99th percentile in milliseconds."""

    answered: int
    failed: int
    p50: float
    p99: float

    @classmethod
    def of(cls, said: str) -> "Load":
        """Read what `wrk` said.

        Raises:
            CommandFailed: no figures are in it.
        """
        for line in said.splitlines():
            if line.startswith(_MARK):
                found = json.loads(line.removeprefix(_MARK))
                failed = sum(found[name] for name in _ERRORS)
                return cls(found["requests"] - found["status"], failed, found["p50"] / 1000, found["p99"] / 1000)
        raise CommandFailed(f"{PROGRAM} gave no figures:\n{said[-2000:]}")


def require() -> None:
    """Make sure that the program is there.

    Raises:
        LeftOut: it is not.
    """
    if shutil.which(PROGRAM) is None:
        raise LeftOut(f"it takes the program {PROGRAM}, which makes the load. Install it: apt-get install {PROGRAM}")


def put(url: str, body: bytes, *, seconds: int, folder: Path) -> Load:
    """Ask one thing over all connections for some seconds, each time as soon as the last answer is there.

    Raises:
        CommandFailed: the program fails.
    """
    script, request = folder / "load.lua", folder / "request.json"
    script.write_text(_SCRIPT, encoding="utf-8")
    request.write_bytes(body)
    size = (f"-t{_THREADS}", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s")
    command = (PROGRAM, *size, "-s", str(script), url, "--", str(request))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandFailed(f"{PROGRAM} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")
    return Load.of(done.stdout)
