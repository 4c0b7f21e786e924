"""Codecs: convert values to files that people and other tools can open, and back.

Bytes are stored unchanged, tables as Parquet, plain values as JSON, pipelines as skops files. Nothing is pickled.
Encoding is canonical: equal values give equal bytes, in any process and on any day.
"""

import importlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from wdbc_assets.domain.data.lines import LinesFile
from wdbc_assets.domain.data.splitting import Draw
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store import parsing, paths, skops_files
from wdbc_assets.store.large_evaluation import LargeCrossValidation, PredictionsInFile
from wdbc_assets.store.table_files import LargeSplit, TableFile

if TYPE_CHECKING:
    import pandas as pd

RESULTS: Mapping[str, str] = {
    "drift_report": "wdbc_assets.domain.monitoring.drift:DriftReport",
    "decision_policy": "wdbc_assets.domain.evaluation.decision_policy:DecisionPolicy",
    "exploration": "wdbc_assets.domain.data.exploration:Exploration",
    "served_drift": "wdbc_assets.domain.monitoring.drift:DriftReport",
    "served_windows": "wdbc_assets.domain.monitoring.served:ServedWindows",
    "live_metrics": "wdbc_assets.domain.monitoring.live:LiveMetrics",
    "importance": "wdbc_assets.domain.evaluation.importance:Importance",
    "metrics": "wdbc_assets.domain.evaluation.metrics_result:Metrics",
    "refit_comparison": "wdbc_assets.domain.promotion.refit_comparison:RefitComparison",
}
"""The types of the results that are stored as one JSON object, by asset. Imported when such a file is decoded."""

T = TypeVar("T")
LargeFile: TypeAlias = TableFile | LinesFile

_PATIENTS = "patients.parquet"
_SOURCE = "wdbc.data"
_PREDICTIONS = "predictions.parquet"
_MODEL = "model.json"
_LARGE_SPLIT = ("train", "test")
_DRAW = "draw.json"
_SPLIT = ("X_train", "X_test", "y_train", "y_test")


@dataclass(frozen=True)
class Codec:
    """One storage format: which values it accepts, how it writes, reads and counts the rows of a value.

    `tables` returns the files of a value that are never held in memory, besides those that `encode` returns; `large`
    says which ones they are by their names.
    """

    takes: Callable[[Any], bool]
    encode: Callable[[str, Any], dict[str, bytes]]
    decode: Callable[[Mapping[str, Any]], Any]
    rows: Callable[[Any], int | None]
    tables: Callable[[str, Any], dict[str, LargeFile]] = lambda _asset, _value: {}
    large: Callable[[str], bool] = lambda _: False


def encode(asset: str, value: Any) -> tuple[str, dict[str, bytes], int | None]:
    """Return the codec's name, the files by name, and the number of rows if the value has rows.

    Raises:
        WdbcError: no codec accepts such a value.
    """
    for name, codec in CODECS.items():
        if codec.takes(value):
            return name, codec.encode(asset, value), codec.rows(value)
    raise WdbcError(
        f"{asset}: the store has no format for a {type(value).__name__}",
        hint="Return bytes, a DataFrame, a Split, a Fit, a Bundle, a type of `codecs.RESULTS`, or plain JSON values.",
    )


def decode(name: str, contents: Mapping[str, bytes | LargeFile]) -> Any:
    """Return the value of a version's files, which must have been verified.

    Raises:
        LookupError, ValueError and others: the files do not contain such a value, although their digests match.
    """
    return CODECS[name].decode(contents)


def tables(name: str, asset: str, value: Any) -> dict[str, LargeFile]:
    """Return the files of a value that `encode` leaves out, because they are too large for memory."""
    return CODECS[name].tables(asset, value)


def is_large(name: str, file: str) -> bool:
    """Return whether `decode` takes this file of a codec as a table in a file."""
    return name in CODECS and CODECS[name].large(file)


