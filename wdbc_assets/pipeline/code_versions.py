"""Code versions: digests of the code that an asset's value depends on.

They are computed, because a version maintained by hand is eventually forgotten, and then a stale asset passes as up to
date. An asset depends on the text of its own function and of its validation, and on every module of `domain` that these
import, directly or indirectly. Comments, docstrings and blank lines do not count. An engine (`pipeline.engines`) does
not count itself, because it must not affect the value, but the modules of `domain` that it imports do.
"""

import ast
import hashlib
import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from wdbc_assets.domain.modeling import recipes
from wdbc_assets.pipeline import source, specs

PACKAGE = Path(__file__).resolve().parent.parent
_COUNTED = "wdbc_assets.domain."
_FOLLOWED = (_COUNTED, "wdbc_assets.pipeline.engines.")


def code_version(asset: str, parameters: Mapping[str, Any] | None = None) -> str:
    """Return the digest of the code that an asset's value depends on.

    A value depends on the recipes that its parameters name. Without parameters, it depends on all recipes.
    """
    field = specs.ASSETS[asset].recipes
    if not field:
        return _code_version(asset, ())
    names = str(parameters[field]).split(",") if parameters and field in parameters else recipes.RECIPES
    return _code_version(asset, tuple(name for name in names if name in recipes.RECIPES))


@cache
def _code_version(asset: str, names: tuple[str, ...]) -> str:
    functions = [function.code for function in _functions(asset)]
    return _digest(closure(asset), (*functions, *(recipe_version(name) for name in names)))


@cache
def recipe_version(name: str) -> str:
    """Return the digest of the code of a recipe."""
    path = _file(recipes.named(name).build.__module__)
    return _digest(_closure([path]) | {path}, ())


def forget() -> None:
    """Forget all code versions, because the code has changed."""
    _code_version.cache_clear()
    recipe_version.cache_clear()


def checkpoints_version(asset: str) -> str:
    """Return the digest of the code that an asset's checkpoints depend on."""
    return _digest(_closure(_file(module) for module in specs.ASSETS[asset].checkpointed), ())


def closure(asset: str) -> set[Path]:
    """Return the files of the `domain` modules that determine an asset's value."""
    imported = (path for function in _functions(asset) for path in function.imports)
    return _closure((*imported, *(_file(module) for module in specs.ASSETS[asset].written_by)))


@dataclass(frozen=True)
class _Function:
    """The code of a function, and the modules that it imports itself or by the imports at the top of its module."""

    code: str
    imports: tuple[Path, ...]


def _functions(asset: str) -> list[_Function]:
    """Return an asset's function and the function that validates its value."""
    spec = specs.ASSETS[asset]
    return [_function(path) for path in (spec.function, spec.validate) if path]


def _function(path: str) -> _Function:
    module, _, name = path.partition(":")
    text = _file(module).read_text(encoding="utf-8")
    body = ast.parse(text).body
    function = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == name)
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    above = [
        ast.ImportFrom(node.module, [alias], node.level)
        for node in body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if (alias.asname or alias.name) in used
    ]
    imports = (path for tree in (function, *above) for path in _imports(tree))
    return _Function(source.code_of(ast.get_source_segment(text, function) or ""), tuple(imports))


def _digest(paths: Iterable[Path], functions: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        name = path.relative_to(PACKAGE).as_posix() if PACKAGE in path.parents else path.name
        digest.update(f"{name}\0{source.code_of(path.read_text(encoding='utf-8'))}\0".encode())
    for function in functions:
        digest.update(f"{function}\0".encode())
    return digest.hexdigest()[:12]


def _closure(start: Iterable[Path]) -> set[Path]:
    seen: set[Path] = set()
    waiting = list(start)
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting.extend(_imports(ast.parse(path.read_bytes())))
    return {path for path in seen if PACKAGE / "domain" in path.parents}


def _imports(tree: ast.AST) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(_FOLLOWED):
            for name in node.names:
                inner = _file(f"{node.module}.{name.name}")
                yield inner if inner.is_file() else _file(str(node.module))


def _file(module: str) -> Path:
    package, *parts = module.split(".")
    if package != "wdbc_assets":
        return Path(importlib.import_module(module).__file__ or "")
    place = PACKAGE.joinpath(*parts)
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
