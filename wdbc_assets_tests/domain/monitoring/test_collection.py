"""The labelled patients: who is among them, and who is left out."""

from dataclasses import replace

import pandas as pd

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.data.incoming import IncomingBatch
from wdbc_assets.domain.data.labelled import LabelledPatients
from wdbc_assets.domain.monitoring import collection, live
from wdbc_assets.domain.rules import labelled as rules
from wdbc_assets.pipeline import validation
from wdbc_assets.store import codecs, table_files
from wdbc_assets_tests import retrained
from wdbc_assets_tests.domain import validation as tables

LATER = "2026-07-01T00:00:00+00:00"


def collected(made: dict[str, IncomingBatch], events: pd.DataFrame) -> LabelledPatients:
    return collection.collect(tables.clean_frame(), made, events)


def with_table(batch: IncomingBatch, table: pd.DataFrame) -> IncomingBatch:
    return replace(batch, patients=table_files.write([table]))


def test_the_reference_comes_first_then_the_patients_of_the_batches_by_arrival() -> None:
    patients = retrained.patients(count=2, size=10)
    assert len(patients.table) == 569 + 20
    assert patients.table["arrived_at"].is_monotonic_increasing
    assert set(patients.table["arrived_at"][569:]) == {"2026-01-04T00:00:00+00:00", "2026-01-11T00:00:00+00:00"}
    assert patients.frame[:569].equals(tables.clean_frame())
    found = validation.validate("labelled_patients", patients, {}, where="here")
    assert found.refusal is None
    assert {finding.rule for finding in found.findings} == {rule.name for rule in rules.PATIENTS}


def test_without_batches_or_outcomes_there_is_the_reference_alone() -> None:
    made, events = retrained.batches(count=2, size=10)
    alone = collected({}, events)
    assert (len(alone.table), alone.without_batch) == (569, 20)
    patients = collected(made, live.no_events())
    assert (len(patients.table), patients.without_outcome) == (569, 20)


def test_of_a_patient_who_arrived_twice_the_first_row_counts() -> None:
    made, events = retrained.batches(count=2, size=10)
    first, second = made
    table = made[second].table
    table.loc[:4, :] = made[first].table.assign(radius_mean=9.0).loc[:4, :]
    made[second] = with_table(made[second], table)
    patients = collected(made, events)
    assert (patients.repeated, patients.duplicates, len(patients.arrived)) == (5, 0, 15)
    assert not (patients.arrived["radius_mean"] == 9.0).any()


def test_patients_with_the_measurements_of_another_are_dropped_and_counted() -> None:
    made, events = retrained.batches(count=1, size=10)
    ((key, batch),) = made.items()
    table = batch.table
    for column in contract.FEATURES:
        table.loc[0, column] = tables.clean_frame()[column][3]
        table.loc[1, column] = table[column][2]
    made[key] = with_table(batch, table)
    patients = collected(made, events)
    assert (patients.duplicates, len(patients.arrived)) == (2, 8)


def test_contradictory_diagnoses_and_patients_without_an_id_are_left_out() -> None:
    made, events = retrained.batches(count=1, size=10)
    ((key, batch),) = made.items()
    table = batch.table
    table.loc[0, "id"] = ""
    made[key] = with_table(batch, table)
    name = table["id"][1]
    both = pd.DataFrame([(name, label, LATER, LATER) for label in (0, 1)], columns=list(live.EVENT_COLUMNS))
    patients = collected(made, pd.concat([events, both], ignore_index=True))
    assert (patients.contradictory, patients.without_outcome, len(patients.arrived)) == (1, 1, 8)


def test_exchanged_diagnoses_of_the_batches_are_refused_although_the_reference_outweighs_them() -> None:
    patients = retrained.patients(count=4, labels=lambda _, labels: 1 - labels)
    found = validation.validate("labelled_patients", patients, {}, where="labelled_patients")
    assert [finding.rule for finding in found.findings if not finding.passed] == ["later_malignant_is_larger"]
    assert found.refusal is not None
    assert "wdbc outcomes add" in found.refusal.hint


def test_a_row_that_breaks_the_contract_is_named() -> None:
    made, events = retrained.batches(count=1, size=10)
    ((key, batch),) = made.items()
    table = batch.table
    table.loc[4, "radius_worst"] = 1e-3
    made[key] = with_table(batch, table)
    found = validation.validate("labelled_patients", collected(made, events), {}, where="labelled_patients")
    assert found.refusal is not None
    assert "worst_is_not_below_mean" in found.refusal.what
    assert "row 574" in found.refusal.places


def test_they_are_read_back_from_the_store() -> None:
    patients = retrained.patients(count=2, size=10)
    name, files, rows = codecs.encode("labelled_patients", patients)
    read = codecs.decode(name, files)
    assert (sorted(files), rows) == (["left_out.json", "patients.parquet"], 589)
    assert read.table.equals(patients.table)
    assert (read.without_outcome, read.duplicates) == (0, 0)
