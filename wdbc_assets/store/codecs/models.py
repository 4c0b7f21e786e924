"""Codecs of models: a fit with its search, and the bundle that serves predictions."""

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from typing import Any

from wdbc_assets.store import parsing, paths, skops_files
from wdbc_assets.store.codecs.codec import Codec, kind
from wdbc_assets.store.codecs.formats import to_json


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


CODECS: Mapping[str, Codec] = {
    "fit": Codec(
        takes=lambda value: kind(value) == "wdbc_assets.Fit",
        encode=_fit_encode,
        decode=_fit_decode,
        rows=lambda _: None,
    ),
    "bundle": Codec(
        takes=lambda value: kind(value) == "wdbc_assets.Bundle",
        encode=_bundle_encode,
        decode=_bundle_decode,
        rows=lambda _: None,
    ),
}
