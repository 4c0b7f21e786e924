"""Codecs of the evidence on models: their evaluations, and the model card."""

from collections.abc import Mapping
from typing import Any, TypeVar

from wdbc_assets.store import parsing
from wdbc_assets.store.codecs.codec import PREDICTIONS, Codec, kind
from wdbc_assets.store.codecs.formats import from_parquet, to_json, to_parquet
from wdbc_assets.store.large_evaluation import LargeCrossValidation, PredictionsInFile

T = TypeVar("T")


def _cross_validation_encode(_asset: str, value: Any) -> dict[str, bytes]:
    return {
        PREDICTIONS: to_parquet(value.predictions),
        "winners.json": to_json(parsing.plain(value.winners)),
        "summary.json": to_json(parsing.plain(value.summary)),
    }


def _cross_validation_decode(contents: Mapping[str, bytes]) -> Any:
    from wdbc_assets.domain.evaluation import comparison, cross_validation, results

    return comparison.CrossValidation(
        predictions=from_parquet(contents[PREDICTIONS]),
        winners=_built(cross_validation.Winner, contents["winners.json"]),
        summary=parsing.read(results.EvaluationSummary, contents["summary.json"]),
    )


def _large_cross_validation_decode(contents: Mapping[str, Any]) -> Any:
    from wdbc_assets.domain.evaluation import results, summed_cross_validation

    return LargeCrossValidation(
        evaluated=PredictionsInFile(contents[PREDICTIONS]),
        models=_built(summed_cross_validation.FoldModel, contents["models.json"]),
        summary=parsing.read(results.EvaluationSummary, contents["summary.json"]),
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


def _built(type_: type[T], content: bytes) -> tuple[T, ...]:
    return tuple(parsing.build(type_, item) for item in parsing.decode(content))


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


CODECS: Mapping[str, Codec] = {
    "cross_validation": Codec(
        takes=lambda value: kind(value) == "wdbc_assets.CrossValidation",
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
        tables=lambda _, value: {PREDICTIONS: value.evaluated.table},
        large=lambda name: name == PREDICTIONS,
    ),
    "stability": Codec(
        takes=lambda value: kind(value) == "wdbc_assets.Stability",
        encode=_stability_encode,
        decode=_stability_decode,
        rows=lambda value: len(value.probabilities),
    ),
    "model_card": Codec(
        takes=lambda value: kind(value) == "wdbc_assets.ModelCard",
        encode=_card_encode,
        decode=_card_decode,
        rows=lambda _: None,
    ),
}
