"""The codec of plain values, and of the results that are stored as one JSON object."""

import importlib
from collections.abc import Mapping
from typing import Any

from wdbc_assets.store import parsing
from wdbc_assets.store.codecs.codec import Codec
from wdbc_assets.store.codecs.formats import to_json

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


def _json_decode(contents: Mapping[str, bytes]) -> Any:
    ((file, content),) = contents.items()
    value, place = parsing.decode(content), RESULTS.get(file.removesuffix(".json"))
    if place is None:
        return value
    module, _, name = place.partition(":")
    return parsing.build(getattr(importlib.import_module(module), name), value)


def _is_result(value: Any) -> bool:
    return f"{type(value).__module__}:{type(value).__qualname__}" in RESULTS.values()


CODECS: Mapping[str, Codec] = {
    "json": Codec(
        takes=lambda value: isinstance(value, dict | list) or _is_result(value),
        encode=lambda asset, value: {f"{asset}.json": to_json(parsing.plain(value))},
        decode=_json_decode,
        rows=lambda _: None,
    ),
}
