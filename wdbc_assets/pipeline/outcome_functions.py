"""The functions of the outcomes and the live metrics: what became known of the patients of all batches."""

from functools import partial
from typing import TYPE_CHECKING

from wdbc_assets import clock, settings
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.pipeline.calls import Deliveries, External, NotModified
from wdbc_assets.store.manifest import Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from wdbc_assets.domain.evaluation.comparison import CrossValidation
    from wdbc_assets.domain.monitoring.batch_predictions import BatchPredictions
    from wdbc_assets.domain.monitoring.live import LiveMetrics
    from wdbc_assets.store.large_evaluation import LargeCrossValidation
    from wdbc_assets.store.table_files import TableFile


_OWN = ["id", "probability", "above_threshold", "log_odds", "previous_probability"]
_SHARED = ["triage", "model", "recipe", "previous_version", "predicted_at"]
"""The columns that the live metrics need: those of each prediction, and those in which many have the same text."""


def outcomes(
    recorded: "tuple[str, pd.DataFrame] | None",
    deliveries: Deliveries,
    parameters: settings.OutcomeParameters,
    known: Manifest | None,
) -> External | NotModified:
    """Every diagnosis that became known: of whom (a pseudonym), which, when it became known, and when it was recorded.

    Events are only added, and left out when they are too old. A correction is a later event of the same patient.
    """
    from wdbc_assets.domain.monitoring import live

    paths = deliveries.waiting()
    version, events = recorded or ("", live.no_events())
    kept = live.recorded_since(events, clock.now(), days=parameters.keep_outcomes_days)
    if known is not None and not paths and len(kept) == len(events):
        return NotModified()
    delivered = [deliveries.read(path) for path in paths]
    return External(
        live.with_deliveries(kept, delivered),
        {"shown": f"{len(delivered)} deliveries", "deliveries": len(delivered), "continues": version},
        acknowledge=partial(deliveries.acknowledge, paths),
        continues=version,
    )


def live_metrics(
    outcomes: "pd.DataFrame",
    predictions: "Mapping[str, BatchPredictions]",
    served_predictions: "pd.DataFrame",
    clean_frame: "pd.DataFrame | TableFile",
    cross_validation: "CrossValidation | LargeCrossValidation",
) -> "LiveMetrics":
    """How good the predictions of all batches and the kept ones of the service were, from the known diagnoses."""
    from wdbc_assets.domain.data import incoming
    from wdbc_assets.domain.monitoring import live, outcome_scan, rollback_evidence
    from wdbc_assets.pipeline.engines.developed import DevelopmentPatients

    tables = [
        scored.table.assign(predicted_at=incoming.arrival(batch).isoformat()) for batch, scored in predictions.items()
    ]
    if len(served_predictions):
        tables.append(served_predictions)
    tables = [rollback_evidence.with_columns(table) for table in tables]
    if not tables:
        raise WdbcError(
            "no prediction is stored: no batch has been scored yet, or all are older than WDBC_KEEP_PREDICTIONS_DAYS,"
            " and the service has kept none",
            where="the store",
            hint="Run `wdbc inbox add FILE`, then `wdbc monitor`; or see WDBC_SERVE_KEEP_PREDICTIONS.",
        )
    scored = _together(tables).sort_values("predicted_at", kind="stable", ignore_index=True)
    developed = DevelopmentPatients.of(clean_frame, cross_validation, str(scored["recipe"].iloc[-1]))
    return live.evaluate(scored, outcomes, outcome_scan.sums(developed.y, developed.log_odds))


def _together(tables: "list[pd.DataFrame]") -> "pd.DataFrame":
    """Return the tables as one, in which each text that predictions share is held once."""
    import pandas as pd

    for name in _SHARED:
        texts = sorted({str(text) for table in tables for text in table[name].unique()})
        columns = [pd.Categorical(table[name].astype("str"), categories=texts) for table in tables]
        tables = [table.assign(**{name: column}) for table, column in zip(tables, columns, strict=True)]
    return pd.concat([table[_OWN + _SHARED] for table in tables])
