"""A candidate for production and its evidence, gathered from a store and compared with the champion.

The gate itself is in `domain.promotion`; moving the pointer is in `registry.registry`. The `champion` asset and the
command line both use this module, which does not need Dagster.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.modeling import recipes
from wdbc_assets.pipeline import code_versions, functions, specs
from wdbc_assets.registry import challenger, evidence, verdicts
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.registry.verdicts import VerdictDocument
from wdbc_assets.store import index, parsing
from wdbc_assets.store.manifest import DamagedStore, Manifest
from wdbc_assets.store.paths import BUNDLE, POLICY
from wdbc_assets.store.store import Handle, NeverMade, Store

if TYPE_CHECKING:
    from wdbc_assets.domain.evaluation.out_of_fold import OutOfFoldPredictions, RecipePredictions
    from wdbc_assets.domain.promotion.bundles import Bundle
    from wdbc_assets.domain.promotion.gate import Verdict

_MATERIALIZE = (
    "Materialize `metrics` and `decision_policy` first; on the command line: `wdbc run` with the candidate's settings,"
    " then `wdbc report`."
)


@dataclass(frozen=True)
class Case:
    """A candidate: the manifests of its inputs and its evidence, its search, and the current champion.

    `manifests` lacks the decision policy if none exists for this candidate. `is_current` tells whether it is the
    current fit.
    """

    store: Store
    manifests: dict[str, Manifest]
    search: dict[str, Any] = field(repr=False)
    standing: Standing
    is_current: bool

    @property
    def version(self) -> str:
        """The candidate: a version of fitted_pipeline."""
        return self.manifests["fitted_pipeline"].version

    @property
    def recipe(self) -> str:
        """The candidate's recipe."""
        return str(self.search["recipe"])

    @property
    def is_champion(self) -> bool:
        """Whether the champion was made from exactly these versions, apart from a recalibration of the policy."""
        champion = self.standing.manifest
        if champion is None or not self.manifests.keys() >= set(functions.MADE_OF):
            return False
        others = {name for name in functions.MADE_OF if champion.inputs.get(name) != self.manifests[name].version}
        return not others or (others == {"decision_policy"} and self._differs_by_recalibration(champion))

    def _differs_by_recalibration(self, champion: Manifest) -> bool:
        """Return whether the champion's policy is the candidate's, recalibrated."""
        from wdbc_assets.domain.evaluation.decision_policy import DecisionPolicy

        if self.standing.recalibrated is None:
            return False
        policy = parsing.build(DecisionPolicy, self.store.document(champion, POLICY))
        own: DecisionPolicy = Handle(self.store, self.manifests["decision_policy"]).load()
        return replace(policy, recalibration=None) == own

    @cached_property
    def champion_recipe(self) -> str | None:
        """The champion's recipe, or None without a champion."""
        champion = self.standing.manifest
        if champion is None:
            return None
        return self.standing.recipe or str(self.store.document(champion, BUNDLE)["recipe"])

    @property
    def code(self) -> str:
        """The digest of the code of the candidate's recipe.

        Raises:
            WdbcError: the recipe was renamed or removed since the candidate was fitted.
        """
        return code_versions.recipe_version(recipes.of_stored(self.recipe).name)

    @property
    def definition(self) -> str:
        """The digest of the recipe's code and of the parameters of its search."""
        parameters = self.manifests["fitted_pipeline"].parameters
        return parsing.digest({"code": self.code, "search": parameters})

    @property
    def champion_is_refit(self) -> bool:
        """Whether the champion is a refit on more patients than the candidate, which then is not a newer fit."""
        champion = self.standing.manifest
        return champion is not None and "refit" in champion.inputs

    @cached_property
    def champion_is_unchanged(self) -> bool:
        """Whether the code of the champion's recipe is what it was when the champion was promoted."""
        promotion, recipe = self.standing.promotion, self.champion_recipe
        if promotion is None or promotion.evidence is None or recipe not in recipes.RECIPES:
            return False
        try:
            document = open_registry(self.store).evidence(promotion.evidence)
        except DamagedStore:
            return False
        return document.candidate.code == code_versions.recipe_version(recipe)

    def champion_predictions(self, evaluated: "OutOfFoldPredictions") -> "RecipePredictions | None":
        """Return the out-of-fold predictions of the champion's recipe for the evaluated patients, if there are any.

        They are those of the present evaluation if the recipe is unchanged and was evaluated, and otherwise those that
        the champion was promoted by, if these are for the same patients.

        Args:
            evaluated: The out-of-fold predictions of the present evaluation.
        """
        recipe, champion = self.champion_recipe, self.standing.manifest
        if recipe is None or champion is None:
            return None
        if self.champion_is_unchanged and recipe in evaluated.recipes:
            return evaluated.of(recipe)
        asset = self.evidence.manifest.asset
        own = champion.inputs.get(asset)
        manifests = index.read(self.store).whole(asset, own) if own else []
        for manifest in manifests:
            if evidence.patients(manifest) == self.patients:
                earlier: OutOfFoldPredictions = Handle(self.store, manifest).load().evaluated
                return earlier.of(recipe) if recipe in earlier.recipes else None
        return None

    @property
    def patients(self) -> str:
        """The version of the table whose patients were evaluated."""
        return self.evidence.patients

    @cached_property
    def evidence(self) -> evidence.Evidence:
        """The evaluation by which the candidate is compared."""
        reference = self.manifests["cross_validation"]
        return evidence.choose(self.store, reference, candidate=self.recipe, champion=self.champion_recipe)

    @property
    def decided_by(self) -> dict[str, Manifest]:
        """The manifests of the candidate's inputs and of its evidence."""
        return self.manifests | {self.evidence.manifest.asset: self.evidence.manifest}

    @cached_property
    def attempt(self) -> int:
        """Which of the candidates that were compared with this champion on these patients it is, from 1.

        Comparing a definition again is not another attempt, and a dry run is none.
        """
        earlier = open_registry(self.store).compared(self.standing, self.patients)
        return earlier.index(self.definition) + 1 if self.definition in earlier else len(earlier) + 1

    @cached_property
    def experiment(self) -> dict[str, int] | None:
        """The outcome of the experiment beside this champion, or None if the candidate received no patients.

        It is that of the last series with enough patients, or else of the last series: a restarted series counts from
        zero.
        """
        from wdbc_assets.domain.promotion import criteria

        if self.standing.version is None:
            return None
        newest_first = challenger.read_all(self.store, self.version, self.standing.version)
        counted = [
            {**series.counts, "unreadable": series.unreadable, "series": series.series} for series in newest_first
        ]
        long_enough = [counts for counts in counted if criteria.is_long_enough(counts)]
        result = next(iter(long_enough or counted), None)
        return result if result and any(result[name] for name in (*challenger.OUTCOMES, "unreadable")) else None

    def require_policy(self) -> None:
        """Raise NeverMade if no decision policy exists for the candidate."""
        if "decision_policy" not in self.manifests:
            raise NeverMade(
                "No decision policy exists for this candidate",
                where=self.store.url,
                hint=_MATERIALIZE,
            )

    def bundle(self) -> "Bundle":
        """Return the bundle that would serve predictions.

        Raises:
            NeverMade: no decision policy exists for the candidate.
        """
        self.require_policy()
        return functions.champion(
            **{name: Handle(self.store, self.manifests[name]).load() for name in functions.MADE_OF},
            versions={name: manifest.version for name, manifest in self.manifests.items()},
        )

    def compare(self) -> "Verdict":
        """Compare the candidate with the champion and return the gate's verdict.

        Raises:
            WdbcError: a recipe was not evaluated.
        """
        from wdbc_assets.domain.promotion import gate

        found, split = self.evidence, self.manifests["train_test_split"]
        by_present_code = (
            manifest.code_version == code_versions.code_version(manifest.asset, manifest.parameters)
            for manifest in (self.manifests["fitted_pipeline"], found.manifest)
        )
        evaluation = Handle(self.store, found.manifest).load()
        evaluated = evaluation.evaluated
        return gate.compare(
            evaluated,
            candidate=self.recipe,
            champion=self.champion_recipe,
            champion_predictions=self.champion_predictions(evaluated),
            attempt=self.attempt,
            other_search=self.other_search,
            published=evaluation.summary.published,
            winner_log_loss=self.winner_log_loss,
            same_patients=found.clean_frame == split.inputs["clean_frame"],
            same_code=all(by_present_code),
            same_recipe=self.recipe == self.champion_recipe and self.champion_is_unchanged,
            supersedes=self.is_current and not self.champion_is_refit,
            experiment=self.experiment,
        )

    @cached_property
    def winner_log_loss(self) -> float | None:
        """The out-of-fold log-loss of the candidate's own parameters, or None if its decision policy has none."""
        policy = self.manifests.get("decision_policy")
        log_loss: float | None = None if policy is None else Handle(self.store, policy).load().winner_log_loss
        return log_loss

    @property
    def other_search(self) -> str:
        """What differs between the search that fitted the candidate and the evaluated one; empty if nothing does."""
        from wdbc_assets.domain.modeling import fitting

        evaluated = {
            "grid": "full",
            "folds": recipes.SEARCH_FOLDS,
            "repeats": fitting.repeats(self.recipe, "full", recipes.SEARCH_REPEATS),
        }
        return ", ".join(
            f"{name} {self.search[name]} instead of {value}"
            for name, value in evaluated.items()
            if self.search[name] != value
        )

    def document(self, verdict: "Verdict") -> VerdictDocument:
        """Return the verdict document: candidate and champion, their versions, and the verdict with each criterion.

        Comparing the same versions again gives the same document.
        """
        version = self.standing.version
        return VerdictDocument(
            candidate=verdicts.CandidateVersion(
                recipe=self.recipe,
                version=self.version,
                made_of={name: manifest.version for name, manifest in self.decided_by.items()},
                code=self.code,
                definition=self.definition,
            ),
            champion=verdicts.Champion(recipe=self.champion_recipe, version=version) if version else None,
            protocol=self.evidence.manifest.parameters.get("protocol"),
            patients=self.patients,
            experiment=self.experiment,
            verdict=verdict,
        )


