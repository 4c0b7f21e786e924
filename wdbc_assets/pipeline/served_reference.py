"""The reference of the service's sketches: the one of `drift_report`, as a file that numpy alone can read.

To build it takes pandas and the out-of-fold predictions, which no worker of the service should hold in memory. So a
process of its own builds it: `python -m wdbc_assets.pipeline.served_reference RECIPE`. Several workers that start at
the same time start several such processes; a lock lets the first one build, and the others find its file.
"""

import fcntl
import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from wdbc_assets import machine, settings
from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline import batch_functions, served_files, staleness
from wdbc_assets.store import parsing
from wdbc_assets.store.backends import atomic
from wdbc_assets.store.store import Handle, Store

if TYPE_CHECKING:
    from wdbc_assets.domain.monitoring.streams import Reference

BUILD_SECONDS = 120.0
"""How long the process may take."""

_INPUTS = ("clean_frame", "cross_validation")
_NAME = "reference-{}.npz"


def key(store: Store, recipe: str) -> str:
    """Return what identifies the reference of a recipe now.

    Raises:
        WdbcError: nothing was evaluated yet, or the store cannot be read.
    """
    inputs = _inputs(store)
    return parsing.digest([recipe, *(inputs[name].manifest.version for name in _INPUTS)])


def _inputs(store: Store) -> dict[str, Handle]:
    for name in _INPUTS:
        staleness.require_made(store, name)
    return staleness.as_evaluated({name: store.handle(name) for name in _INPUTS})


def load(key: str, recipe: str) -> "Reference":
    """Return the reference with a key. If its file is missing or damaged, another process writes it first.

    Raises:
        WdbcError: it cannot be built.
    """
    path = _path(key)
    if (reference := _read(path)) is None:
        _start_building(recipe)
        reference = _read(path)
    if reference is None:
        raise WdbcError("the assets that the reference is made of changed meanwhile", where=str(path))
    return reference


def _start_building(recipe: str) -> None:
    """Run the process that writes the file, and wait for its end."""
    try:
        ended = subprocess.run(  # noqa: S603 -- this interpreter and this module
            [sys.executable, "-m", __name__, recipe],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=BUILD_SECONDS, env=settings.without_metrics(),
            check=False,
        )  # fmt: skip
        reason = json.loads(ended.stdout)
    except subprocess.TimeoutExpired:
        reason = f"it took longer than {BUILD_SECONDS:g} s"
    except OSError as error:
        reason = f"no process can be started: {error.strerror}"
    except ValueError:
        reason = f"its process ended with code {ended.returncode}"
    if reason:
        raise WdbcError(
            f"the reference cannot be built: {reason}", hint="Run `wdbc evaluate` for the champion's recipe."
        )


def _path(key: str) -> Path:
    return served_files.open_files().folder / _NAME.format(formatting.short(key))


def _read(path: Path) -> "Reference | None":
    """Return the reference in a file; None if there is none that can be read."""
    import numpy as np

    from wdbc_assets.domain.monitoring.streams import Reference

    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            values = {field.name: arrays[field.name] for field in fields(Reference)}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Reference(**values | {"prevalence": float(values["prevalence"])})


def build(store: Store, recipe: str) -> None:
    """Write the file of the current reference of a recipe, and remove those of earlier ones.

    Raises:
        WdbcError: an asset is missing or damaged, the recipe was not evaluated, or the home cannot be written.
    """
    import numpy as np

    settings.ensure_home()
    path = _path(key(store, recipe))
    path.parent.mkdir(exist_ok=True, mode=0o700)
    lock = os.open(path.with_name("reference.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _read(path) is not None:
            return
        inputs = _inputs(store)
        clean_frame, cross_validation = (inputs[name].load() for name in _INPUTS)
        reference = batch_functions.drift_reference(clean_frame, cross_validation, recipe)
        content = io.BytesIO()
        np.savez(content, **{field.name: getattr(reference, field.name) for field in fields(reference)})
        atomic.replace(path, [content.getvalue()], mode=0o600)
        for other in path.parent.glob(_NAME.format("*")):
            if other != path:
                other.unlink(missing_ok=True)
    finally:
        os.close(lock)


def main(recipe: str) -> None:
    """Build the reference of a recipe, and print why it cannot be built, or null."""
    try:
        build(settings.load().open_store(), recipe)
        reason = None
    except Exception as error:
        known = machine.refusal(error)
        if known is None:
            raise
        reason = known.what
    print(json.dumps(reason))  # noqa: T201 -- the process that waits reads it


if __name__ == "__main__":
    main(sys.argv[1])
