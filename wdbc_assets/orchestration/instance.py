"""Dagster's history as `wdbc run` keeps it: one run, and no run that is said to go on though its process is gone."""

import logging
import os
import socket
import sqlite3
import sys
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wdbc_assets import locks, machine, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import dagster as dg

PROCESS_TAG = ".dagster/wdbc_process"  # the prefix hides it in the UI, and from a run that is executed again
_NOTHING = logging.NullHandler()
_REPOSITORY = "__repository__"  # Dagster's name for the definitions of a module


@contextmanager
def open_instance() -> "Iterator[dg.DagsterInstance]":
    """Open Dagster's instance, and mark runs of `wdbc run` whose process was killed as failed.

    Dagster itself detects such a run only by its time limit, and only while the daemon runs.
    """
    import dagster as dg

    # Dagster raises in its signal handler. If that interrupts SQLAlchemy while it closes a connection, SQLAlchemy logs
    # the traceback, and without a handler Python would print it. The command itself reports that it was stopped.
    logging.getLogger("sqlalchemy.pool").addHandler(logging.NullHandler())
    # dagster-postgres logs each of its tries to connect to the root logger. Without a handler there, Python would add
    # one, which prints everything from then on. The error says it once.
    logging.getLogger().addHandler(_NOTHING)
    home = settings.ensure_home()
    with _one_at_a_time(home), machine.dagster_configuration(home):
        opening = dg.DagsterInstance.get()
    with opening as instance:
        unfinished = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED]
        for run in instance.get_runs(dg.RunsFilter(statuses=unfinished)):
            if _is_gone(run.tags.get(PROCESS_TAG, "")):
                instance.report_run_failed(run, "The process of this `wdbc run` was killed.")
        with _held_open(Path(instance.root_directory, "history")):
            yield instance


@contextmanager
def as_launched(instance: "dg.DagsterInstance", job: str) -> "Iterator[dict[str, str]]":
    """Let the run of a job that is created meanwhile state where Dagster finds that job; yield the tags that it needs.

    `execute_in_process` states nothing of it: such a run is missing in the Timeline and on the job's page, and cannot
    be executed again. What is stated here is what the UI states of a run that it launches: see workspace.yaml.
    """
    from dagster._core.remote_origin import (
        ManagedGrpcPythonEnvCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.storage.tags import REPOSITORY_LABEL_TAG
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    target = LoadableTargetOrigin(
        executable_path=sys.executable,
        working_directory=str(settings.project_root()),
        module_name="wdbc_assets.definitions",
        attribute="defs",
    )
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, location_name="wdbc_assets")
    repository = RemoteRepositoryOrigin(location, _REPOSITORY)
    origin = RemoteJobOrigin(repository, job)
    with _replaced(instance, create_run_for_job=partial(instance.create_run_for_job, remote_job_origin=origin)):
        yield {REPOSITORY_LABEL_TAG: repository.get_label()}


@contextmanager
def without_log_errors(instance: "dg.DagsterInstance") -> "Iterator[None]":
    """Drop log messages that Dagster's history cannot record; after the first, all of them.

    Dagster would print each error, try to record the error, and end the step. Messages are in the central log. What
    Dagster decides by, its own events, must be recorded, or the run fails.
    """
    store, lost = instance.handle_new_event, False

    def handle(event: "dg.EventLogEntry", **options: Any) -> None:
        nonlocal lost
        if event.dagster_event is not None:
            store(event, **options)
        elif not lost:
            try:
                store(event, **options)
            except Exception as error:
                if machine.refusal(error) is None:
                    raise
                lost = True

    with _replaced(instance, handle_new_event=handle):
        yield


@contextmanager
def _replaced(instance: "dg.DagsterInstance", **methods: "Callable[..., Any]") -> "Iterator[None]":
    """Replace methods of the instance, and of no other one."""
    vars(instance).update(methods)
    try:
        yield
    finally:
        for name in methods:
            del vars(instance)[name]


@contextmanager
def _one_at_a_time(home: Path) -> "Iterator[None]":
    """Exclude other processes while the instance is opened.

    The first process creates the databases. Two concurrent ones would both stamp them with Dagster's schema
    version, and a database with two stamps can never be opened again.
    """
    path = home / "opening.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with locks.held(lock, "the lock of Dagster's history", where=str(path)):
        yield


@contextmanager
def _held_open(folder: Path) -> "Iterator[None]":
    """Keep a connection to the SQLite file of all runs open, if there is one. `event_log` does so for the events.

    Dagster opens and closes it for each statement. Whenever the last connection closes, SQLite checkpoints and
    deletes its write-ahead log.
    """
    with ExitStack() as connections:
        for path in folder.glob("*.db"):
            connections.enter_context(closing(sqlite3.connect(path))).execute("PRAGMA schema_version")
        yield


def this_process() -> str:
    """Return an identifier of this process that is unique across machines and containers."""
    return f"{_place()}:{os.getpid()}:{_started(os.getpid())}"


def _is_gone(process: str) -> bool:
    place, _, rest = process.rpartition(":")[0].rpartition(":")
    started = process.rpartition(":")[2]
    return place == _place() and rest.isdigit() and _started(int(rest)) != started


def _place() -> str:
    """Return the scope in which process ids are unique: host name, boot and PID namespace.

    Two containers may share a host name, and each has its own process 1.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}:{boot}:{namespace}"


def _started(number: int) -> str:
    """Return the start time of a process in clock ticks since boot; empty if there is no such process."""
    try:
        return Path(f"/proc/{number}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""