def to_parquet(frame: "pd.DataFrame") -> bytes:
    """Return a table as Parquet, without pandas' metadata, whose library versions would change the bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def from_parquet(content: bytes) -> "pd.DataFrame":
    """Return the table of a Parquet file."""
    import pyarrow.parquet as pq

    # No Arrow threads: one still running at exit aborts the process after its work is done (apache/arrow#34314).
    table = pq.ParquetFile(io.BytesIO(content), pre_buffer=False).read(use_threads=False)
    frame: pd.DataFrame = table.to_pandas(use_threads=False)
    return frame


def to_json(value: Any) -> bytes:
    """Return plain values as indented JSON in full precision. NaN is rejected, because JSON has none."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _json_decode(contents: Mapping[str, bytes]) -> Any:
    ((file, content),) = contents.items()
    value, place = parsing.decode(content), RESULTS.get(file.removesuffix(".json"))
    if place is None:
        return value
    module, _, name = place.partition(":")
    return parsing.build(getattr(importlib.import_module(module), name), value)


def _is_result(value: Any) -> bool:
    return f"{type(value).__module__}:{type(value).__qualname__}" in RESULTS.values()


def _split_encode(_asset: str, split: Any) -> dict[str, bytes]:
    return {f"{name}.parquet": to_parquet(_frame(getattr(split, name))) for name in _SPLIT}


def _frame(part: Any) -> "pd.DataFrame":
    frame: pd.DataFrame = part.to_frame() if part.ndim == 1 else part
    return frame


def _split_decode(contents: Mapping[str, bytes]) -> Any:
    from wdbc_assets.domain.data import splitting

    X_train, X_test, y_train, y_test = (from_parquet(contents[f"{name}.parquet"]) for name in _SPLIT)
    return splitting.Split(X_train, X_test, y_train.iloc[:, 0], y_test.iloc[:, 0])


def _large_split_decode(contents: Mapping[str, Any]) -> Any:
    sets = {name: contents[f"{name}.parquet"] for name in _LARGE_SPLIT}
    return LargeSplit(**sets, draw=parsing.read(Draw, contents[_DRAW]))


def _fit_encode(_asset: str, fit: Any) -> dict[str, bytes]:
    evidence = {entry.name: getattr(fit, entry.name) for entry in fields(fit) if entry.name != "pipeline"}
    evidence["candidates"] = parsing.plain(fit.candidates)
    return {"pipeline.skops": skops_files.to_skops(fit.pipeline), "search.json": to_json(evidence)}


def _fit_decode(contents: Mapping[str, bytes]) -> Any:
    from wdbc_assets.domain.modeling import fitting, search

    evidence = parsing.decode(contents["search.json"])
    candidates = tuple(parsing.build(search.Candidate, candidate) for candidate in evidence["candidates"])
    return fitting.Fit(
        pipeline=skops_files.from_skops(contents["pipeline.skops"]),
        **{**evidence, "candidates": candidates, "warnings": tuple(evidence["warnings"])},
    )


def _cross_validation_encode(_asset: str, value: Any) -> dict[str, bytes]:
    return {
        _PREDICTIONS: to_parquet(value.predictions),
        "winners.json": to_json(parsing.plain(value.winners)),
        "summary.json": to_json(parsing.plain(value.summary)),
    }


def _cross_validation_decode(contents: Mapping[str, bytes]) -> Any:
    from wdbc_assets.domain.evaluation import comparison, cross_validation, results

    winners = parsing.decode(contents["winners.json"])
    return comparison.CrossValidation(
        predictions=from_parquet(contents[_PREDICTIONS]),
        winners=tuple(parsing.build(cross_validation.Winner, winner) for winner in winners),
        summary=parsing.read(results.EvaluationSummary, contents["summary.json"]),
    )


def _large_cross_validation_decode(contents: Mapping[str, Any]) -> Any:
    from wdbc_assets.domain.evaluation import results, summed_cross_validation

    return LargeCrossValidation(
        evaluated=PredictionsInFile(contents[_PREDICTIONS]),
        models=_built(summed_cross_validation.FoldModel, contents["models.json"]),
        summary=parsing.read(results.EvaluationSummary, contents["summary.json"]),
    )


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

    return BatchPredictions(contents[_PREDICTIONS], **parsing.decode(contents[_MODEL]))


_LEFT_OUT = ("without_outcome", "contradictory", "repeated", "duplicates", "without_batch")


def _labelled_encode(_asset: str, patients: Any) -> dict[str, bytes]:
    stated = {name: getattr(patients, name) for name in _LEFT_OUT}
    return {"patients.parquet": to_parquet(patients.table), "left_out.json": to_json(stated)}


