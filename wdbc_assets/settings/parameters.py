"""Settings that change a value: the parameters of each asset, with defaults and bounds. Manifests record them."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator
from pydantic.config import JsonDict

from wdbc_assets.domain import defaults
from wdbc_assets.domain.data import membership
from wdbc_assets.domain.evaluation import floors
from wdbc_assets.domain.modeling import recipes


def _choices(names: Iterable[str]) -> JsonDict:
    """Return the part of a JSON schema that lists the possible values. Dagster's launchpad offers them."""
    return {"enum": list(names)}


class SourceParameters(BaseModel):
    """Where `raw_data` comes from."""

    source: str = Field("bundled", description="source of the data: bundled, uci, a path, or an http(s) or fsspec URL")
    source_sha256: str | None = Field(None, description="pinned SHA-256 of the source; any other content is rejected")


def _split_method() -> Any:
    """Return the field that every asset has which draws a test set or folds: one setting for all of them."""
    return Field(
        "shuffled",
        description="how the test set and the folds are drawn: shuffled (stratified), or hash (of each patient's"
        " measurements and the seed, whatever the order of the rows)",
    )


class SplitParameters(BaseModel):
    """How `train_test_split` divides the rows."""

    test_size: float = Field(defaults.TEST_SIZE, gt=0, lt=1, description="fraction of the rows in the test set")
    split_seed: int = Field(defaults.SEED, ge=0, lt=2**32, description="random seed of the split")
    stratified: bool = Field(
        default=True, description="stratify by diagnosis: same fraction of malignant rows in both sets (if shuffled)"
    )
    split_method: membership.Method = _split_method()


class SearchParameters(BaseModel):
    """How `fitted_pipeline` is selected and fitted."""

    recipe: str = Field(
        recipes.DEFAULT,
        description=f"model recipe: {', '.join(recipes.RECIPES)}",
        json_schema_extra=_choices(recipes.RECIPES),
    )
    grid: str = Field(
        "full",
        description="hyperparameter grid: full (every candidate of the recipe) or small (one)",
        json_schema_extra=_choices(recipes.GRIDS),
    )
    folds: int = Field(recipes.SEARCH_FOLDS, ge=2, le=20, description="number of stratified cross-validation folds")
    search_repeats: int = Field(
        recipes.SEARCH_REPEATS, ge=1, le=20, description="number of times the folds are shuffled; scores are averaged"
    )
    search_seed: int = Field(
        recipes.SEARCH_SEED, ge=0, lt=2**32, description="random seed of the first draw of folds and of solvers"
    )
    split_method: membership.Method = _split_method()

    @field_validator("recipe")
    @classmethod
    def _known_recipe(cls, name: str) -> str:
        if name not in recipes.RECIPES:
            raise ValueError(recipes.rejection(name))
        return name

    @field_validator("grid")
    @classmethod
    def _known_grid(cls, name: str) -> str:
        if name not in recipes.GRIDS:
            raise ValueError(f"unknown grid; possible: {', '.join(recipes.GRIDS)}")
        return name


class OutcomeParameters(BaseModel):
    """Which events `outcomes` keeps."""

    keep_outcomes_days: float | None = Field(
        None, gt=0, le=100_000, description="days for which an outcome is kept after it was recorded; unset: forever"
    )


class MetricsParameters(BaseModel):
    """How `metrics` computes its intervals."""

    bootstrap: int = Field(
        defaults.RESAMPLES, ge=100, le=100_000, description="number of resamples for each bootstrap interval"
    )
    bootstrap_seed: int = Field(defaults.SEED, ge=0, lt=2**32, description="random seed of the bootstrap")
    confidence: float = Field(defaults.CONFIDENCE, gt=0.5, lt=1, description="confidence level of every interval")


class EvaluationParameters(BaseModel):
    """How `cross_validation` evaluates recipes."""

    protocol: str = Field(
        "quick",
        description="evaluation protocol: quick (3 repeats of 10 folds) or full (10 repeats)",
        json_schema_extra=_choices(recipes.PROTOCOLS),
    )
    evaluated_recipes: str = Field(
        ",".join(name for name in recipes.RECIPES if name in floors.EVALUATED),
        description="comma-separated recipes to evaluate on the same folds",
    )
    split_method: membership.Method = _split_method()

    @field_validator("protocol")
    @classmethod
    def _known_protocol(cls, name: str) -> str:
        if name not in recipes.PROTOCOLS:
            raise ValueError(f"unknown protocol; possible: {', '.join(recipes.PROTOCOLS)}")
        return name

    @field_validator("evaluated_recipes")
    @classmethod
    def _known_recipes(cls, names: str) -> str:
        """Return the recipes in canonical order, including the mandatory ones, so that equal choices compare equal."""
        chosen = {name.strip() for name in names.split(",") if name.strip()} | set(floors.EVALUATED)
        if unknown := sorted(chosen - set(recipes.RECIPES)):
            raise ValueError(recipes.rejection(unknown[0]))
        return ",".join(name for name in recipes.RECIPES if name in chosen)


class PolicyParameters(BaseModel):
    """How `decision_policy` sets its threshold and its referral band."""

    recall_target: float = Field(
        defaults.RECALL_TARGET, gt=0, le=1, description="expected recall of new malignant cases"
    )
    referral_alpha: float = Field(
        defaults.ALPHA,
        gt=0,
        lt=0.5,
        description="maximum share of a class whose conformal prediction set misses it",
    )
    policy_folds: int = Field(
        defaults.POLICY_FOLDS, ge=2, le=20, description="number of folds for the policy's out-of-fold probabilities"
    )
    policy_seed: int = Field(defaults.SEED, ge=0, lt=2**32, description="random seed of the shuffle before those folds")


class CardParameters(BaseModel):
    """What `model_card` states that no artifact knows."""

    owner: str = Field("", max_length=200, description="person or team that is responsible for the model, for its card")

    @field_validator("owner")
    @classmethod
    def _is_one_line(cls, owner: str) -> str:
        if not owner.isprintable():
            raise ValueError("must be one line without control characters")
        return owner.strip()


class StabilityParameters(BaseModel):
    """How `stability` refits the recipe."""

    bootstrap_refits: int = Field(
        200, ge=10, le=10_000, description="number of bootstrap samples on which the recipe is developed again"
    )
    learning_splits: int = Field(10, ge=2, le=1000, description="number of 80/20 splits of the learning curve")
    stability_seed: int = Field(
        defaults.SEED, ge=0, lt=2**32, description="random seed of the bootstrap samples and the splits"
    )


class ImportanceParameters(BaseModel):
    """How `importance` permutes the measurements."""

    importance_repeats: int = Field(
        defaults.PERMUTATIONS,
        ge=1,
        le=1000,
        description="number of permutations of each cluster of measurements in each fold",
    )
    importance_seed: int = Field(defaults.SEED, ge=0, lt=2**32, description="random seed of the permutations")


class DriftParameters(BaseModel):
    """How `drift_report` scans the batches."""

    drift_cadence: Literal["weekly", "daily"] = Field(
        "weekly", description="how often a batch is expected, which sets the threshold of an alarm: weekly or daily"
    )
