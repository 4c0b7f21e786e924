"""What a value can depend on besides its inputs, its parameters and our own code: the libraries, and the machine."""

import importlib.metadata
import platform
import sys
from functools import cache
from pathlib import Path

_LIBRARIES = ("numpy", "pandas", "pandera", "pyarrow", "scikit-learn", "scipy", "skops")
_PROCESSORS = Path("/proc/cpuinfo")


@cache
def libraries() -> dict[str, str]:
    """Return the version of Python and of each library."""
    versions = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {"python": platform.python_version(), **versions}


def machine() -> dict[str, str]:
    """Return what of the machine decides over the last digits: system, processor, and the kernel of linear algebra.

    Neither the machine's name nor its user's is among it. Where numpy has not been loaded, no kernel was used.
    """
    known = {"system": platform.system(), "architecture": platform.machine(), "processor": _processor()}
    return known | ({"blas": _blas()} if "numpy" in sys.modules else {})


@cache
def _processor() -> str:
    try:
        with _PROCESSORS.open(encoding="utf-8", errors="replace") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


@cache
def _blas() -> str:
    """Return which library of linear algebra numpy uses, and for which kind of processor it chose its routines."""
    import threadpoolctl

    found = [one for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"]
    found.sort(key=lambda one: "numpy" not in one["filepath"])  # scipy may bring another
    return f"{found[0]['internal_api']} {found[0].get('architecture', '')}".rstrip() if found else ""
