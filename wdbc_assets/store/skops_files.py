"""Models as skops files: bytes that depend on the model alone, and loading that runs nothing and trusts little.

A file is looked through before anything is made of it (`model_scan`). What consists of small arrays that numpy alone
works on is then loaded. What scikit-learn hands to code in C, which follows numbers without looking, is first loaded
and asked in a process of its own (`isolation`).
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.data import contract
from wdbc_assets.domain.modeling import prediction
from wdbc_assets.store import isolation, skops_scan

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

_known: set[str] = set()
"""The digests of the files that this process wrote, or saw loaded and asked."""


def to_skops(pipeline: "Pipeline") -> bytes:
    """Return a pipeline as a skops file whose bytes depend on nothing but the pipeline.

    skops names nodes and arrays by memory addresses and stamps the archive with the time. Both are replaced: addresses
    by order of appearance, times by a constant.

    Raises:
        WdbcError: the pipeline holds a type that `from_skops` would refuse.
    """
    import skops.io

    with zipfile.ZipFile(io.BytesIO(skops.io.dumps(pipeline))) as archive:
        schema = json.loads(archive.read(skops_scan.SCHEMA))
        renamed: dict[str, str] = {}
        _renumber(schema, {}, renamed)
        members = {new: archive.read(old) for old, new in renamed.items()}
    members[skops_scan.SCHEMA] = json.dumps(schema, indent=1).encode()
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), content)
    written = sink.getvalue()
    skops_scan.scan(written)
    _known.add(hashlib.sha256(written).hexdigest())
    return written


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


def from_skops(content: bytes, *, expendable: bool = False) -> Any:
    """Return the pipeline of a skops file, which was asked a few rows.

    `expendable` says that this process may crash, hang or swell: there is no need for another one then.

    Raises:
        WdbcError: it is no model file, it holds types beyond the allow-list, or the model of it crashes, hangs, swells
            or answers with no probabilities.
        isolation.NotTried: that could not be found out now.
    """
    digest = hashlib.sha256(content).hexdigest()
    if digest not in _known:
        found = skops_scan.scan(content)
        if not (found.by_numpy_alone or expendable):
            isolation.require_harmless(content)
    model = _load(content)
    _require_probabilities(model)
    _known.add(digest)
    return model


def _load(content: bytes) -> Any:
    import skops.io

    try:
        model = skops.io.loads(content, trusted=sorted(skops_scan.TYPES))
        _require_sound(model)
    except skops_scan.PASSING:
        raise
    except Exception as error:  # noqa: BLE001 -- a foreign file makes skops and scikit-learn raise anything
        raise skops_scan.refused(f"this is no model file ({type(error).__name__})") from None
    return model


def _require_probabilities(model: Any) -> None:
    import numpy as np
    import pandas as pd

    if tuple(getattr(model, "feature_names_in_", ())) != contract.FEATURES:
        raise skops_scan.refused("the pipeline takes other measurements, or in another order")
    X = pd.DataFrame(_edge_rows(), columns=list(contract.FEATURES))
    try:
        with np.errstate(all="ignore"):
            p = prediction.predict(model, X)
            prediction.require_probabilities(p)
            sound = p.shape == (len(X),)
    except skops_scan.PASSING:
        raise
    except Exception as error:  # noqa: BLE001 -- likewise
        raise skops_scan.refused(f"the pipeline cannot be asked ({type(error).__name__})") from None
    if not sound:
        raise skops_scan.refused("the pipeline answers with something that is no probability")


def _edge_rows() -> "NDArray[Any]":
    """Return rows at the ends of the contract, beyond them, and a thousand between, shape (rows, 30)."""
    import numpy as np

    largest = np.array([one.largest for _ in contract.STATISTICS for one in contract.MEASUREMENTS])
    between = largest * np.random.default_rng(42).random((1000, len(largest)))
    return np.vstack([0 * largest, largest, 1000 * largest, -largest, between])


def _require_sound(model: Any) -> None:
    """Raise ValueError if a tree or a support vector machine names a node, a column or a row that it does not have.

    scikit-learn follows these numbers without looking, and would read memory that is not theirs.
    """
    for part in _parts(model):
        kind = f"{type(part).__module__}.{type(part).__qualname__}"
        if kind == skops_scan.TREE:
            _require_sound_tree(part)
        # What was fitted holds what was to be fitted, too, which has no numbers yet.
        elif kind == skops_scan.MACHINE and hasattr(part, "support_vectors_"):
            _require_sound_machine(part)
        elif kind == skops_scan.CLASSIFIER and hasattr(part, "tree_"):
            _require(part.n_features_in_ == part.tree_.n_features)
        if hasattr(part, "n_jobs"):
            _require(part.n_jobs in (None, 1))


def _parts(model: Any) -> Iterator[Any]:
    """Yield the model and all that it consists of, each once."""
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, Mapping):
            waiting.extend(part.values())
        elif isinstance(part, list | tuple):
            waiting.extend(part)
        elif type(part).__module__ == "numpy" and getattr(getattr(part, "dtype", None), "hasobject", False):
            waiting.extend(part.ravel())
        elif type(part).__module__.startswith("sklearn."):
            waiting.extend(getattr(part, "__dict__", {}).values())


def _require_sound_tree(tree: Any) -> None:
    import numpy as np

    # Its own number of nodes is what its arrays are read by, and its capacity how many there are.
    _require(0 < tree.node_count <= tree.capacity)
    _require(tree.n_features == len(contract.FEATURES))
    _require(tree.n_outputs == 1)
    node = np.arange(tree.node_count)
    left, right = tree.children_left, tree.children_right
    leaf = (left == -1) & (right == -1)
    # Children come after their parent, so that following them ends.
    inner = (left > node) & (right > node) & (left < tree.node_count) & (right < tree.node_count)
    known = (tree.feature >= 0) & (tree.feature < tree.n_features)
    _require((leaf | (inner & known)).all())


def _require_sound_machine(machine: Any) -> None:
    import numpy as np

    vectors, of_class = machine.support_vectors_, machine._n_support  # noqa: SLF001 -- what libsvm is given
    rows = len(vectors)
    shapes = {
        "support_vectors_": (rows, machine.n_features_in_), "support_": (rows,), "_n_support": (2,),
        "dual_coef_": (1, rows), "_dual_coef_": (1, rows), "intercept_": (1,), "_intercept_": (1,), "classes_": (2,),
    }  # fmt: skip
    _require(all(np.shape(getattr(machine, name)) == shape for name, shape in shapes.items()))
    _require(np.size(machine._probA) == np.size(machine._probB) <= 1)  # noqa: SLF001 -- likewise
    _require(rows > 0 and (of_class >= 0).all() and int(of_class.sum()) == rows)
    _require(machine.kernel == "rbf" and machine._impl == "c_svc" and machine._sparse is False)  # noqa: SLF001 -- likewise
    _require(bool(np.isfinite(machine._gamma)))  # noqa: SLF001 -- likewise


def _require(holds: Any) -> None:
    if not holds:
        raise ValueError
