"""What changes a value: the parameters of each asset, with their defaults and bounds. They stand in its manifest."""

from pydantic import BaseModel, Field, field_validator

from wdbc_assets.domain.evaluation import floors
from wdbc_assets.domain.modeling import recipes


class SourceParameters(BaseModel):
    """Where `raw_data` comes from."""

    source: str = Field("bundled", description="bundled, uci, a path, or an http(s) or fsspec URL")
    source_sha256: str | None = Field(None, description="refuse any source whose SHA-256 is another")


class SplitParameters(BaseModel):
    """How `train_test_split` parts the rows."""

    test_size: float = Field(0.2, gt=0, lt=1, description="share of the rows kept for testing")
    split_seed: int = Field(42, ge=0, lt=2**32, description="seed of the shuffle before the split")
    stratified: bool = Field(default=True, description="keep the share of malignant rows equal in both parts")


class SearchParameters(BaseModel):
    """How `fitted_pipeline` is chosen and fitted."""

    recipe: str = Field(recipes.DEFAULT, description=f"one of {', '.join(recipes.RECIPES)}")
    grid: str = Field("full", description="full: every candidate of the recipe; small: one")
    folds: int = Field(5, ge=2, le=20, description="number of stratified cross-validation folds")
    search_seed: int = Field(42, ge=0, lt=2**32, description="seed of the solvers that draw random numbers")

    @field_validator("recipe")
    @classmethod
    def _known_recipe(cls, name: str) -> str:
        if name not in recipes.RECIPES:
            raise ValueError(f"unknown recipe; possible: {', '.join(recipes.RECIPES)}")
        return name

    @field_validator("grid")
    @classmethod
    def _known_grid(cls, name: str) -> str:
        if name not in recipes.GRIDS:
            raise ValueError(f"unknown grid; possible: {', '.join(recipes.GRIDS)}")
        return name


class MetricsParameters(BaseModel):
    """How `metrics` states its uncertainty."""

    bootstrap: int = Field(2000, ge=100, le=100_000, description="resamples behind each bootstrap interval")
    bootstrap_seed: int = Field(42, ge=0, lt=2**32, description="seed of the bootstrap")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="coverage of every interval")


class EvaluationParameters(BaseModel):
    """How `cross_validation` judges recipes."""

    protocol: str = Field("quick", description="quick: 3 repeats of 10 folds; full: 10 repeats")
    evaluated_recipes: str = Field(
        f"{floors.RECIPE},{recipes.BASELINE}", description="recipes to judge on the same folds, with commas between"
    )

    @field_validator("protocol")
    @classmethod
    def _known_protocol(cls, name: str) -> str:
        if name not in recipes.PROTOCOLS:
            raise ValueError(f"unknown protocol; possible: {', '.join(recipes.PROTOCOLS)}")
        return name

    @field_validator("evaluated_recipes")
    @classmethod
    def _known_recipes(cls, names: str) -> str:
        """Put them into one order, with those that every evaluation includes: the same choice is the same text."""
        chosen = {name.strip() for name in names.split(",") if name.strip()} | {floors.RECIPE, recipes.BASELINE}
        if unknown := sorted(chosen - set(recipes.RECIPES)):
            raise ValueError(f"unknown recipe {', '.join(unknown)}; possible: {', '.join(recipes.RECIPES)}")
        return ",".join(name for name in recipes.RECIPES if name in chosen)


class PolicyParameters(BaseModel):
    """How `decision_policy` draws its threshold and its referral band."""

    recall_target: float = Field(0.98, gt=0, le=1, description="share of the malignant that the threshold is to find")
    referral_alpha: float = Field(
        0.02, gt=0, lt=0.5, description="share of each class whose set of possible classes may miss the true one"
    )
    policy_folds: int = Field(10, ge=2, le=20, description="folds of the out-of-fold probabilities of the policy")
    policy_seed: int = Field(42, ge=0, lt=2**32, description="seed of the shuffle before those folds")


class ImportanceParameters(BaseModel):
    """How `importance` permutes the measurements."""

    importance_repeats: int = Field(30, ge=2, le=1000, description="permutations of each of the ten measurements")
    importance_seed: int = Field(42, ge=0, lt=2**32, description="seed of the permutations")
