"""What is known about the need of a retraining."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from wdbc_assets.domain.monitoring import live
from wdbc_assets.monitoring import retraining
from wdbc_assets.store.store import open_store

AT = datetime(2026, 1, 29, 21, 37, 57, tzinfo=UTC)


@pytest.mark.parametrize("form", ["seconds", "microseconds"])
def test_a_diagnosis_is_new_if_it_was_first_recorded_after_the_last_retraining(environment: Path, form: str) -> None:
    store = open_store(str(environment / "results"), relative_to=environment)
    at = AT.isoformat(timespec=form)
    later = AT.replace(second=58).isoformat(timespec=form)
    rows = [("known", 1, at, at), ("new", 0, later, later), ("known", 0, later, later)]
    events = pd.DataFrame(rows, columns=list(live.EVENT_COLUMNS))
    store.commit(store.draft("outcomes", events, run_id="a-run"), run_id="a-run")
    assert retraining._new_patients(store, AT) == 1
    assert retraining._new_patients(store, None) == 2
