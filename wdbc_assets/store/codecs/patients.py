"""Codecs of the patients who arrive later: a batch, its predictions, and those whose outcome is known."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wdbc_assets.store import parsing
from wdbc_assets.store.codecs.codec import PREDICTIONS, Codec, kind
from wdbc_assets.store.codecs.formats import from_parquet, to_json, to_parquet

if TYPE_CHECKING:
    from wdbc_assets.store.table_files import TableFile

_PATIENTS = "patients.parquet"
_MODEL = "model.json"
_LEFT_OUT = ("without_outcome", "contradictory", "repeated", "duplicates", "without_batch")


def _incoming_encode(_asset: str, batch: Any) -> dict[str, bytes]:
    stated = {"rows": batch.rows, "set_aside": batch.set_aside, "violations": parsing.plain(batch.violations)}
    return {"rows.json": to_json(stated)}


def _incoming_decode(contents: Mapping[str, Any]) -> Any:
    from wdbc_assets.domain.data import incoming

    stated = parsing.decode(contents["rows.json"])
    violations = tuple(parsing.build(incoming.Violation, violation) for violation in stated["violations"])
    patients: TableFile = contents[_PATIENTS]
    if patients.rows != stated["rows"] - stated["set_aside"]:
        raise ValueError(f"{patients.rows} patients do not match the number of rows")
    return incoming.IncomingBatch(patients, stated["rows"], stated["set_aside"], violations)


def _predictions_encode(_asset: str, predictions: Any) -> dict[str, bytes]:
    return {_MODEL: to_json(predictions.stated)}


def _predictions_decode(contents: Mapping[str, Any]) -> Any:
    from wdbc_assets.domain.monitoring.batch_predictions import BatchPredictions

    return BatchPredictions(contents[PREDICTIONS], **parsing.decode(contents[_MODEL]))


def _labelled_encode(_asset: str, patients: Any) -> dict[str, bytes]:
    stated = {name: getattr(patients, name) for name in _LEFT_OUT}
    return {"patients.parquet": to_parquet(patients.table), "left_out.json": to_json(stated)}


def _labelled_decode(contents: Mapping[str, bytes]) -> Any:
    from wdbc_assets.domain.data import labelled

    stated = parsing.decode(contents["left_out.json"])
    return labelled.LabelledPatients(
        from_parquet(contents["patients.parquet"]), **{name: stated[name] for name in _LEFT_OUT}
    )


CODECS: Mapping[str, Codec] = {
    "incoming_batch": Codec(
        takes=lambda value: kind(value) == "wdbc_assets.IncomingBatch",
        encode=_incoming_encode,
        decode=_incoming_decode,
        rows=lambda value: value.patients.rows,
        tables=lambda _, batch: {_PATIENTS: batch.patients},
        large=lambda name: name == _PATIENTS,
    ),
    "batch_predictions": Codec(
        takes=lambda value: kind(value) == "wdbc_assets.BatchPredictions",
        encode=_predictions_encode,
        decode=_predictions_decode,
        rows=lambda value: value.patients.rows,
        tables=lambda _, value: {PREDICTIONS: value.patients},
        large=lambda name: name == PREDICTIONS,
    ),
    "labelled_patients": Codec(
        takes=lambda value: kind(value) == "wdbc_assets.LabelledPatients",
        encode=_labelled_encode,
        decode=_labelled_decode,
        rows=lambda value: len(value.table),
    ),
}
