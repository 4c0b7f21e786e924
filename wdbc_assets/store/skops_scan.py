"""Scan a skops file before any object is created from it: archive, arrays, nodes and types.

The cost is bounded by the size of the file, which is bounded, too. No object is created, and neither skops nor
scikit-learn is needed.
"""

import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wdbc_assets.domain.errors import WdbcError

SCHEMA = "schema.json"

_BY_NUMPY_ALONE = frozenset(
    {
        "builtins.dict", "builtins.list", "builtins.str", "builtins.tuple",
        "numpy.float64", "numpy.int64", "numpy.ndarray",
        "sklearn.decomposition._pca.PCA",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.PowerTransformer",
        "sklearn.preprocessing._data.StandardScaler",
        "wdbc_assets.domain.modeling.log_terms.LogSpline",
        "wdbc_assets.domain.modeling.log_terms.WithLogarithm",
        "wdbc_assets.domain.modeling.mean_log_odds.MeanLogOdds",
        "wdbc_assets.domain.modeling.tempering.TemperedLogisticRegression",
    }
)  # fmt: skip
TREE, CLASSIFIER = "sklearn.tree._tree.Tree", "sklearn.tree._classes.ExtraTreeClassifier"
MACHINE = "sklearn.svm._classes.SVC"
TYPES = _BY_NUMPY_ALONE | {
    "sklearn.calibration.CalibratedClassifierCV",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._forest.ExtraTreesClassifier",
    "sklearn.ensemble._stacking.StackingClassifier",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.preprocessing._label.LabelEncoder",
    "sklearn.utils._bunch.Bunch",
    CLASSIFIER, MACHINE, TREE,
}  # fmt: skip
"""The types that the pipelines of the recipes consist of, and no others."""

_LOADERS = {"DictNode", "JsonNode", "ListNode", "NdArrayNode", "ObjectNode", "TreeNode", "TupleNode", "TypeNode"}

# Far above any pipeline: a stacking model on the 569 published patients has 16 MB, 2,400 members and 25 levels.
LARGEST = 256 * 2**20
_MOST_MEMBERS, _MOST_NODES, _DEEPEST, _LONGEST_VALUE = 40_000, 8_000_000, 100, 1000
_SMALL = 4096  # elements of an array; the components of 30 measurements have 900

_MEMBER = re.compile(r"[0-9]{1,9}\.npy")
_NPY = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)\{'descr': (?:'(?P<plain>[<|][fiub][1248])'|\[(?P<fields>[^]]{1,1000})\]),"
    rb" 'fortran_order': (?:True|False), 'shape': \((?P<shape>[0-9, ]{0,60})\), \} *\n",
    re.DOTALL,
)
_FIELD = re.compile(rb"\('[a-z_]{0,40}', '[<|][fiubV]([0-9]{1,2})'\)")

PASSING = (MemoryError, OSError, ImportError)
"""Errors that the file may not have caused: a later retry may help."""


@dataclass
class Scan:
    """What a model file contains: its types, and whether all its arrays are small."""

    types: set[str] = field(default_factory=set)
    small: bool = True

    @property
    def by_numpy_alone(self) -> bool:
        """Whether only numpy, which checks bounds, operates on its arrays."""
        return self.small and self.types <= _BY_NUMPY_ALONE


def scan(content: bytes) -> Scan:
    """Scan a skops file without skops. No object is created, and the cost is bounded by the file's size.

    Raises:
        WdbcError: it is not a skops file, or it has types, files or references that no pipeline has.
    """
    try:
        members = _members(content)
        result = Scan(small=all(_elements(text) <= _SMALL for name, text in members.items() if name != SCHEMA))
        _Nodes(members, result).scan()
    except PASSING:
        raise
    except _NotAModel as error:
        raise refused(f"not a model file: {error}") from None
    except Exception as error:  # noqa: BLE001 -- zipfile and json raise many exceptions for other content
        raise refused(f"not a model file ({type(error).__name__})") from None
    if foreign := sorted(kind for kind in result.types if kind not in TYPES):
        raise refused(f"the model file contains foreign types or files: {', '.join(foreign[:5])}")
    return result


class _NotAModel(Exception):
    """The file differs from what `to_skops` writes. The text contains no value of it."""


