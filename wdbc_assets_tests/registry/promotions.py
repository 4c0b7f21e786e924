"""Champions for tests of the registry: any bytes may be one, as far as the store is concerned."""

from dataclasses import replace
from typing import Any

from wdbc_assets.domain.promotion import gate
from wdbc_assets.domain.promotion.criteria import Criterion
from wdbc_assets.registry import challenger
from wdbc_assets.registry.audit_log import Entry
from wdbc_assets.registry.decision_log import Decision
from wdbc_assets.registry.experiment import Experiment
from wdbc_assets.registry.registry import Registry, open_registry
from wdbc_assets.registry.verdicts import CandidateVersion, Champion, VerdictDocument
from wdbc_assets.store import paths
from wdbc_assets.store.store import Draft, Store


def decision(**facts: Any) -> Decision:
    return Decision(
        **{"actor": "ada", "run_id": "run-1", "recipe": "logistic", "verdict": "better", "reason": "r", **facts}
    )


def judgement(name: gate.Name = "better", **facts: Any) -> VerdictDocument:
    """The document of a judgement, as the evidence keeps it."""
    criterion = Criterion(name="log-loss", demand="below 0", holds=True, value=-0.01, low=-0.02, high=-0.005, bound=0.0)
    verdict = gate.Verdict(
        name=name,
        promoted=True,
        reason="r",
        candidate="logistic",
        champion="svc",
        repeats=3,
        folds=10,
        patients=569,
        attempt=1,
        comparison=None,
        criteria=(criterion,),
    )
    document = VerdictDocument(
        candidate=CandidateVersion("logistic", "c" * 64, {"fitted_pipeline": "c" * 64}, "code", "definition"),
        champion=Champion("svc", "a" * 64),
        protocol="quick",
        patients="d" * 64,
        experiment=None,
        verdict=verdict,
    )
    return replace(document, **facts)


def draft(store: Store, content: object) -> Draft:
    return store.draft(paths.CHAMPION, content, run_id="run-1")


def promote(store: Store, content: object, **facts: Any) -> Entry:
    """Promote over whatever is there."""
    registry = open_registry(store)
    return registry.promote(draft(store, content), decision(**facts), expected=registry.standing().version)


def challenge(store: Store, content: object, *, fit: str = "c" * 64, **terms: Any) -> Experiment:
    """Put under test beside whatever is there; `fit` is the version of the candidate."""
    registry = open_registry(store)
    made = store.draft(paths.CHAMPION, content, run_id="challenger", inputs={"fitted_pipeline": fit})
    standing = registry.standing()
    experiment = Experiment(
        **{
            "challenger": made.manifest,
            "recipe": "svc",
            "against": str(standing.version),
            "share": 0.1,
            "at": "2026-11-24T00:00:00+00:00",
            "actor": "ada",
            "reason": "",
            **terms,
        }
    )
    challenger.start(store, registry, made, experiment, decision(run_id=None, candidate=fit, reason="svc beside it"))
    return experiment


def rollback(registry: Registry, to: str | None = None) -> Entry:
    return registry.rollback(to, Decision(actor="ada", run_id=None, reason="it answered nonsense"))


def serving(store: Store) -> bytes | None:
    """What a reader gets who knows the pointer alone."""
    manifest = store.current(paths.CHAMPION)
    return None if manifest is None else next(iter(store.files(manifest).values()))


def is_consistent(store: Store) -> bool:
    """Whether pointer, history and head say the same, and each entry follows the one before it."""
    standing = open_registry(store).standing()
    return standing.problems == () and standing.history.unfinished is None
