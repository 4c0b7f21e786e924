"""Models as skops files: bytes that depend on the model alone, and loading that runs nothing and trusts little."""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.errors import WdbcError

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_LIBRARIES = ("builtins", "numpy", "scipy", "sklearn")
_TREE = "sklearn.tree._tree.Tree"
# Types beyond skops' own list that the recipes' pipelines hold. They are scikit-learn's.
_TRUSTED = [
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.utils._bunch.Bunch",
    _TREE,
]


def to_skops(pipeline: "Pipeline") -> bytes:
    """Return a pipeline as a skops file whose bytes depend on nothing but the pipeline.

    skops names nodes and arrays by memory addresses and stamps the archive with the time. Both are replaced: addresses
    by order of appearance, times by a constant.
    """
    import skops.io

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(pipeline))) as archive:
        schema = json.loads(archive.read("schema.json"))
        renamed: dict[str, str] = {}
        _renumber(schema, {}, renamed)
        members = {new: archive.read(old) for old, new in renamed.items()}
    members["schema.json"] = json.dumps(schema, indent=1).encode()
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), content)
    return sink.getvalue()


def _renumber(node: Any, numbers: dict[int, int], files: dict[str, str]) -> None:
    if isinstance(node, list):
        for item in node:
            _renumber(item, numbers, files)
    elif isinstance(node, dict):
        if "__id__" in node:
            # Plain values are shared by accident of interning: each gets a number of its own.
            key = -len(numbers) - 1 if node.get("is_json") else node["__id__"]
            node["__id__"] = numbers.setdefault(key, len(numbers) + 1)
        if isinstance(node.get("file"), str):
            old = node["file"]
            node["file"] = files.setdefault(old, f"{len(files) + 1}{old[old.rindex('.') :]}")
        for item in node.values():
            _renumber(item, numbers, files)


def from_skops(content: bytes) -> Any:
    """Return the pipeline of a skops file.

    Raises:
        WdbcError: it is no skops file, or it holds types beyond the allow-list; nothing of it has run then.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    mend = "Run `wdbc run --force` to make the model again, and find out who wrote this file."
    try:
        return _with_sound_trees(skops.io.loads(content, trusted=_TRUSTED))
    except UntrustedTypesFoundException as error:
        raise WdbcError(f"the model file holds foreign types: {error}", mend=mend) from None
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise WdbcError(f"this is no model file ({type(error).__name__})", mend=mend) from None


def refuse_foreign(content: bytes) -> None:
    """Look through a skops file without skops: for whoever is not going to load it, and yet wants to know.

    It is stricter than need be in one way, and laxer in another: a type must be of the libraries that pipelines are
    made of, any of theirs. What is loaded goes through `from_skops`.

    Raises:
        WdbcError: it is no skops file, or one with types or files that no pipeline has.
    """
    mend = "Nothing of it was run. Make the model again, and find out who wrote this file."
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            schema = json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, KeyError, ValueError):
        raise WdbcError("this is no model file", mend=mend) from None
    foreign = [name for name in names if name != "schema.json" and not name.endswith((".npy", ".npz"))]
    foreign += sorted(kind for kind in _types(schema) if kind.partition(".")[0] not in _LIBRARIES)
    if foreign:
        raise WdbcError(f"the model file holds foreign types or files: {', '.join(foreign)}", mend=mend)


def _types(node: Any) -> set[str]:
    waiting, found = [node], set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "__module__" in one or "__class__" in one:
                found.add(f"{one.get('__module__')}.{one.get('__class__')}")
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return found


def _with_sound_trees(model: Any) -> Any:
    """Return the model; ValueError if a tree of it names a node or a column that it does not have.

    scikit-learn follows these numbers without looking, and would read memory that is not the tree's.
    """
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if f"{type(one).__module__}.{type(one).__qualname__}" == _TREE:
            _require_sound(one)
        elif isinstance(one, Mapping):
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)
        elif type(one).__module__ == "numpy" and getattr(getattr(one, "dtype", None), "hasobject", False):
            waiting.extend(one.ravel())
        elif type(one).__module__.startswith("sklearn."):
            waiting.extend(getattr(one, "__dict__", {}).values())
    return model


def _require_sound(tree: Any) -> None:
    import numpy as np

    node = np.arange(tree.node_count)
    left, right = tree.children_left, tree.children_right
    leaf = (left == -1) & (right == -1)
    # Children come after their parent, so that following them ends.
    inner = (left > node) & (right > node) & (left < tree.node_count) & (right < tree.node_count)
    known = (tree.feature >= 0) & (tree.feature < tree.n_features)
    if not (leaf | (inner & known)).all():
        raise ValueError("a tree names nodes or columns that it does not have")
