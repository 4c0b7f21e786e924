"""A model file is tried in a process of its own: `python -m wdbc_assets.store.isolation`, the file on standard input.

Whatever it does there, no other process crashes, hangs or swells. The process ends by itself when it has used its
memory or its processor time, which are counted from when its libraries are loaded.
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
_SECONDS = 180.0  # a busy machine; beyond that the file is not to blame
_CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL}


class NotTried(WdbcError):
    """The file could not be tried now, for a cause that may pass."""


def require_harmless(content: bytes) -> None:
    """Raise WdbcError if the model of a file crashes, hangs, swells, or is refused by `models.from_skops`.

    Raises:
        NotTried: that could not be found out.
    """
    try:
        tried = subprocess.run(  # noqa: S603 -- this interpreter and this module
            _COMMAND,
            input=content, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _not_tried(f"it did not end within {_SECONDS:g} s") from None
    except OSError as error:
        raise _not_tried(error.strerror or type(error).__name__) from None
    if -tried.returncode in _CRASHES:
        raise skops_scan.refused(
            f"the model crashes the process that loads it ({signal.Signals(-tried.returncode).name})"
        )
    if tried.returncode == -signal.SIGXCPU:
        raise skops_scan.refused(
            f"the model takes more than {_PROCESSOR_SECONDS} s of a processor to be loaded and asked"
        )
    try:
        verdict: dict[str, Any] = json.loads(tried.stdout)
        what = verdict["refused"]
    except (ValueError, KeyError, TypeError):
        raise _not_tried(f"it ended with {tried.returncode}") from None
    if what:
        raise skops_scan.refused(str(what))


def main() -> int:
    """Try what comes on standard input; print what is wrong with it, or null."""
    from wdbc_assets.store import skops_files

    content = sys.stdin.buffer.read()
    _load_libraries()
    _limit()
    try:
        skops_files.from_skops(content, expendable=True)
        what = None
    except MemoryError:
        what = f"the model takes more than {_MEGABYTES} MB of memory to be loaded and asked"
    except WdbcError as error:
        what = error.what
    sys.stdout.write(json.dumps({"refused": what}))
    return 0


def _load_libraries() -> None:
    """Import what loading imports, so that none of it counts as the file's memory or time."""
    for name in ("pandas", "skops.io", "sklearn.calibration", "sklearn.ensemble", "sklearn.pipeline", "sklearn.svm"):
        importlib.import_module(name)


def _limit() -> None:
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1)
    with contextlib.suppress(
        OSError
    ):  # Linux tells how much is in use; elsewhere the processor's time alone is limited
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
        f"the model file could not be tried: {why}",
        where="pipeline.skops",
        hint="Try again; look for free memory, processes and file descriptors on this machine.",
    )


if __name__ == "__main__":
    sys.exit(main())
