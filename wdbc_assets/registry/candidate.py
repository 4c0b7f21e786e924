"""A candidate for production beside the champion, with the evidence that there is: gathered from a store, and judged.

The gate itself is `domain.promotion`; moving the pointer is `storage.registry`. The asset `champion` and the command
line both ask here, and it needs no Dagster.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wdbc_assets.pipeline import specs
from wdbc_assets.registry import challenger
from wdbc_assets.registry.registry import open_registry
from wdbc_assets.registry.standings import Standing
from wdbc_assets.store import index
from wdbc_assets.store.manifest import DamagedStore, Manifest
from wdbc_assets.store.paths import BUNDLE
from wdbc_assets.store.store import Handle, NeverMade, Store

if TYPE_CHECKING:
    from wdbc_assets.domain.data import splitting
    from wdbc_assets.domain.modeling import fitting
    from wdbc_assets.domain.modeling.bundles import Bundle
    from wdbc_assets.domain.promotion.gate import Verdict

MADE_OF = ("train_test_split", "fitted_pipeline", "decision_policy")
"""What a bundle is made of; what the champion has for inputs besides is what it is judged by."""

_MATERIALIZE = (
    "Materialize `metrics` and `decision_policy` first; on the command line: `wdbc run` with the candidate's settings,"
    " then `wdbc report`."
)


@dataclass(frozen=True)
class Case:
    """A candidate: the manifests of what it is made of and judged by, its search, and the champion as it stands.

    `manifests` lacks the decision policy if none was made of this candidate. `is_current` says whether it is the
    present fit.
    """

    store: Store
    manifests: dict[str, Manifest]
    search: dict[str, Any] = field(repr=False)
    standing: Standing
    is_current: bool

    @property
    def version(self) -> str:
        """The version of fitted_pipeline that is the candidate."""
        return self.manifests["fitted_pipeline"].version

    @property
    def recipe(self) -> str:
        """The candidate's recipe."""
        return str(self.search["recipe"])

    @property
    def is_champion(self) -> bool:
        """Whether what is in production was made of exactly this."""
        champion = self.standing.manifest
        return champion is not None and all(
            name in self.manifests and champion.inputs.get(name) == self.manifests[name].version for name in MADE_OF
        )

    @cached_property
    def champion_recipe(self) -> str | None:
        """The champion's recipe, None if there is no champion."""
        champion = self.standing.manifest
        if champion is None:
            return None
        return self.standing.recipe or str(self.store.document(champion, BUNDLE)["recipe"])

    @cached_property
    def experiment(self) -> dict[str, int] | None:
        """What became of the patients that it was given beside this champion, None if it was given none.

        It is of the last series with enough patients to count, else of the last one: what was begun from zero counts
        from there on.
        """
        from wdbc_assets.domain.promotion import criteria

        if self.standing.version is None:
            return None
        last_first = challenger.read_all(self.store, self.version, self.standing.version)
        counted = [{**one.counts, "unreadable": one.unreadable, "series": one.series} for one in last_first]
        long_enough = [counts for counts in counted if criteria.is_long_enough(counts)]
        found = next(iter(long_enough or counted), None)
        return found if found and any(found[name] for name in (*challenger.OUTCOMES, "unreadable")) else None

    def require_policy(self) -> None:
        """Raise NeverMade if no decision policy was made of it."""
        if "decision_policy" not in self.manifests:
            raise NeverMade(
                "No decision policy exists for this candidate",
                where=self.store.url,
                hint=_MATERIALIZE,
            )

    def bundle(self) -> "Bundle":
        """Make what answers for patients of it.

        Raises:
            NeverMade: no decision policy was made of it.
        """
        self.require_policy()
        split, fit, policy = (Handle(self.store, self.manifests[name]).load() for name in MADE_OF)
        return bundle(split, fit, policy, {name: manifest.version for name, manifest in self.manifests.items()})

    def judge(self) -> "Verdict":
        """Judge the candidate.

        Raises:
            WdbcError: a recipe was not judged.
        """
        from wdbc_assets.domain.promotion import gate

        evidence, split = self.manifests["cross_validation"], self.manifests["train_test_split"]
        by_present_code = (
            self.manifests[name].code_version == specs.code_version(name)
            for name in ("fitted_pipeline", "cross_validation")
        )
        return gate.compare(
            Handle(self.store, evidence).load().predictions,
            candidate=self.recipe,
            champion=self.champion_recipe,
            test=Handle(self.store, self.manifests["metrics"]).load(),
            grid=str(self.search["grid"]),
            same_patients=evidence.inputs["clean_frame"] == split.inputs["clean_frame"],
            same_code=all(by_present_code),
            supersedes=self.is_current,
            experiment=self.experiment,
        )

    def document(self, verdict: "Verdict") -> dict[str, Any]:
        """Return the judgement as it is kept: who against whom, by which versions, and the verdict with each criterion.

        Judged again, the same is the same document.
        """
        return {
            "candidate": {
                "recipe": self.recipe,
                "version": self.version,
                "made_of": {name: manifest.version for name, manifest in self.manifests.items()},
            },
            "champion": self.standing.manifest and {"recipe": self.champion_recipe, "version": self.standing.version},
            "protocol": self.manifests["cross_validation"].parameters.get("protocol"),
            "experiment": self.experiment,
            "verdict": verdict.to_plain(),
        }


