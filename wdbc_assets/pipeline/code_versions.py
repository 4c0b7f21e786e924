"""Code versions: digests of the code that an asset's value depends on.

They are computed, because a version maintained by hand is eventually forgotten, and then a stale asset passes as up to
date. An asset depends on its own function and on its validation, with what they use of their module, and on every
module of `_COUNTED` that these import, directly or indirectly. Comments, docstrings and blank lines do not count. What
runs the units of an engine does not count, because it must not affect the value; what the units compute does.
"""

import ast
import hashlib
import importlib
import symtable
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from wdbc_assets.domain.modeling import recipes
from wdbc_assets.pipeline import code_text, specs

PACKAGE = Path(__file__).resolve().parent.parent
_COUNTED = ("domain", "pipeline/engines", "scoring", "store/bundle_loader.py")
_RUNNING = ("choice", "dask", "dask_client", "dask_cluster", "engine", "local", "work", "worker_versions")
_FOLLOWED = tuple(f"wdbc_assets.{place.removesuffix('.py').replace('/', '.')}." for place in _COUNTED)


def code_version(asset: str, parameters: Mapping[str, Any] | None = None) -> str:
    """Return the digest of the code that an asset's value depends on.

    A value depends on the recipes that its parameters name. Without parameters, it depends on all recipes.
    """
    field = specs.ASSETS[asset].recipes
    if not field:
        return digest(asset, ())
    names = str(parameters[field]).split(",") if parameters and field in parameters else recipes.RECIPES
    return digest(asset, tuple(name for name in names if name in recipes.RECIPES))


@cache
def digest(asset: str, names: tuple[str, ...]) -> str:
    """Return the digest of the code of an asset and of the recipes of these names."""
    functions = [function.code for function in _functions(asset)]
    return _digest(closure(asset), (*functions, *(recipe_version(name) for name in names)))


@cache
def recipe_version(name: str) -> str:
    """Return the digest of the code of a recipe."""
    path = _file(recipes.named(name).build.__module__)
    return _digest(_closure([path]) | {path}, ())


def checkpoints_version(asset: str) -> str:
    """Return the digest of the code that an asset's checkpoints depend on."""
    return _digest(_closure(_file(module) for module in specs.ASSETS[asset].checkpointed), ())


def closure(asset: str) -> set[Path]:
    """Return the files of the modules that determine an asset's value."""
    spec = specs.ASSETS[asset]
    imported = (path for function in _functions(asset) for path in function.imports)
    named = (*spec.written_by, *([] if spec.validate else [spec.rules.partition(":")[0]]))
    return _closure((*imported, *map(_file, named)))


@dataclass(frozen=True)
class _Function:
    """The code of a function with what it uses of its module, and the modules that these import."""

    code: str
    imports: tuple[Path, ...]


def _functions(asset: str) -> list[_Function]:
    """Return an asset's function and the function that validates its value."""
    spec = specs.ASSETS[asset]
    return [_function(path) for path in (spec.function, spec.validate) if path]


def _function(path: str) -> _Function:
    module, _, name = path.partition(":")
    text = _read(_file(module))
    defined, tables = _defined(text), _tables(text)
    used: dict[str, ast.stmt] = {}
    waiting = [name]
    while waiting:
        name = waiting.pop()
        if name in defined and name not in used:
            used[name] = node = defined[name]
            waiting.extend(_globals(tables[name]) if name in tables else _loaded(node))
    imports = (_place(*imported) for name, node in used.items() for imported in _imports(node, only=name))
    lines = text.splitlines()
    nodes = sorted({node for node in used.values() if not _is_import(node)}, key=lambda node: node.lineno)
    code = (code_text.code_of("\n".join(lines[node.lineno - 1 : node.end_lineno])) for node in nodes)
    return _Function("\n".join(code), tuple(imports))


@cache
def _defined(text: str) -> dict[str, ast.stmt]:
    """Return the statements of a module that define its names."""
    return {name: node for node in ast.parse(text).body for name in _names(node)}


@cache
def _tables(text: str) -> dict[str, symtable.SymbolTable]:
    """Return the symbols of each function and class of a module."""
    return {table.get_name(): table for table in symtable.symtable(text, "", "exec").get_children()}


def _names(node: ast.stmt) -> list[str]:
    """Return the names that a statement at the top of a module defines."""
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.ImportFrom(names=names):
            return [alias.asname or alias.name for alias in names]
    return []


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    """Yield the names that a function takes from its module, and not its own: an argument may have the same name."""
    yield from (symbol.get_name() for symbol in table.get_symbols() if symbol.is_global())
    for inner in table.get_children():
        yield from _globals(inner)


def _loaded(node: ast.stmt) -> Iterator[str]:
    yield from (inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name))


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom)


def _digest(paths: Iterable[Path], functions: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        name = path.relative_to(PACKAGE).as_posix() if PACKAGE in path.parents else path.name
        digest.update(f"{name}\0{code_text.code_of(_read(path))}\0".encode())
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
            waiting.extend(_place(*imported) for imported in _imported(_read(path)))
    return {path for path in seen if _is_counted(path)}


def _is_counted(path: Path) -> bool:
    if path.parent == PACKAGE / "pipeline/engines" and path.stem in _RUNNING:
        return False
    return any(place in (path, *path.parents) for place in map(PACKAGE.joinpath, _COUNTED))


@cache
def _imported(text: str) -> tuple[tuple[str, str], ...]:
    """Return what a module imports of followed modules: pairs of module and name."""
    return tuple(_imports(ast.parse(text)))


def _place(module: str, name: str) -> Path:
    """Return the file of an imported module, or the one that contains an imported name."""
    inner = _file(f"{module}.{name}")
    return inner if inner.is_file() else _file(module)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _imports(tree: ast.AST, *, only: str = "") -> Iterator[tuple[str, str]]:
    """Yield what a syntax tree imports of followed modules; of an import statement itself, `only` that of a name."""
    for node in _statements(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if node is tree and only not in (alias.asname, alias.name):
                    continue
                if f"{node.module}.{alias.name}.".startswith(_FOLLOWED):
                    yield str(node.module), alias.name


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield a syntax tree and the statements in it. Expressions, which are most of it, contain no import."""
    yield tree
    for block in ("body", "orelse", "handlers", "finalbody", "cases"):
        inner = getattr(tree, block, ())
        for statement in inner if isinstance(inner, list) else ():  # the body of a lambda is an expression
            yield from _statements(statement)


def _file(module: str) -> Path:
    package, *parts = module.split(".")
    if package != "wdbc_assets":
        return Path(importlib.import_module(module).__file__ or "")
    place = PACKAGE.joinpath(*parts)
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