def _members(content: bytes) -> dict[str, bytes]:
    if len(content) > LARGEST:
        raise _NotAModel("it is too large")
    if content.count(b"PK\x01\x02") > _MOST_MEMBERS:
        raise _NotAModel("it has too many members")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        names = {entry.filename for entry in entries}
        if len(names) != len(entries) or SCHEMA not in names:
            raise _NotAModel("its members are not those of a model")
        if foreign := [name for name in names if name != SCHEMA and not _MEMBER.fullmatch(name)]:
            raise refused(f"the model file contains foreign types or files: {', '.join(map(ascii, foreign[:5]))}")
        # Nothing is compressed, so no member is larger than the file.
        stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        if not stored or sum(entry.file_size for entry in entries) > len(content):
            raise _NotAModel("its members are compressed")
        return {entry.filename: archive.read(entry) for entry in entries}


def _elements(text: bytes) -> int:
    """Return the number of elements of an array. Its length must match its header, and it must not contain objects."""
    head = _NPY.match(text)
    if head is None or int.from_bytes(head["length"], "little") != head.end() - 10:
        raise _NotAModel("it has an invalid array")
    elements = 1
    for number in head["shape"].replace(b" ", b"").split(b","):
        elements *= int(number) if number else 1
    if head["plain"]:
        size = int(head["plain"][-1:])
    else:
        fields = _FIELD.findall(head["fields"])
        if b", ".join(match[0] for match in _FIELD.finditer(head["fields"])) != head["fields"]:
            raise _NotAModel("it has an invalid array")
        size = sum(map(int, fields))
    if len(text) - head.end() != elements * size:
        raise _NotAModel("it has an invalid array")
    return elements


class _Nodes:
    """The nodes of a schema.

    skops resolves a known number to the node with that number. `to_skops` writes such a node in full each time. This is
    required here, so that a file contains nothing but what it shows, and no cycles.
    """

    def __init__(self, members: Mapping[str, bytes], result: Scan) -> None:
        schema = members[SCHEMA]
        if schema.count(b"{") + schema.count(b"[") + schema.count(b",") > _MOST_NODES:
            raise _NotAModel("it has too many nodes")
        self._schema = json.loads(schema)
        self._members = members
        self._result = result
        self._forms: dict[tuple[Any, ...], int] = {}  # equal content has equal numbers
        self._by_id: dict[int, int] = {}

    def scan(self) -> None:
        if not isinstance(self._schema, dict):
            raise _NotAModel("it has no nodes")
        self._form(self._schema, 0)

    def _form(self, node: Any, depth: int) -> int:
        if depth > _DEEPEST:
            raise _NotAModel("it is nested too deeply")
        if isinstance(node, dict):
            self._look_at(node)
            parts = ((key, self._part(key, value, depth + 1)) for key, value in node.items() if key != "__id__")
            form = self._number("dict", *parts)
            if "__id__" in node and self._by_id.setdefault(node["__id__"], form) != form:
                raise _NotAModel("it refers to something that it does not contain")
            return form
        if isinstance(node, list):
            return self._number("list", *(self._form(value, depth + 1) for value in node))
        return self._number(type(node).__name__, node)

    def _part(self, key: str, value: Any, depth: int) -> int:
        # A tree's arrays are written each time: files with other names but the same bytes.
        return self._number("file", self._members[value]) if key == "file" else self._form(value, depth)

    def _number(self, *form: Any) -> int:
        return self._forms.setdefault(form, len(self._forms))

    def _look_at(self, node: Mapping[str, Any]) -> None:
        if "__module__" in node or "__class__" in node:
            self._result.types.add(f"{node.get('__module__')}.{node.get('__class__')}"[:200])
        loader = node.get("__loader__")
        if loader is not None and loader not in _LOADERS:
            raise _NotAModel("it has nodes that no pipeline has")
        if loader == "TypeNode" and node.get("__module__") != "builtins":
            raise _NotAModel("it has a type where a value is expected")
        if loader == "JsonNode":
            text = node["content"]
            if len(text) > _LONGEST_VALUE or text.lstrip()[:1] in ("[", "{"):
                raise _NotAModel("it has an invalid value")


def refused(what: str) -> WdbcError:
    """Return the error for a rejected model file."""
    hint = "None of it was executed here. Rebuild the model (`wdbc run --force`), and find out who wrote this file."
    return WdbcError(what, where="pipeline.skops", hint=hint)