def _labelled_decode(contents: Mapping[str, bytes]) -> Any:
    from wdbc_assets.domain.data import labelled

    stated = parsing.decode(contents["left_out.json"])
    return labelled.LabelledPatients(
        from_parquet(contents["patients.parquet"]), **{name: stated[name] for name in _LEFT_OUT}
    )


def _stability_encode(_asset: str, value: Any) -> dict[str, bytes]:
    return {
        "probabilities.parquet": to_parquet(value.probabilities),
        "developments.json": to_json(parsing.plain(value.developments)),
        "learning.json": to_json(parsing.plain(value.learning)),
        "summary.json": to_json(parsing.plain(value.summary)),
    }


def _stability_decode(contents: Mapping[str, bytes]) -> Any:
    from wdbc_assets.domain.evaluation import refits, stability

    return stability.Stability(
        probabilities=from_parquet(contents["probabilities.parquet"]),
        developments=_built(refits.Development, contents["developments.json"]),
        learning=_built(refits.Learning, contents["learning.json"]),
        summary=parsing.read(stability.StabilitySummary, contents["summary.json"]),
    )


def _built(kind: type[T], content: bytes) -> tuple[T, ...]:
    return tuple(parsing.build(kind, item) for item in parsing.decode(content))


def _card_encode(_asset: str, card: Any) -> dict[str, bytes]:
    from wdbc_assets.domain.promotion import model_card_pages

    return {
        "model_card.json": to_json(parsing.plain(card)),
        "model_card.md": model_card_pages.markdown(card).encode(),
        "model_card.html": model_card_pages.html(card).encode(),
    }


def _card_decode(contents: Mapping[str, bytes]) -> Any:
    from wdbc_assets.domain.promotion import card_parts

    return parsing.read(card_parts.ModelCard, contents["model_card.json"])


def _bundle_encode(_asset: str, bundle: Any) -> dict[str, bytes]:
    stated = {
        "recipe": bundle.recipe,
        "compiled": bundle.scorer is not None,
        "features": list(bundle.features),
        "contract": bundle.contract,
        "versions": dict(bundle.versions),
    } | ({"trained_until": bundle.trained_until} if bundle.trained_until else {})
    compiled = {} if bundle.scorer is None else {paths.SCORER: to_json(bundle.scorer.to_plain())}
    return {
        paths.BUNDLE: to_json(stated),
        **compiled,
        paths.POLICY: to_json(parsing.plain(bundle.policy)),
        paths.REFERENCE: to_json(parsing.plain(bundle.reference)),
        paths.PIPELINE: skops_files.to_skops(bundle.pipeline),
    }


def _bundle_decode(contents: Mapping[str, bytes]) -> Any:
    from wdbc_assets.domain.promotion.bundles import Bundle
    from wdbc_assets.store.bundle_loader import open_bundle

    served, stated = open_bundle(contents), parsing.decode(contents[paths.BUNDLE])
    return Bundle(
        recipe=served.recipe,
        load_pipeline=partial(skops_files.from_skops, contents[paths.PIPELINE]),
        scorer=served.scorer,
        policy=served.policy,
        features=served.features,
        contract=stated["contract"],
        reference=served.reference,
        versions=served.versions,
        trained_until=stated.get("trained_until", ""),
    )


def _kind(value: Any) -> str:
    # By name, so that choosing a codec imports neither pandas nor scikit-learn.
    return f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"


def _raw_rows(content: bytes) -> int | None:
    """Return the number of patients in a source's bytes, or None if it is not such a table."""
    from wdbc_assets.domain.data import reading

    try:
        return len(reading.read(content).frame)
    except WdbcError:
        return None


