"""Test a model file in a separate process: `python -m wdbc_assets.store.isolation`, with the file on standard input.

A model that crashes, hangs or exhausts memory affects no other process. The process ends by itself when it reaches its
memory or CPU limit, both counted after its libraries are loaded.
"""

import contextlib
import importlib
import json
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import skops_scan

_COMMAND = [sys.executable, "-m", __name__]
_MEGABYTES = 1024
_PROCESSOR_SECONDS = 30
_SECONDS = 180.0  # allows for a busy machine; a longer delay is not the file's fault
_CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL}


class NotTried(WdbcError):
    """The file could not be tested now, for a cause that may pass."""


def require_harmless(content: bytes) -> None:
    """Raise WdbcError if loading or calling the model crashes, hangs, exhausts memory, or is rejected by `from_skops`.

    Raises:
        NotTried: this could not be determined.
    """
    try:
        process = subprocess.run(  # noqa: S603 -- this interpreter and this module
            _COMMAND,
            input=content, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _not_tried(f"the process did not end within {_SECONDS:g} s") from None
    except OSError as error:
        raise _not_tried(error.strerror or type(error).__name__) from None
    if -process.returncode in _CRASHES:
        raise skops_scan.refused(
            f"the model crashes the process that loads it ({signal.Signals(-process.returncode).name})"
        )
    if process.returncode == -signal.SIGXCPU:
        raise skops_scan.refused(f"loading and calling the model takes more than {_PROCESSOR_SECONDS} s of CPU time")
    try:
        verdict: dict[str, Any] = json.loads(process.stdout)
        what = verdict["refused"]
    except (ValueError, KeyError, TypeError):
        raise _not_tried(f"the process ended with exit code {process.returncode}") from None
    if what:
        raise skops_scan.refused(str(what))


def main() -> int:
    """Test the file on standard input; print the problem, or null."""
    from wdbc_assets.store import skops_files

    content = sys.stdin.buffer.read()
    _load_libraries()
    _limit()
    try:
        skops_files.from_skops(content, sandboxed=True)
        what = None
    except MemoryError:
        what = f"loading and calling the model takes more than {_MEGABYTES} MB of memory"
    except WdbcError as error:
        what = error.what
    sys.stdout.write(json.dumps({"refused": what}))
    return 0


def _load_libraries() -> None:
    """Import what loading needs, so that it does not count towards the file's memory or CPU time."""
    for name in ("pandas", "skops.io", "sklearn.calibration", "sklearn.ensemble", "sklearn.pipeline", "sklearn.svm"):
        importlib.import_module(name)


def _limit() -> None:
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1)
    with contextlib.suppress(OSError):  # Linux reports the memory in use; elsewhere only CPU time is limited
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + _MEGABYTES * 2**20)
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + _PROCESSOR_SECONDS)
    _lower(resource.RLIMIT_CORE, 0)


def _lower(kind: int, limit: int) -> None:
    _, most = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def _not_tried(why: str) -> NotTried:
    return NotTried(
        f"the model file could not be tested: {why}",
        where="pipeline.skops",
        hint="Check this machine for free memory, processes and file descriptors, then try again.",
    )


if __name__ == "__main__":
    sys.exit(main())
