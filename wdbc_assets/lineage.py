"""What each asset is derived from: its inputs, its parameters, and the code that makes it.

One table, read by the assets (for Dagster's graph and code versions) and by the freshness rule (which decides without
Dagster, pandas or scikit-learn whether anything is to be done). A new asset begins with a row here.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from wdbc_assets import settings

PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Derivation:
    """One asset's row: names of its input assets, the model of its parameters, its modules of `domain`.

    `parts` are those modules that a finished part of its work depends on, where it keeps parts: what is done is not
    done again because what is made of it changed. `decided` says that the asset is what somebody decided, and is not
    out of date when its inputs change: its pointer moves by a decision alone.
    """

    inputs: tuple[str, ...]
    parameters: type[BaseModel] | None
    modules: tuple[str, ...]
    parts: tuple[str, ...] = ()
    decided: bool = False


DERIVATIONS: Mapping[str, Derivation] = {
    "raw_data": Derivation((), settings.SourceParameters, ("reading", "schemas")),
    "clean_frame": Derivation(("raw_data",), None, ("reading", "cleaning", "schemas")),
    "exploration": Derivation(("clean_frame",), None, ("exploration",)),
    "train_test_split": Derivation(("clean_frame",), settings.SplitParameters, ("splitting", "schemas")),
    "fitted_pipeline": Derivation(("train_test_split",), settings.SearchParameters, ("modeling", "recipes")),
    "metrics": Derivation(("train_test_split", "fitted_pipeline"), settings.MetricsParameters, ("evaluation",)),
    "cross_validation": Derivation(
        ("clean_frame",),
        settings.EvaluationParameters,
        ("cross_validation", "comparison", "evaluation_rules"),
        parts=("cross_validation",),
    ),
    "decision_policy": Derivation(
        ("train_test_split", "fitted_pipeline"), settings.PolicyParameters, ("policy", "policy_rules")
    ),
    "importance": Derivation(("train_test_split", "fitted_pipeline"), settings.ImportanceParameters, ("explanation",)),
    "model_card": Derivation(
        ("exploration", "fitted_pipeline", "metrics", "cross_validation", "decision_policy", "importance"),
        None,
        ("model_card", "card_pages"),
    ),
    "champion": Derivation(
        ("train_test_split", "fitted_pipeline", "metrics", "decision_policy", "cross_validation"),
        None,
        ("bundles",),
        decided=True,
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
    """Return a digest of the source of every domain module that the asset's value depends on.

    A version kept by hand is forgotten sooner or later, and then something stale passes as fresh. A changed comment
    makes the asset run once more too; its value is the same then, so nothing after it runs.
    """
    return _digest(DERIVATIONS[asset].modules)


def parts_version(asset: str) -> str:
    """Return a digest of the source of every domain module that a finished part of the asset's work depends on."""
    return _digest(DERIVATIONS[asset].parts)


def _digest(modules: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for path in sorted(_closure(modules)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:12]


def _closure(modules: tuple[str, ...]) -> set[Path]:
    seen: set[Path] = set()
    waiting = list(modules)
    while waiting:
        path = PACKAGE / "domain" / f"{waiting.pop()}.py"
        if path not in seen:
            seen.add(path)
            waiting.extend(_domain_imports(path))
    return seen


def _domain_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module == "wdbc_assets.domain":
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wdbc_assets.domain."):
            yield (node.module or "").split(".")[2]