def bundle(
    split: "splitting.Split", fit: "fitting.Fit", policy: Mapping[str, Any], versions: Mapping[str, str]
) -> "Bundle":
    """Make what answers for patients of what `MADE_OF` names; `versions` says which version of each that is."""
    from wdbc_assets.domain.modeling import bundles

    return bundles.make(fit, policy, split.X_train, {name: versions[name] for name in MADE_OF})


def gather(store: Store, candidate: str | None = None, *, run_id: str | None = None) -> Case:
    """Return a candidate with its evidence: the fit of a version that begins so, or the present one.

    A run sees what it made itself.

    Raises:
        NeverMade: there is no fit, or no evidence.
        WdbcError: no version, or more than one, begins so; what belongs to it is no longer there.
        DamagedStore: a pointer is damaged.
    """
    registry = open_registry(store)
    standing = registry.standing()
    if standing.manifest is None and (standing.problems or registry.known(standing)):
        raise DamagedStore(
            "what is in production cannot be told: " + ("; ".join(standing.problems) or "the pointer is missing"),
            where=store.url,
            hint="Go back to what the history says: `wdbc rollback --reason TEXT`, or to any that was champion:"
            " `wdbc rollback --to VERSION --reason TEXT`.",
        )
    shelf = _Shelf(store, run_id)
    present = store.handle("fitted_pipeline", run_id=run_id).manifest
    fit = index.find(store, "fitted_pipeline", candidate) if candidate else present
    manifests = {
        "fitted_pipeline": fit,
        "train_test_split": shelf.require(
            "train_test_split", lambda one: one.version == fit.inputs["train_test_split"]
        ),
        "metrics": shelf.require("metrics", lambda one: one.inputs.get("fitted_pipeline") == fit.version),
        "cross_validation": store.handle("cross_validation", run_id=run_id).manifest,
    }
    policy = shelf.find("decision_policy", lambda one: one.inputs.get("fitted_pipeline") == fit.version)
    if policy is not None:
        manifests["decision_policy"] = policy
    return Case(
        store=store,
        manifests={name: manifests[name] for name in specs.ASSETS["champion"].inputs if name in manifests},
        search=store.document(fit, "search.json"),
        standing=standing,
        is_current=fit.version == present.version,
    )


class _Shelf:
    """Looks for a version: what the run made or is current first, then whatever lies in the store."""

    def __init__(self, store: Store, run_id: str | None) -> None:
        self._store = store
        self._run_id = run_id

    @cached_property
    def _catalogue(self) -> index.Catalogue:
        return index.read(self._store)

    def find(self, asset: str, fits: Callable[[Manifest], bool]) -> Manifest | None:
        try:
            manifest = self._store.handle(asset, run_id=self._run_id).manifest
        except NeverMade:
            return None
        return manifest if fits(manifest) else self._catalogue.newest(asset, fits)

    def require(self, asset: str, fits: Callable[[Manifest], bool]) -> Manifest:
        found = self.find(asset, fits)
        if found is None:
            raise NeverMade(
                f"No {asset} {'exist' if asset.endswith('s') else 'exists'} for this candidate",
                where=self._store.url,
                hint=_MATERIALIZE,
            )
        return found
