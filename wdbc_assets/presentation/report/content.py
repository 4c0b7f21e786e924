"""The data of the report page: artifacts, checks, lineage, production and plots."""

import contextlib
import importlib.metadata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wdbc_assets import settings
from wdbc_assets.domain import formatting
from wdbc_assets.domain.data import contract, insights
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.domain.evaluation import explanations, floors, sample_size
from wdbc_assets.domain.modeling import recipes
from wdbc_assets.domain.promotion import model_card
from wdbc_assets.pipeline import specs, staleness, validation
from wdbc_assets.presentation.report import drawing, guidelines, pictures
from wdbc_assets.registry.audit_log import Entry
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.registry.verdicts import VerdictDocument
from wdbc_assets.store.manifest import DamagedStore, Manifest
from wdbc_assets.store.store import Handle, Store

_DECISIONS_SHOWN = 10


@dataclass(frozen=True)
class Artifact:
    """An asset with its manifest and value (None if it was never made or is damaged), and its problems."""

    name: str
    manifest: Manifest | None
    value: Any
    problems: tuple[str, ...]
    made_by: str

    @property
    def version(self) -> str:
        """The digest, as short as people compare it."""
        return formatting.short(self.manifest.version) if self.manifest else "-"


@dataclass(frozen=True)
class CheckRow:
    """A check of a current version: what it demands, and its outcome; `passed` is None if it was not evaluated."""

    asset: str
    rule: str
    demands: str
    blocking: bool
    passed: bool | None
    summary: str


@dataclass(frozen=True)
class Production:
    """The champion, its promotion and the comparison that promoted it, and the latest decisions, newest first."""

    standing: Standing
    promotion: Entry | None
    comparison: VerdictDocument | None
    entries: tuple[Entry, ...]


def gather(store: Store, config: settings.Settings) -> dict[str, Any]:
    """Return the variables of the page template."""
    states = staleness.assess(store, config, assets=specs.MODEL)  # the page is about a model, not a batch
    artifacts = {state.asset: _artifact(store, state) for state in states}
    values = {name: artifact.value for name, artifact in artifacts.items() if artifact.value is not None}
    return {
        "version": importlib.metadata.version("wdbc_assets"),
        "store_url": store.url,
        "artifacts": artifacts,
        "measurements": contract.MEASUREMENTS,
        "checks": list(_checks(artifacts)),
        "best_first": insights.best_first(values["exploration"].measurements) if "exploration" in values else (),
        "floors": floors,
        "explanations": explanations,
        "guidelines": guidelines,
        "sample_size": sample_size.sample_size,
        "external": sample_size,
        "baseline": recipes.BASELINE,
        "disclaimer": model_card.DISCLAIMER,
        "pictures": pictures.draw_all(values),
        "lineage": drawing.lineage({name: _standing(artifact) for name, artifact in artifacts.items()}),
        "card": _card(values, artifacts["fitted_pipeline"].manifest),
        "production": _production(store),
    }


def _artifact(store: Store, state: staleness.AssetStatus) -> Artifact:
    made_by = specs.ASSETS[state.asset].command
    if state.manifest is None:
        refused = store.refusal(state.asset)
        problems = (
            *state.reasons,
            *(f"last attempt refused: {reason}" for reason in (refused.reasons if refused else ())),
        )
        return Artifact(state.asset, None, None, problems, made_by)
    try:
        value = Handle(store, state.manifest).load()
    except WdbcError as error:
        return Artifact(state.asset, state.manifest, None, (error.what,), made_by)
    return Artifact(state.asset, state.manifest, value, state.reasons, made_by)


def _standing(artifact: Artifact) -> tuple[str, str]:
    if artifact.manifest is None:
        return "-", "never made"
    return artifact.version, "out of date" if artifact.problems else "up to date"


def _checks(artifacts: Mapping[str, Artifact]) -> Iterator[CheckRow]:
    for name, artifact in artifacts.items():
        evaluated = {check.rule: check for check in (artifact.manifest.checks if artifact.manifest else ())}
        for rule in validation.rules(name):
            check = evaluated.get(rule.name)
            yield CheckRow(
                asset=name,
                rule=rule.name,
                demands=rule.description,
                blocking=rule.blocking,
                passed=check.passed if check else None,
                summary=check.summary.removeprefix(f"{rule.name}: ") if check else "not evaluated",
            )


def _production(store: Store) -> Production:
    registry = open_registry(store)
    standing = registry.standing()
    promotion = standing.promotion
    comparison = None
    if promotion is not None and promotion.evidence:
        with contextlib.suppress(DamagedStore):
            comparison = registry.evidence(promotion.evidence)
    return Production(standing, promotion, comparison, tuple(standing.history.entries[::-1][:_DECISIONS_SHOWN]))


def _card(values: Mapping[str, Any], fit: Manifest | None) -> str | None:
    from markupsafe import Markup

    from wdbc_assets.domain.promotion import model_card_pages

    card = values.get("model_card")
    if card is None:
        return None
    recorded = {}
    if fit is not None and fit.version == card.versions["fitted_pipeline"]:
        package = importlib.metadata.version("wdbc_assets")
        recorded = model_card_pages.recorded(made_at=fit.made_at, code_version=fit.code_version, package=package)
    head = model_card_pages.html_head(card, recorded)
    # Escaped where it is made.
    return Markup(head + model_card_pages.html_sections(card, level=3))  # noqa: S704
