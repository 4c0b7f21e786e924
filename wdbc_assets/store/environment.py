"""What a value depends on besides inputs, parameters and our own code: the libraries and the machine."""

import importlib.metadata
import platform
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_LIBRARIES = ("numpy", "pandas", "pandera", "pyarrow", "scikit-learn", "scipy", "skops")
_PROCESSORS = Path("/proc/cpuinfo")


@cache
def libraries() -> dict[str, str]:
    """Return the version of Python and of each library."""
    versions = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {"python": platform.python_version(), **versions}


def machine(*others: Mapping[str, str]) -> dict[str, str]:
    """Return the properties of the machine that affect the last digits: system, processor and BLAS kernel.

    It contains neither host name nor user name. If numpy is not loaded, no BLAS kernel was used. A property in which
    the `others` differ, which took part in the computation, lists all values.
    """
    known = {"system": platform.system(), "architecture": platform.machine(), "processor": _processor()}
    known |= {"blas": _blas()} if "numpy" in sys.modules else {}
    return {
        name: " + ".join(dict.fromkeys([value, *sorted(other.get(name, "none") for other in others)]))
        for name, value in known.items()
    }


@cache
def _processor() -> str:
    try:
        with _PROCESSORS.open(encoding="utf-8", errors="replace") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


@cache
def _blas() -> str:
    """Return numpy's BLAS library and the processor type whose routines it selected."""
    import threadpoolctl

    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    pools.sort(key=lambda pool: "numpy" not in pool["filepath"])  # scipy may bring its own
    return f"{pools[0]['internal_api']} {pools[0].get('architecture', '')}".rstrip() if pools else ""
