"""The asset table: inputs, parameters and code of each asset, and the assets of each job.

The Dagster assets (graph, code versions) and the staleness rule read it. It imports neither Dagster nor pandas nor
scikit-learn. A new asset starts with an entry here.
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
    """The specification of an asset.

    Attributes:
        inputs: Names of the input assets.
        parameters: Model of the parameters, if there are any.
        modules: Modules of `domain` that compute the value.
        parts: The modules that checkpoints of the asset depend on. A change of any other module keeps the checkpoints.
        promoted: Whether only the promotion gate moves the asset's pointer. Such an asset does not become out of date
            when its inputs change.
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
"""The assets of each job, inputs first."""


@cache
def code_version(asset: str) -> str:
    """Return a digest of the code of every domain module that the asset's value depends on.

    It is computed, because a version maintained by hand is eventually forgotten, and then a stale asset passes as up to
    date. Comments, docstrings and blank lines do not count.
    """
    return _digest(closure(asset))


def parts_version(asset: str) -> str:
    """Return a digest of the code of every domain module that the asset's checkpoints depend on."""
    return _digest(_closure(ASSETS[asset].parts))


def closure(asset: str) -> set[Path]:
    """Return the files of the `domain` modules that compute an asset, including their imports from `domain`."""
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
