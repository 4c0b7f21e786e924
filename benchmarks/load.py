"""The load: the program `wrk` sends one request repeatedly over several connections."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import CommandFailed, Skipped

PROGRAM = "wrk"
CONNECTIONS = 16
_THREADS = 1  # more than enough, and leaves the other cores to the server
_MARK = "measured "
_ERRORS = ("status", "connect", "read", "write", "timeout")

# wrk's own output rounds the latencies and omits zero errors, so this script prints the exact numbers. Latencies are in
# microseconds; `status` counts responses of 400 and above.
_SCRIPT = """\
function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.body = file:read("*a")
  file:close()
end

function done(summary, latency, _)
  local measured = {requests = summary.requests, p50 = latency:percentile(50), p99 = latency:percentile(99)}
  for name, count in pairs(summary.errors) do
    measured[name] = count
  end
  local parts = {}
  for name, value in pairs(measured) do
    table.insert(parts, string.format('"%s": %d', name, value))
  end
  io.write("measured {", table.concat(parts, ", "), "}\\n")
end
"""


@dataclass(frozen=True)
class Load:
    """The result of a load: successful and failed requests, median and 99th percentile latency in milliseconds."""

    answered: int
    failed: int
    p50: float
    p99: float

    @classmethod
    def parse(cls, output: str) -> "Load":
        """Parse the output of `wrk`.

        Raises:
            CommandFailed: the output contains no measurements.
        """
        for line in output.splitlines():
            if line.startswith(_MARK):
                counts = json.loads(line.removeprefix(_MARK))
                failed = sum(counts[name] for name in _ERRORS)
                return cls(counts["requests"] - counts["status"], failed, counts["p50"] / 1000, counts["p99"] / 1000)
        raise CommandFailed(f"{PROGRAM} printed no measurements:\n{output[-2000:]}")


def require() -> None:
    """Check that the program is installed.

    Raises:
        Skipped: it is not installed.
    """
    if shutil.which(PROGRAM) is None:
        raise Skipped(f"it needs the program {PROGRAM}. Install it: apt-get install {PROGRAM}")


def send(url: str, body: bytes, *, seconds: int, folder: Path) -> Load:
    """Send one request repeatedly over all connections; each waits for its response before it sends the next.

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
    return Load.parse(done.stdout)
