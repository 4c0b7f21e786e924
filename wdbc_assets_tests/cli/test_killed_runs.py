"""Whole runs under attack: killed at any instant of their life, and two at once. Real processes, store and history."""

import os
import random
import subprocess
import sys
import time

import dagster as dg
import pytest

from wdbc_assets import settings
from wdbc_assets.pipeline import specs
from wdbc_assets.store.store import Store, open_store
from wdbc_assets_tests.cli.test_run import state, wdbc

pytestmark = pytest.mark.slow

RUN = [sys.executable, "-m", "wdbc_assets", "run", "--grid", "small"]
KILLED = 5
LONGEST_LIFE = 6.0  # seconds; most of a run on a quiet machine


def started(**environment: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        RUN, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def store() -> Store:
    return open_store(settings.load().storage, relative_to=settings.project_root())


def read_all_that_is_current() -> int:
    """Read every current version, verified, and return how many there are."""
    read = 0
    for asset in specs.JOBS["train"]:
        if store().current(asset) is not None:
            store().handle(asset).load()
            read += 1
    return read


@pytest.mark.fault("F10")
def test_after_runs_killed_at_any_instant_the_next_one_finishes_by_itself() -> None:
    instants = random.Random(569)
    for number in range(KILLED):
        with started(WDBC_SPLIT_SEED=str(number)) as running:
            time.sleep(instants.uniform(0.1, LONGEST_LIFE))
            running.kill()
        read_all_that_is_current()

    last = wdbc("run", "--grid", "small")
    assert last.returncode == 0, last.stderr
    assert read_all_that_is_current() == len(specs.JOBS["train"])
    assert all(asset["up_to_date"] for asset in state(WDBC_GRID="small").values())
    manifests = [store().handle(asset).manifest for asset in specs.JOBS["train"]]
    assert all(check.passed for manifest in manifests for check in manifest.checks)
    with dg.DagsterInstance.get() as instance:
        latest, *earlier = [run.status.value for run in instance.get_runs()]
    assert latest == "SUCCESS"
    assert set(earlier) <= {"SUCCESS", "FAILURE"}


@pytest.mark.nightly
@pytest.mark.fault("O04")
def test_two_runs_at_once_end_well_and_leave_the_results_of_one_of_them() -> None:
    with started(WDBC_SPLIT_SEED="1") as one, started(WDBC_SPLIT_SEED="2") as other:
        assert one.wait(timeout=120) == 0
        assert other.wait(timeout=120) == 0
    read_all_that_is_current()
    whole = [
        seed
        for seed in ("1", "2")
        if all(asset["up_to_date"] for asset in state(WDBC_GRID="small", WDBC_SPLIT_SEED=seed).values())
    ]
    assert len(whole) == 1
