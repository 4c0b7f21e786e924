"""Models as skops files: deterministic bytes, and loading that executes nothing and trusts little.

A file is scanned before any object is created from it (`skops_scan`). A model of small arrays that only numpy operates
on is then loaded. A model whose numbers scikit-learn passes to unchecked C code is first loaded and called in a
separate process (`isolation`).
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wdbc_assets.domain.data import contract
from wdbc_assets.store import isolation, skops_scan

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

_known: set[str] = set()
"""The digests of the files that this process wrote or has tested."""


def to_skops(pipeline: "Pipeline") -> bytes:
    """Return a pipeline as a skops file whose bytes depend on the pipeline only.

    skops names nodes and arrays by memory address and stamps the archive with the time. Both are replaced: addresses by
    order of appearance, times by a constant.

    Raises:
        WdbcError: the pipeline contains a type that `from_skops` would reject.
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
            # Plain values are shared only by accident of interning: each gets its own number.
            key = -len(numbers) - 1 if node.get("is_json") else node["__id__"]
            node["__id__"] = numbers.setdefault(key, len(numbers) + 1)
        if isinstance(node.get("file"), str):
            old = node["file"]
            node["file"] = files.setdefault(old, f"{len(files) + 1}{old[old.rindex('.') :]}")
        for item in node.values():
            _renumber(item, numbers, files)


def from_skops(content: bytes, *, sandboxed: bool = False) -> Any:
    """Return the pipeline of a skops file after calling it with a few rows.

    With `sandboxed`, this process may crash, hang or run out of memory, and no further process is started.

    Raises:
        WdbcError: it is not a model file, it contains types outside the allow-list, or its model crashes, hangs,
            exhausts memory or returns no probabilities.
        isolation.NotTried: the model could not be tested now.
    """
    digest = hashlib.sha256(content).hexdigest()
    if digest not in _known:
        result = skops_scan.scan(content)
        if not (result.by_numpy_alone or sandboxed):
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
    except Exception as error:  # noqa: BLE001 -- an invalid file can make skops and scikit-learn raise anything
        raise skops_scan.refused(f"not a model file ({type(error).__name__})") from None
    return model


def _require_probabilities(model: Any) -> None:
    import numpy as np
    import pandas as pd

    from wdbc_assets.domain.modeling import prediction

    if tuple(getattr(model, "feature_names_in_", ())) != contract.FEATURES:
        raise skops_scan.refused("the pipeline expects other measurements, or another order of them")
    X = pd.DataFrame(_edge_rows(), columns=list(contract.FEATURES))
    try:
        with np.errstate(all="ignore"):
            p = prediction.predict(model, X)
            prediction.require_probabilities(p)
            sound = p.shape == (len(X),)
    except skops_scan.PASSING:
        raise
    except Exception as error:  # noqa: BLE001 -- likewise
        raise skops_scan.refused(f"the pipeline cannot be called ({type(error).__name__})") from None
    if not sound:
        raise skops_scan.refused("the pipeline does not return probabilities")


def _edge_rows() -> "NDArray[Any]":
    """Return rows at the bounds of the contract, beyond them, and 1000 random ones between, shape (rows, 30)."""
    import numpy as np

    largest = np.array([measurement.largest for _ in contract.STATISTICS for measurement in contract.MEASUREMENTS])
    between = largest * np.random.default_rng(42).random((1000, len(largest)))
    return np.vstack([0 * largest, largest, 1000 * largest, -largest, between])


def _require_sound(model: Any) -> None:
    """Raise ValueError if a tree or a support vector machine refers to a node, column or row that does not exist.

    scikit-learn does not check these numbers and would read memory out of bounds.
    """
    for part in _parts(model):
        kind = f"{type(part).__module__}.{type(part).__qualname__}"
        if kind == skops_scan.TREE:
            _require_sound_tree(part)
        # A fitted estimator also contains its unfitted template, which has no such arrays.
        elif kind == skops_scan.MACHINE and hasattr(part, "support_vectors_"):
            _require_sound_machine(part)
        elif kind == skops_scan.CLASSIFIER and hasattr(part, "tree_"):
            _require(part.n_features_in_ == part.tree_.n_features)
        if hasattr(part, "n_jobs"):
            _require(part.n_jobs in (None, 1))


def _parts(model: Any) -> Iterator[Any]:
    """Yield the model and everything it consists of, each once."""
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
        elif type(part).__module__.startswith(("sklearn.", "wdbc_assets.")):
            waiting.extend(getattr(part, "__dict__", {}).values())


def _require_sound_tree(tree: Any) -> None:
    import numpy as np

    # node_count bounds how the arrays are read; capacity is their length.
    _require(0 < tree.node_count <= tree.capacity)
    _require(tree.n_features == len(contract.FEATURES))
    _require(tree.n_outputs == 1)
    node = np.arange(tree.node_count)
    left, right = tree.children_left, tree.children_right
    leaf = (left == -1) & (right == -1)
    # Children come after their parent, so a descent terminates.
    inner = (left > node) & (right > node) & (left < tree.node_count) & (right < tree.node_count)
    known = (tree.feature >= 0) & (tree.feature < tree.n_features)
    _require((leaf | (inner & known)).all())


def _require_sound_machine(machine: Any) -> None:
    import numpy as np

    vectors, class_sizes = machine.support_vectors_, machine._n_support  # noqa: SLF001 -- passed to libsvm
    rows = len(vectors)
    shapes = {
        "support_vectors_": (rows, machine.n_features_in_), "support_": (rows,), "_n_support": (2,),
        "dual_coef_": (1, rows), "_dual_coef_": (1, rows), "intercept_": (1,), "_intercept_": (1,), "classes_": (2,),
    }  # fmt: skip
    _require(all(np.shape(getattr(machine, name)) == shape for name, shape in shapes.items()))
    _require(np.size(machine._probA) == np.size(machine._probB) <= 1)  # noqa: SLF001 -- likewise
    _require(rows > 0 and (class_sizes >= 0).all() and int(class_sizes.sum()) == rows)
    _require(machine.kernel == "rbf" and machine._impl == "c_svc" and machine._sparse is False)  # noqa: SLF001 -- likewise
    _require(bool(np.isfinite(machine._gamma)))  # noqa: SLF001 -- likewise


def _require(holds: Any) -> None:
    if not holds:
        raise ValueError
