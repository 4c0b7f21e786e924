"""A rebased reference: which patients it has, which batches it is for, and what is refused."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from wdbc_assets.domain.data import contract, incoming
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.modeling import fitting
from wdbc_assets.domain.monitoring.drift import DriftReport
from wdbc_assets.domain.promotion import bundles
from wdbc_assets.registry import references
from wdbc_assets.registry.audit_log import Entry
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.store import codecs, paths
from wdbc_assets.store.parsing import DamagedStore
from wdbc_assets.store.store import NeverMade, Store, open_store
from wdbc_assets_tests import champions, monitored

ROWS = 110


def key(week: int) -> str:
    """Return the key of a week's batch."""
    return f"202603{week:02}T000000Z-{week:012d}"


def shifted(week: int) -> pd.DataFrame:
    """Return the patients of a week whose texture is measured by another instrument."""
    return monitored.patients(ROWS, week, moved="texture_mean", by=0.7)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a store with three batches in drift."""
    store = monitored.make_store(tmp_path_factory.mktemp("rebased") / "results")
    for week in (1, 2, 3):
        assert monitored.take_up(store, key(week), shifted(week)).verdict == "drift"
    return Path(store.url)


@pytest.fixture
def store(made: Path, environment: Path) -> Store:
    """Return a copy of that store."""
    shutil.copytree(made, environment / "results")
    return open_store(str(environment / "results"), relative_to=environment)


def rebased(store: Store, batches: int | None = None) -> Entry:
    proposed = references.compose(store, batches)
    return references.decide(store, open_registry(store), proposed, actor="an engineer", reason="a new instrument")


def to_development(store: Store) -> Entry:
    proposed = references.of_development(store)
    return references.decide(store, open_registry(store), proposed, actor="an engineer", reason="it was a mistake")


def table_of(store: Store, entry: Entry) -> Path:
    assert entry.reference is not None
    return Path(store.url, paths.reference(entry.reference.table))


def test_an_accepted_shift_is_no_drift_and_the_scan_begins_again(store: Store) -> None:
    entry = rebased(store, 3)
    assert entry.reference is not None
    assert (entry.reference.batches, entry.reference.patients) == ((key(1), key(2), key(3)), 3 * ROWS)
    first = monitored.take_up(store, key(4), shifted(4))
    assert (first.verdict, first.earlier_batches, first.reference_rows) == ("no drift", 0, 3 * ROWS)
    assert first.rebase is not None
    assert (first.rebase.entry, first.rebase.since, first.rebase.batches) == (1, entry.at, entry.reference.batches)
    second = monitored.take_up(store, key(5), shifted(5))
    assert (second.verdict, second.earlier_batches, second.reference) == ("no drift", 1, first.reference)
    assert store.handle("drift_report", partition=key(5)).load() == second


def test_another_shift_after_a_rebase_is_drift(store: Store) -> None:
    rebased(store)
    assert monitored.take_up(store, key(4), monitored.patients(ROWS, 4)).verdict == "drift"


def test_a_reference_is_undone_and_the_earlier_batches_count_again(store: Store) -> None:
    rebased(store)
    monitored.take_up(store, key(4), shifted(4))
    undone = to_development(store)
    report = monitored.take_up(store, key(5), shifted(5))
    assert (report.verdict, report.earlier_batches, report.rebase) == ("drift", 3, None)
    assert [entry.action for entry in open_registry(store).standing().history.entries] == ["rebased"] * 2
    assert undone.reference is not None
    assert not undone.reference.table


def test_a_batch_is_compared_with_the_reference_of_its_time(store: Store) -> None:
    entry = rebased(store)
    assert references.of_batch(store, key(3)) is None
    assert references.of_batch(store, key(4)) == entry
    monitored.take_up(store, key(4), shifted(4))
    to_development(store)
    assert references.of_batch(store, key(4)) == entry
    assert references.of_batch(store, key(5)) is None
    assert references.of_batch(store, None) is None


def test_a_known_diagnosis_replaces_the_probability_of_a_patient(store: Store) -> None:
    patients = shifted(3)
    malignant = patients[contract.DIAGNOSIS].eq("M").to_numpy()
    ids = [incoming.pseudonym(b"a-key", name) for name in patients[contract.ID].astype(str)]
    events = pd.DataFrame({"id": ids, "diagnosis": malignant.astype(int), "known_at": "2026-03-20", "recorded_at": "x"})
    store.commit(store.draft("outcomes", events[:60], run_id="a-run"), run_id="a-run")
    proposed = references.compose(store, 1)
    weights = codecs.from_parquet(proposed.content)[references.WEIGHT]
    assert proposed.known == 60
    assert weights[:60].tolist() == malignant[:60].tolist()
    probabilities = store.handle("predictions", partition=key(3)).load().table["probability"]
    assert weights[60:].tolist() == probabilities[60:].tolist()


def after_normal_weeks(store: Store) -> Store:
    """Let the stored batches be followed by two normal ones, with a shift that began in the third week after them."""
    for week in (1, 2, 3):
        store.backend.remove(paths.pointer("drift_report", key(week)))
    for week in (4, 5):
        assert monitored.take_up(store, key(week), monitored.patients(ROWS, week)).verdict == "no drift"
    return store


def test_the_patients_of_the_window_in_alarm_are_enough_for_a_reference(store: Store) -> None:
    after_normal_weeks(store)
    report = monitored.take_up(store, key(6), shifted(6))
    assert (report.verdict, report.alarms[0].window) == ("drift", 1)
    proposed = references.compose(store, None)
    assert (proposed.patients.batches, proposed.patients.patients, proposed.before_alarm) == ((key(6),), ROWS, 0)
    assert references.compose(store, 3).before_alarm == 2 * ROWS


def test_earlier_batches_are_taken_and_counted_if_the_window_has_too_few_patients(store: Store) -> None:
    after_normal_weeks(store)
    report = monitored.take_up(store, key(6), monitored.patients(60, 6, moved="texture_mean", by=0.7))
    assert (report.verdict, report.alarms[0].window) == ("drift", 1)
    proposed = references.compose(store, None)
    assert (proposed.patients.batches, proposed.before_alarm) == ((key(5), key(6)), ROWS)


def test_without_an_alarm_as_many_batches_as_have_the_usual_patients_are_taken(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    alarms = store.handle("drift_report", partition=key(3)).load().alarms
    assert len(references.compose(store, None).patients.batches) == alarms[0].window
    monkeypatch.setattr(DriftReport, "alarms", ())
    proposed = references.compose(store, None)
    assert (len(proposed.patients.batches), proposed.before_alarm) == (3, 0)
    monkeypatch.setattr(references, "USUAL_PATIENTS", 1)
    assert references.compose(store, None).patients.batches == (key(3),)


def test_a_sample_is_kept_of_many_patients(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "MOST_PATIENTS", 150)
    first, second = references.compose(store, None), references.compose(store, None)
    assert (first.patients.patients, first.content) == (150, second.content)


def test_another_champion_computes_the_log_odds_again_and_the_scan_begins_again(store: Store) -> None:
    rebased(store)
    before = monitored.take_up(store, key(4), shifted(4))
    split = champions.split()
    fitted = fitting.fit(split.X_train[:200], split.y_train[:200], recipe=monitored.RECIPE, grid="small")
    champion = bundles.make(
        fitted, champions.bundle().policy, bundles.TrainingSet.of(split.X_train), champions.bundle().versions
    )
    store.commit(store.draft("champion", champion, run_id="b-run"), run_id="b-run")
    after = monitored.take_up(store, key(5), shifted(5))
    assert before.reference != after.reference
    assert (after.verdict, after.earlier_batches, after.rebase) == ("no drift", 0, before.rebase)


def test_too_few_patients_are_refused_and_nothing_changes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.backend.remove(paths.pointer("drift_report", key(1)))
    with pytest.raises(WdbcError, match=r"too few batches for a reference: the number of .* report is 2"):
        references.compose(store, 3)
    with monkeypatch.context() as patched:
        patched.setattr(DriftReport, "alarms", ())
        with pytest.raises(WdbcError, match=r"too few patients .*: all batches together have 220, fewer than 300"):
            references.compose(store, None)
    monitored.take_up(store, key(4), shifted(4)[:40])
    with pytest.raises(WdbcError, match="a reference of 40 patients"):
        references.compose(store, 1)


def test_a_removed_or_damaged_batch_is_named_and_nothing_changes(store: Store) -> None:
    manifest = store.handle("incoming_batch", partition=key(2)).manifest
    for file in Path(store.folder(manifest)).iterdir():
        file.write_bytes(b"rubbish")
    with pytest.raises(DamagedStore, match="incoming_batch was altered"):
        rebased(store)
    store.backend.remove(paths.pointer("predictions", key(3)))
    with pytest.raises(NeverMade, match="predictions has never been materialized"):
        rebased(store)
    assert open_registry(store).standing().history.entries == ()
    assert not Path(store.url, "champion", "references").exists()


def test_predictions_of_other_patients_are_refused(store: Store) -> None:
    other = store.handle("predictions", partition=key(1)).load()
    store.commit(store.draft("predictions", other, run_id="x", partition=key(3)), run_id="x")
    with pytest.raises(DamagedStore, match="are not those of its patients"):
        references.compose(store, None)


def test_the_same_reference_is_not_recorded_twice(store: Store) -> None:
    with pytest.raises(WdbcError, match="already: the patients of development"):
        to_development(store)
    rebased(store)
    with pytest.raises(WdbcError, match="already: entry 1"):
        rebased(store)


def test_a_damaged_reference_is_named_and_another_rebase_replaces_it(store: Store) -> None:
    entry = rebased(store)
    assert open_registry(store).lost_evidence() == []
    table_of(store, entry).write_bytes(b"rubbish")
    with pytest.raises(DamagedStore, match="the patients of the rebased reference"):
        monitored.take_up(store, key(4), shifted(4))
    assert open_registry(store).lost_evidence() == ["the reference patients of entry 1 are missing or were altered"]
    table_of(store, entry).unlink()
    with pytest.raises(DamagedStore, match="the patients of the rebased reference"):
        references.load(store, entry, "")
    rebased(store, 3)
    assert monitored.take_up(store, key(4), shifted(4)).verdict == "no drift"


def test_an_altered_decision_is_not_followed(store: Store) -> None:
    rebased(store)
    history = Path(store.url, paths.HISTORY)
    history.write_bytes(history.read_bytes().replace(b"an engineer", b"some other"))
    with pytest.raises(DamagedStore, match="entry 1 of the history, a rebase, was altered"):
        references.of_batch(store, None)


def test_a_champion_that_is_gone_is_named(store: Store) -> None:
    with pytest.raises(DamagedStore, match="no longer stored"):
        references.load(store, rebased(store), "0" * 64)
