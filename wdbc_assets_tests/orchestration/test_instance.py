"""Dagster's history, when several processes come to it at once."""

import multiprocessing
import os
import socket
import sqlite3
import subprocess
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from wdbc_assets.orchestration import instance

CHILDREN = 6


def _open(together: Barrier, home: Path) -> None:
    os.environ["DAGSTER_HOME"] = str(home)
    together.wait(timeout=60)
    with instance.open_instance() as dagster_instance:
        dagster_instance.get_runs()


@pytest.mark.fault("O04")
def test_a_history_that_many_processes_open_first_is_made_once(environment: Path) -> None:
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["dagster"])  # so that the children meet at the opening
    together = server.Barrier(CHILDREN)
    home = environment / "home"
    children = [server.Process(target=_open, args=(together, home)) for _ in range(CHILDREN)]
    for child in children:
        child.start()
    for child in children:
        child.join(timeout=120)
    assert [child.exitcode for child in children] == [0] * CHILDREN
    databases = list((home / "history").rglob("*.db"))
    assert len(databases) == 2, "runs, and the index of events"
    for database in databases:
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


@pytest.mark.fault("O03")
def test_a_process_is_gone_only_where_its_number_means_something(monkeypatch: pytest.MonkeyPatch) -> None:
    alive = instance.this_process()
    dead = subprocess.Popen(["true"])
    dead.wait()
    place = alive.rsplit(":", 2)[0]
    gone = f"{place}:{dead.pid}:1"
    assert not instance._is_gone(alive)
    assert instance._is_gone(gone)
    assert instance._is_gone(f"{place}:{os.getpid()}:1"), "another process has its number by now"
    assert not instance._is_gone("")
    elsewhere = place.rpartition(":")[0] + ":1"  # a container of the same host name, with processes of its own
    assert not instance._is_gone(gone.replace(place, elsewhere))
    monkeypatch.setattr(socket, "gethostname", lambda: "another")
    assert not instance._is_gone(gone)
