"""`wdbc monitor rebase` as people type it, between runs of `wdbc monitor`."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from wdbc_assets.monitoring.alerts import store_problems
from wdbc_assets.store.store import Store
from wdbc_assets_tests import monitored
from wdbc_assets_tests.commands import typed

pytestmark = pytest.mark.usefixtures("inbox")


def taken_up(inbox: Path, seed: int) -> Any:
    """Take up a batch of patients measured by another instrument, and return its report. A greater seed is later."""
    file = monitored.put(inbox, f"{seed}.csv", monitored.patients(150, seed, moved="texture_mean", by=0.7))
    arrived = time.time() - 3600 + seed  # batches of the same second are in any order
    os.utime(file, (arrived, arrived))
    return json.loads(typed("monitor", "--json").stdout)["report"]


def test_a_rebase_closes_the_drift_and_is_shown_where_people_look(store: Store, inbox: Path, tmp_path: Path) -> None:
    assert taken_up(inbox, 1)["verdict"] == "drift"
    assert list(store_problems.patients(store))
    shown = typed("monitor", "rebase", "--batches", "1", "--reason", "a new instrument").output
    assert "later batches are compared with 150 patients of 1 batch" in shown
    assert "the diagnosis of 0 of them is known" in shown
    report = taken_up(inbox, 2)
    assert (report["verdict"], report["earlier_batches"], report["rebase"]["entry"]) == ("no drift", 0, 1)
    assert list(store_problems.patients(store)) == []
    assert json.loads(typed("monitor", "--json").stdout)["taken_up"] == [], "an earlier report is not made again"
    assert "reference: 1 accepted batch, since" in typed("monitor").output
    file = monitored.put(tmp_path, "plain.csv", monitored.patients(150, 3))
    assert json.loads(typed("monitor", str(file), "--json").stdout)["verdict"] == "drift"
    assert "150 patients of the last 1 batch: a new instrument" in typed("history").output

    undone = typed("monitor", "rebase", "--to-development", "--json", "--reason", "it was a mistake")
    assert json.loads(undone.stdout)["entry"]["reference"]["batches"] == []
    report = taken_up(inbox, 4)
    assert (report["verdict"], report["earlier_batches"], "rebase" in report) == ("drift", 1, False)


def test_patients_from_before_the_window_in_alarm_are_named(store: Store, inbox: Path) -> None:
    monitored.put(inbox, "1.csv", monitored.patients(150, 1))
    typed("monitor")
    assert taken_up(inbox, 2)["verdict"] == "drift"
    shown = typed("monitor", "rebase", "--batches", "2", "--reason", "a new instrument").output
    assert "warning: 150 patients of these batches arrived before the window in alarm" in shown
    typed("monitor", "rebase", "--to-development", "--reason", "a mistake")
    plain = json.loads(typed("monitor", "rebase", "--json", "--reason", "a new instrument").stdout)
    assert (plain["entry"]["reference"]["patients"], plain["before_alarm"]) == (150, 0)


def test_a_rebase_without_batches_says_what_is_missing(store: Store) -> None:
    result = typed("monitor", "rebase", "--reason", "a new instrument", code=1)
    assert "the number of batches with a drift report is 0" in str(result.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ["rebase"],
        ["rebase", "--reason", " "],
        ["rebase", "--reason", "x", "--batches", "0"],
        ["rebase", "--reason", "x", "--batches", "2", "--to-development"],
        ["rebase", "a-file.csv", "--reason", "x"],
        ["a-file.csv", "rebase"],
        ["--reason", "x"],
    ],
)
def test_a_rebase_that_is_typed_wrong_is_wrong_usage(arguments: list[str]) -> None:
    assert "Usage: " in typed("monitor", *arguments, code=2).output
