"""What each asset is derived from: its inputs, its parameters, and the code that makes it.

One table, read by the assets (for Dagster's graph and code versions) and by the freshness rule (which decides without
Dagster, pandas or scikit-learn whether anything is to be done). A new asset begins with a row here.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from wdbc_assets import settings
from wdbc_assets.pipeline import source

PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class AssetSpec:
    """One asset's row: names of its input assets, the model of its parameters, its modules of `domain`.

    `parts` are those modules that a finished part of its work depends on, where it keeps parts: what is done is not
    done again because what is made of it changed. `promoted` says that the asset is what somebody decided, and is not
    out of date when its inputs change: its pointer moves by a decision alone.
    """

    inputs: tuple[str, ...]
    parameters: type[BaseModel] | None
    modules: tuple[str, ...]
    parts: tuple[str, ...] = ()
    promoted: bool = False


ASSETS: Mapping[str, AssetSpec] = {
    "raw_data": AssetSpec((), settings.SourceParameters, ("data.reading", "rules.schemas")),
    "clean_frame": AssetSpec(("raw_data",), None, ("data.reading", "data.cleaning", "rules.schemas")),
    "exploration": AssetSpec(("clean_frame",), None, ("data.exploration",)),
    "train_test_split": AssetSpec(("clean_frame",), settings.SplitParameters, ("data.splitting", "rules.schemas")),
    "fitted_pipeline": AssetSpec(
        ("train_test_split",), settings.SearchParameters, ("modeling.fitting", "modeling.recipes")
    ),
    "metrics": AssetSpec(("train_test_split", "fitted_pipeline"), settings.MetricsParameters, ("evaluation.metrics",)),
    "cross_validation": AssetSpec(
        ("clean_frame",),
        settings.EvaluationParameters,
        ("evaluation.cross_validation", "evaluation.comparison", "evaluation.rules"),
        parts=("evaluation.cross_validation",),
    ),
    "decision_policy": AssetSpec(
        ("train_test_split", "fitted_pipeline"),
        settings.PolicyParameters,
        ("evaluation.decision_policy", "evaluation.policy_rules"),
    ),
    "importance": AssetSpec(
        ("train_test_split", "fitted_pipeline"), settings.ImportanceParameters, ("evaluation.importance",)
    ),
    "model_card": AssetSpec(
        ("exploration", "fitted_pipeline", "metrics", "cross_validation", "decision_policy", "importance"),
        None,
        ("promotion.model_card", "promotion.model_card_pages"),
    ),
    "champion": AssetSpec(
        ("train_test_split", "fitted_pipeline", "metrics", "decision_policy", "cross_validation"),
        None,
        ("modeling.bundles",),
        promoted=True,
    ),
}

JOBS: Mapping[str, tuple[str, ...]] = {
    "train": ("raw_data", "clean_frame", "train_test_split", "fitted_pipeline", "metrics"),
    "refresh": ("raw_data", "clean_frame", "train_test_split"),
    "explore": ("raw_data", "clean_frame", "exploration"),
    "evaluate": ("raw_data", "clean_frame", "cross_validation"),
    "promote": ("metrics", "decision_policy", "champion"),
    "evidence": ("exploration", "decision_policy", "importance", "model_card"),
}
"""What each job makes, inputs first."""


@cache
def code_version(asset: str) -> str:
    """Return a digest of the code of every domain module that the asset's value depends on.

    A version that is kept by hand is forgotten sooner or later, and then something stale passes as fresh. Comments,
    docstrings and blank lines do not count.
    """
    return _digest(closure(asset))


def parts_version(asset: str) -> str:
    """Return a digest of the code of every domain module that a finished part of the asset's work depends on."""
    return _digest(_closure(ASSETS[asset].parts))


def closure(asset: str) -> set[Path]:
    """Return the modules of `domain` that make an asset, and all that they import of it."""
    return _closure(ASSETS[asset].modules)


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        name = path.relative_to(PACKAGE).as_posix()
        digest.update(f"{name}\0{source.code_of(path.read_text(encoding='utf-8'))}\0".encode())
    return digest.hexdigest()[:12]


def _closure(modules: Iterable[str]) -> set[Path]:
    seen: set[Path] = set()
    waiting = [_file(f"wdbc_assets.domain.{module}") for module in modules]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting.extend(_domain_imports(path))
    return seen


def _domain_imports(path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("wdbc_assets.domain."):
            for name in node.names:
                inner = _file(f"{node.module}.{name.name}")
                yield inner if inner.is_file() else _file(str(node.module))


def _file(module: str) -> Path:
    place = PACKAGE.joinpath(*module.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
