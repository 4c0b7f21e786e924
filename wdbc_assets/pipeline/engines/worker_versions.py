"""What a Dask worker must have in common with the process that starts a computation: libraries, code and threads."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import environment

_PACKAGE = Path(__file__).resolve().parent.parent.parent
_THREADS = "threads"


def of_this_worker(dask_worker: Any = None) -> dict[str, Any]:
    """Return address, versions and machine of the worker that runs this; Dask passes it, except in a task."""
    import numpy as np  # noqa: F401 -- so that the machine's BLAS is known
    from distributed import get_worker

    worker = dask_worker or get_worker()
    versions = here() | {_THREADS: str(worker.state.nthreads)}
    return {"address": worker.address, "versions": versions, "machine": environment.machine()}


@cache
def here() -> dict[str, str]:
    """Return the versions of this process, of all libraries and of this package's own code, as a worker needs them."""
    import dask
    import distributed

    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    own = {"dask": dask.__version__, "distributed": distributed.__version__, "wdbc_assets": digest.hexdigest()[:12]}
    return environment.libraries() | own | {_THREADS: "1"}


def require_same(worker: str, versions: Mapping[str, str], wanted: Mapping[str, str]) -> None:
    """Raise WdbcError if a worker's versions are not those of the process that started the computation."""
    differences = {name: (versions.get(name, "none"), version) for name, version in wanted.items()}
    differences = {name: (there, own) for name, (there, own) in differences.items() if there != own}
    if set(differences) == {_THREADS}:
        raise WdbcError(
            f"the Dask worker runs {differences[_THREADS][0]} units at a time in threads, and must run one",
            where=worker,
            hint="Start it with `--nthreads 1`, and with `--nworkers` for more processes.",
        )
    if differences:
        raise differing(
            worker,
            "it has " + ", ".join(f"{name} {there}" for name, (there, _) in differences.items()),
            "and here is " + ", ".join(f"{name} {own}" for name, (_, own) in differences.items()),
        )


def differing(worker: str, there: str, here: str) -> WdbcError:
    """Return the error for a worker that differs from this process."""
    return WdbcError(
        f"a Dask worker has other versions, so that its results could differ: {there}, {here}",
        where=worker,
        hint="Install the same requirements.lock and the same wdbc_assets on every machine, and restart the worker.",
    )