def gather(store: Store, candidate: str | None = None, *, run_id: str | None = None) -> Case:
    """Return a candidate with its evidence: the fit whose version starts with `candidate`, or else the current one.

    A run sees its own versions.

    Raises:
        NeverMade: no fit or no evidence exists.
        WdbcError: none or several versions start so, or an input of it no longer exists.
        DamagedStore: a pointer is damaged.
    """
    registry = open_registry(store)
    standing = registry.standing()
    if standing.manifest is None and (standing.problems or registry.known(standing)):
        raise DamagedStore(
            "cannot determine what is in production: " + ("; ".join(standing.problems) or "the pointer is missing"),
            where=store.url,
            hint="Restore the champion of the audit log (`wdbc rollback --reason TEXT`) or any earlier one"
            " (`wdbc rollback --to VERSION --reason TEXT`).",
        )
    finder = _Finder(store, run_id)
    present = store.handle("fitted_pipeline", run_id=run_id).manifest
    fit = index.find(store, "fitted_pipeline", candidate) if candidate else present
    manifests = {
        "fitted_pipeline": fit,
        "train_test_split": finder.require(
            "train_test_split", lambda manifest: manifest.version == fit.inputs["train_test_split"]
        ),
        "metrics": finder.require("metrics", lambda manifest: manifest.inputs.get("fitted_pipeline") == fit.version),
        "cross_validation": store.handle("cross_validation", run_id=run_id).manifest,
    }
    policy = finder.find("decision_policy", lambda manifest: manifest.inputs.get("fitted_pipeline") == fit.version)
    if policy is not None:
        manifests["decision_policy"] = policy
    return Case(
        store=store,
        manifests={name: manifests[name] for name in specs.ASSETS["champion"].inputs if name in manifests},
        search=store.document(fit, "search.json"),
        standing=standing,
        is_current=fit.version == present.version,
    )


class _Finder:
    """Finds a version: first that of the run or the current one, then any other in the store."""

    def __init__(self, store: Store, run_id: str | None) -> None:
        self._store = store
        self._run_id = run_id

    @cached_property
    def _index(self) -> index.StoreIndex:
        return index.read(self._store)

    def find(self, asset: str, fits: Callable[[Manifest], bool]) -> Manifest | None:
        try:
            manifest = self._store.handle(asset, run_id=self._run_id).manifest
        except NeverMade:
            return None
        return manifest if fits(manifest) else self._index.newest(asset, fits)

    def require(self, asset: str, fits: Callable[[Manifest], bool]) -> Manifest:
        manifest = self.find(asset, fits)
        if manifest is None:
            raise NeverMade(
                f"No {asset} {'exist' if asset.endswith('s') else 'exists'} for this candidate",
                where=self._store.url,
                hint=_MATERIALIZE,
            )
        return manifest
