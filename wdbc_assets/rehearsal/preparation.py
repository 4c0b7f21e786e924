"""What a rehearsal needs before its first week: a folder with settings of its own, a champion, receiver and service."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from wdbc_assets import clock, settings
from wdbc_assets.domain import formatting
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.monitoring import batches
from wdbc_assets.pipeline import specs
from wdbc_assets.rehearsal.platform import Console, Platform
from wdbc_assets.store.store import open_store

if TYPE_CHECKING:
    from wdbc_assets.rehearsal.year import Year

_REMIND_HOURS = 4 * 7 * 24  # of events' time: every fourth week

_COMMANDS = (
    (("run",), "trained on the published patients"),
    (("evaluate",), "evaluated by nested cross-validation"),
    (("promote",), "promoted the first champion"),
)


@contextmanager
def prepared(
    folder: Path, console: Console, *, champion_of: Path | None, weeks: int, seed: int, say: Callable[[str], None]
) -> "Iterator[Year]":
    """Prepare a folder, and yield the year that can be played in it. Receiver and service stop at the end.

    This process works in the folder from now on, with its settings only.

    Args:
        folder: An empty or missing folder.
        console: How commands are run.
        champion_of: The folder of a store whose champion and evaluation are copied; None trains and evaluates a model.
        weeks: The length of the year; it ends now, so that no event is in the future.
        seed: The random seed of the patients.
        say: Shows progress.

    Raises:
        WdbcError: the folder is in use, or something could not be prepared.
    """
    _require_empty(folder)
    with ExitStack() as stack:
        from wdbc_assets.rehearsal.receiver import Receiver

        receiver = stack.enter_context(Receiver())
        _settle_in(folder, receiver.url)
        clock.set_time(folder / "clock", clock.now().replace(microsecond=0) - timedelta(weeks=weeks))
        platform = Platform(console, folder / "transcript.txt")
        if champion_of is not None:
            _copy(champion_of, platform)
        for arguments, done in () if champion_of is not None else _COMMANDS:
            started = time.monotonic()
            platform.command(*arguments)
            say(f"  {done} ({time.monotonic() - started:.0f} s)")
        from wdbc_assets.rehearsal import events, hospital, service, year

        serving = stack.enter_context(service.serving(folder / "service.log"))
        say(f"  the service answers at {serving.address}")
        say(f"  the champion {formatting.short(platform.champion())} was trained on: {platform.source}")
        frame = platform.store.handle("clean_frame").load()
        yield year.Year(
            platform=platform,
            service=serving,
            receiver=receiver,
            hospital=hospital.Hospital(frame, start=clock.now(), seed=seed),
            events=events.script(),
            folder=folder,
            clean_frame=frame,
            decided=len(platform.decisions()),
        )


def _require_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise WdbcError(
            f"the folder of the rehearsal cannot be used: {error.strerror}",
            where=str(folder),
            hint="Choose another one: `wdbc simulate --folder DIR`.",
        ) from None
    if used:
        raise WdbcError(
            "the folder of the rehearsal is not empty",
            where=str(folder),
            hint="Remove it, or choose another one: `wdbc simulate --folder DIR`.",
        )


def _copy(champion_of: Path, platform: Platform) -> None:
    """Copy a store without what it knows of incoming patients.

    Raises:
        WdbcError: it is no store, or lacks something that monitoring needs.
    """
    if champion_of.is_dir():  # whatever is in it will be copied, so it must be a store
        missing = batches.missing_input(open_store(str(champion_of), relative_to=Path.cwd()))
        if missing is not None:
            raise missing
    monitoring = shutil.ignore_patterns(*specs.MONITORING)
    try:
        shutil.copytree(champion_of, platform.results, ignore=monitoring)
    except OSError as error:
        raise WdbcError(
            f"the store cannot be copied: {error.strerror or 'some files cannot be read'}",
            where=str(champion_of),
            hint="Pass the folder of a store, such as `results`.",
        ) from None


def _settle_in(folder: Path, receiver: str) -> None:
    """Write the settings of the rehearsal, and let this process use only these."""
    if find_spec("apprise") is None:
        raise WdbcError(
            "the rehearsal sends alerts, and Apprise is not installed",
            hint="Install the extra: `pip install 'wdbc_assets[alerts]'`.",
        )
    variables = {
        "DAGSTER_HOME": folder / "history",
        settings.variable("storage"): folder / "results",
        settings.variable("log"): folder / "log.jsonl",
        settings.variable("inbox"): folder / "inbox",
        settings.variable("alerts"): f"warning={receiver}",
        settings.variable("auto_rollback"): "guard",
        settings.variable("auto_promote"): "evidence",
        settings.variable("alerts_remind_hours"): _REMIND_HOURS,
        settings.variable("alerts_free_bytes"): 0,
    }
    settings.use_only(folder, {name: str(value) for name, value in variables.items()})