CODECS: Mapping[str, Codec] = {
    "bytes": Codec(
        takes=lambda value: isinstance(value, bytes),
        encode=lambda asset, value: {_SOURCE if asset == "raw_data" else f"{asset}.bin": value},
        decode=lambda contents: next(iter(contents.values())),
        rows=_raw_rows,
    ),
    "large_bytes": Codec(
        takes=lambda value: isinstance(value, LinesFile),
        encode=lambda *_: {},
        decode=lambda contents: LinesFile(contents[_SOURCE].detach()),
        rows=lambda value: value.rows,
        tables=lambda _, lines: {_SOURCE: lines},
        large=lambda _: True,
    ),
    "large_table": Codec(
        takes=lambda value: isinstance(value, TableFile),
        encode=lambda *_: {},
        decode=lambda contents: next(iter(contents.values())),
        rows=lambda value: value.rows,
        tables=lambda asset, table: {f"{asset}.parquet": table},
        large=lambda _: True,
    ),
    "large_split": Codec(
        takes=lambda value: isinstance(value, LargeSplit),
        encode=lambda _, split: {_DRAW: to_json(vars(split.draw))},
        decode=_large_split_decode,
        rows=lambda value: value.train.rows + value.test.rows,
        tables=lambda _, split: {f"{name}.parquet": getattr(split, name) for name in _LARGE_SPLIT},
        large=lambda name: name != _DRAW,
    ),
    "table": Codec(
        takes=lambda value: _kind(value) == "pandas.DataFrame",
        encode=lambda asset, value: {f"{asset}.parquet": to_parquet(value)},
        decode=lambda contents: from_parquet(next(iter(contents.values()))),
        rows=len,
    ),
    "split": Codec(
        takes=lambda value: _kind(value) == "wdbc_assets.Split",
        encode=_split_encode,
        decode=_split_decode,
        rows=lambda value: len(value.y_train) + len(value.y_test),
    ),
    "fit": Codec(
        takes=lambda value: _kind(value) == "wdbc_assets.Fit",
        encode=_fit_encode,
        decode=_fit_decode,
        rows=lambda _: None,
    ),
    "cross_validation": Codec(
        takes=lambda value: _kind(value) == "wdbc_assets.CrossValidation",
        encode=_cross_validation_encode,
        decode=_cross_validation_decode,
        rows=lambda value: len(value.predictions),
    ),
    "large_cross_validation": Codec(
        takes=lambda value: isinstance(value, LargeCrossValidation),
        encode=lambda _, value: {
            "models.json": to_json(parsing.plain(value.models)),
            "summary.json": to_json(parsing.plain(value.summary)),
        },
        decode=_large_cross_validation_decode,
        rows=lambda value: value.evaluated.table.rows,
        tables=lambda _, value: {_PREDICTIONS: value.evaluated.table},
        large=lambda name: name == _PREDICTIONS,
    ),
    "incoming_batch": Codec(
        takes=lambda value: _kind(value) == "wdbc_assets.IncomingBatch",
        encode=_incoming_encode,
        decode=_incoming_decode,
        rows=lambda value: value.patients.rows,
        tables=lambda _, batch: {_PATIENTS: batch.patients},
        large=lambda name: name == _PATIENTS,
    ),
    "batch_predictions": Codec(
        takes=lambda value: _kind(value) == "wdbc_assets.BatchPredictions",
        encode=_predictions_encode,
        decode=_predictions_decode,
        rows=lambda value: value.patients.rows,
        tables=lambda _, value: {_PREDICTIONS: value.patients},
        large=lambda name: name == _PREDICTIONS,
    ),
    "labelled_patients": Codec(
        takes=lambda value: _kind(value) == "wdbc_assets.LabelledPatients",
        encode=_labelled_encode,
        decode=_labelled_decode,
        rows=lambda value: len(value.table),
    ),
    "stability": Codec(
        takes=lambda value: _kind(value) == "wdbc_assets.Stability",
        encode=_stability_encode,
        decode=_stability_decode,
        rows=lambda value: len(value.probabilities),
    ),
    "model_card": Codec(
        takes=lambda value: _kind(value) == "wdbc_assets.ModelCard",
        encode=_card_encode,
        decode=_card_decode,
        rows=lambda _: None,
    ),
    "bundle": Codec(
        takes=lambda value: _kind(value) == "wdbc_assets.Bundle",
        encode=_bundle_encode,
        decode=_bundle_decode,
        rows=lambda _: None,
    ),
    "json": Codec(
        takes=lambda value: isinstance(value, dict | list) or _is_result(value),
        encode=lambda asset, value: {f"{asset}.json": to_json(parsing.plain(value))},
        decode=_json_decode,
        rows=lambda _: None,
    ),
}
